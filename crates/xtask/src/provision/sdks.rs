//! The SDKs with which the tests call the program as its users do: Python's in a virtual environment, Node's as npm
//! installs them, both at the versions that `crates/app/tests/sdk` pins.
//!
//! They stay below `target/` and are made anew when the pinned versions change, so that a run needs the network once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::apt;
use crate::{Outcome, run};

/// Names the folder to the tests: `python/bin/python` and `node/node_modules` lie in it.
pub(super) const VARIABLE: &str = "CHATAI_TEST_SDKS";

/// Written last into what was made, with what it was made of.
const STAMP: &str = "made-of";

/// What an interpreter may be called: a system's `python3` may be too old and another one beside it.
const PYTHONS: [&str; 5] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"];

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
        python(&folder.join("python"), &pinned.join("requirements.txt")).map_err(|reason| {
            format!(
                "the tests need the Python SDKs of OpenAI and Anthropic: {reason}\n  hint: they need Python 3.11 or later \
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

/// Python's, in a virtual environment.
fn python(folder: &Path, requirements: &Path) -> Outcome {
    let pinned = read(requirements)?;
    let interpreter = folder.join("bin/python");
    // The environment points to the interpreter that made it, which may have been removed since.
    if is_made_of(folder, &pinned) && run::succeeds(Command::new(&interpreter).args(["-c", ""])) {
        return Ok(());
    }
    let system = match system_python() {
        Some(program) => program,
        None => {
            apt::install("python3-venv").map_err(|reason| {
                format!("there is no `python3` of version 3.11 or later with `venv`, and {reason}")
            })?;
            system_python().ok_or("the installed `python3` is older than 3.11")?
        }
    };
    eprintln!("sdks: installing Python's into {}", folder.display());
    empty(folder)?;
    run::to_end(Command::new(system).args(["-m", "venv"]).arg(folder))?;
    run::to_end(
        Command::new(&interpreter)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-input",
            ])
            .arg("--requirement")
            .arg(requirements),
    )?;
    stamp(folder, &pinned)
}

fn system_python() -> Option<&'static str> {
    // Debian's Python without `python3-venv` lacks the second module alone.
    let check = "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))";
    PYTHONS
        .into_iter()
        .find(|program| run::succeeds(Command::new(program).args(["-c", check])))
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

fn is_made_of(folder: &Path, pinned: &str) -> bool {
    fs::read_to_string(folder.join(STAMP)).is_ok_and(|made_of| made_of == pinned)
}

fn stamp(folder: &Path, pinned: &str) -> Outcome {
    let path = folder.join(STAMP);
    fs::write(&path, pinned).map_err(|error| failed("write", &path, &error))
}

fn empty(folder: &Path) -> Outcome {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| failed("remove", folder, &error))?;
    }
    fs::create_dir_all(folder).map_err(|error| failed("make", folder, &error))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| failed("read", path, &error))
}

fn failed(verb: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {verb} `{}`: {error}", path.display())
}
