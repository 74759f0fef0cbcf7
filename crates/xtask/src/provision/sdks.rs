//! The SDKs with which the tests call the program as its users do: Python's in a virtual environment, Node's as npm
//! installs them, both at the versions that `crates/app/tests/sdk` pins.
//!
//! They stay below `target/` and are made anew when the pinned versions change, so that a run needs the network once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::apt;
use super::venv::{self, empty, failed, is_made_of, read, stamp};
use crate::{Outcome, run};

/// Names the folder to the tests: `python/bin/python` and `node/node_modules` lie in it.
pub(super) const VARIABLE: &str = "CHATAI_TEST_SDKS";

/// The installed SDKs.
pub(super) struct Sdks {
    folder: PathBuf,
}

impl Sdks {
    /// Those in the folder that `CHATAI_TEST_SDKS` names, else those below `target/`, which are made where they are
    /// missing or of other versions. Python and Node are installed (as root on a machine with apt) when there are none.
    pub(super) fn provide() -> Result<Self, String> {
        if let Some(named) = std::env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
            eprintln!("sdks: those that {VARIABLE} names");
            return Ok(Self { folder: named.into() });
        }
        let folder = run::root().join("target/sdks");
        fs::create_dir_all(&folder).map_err(|error| failed("make", &folder, &error))?;
        // Two runs at once must not install into the same folder; the lock goes with the file's handle.
        let lock_path = folder.join("lock");
        let lock = File::create(&lock_path).map_err(|error| failed("make", &lock_path, &error))?;
        lock.lock().map_err(|error| failed("lock", &lock_path, &error))?;
        let pinned = run::root().join("crates/app/tests/sdk");
        venv::make(&folder.join("python"), &pinned.join("requirements.txt")).map_err(|reason| {
            format!(
                "the tests need the Python SDKs of OpenAI, Anthropic and LangChain: {reason}\n  hint: they need Python 3.11 or later \
                 with `venv` (Debian: `apt-get install python3-venv`), and, once, a way to PyPI"
            )
        })?;
        node(&folder.join("node"), &pinned.join("node")).map_err(|reason| {
            format!(
                "the tests need the Node SDK of OpenAI: {reason}\n  hint: it needs Node 18 or later with npm (Debian: \
                 `apt-get install nodejs npm`), and, once, a way to npm's registry"
            )
        })?;
        Ok(Self { folder })
    }

    /// Where they lie.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Node's, in `node_modules`.
fn node(folder: &Path, pinned: &Path) -> Outcome {
    let files = ["package.json", "package-lock.json"];
    let lock = read(&pinned.join(files[1]))?;
    if is_made_of(folder, &lock) && is_usable("node") {
        return Ok(());
    }
    if !(is_usable("node") && is_usable("npm")) {
        apt::install("npm").map_err(|reason| {
            format!("there is no `node` of version 18 or later with `npm`, and {reason}")
        })?;
        if !is_usable("node") {
            return Err("the installed `node` is older than 18".to_owned());
        }
    }
    eprintln!("sdks: installing Node's into {}", folder.display());
    empty(folder)?;
    for name in files {
        let to = folder.join(name);
        fs::copy(pinned.join(name), &to).map_err(|error| failed("write", &to, &error))?;
    }
    run::to_end(
        Command::new("npm")
            .args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(folder),
    )?;
    stamp(folder, &lock)
}

fn is_usable(program: &str) -> bool {
    let mut command = Command::new(program);
    match program {
        "node" => command.args([
            "-e",
            "process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)",
        ]),
        _ => command.arg("--version"),
    };
    run::succeeds(&mut command)
}
