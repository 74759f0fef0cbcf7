//! Python packages for the tests: a virtual environment at pinned versions, made anew when those change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::apt;
use crate::{Outcome, run};

/// Written last into what was made, with what it was made of.
const STAMP: &str = "made-of";

/// What an interpreter may be called: a system's `python3` may be too old and another one beside it.
const PYTHONS: [&str; 5] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"];

/// The interpreter of an environment.
pub(super) fn interpreter(folder: &Path) -> PathBuf {
    folder.join("bin/python")
}

/// Makes an environment with the packages that a requirements file pins, unless it is there. Python is installed (as root
/// on a machine with apt) when there is none.
pub(super) fn make(folder: &Path, requirements: &Path) -> Outcome {
    let pinned = read(requirements)?;
    // The environment points to the interpreter that made it, which may have been removed since.
    if is_made_of(folder, &pinned) && run::succeeds(Command::new(interpreter(folder)).args(["-c", ""])) {
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
    eprintln!(
        "python: installing {} into {}",
        requirements.display(),
        folder.display()
    );
    empty(folder)?;
    run::to_end(Command::new(system).args(["-m", "venv"]).arg(folder))?;
    run::to_end(
        Command::new(interpreter(folder))
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

/// Whether a folder holds what was made of these pinned versions.
pub(super) fn is_made_of(folder: &Path, pinned: &str) -> bool {
    fs::read_to_string(folder.join(STAMP)).is_ok_and(|made_of| made_of == pinned)
}

/// Says of a folder that it is whole, and what it was made of.
pub(super) fn stamp(folder: &Path, pinned: &str) -> Outcome {
    let path = folder.join(STAMP);
    fs::write(&path, pinned).map_err(|error| failed("write", &path, &error))
}

/// Makes a folder that has nothing in it.
pub(super) fn empty(folder: &Path) -> Outcome {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| failed("remove", folder, &error))?;
    }
    fs::create_dir_all(folder).map_err(|error| failed("make", folder, &error))
}

/// A file's text.
pub(super) fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| failed("read", path, &error))
}

/// Why something could not be done with a path.
pub(super) fn failed(verb: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {verb} `{}`: {error}", path.display())
}
