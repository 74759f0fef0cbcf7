//! The web page in a real browser, against the real program with a scripted vendor behind it.
//!
//! Each test here starts all of that and one script of `web/tests/`, which drives Chromium. The script says what the
//! vendor answers and when the program dies, by lines on its standard output; see [`stage`].

#![expect(clippy::unwrap_used, reason = "a test that fails here says why")]

mod proxy;
mod stage;

/// Makes `NAME::desktop` and `NAME::phone` out of the script `web/tests/NAME.test.mjs`.
macro_rules! in_both_sizes {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn desktop() {
                crate::stage::play(stringify!($name), "desktop").await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn phone() {
                crate::stage::play(stringify!($name), "phone").await;
            }
        }
    )+};
}

in_both_sizes!(
    accounts,
    administration,
    alone,
    answers,
    books,
    branches,
    composer,
    craft,
    growing,
    library,
    looks,
    money,
    offline,
    resume,
    sending,
    several,
    slow,
    speed,
    unusual,
    weight,
);
