//! What the tests need and a fresh machine may lack. Whatever is started or created here is gone when the
//! [`Provisions`] are dropped; what is only installed stays, and is found there by the next run.
//!
//! Each need is a file of its own that tries the cheapest way first and names, where all fail, what a person
//! can do.

mod apt;
mod browser;
mod cluster;
mod guest;
mod mcp_sdk;
mod peers;
mod postgres;
mod sdks;
mod venv;

use std::ffi::OsStr;

use self::sdks::Sdks;

pub(crate) use self::browser::{
    VARIABLE as BROWSER_VARIABLE, folder as page_tests, packages as page_packages, provide as page_browser,
};
pub(crate) use self::peers::{litellm, litellm_version};
pub(crate) use self::postgres::PostgresServer;

/// Everything that was provided, for as long as the tests run.
pub(crate) struct Provisions {
    postgres: PostgresServer,
    browser: String,
    mcp_python: String,
    sdks: Sdks,
}

impl Provisions {
    /// Finds or makes all of it.
    pub(crate) fn make() -> Result<Self, String> {
        Ok(Self {
            postgres: PostgresServer::provide()?,
            browser: browser::provide()?,
            mcp_python: mcp_sdk::provide()?,
            sdks: Sdks::provide()?,
        })
    }

    /// The variables by which the tests find it.
    pub(crate) fn environment(&self) -> [(&'static str, &OsStr); 4] {
        [
            (self::postgres::VARIABLE, self.postgres.url().as_ref()),
            (self::browser::VARIABLE, self.browser.as_ref()),
            (self::mcp_sdk::VARIABLE, self.mcp_python.as_ref()),
            (self::sdks::VARIABLE, self.sdks.folder().as_os_str()),
        ]
    }
}
