//! What the tests need and a fresh machine may lack. Whatever is started or created here is gone when the
//! [`Provisions`] are dropped.
//!
//! Each need is a file of its own that tries the cheapest way first and names, where all fail, what a person
//! can do.

mod apt;
mod browser;
mod cluster;
mod guest;
mod postgres;

pub(crate) use self::browser::{
    VARIABLE as BROWSER_VARIABLE, folder as page_tests, packages as page_packages, provide as page_browser,
};
pub(crate) use self::postgres::PostgresServer;

/// Everything that was provided, for as long as the tests run.
pub(crate) struct Provisions {
    postgres: PostgresServer,
    browser: String,
}

impl Provisions {
    /// Finds or makes all of it.
    pub(crate) fn make() -> Result<Self, String> {
        Ok(Self {
            postgres: PostgresServer::provide()?,
            browser: browser::provide()?,
        })
    }

    /// The variables by which the tests find it.
    pub(crate) fn environment(&self) -> [(&'static str, &str); 2] {
        [
            (self::postgres::VARIABLE, self.postgres.url()),
            (self::browser::VARIABLE, &self.browser),
        ]
    }
}
