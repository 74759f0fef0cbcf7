//! Checks of the page's source: types, by the TypeScript compiler from comments, and the rules of `web/tests/lint.mjs`.

use std::process::Command;

use crate::provision::{page_packages, page_tests};
use crate::{Outcome, run};

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
