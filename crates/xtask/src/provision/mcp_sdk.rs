//! The official Python SDK of the Model Context Protocol, by which the tests ask and answer as others do: in a virtual
//! environment below `target/`, at the versions that `crates/app/tests/mcp/requirements.txt` pins, made anew when those
//! change.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::apt;
use crate::{Outcome, run};

/// Names the interpreter that has the SDK to the tests.
pub(super) const VARIABLE: &str = "CHATAI_TEST_MCP_PYTHON";

/// Written last, with what the environment was made of.
const STAMP: &str = "made-of";

/// What an interpreter may be called: a system's `python3` may be too old, with another one beside it.
const PYTHONS: [&str; 5] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"];

/// The interpreter's path: the one that the variable names, else that of the environment below `target/`. Python is
/// installed (as root on a machine with apt) when there is none.
pub(super) fn provide() -> Result<String, String> {
    let named = std::env::var(VARIABLE).unwrap_or_default();
    if !named.trim().is_empty() {
        eprintln!("mcp: the interpreter that {VARIABLE} names");
        return Ok(named);
    }
    let folder = run::root().join("target/mcp-sdk");
    made(&folder).map_err(|reason| {
        format!(
            "the tests need the Python SDK of the Model Context Protocol: {reason}\n  hint: it needs Python 3.11 or later \
             with `venv` (Debian: `apt-get install python3-venv`) and, once, a way to PyPI"
        )
    })?;
    Ok(interpreter(&folder).display().to_string())
}

fn interpreter(folder: &Path) -> PathBuf {
    folder.join("bin/python")
}

fn made(folder: &Path) -> Outcome {
    fs::create_dir_all(folder).map_err(|error| failed("make", folder, &error))?;
    // Two runs at once must not install into the same folder; the lock goes with the file's handle.
    let lock_path = folder.with_extension("lock");
    let lock = File::create(&lock_path).map_err(|error| failed("make", &lock_path, &error))?;
    lock.lock().map_err(|error| failed("lock", &lock_path, &error))?;
    let requirements = run::root().join("crates/app/tests/mcp/requirements.txt");
    let pinned = fs::read_to_string(&requirements).map_err(|error| failed("read", &requirements, &error))?;
    let is_made = fs::read_to_string(folder.join(STAMP)).is_ok_and(|made_of| made_of == pinned);
    // The environment points to the interpreter that made it, which may have been removed since.
    if is_made && run::succeeds(Command::new(interpreter(folder)).args(["-c", ""])) {
        return Ok(());
    }
    let system = match system_python() {
        Some(program) => program,
        None => {
            apt::install("python3-venv")?;
            system_python().ok_or("the installed `python3` is older than 3.11")?
        }
    };
    eprintln!("mcp: installing the SDK into {}", folder.display());
    fs::remove_dir_all(folder).map_err(|error| failed("remove", folder, &error))?;
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
                "--no-deps",
            ])
            .arg("--requirement")
            .arg(&requirements),
    )?;
    let stamp = folder.join(STAMP);
    fs::write(&stamp, &pinned).map_err(|error| failed("write", &stamp, &error))
}

fn system_python() -> Option<&'static str> {
    // Debian's Python without `python3-venv` lacks the second module alone.
    let check = "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))";
    PYTHONS
        .into_iter()
        .find(|program| run::succeeds(Command::new(program).args(["-c", check])))
}

fn failed(verb: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {verb} `{}`: {error}", path.display())
}
