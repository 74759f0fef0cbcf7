//! Checks of the page's source: types, by the TypeScript compiler from comments, and the rules of `web/tests/lint.mjs`;
//! and pictures of its main places, to be looked at.

use std::process::Command;

use crate::provision::{BROWSER_VARIABLE, page_browser, page_packages, page_tests};
use crate::{Outcome, run};

/// Tells `web/tests/looks.test.mjs` to keep its pictures, and where.
const PICTURES: &str = "CHATAI_SCREENSHOTS";

/// Runs both.
pub(crate) fn check() -> Outcome {
    page_packages()?;
    let folder = page_tests();
    run::to_end(
        Command::new("node")
            .args(["node_modules/typescript/bin/tsc", "--project", "../tsconfig.json"])
            .current_dir(&folder),
    )?;
    run::to_end(Command::new("node").arg("lint.mjs").current_dir(&folder))
}

/// Takes the pictures of `docs/screenshots/` anew: both themes, on a desktop and on a phone.
pub(crate) fn screenshots() -> Outcome {
    let browser = page_browser()?;
    let folder = run::root().join("docs/screenshots");
    run::to_end(
        run::cargo(&["test", "--package", "chatai", "--test", "page", "looks"])
            .env(BROWSER_VARIABLE, browser)
            .env(PICTURES, folder),
    )
}
