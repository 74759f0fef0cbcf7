//! What the page's tests need: Chromium, Node and the packages of `web/tests/`.

use std::path::PathBuf;
use std::process::Command;

use super::apt;
use crate::run;

/// Names the browser to the tests.
pub(crate) const VARIABLE: &str = "CHATAI_TEST_CHROMIUM";

/// Where a browser usually is.
const USUAL: &[&str] = &[
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// The folder of the page's tests.
pub(crate) fn folder() -> PathBuf {
    run::root().join("web/tests")
}

/// The browser's path; all else is in its place then.
pub(crate) fn provide() -> Result<String, String> {
    let browser = browser()?;
    packages()?;
    eprintln!("chromium: {browser}");
    Ok(browser)
}

/// Node, and the packages that `package-lock.json` names, of exactly these versions.
pub(crate) fn packages() -> Result<(), String> {
    for program in ["node", "npm"] {
        if run::succeeds(Command::new(program).arg("--version")) {
            continue;
        }
        let package = if program == "node" { "nodejs" } else { "npm" };
        apt::install(package).map_err(|reason| {
            format!("the page's tests need `{program}`, and there is none: {reason}\n  hint: install Node 20 or newer")
        })?;
    }
    let lock = folder().join("package-lock.json");
    let installed = folder().join("node_modules/.package-lock.json");
    let modified = |path: PathBuf| path.metadata().and_then(|data| data.modified()).ok();
    if let (Some(locked), Some(installed)) = (modified(lock), modified(installed))
        && installed >= locked
    {
        return Ok(());
    }
    run::to_end(
        Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(folder()),
    )
    .map_err(|reason| format!("the packages of `web/tests/` cannot be installed: {reason}"))
}

fn browser() -> Result<String, String> {
    let named = std::env::var(VARIABLE).unwrap_or_default();
    if !named.trim().is_empty() {
        return Ok(named);
    }
    let installed = || USUAL.iter().find(|path| PathBuf::from(path).exists());
    if let Some(found) = installed() {
        return Ok((*found).to_owned());
    }
    let reason = match apt::install("chromium") {
        Ok(()) => match installed() {
            Some(found) => return Ok((*found).to_owned()),
            None => "the package is installed, but not where it usually is".to_owned(),
        },
        Err(reason) => reason,
    };
    Err(format!(
        "the page's tests need Chromium, and there is none: {reason}\n  hint: install it (Debian: `apt-get install chromium`), or name \
         one: {VARIABLE}=/path/to/chromium"
    ))
}
