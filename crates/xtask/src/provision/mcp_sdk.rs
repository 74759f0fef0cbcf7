//! The official Python SDK of the Model Context Protocol, by which the tests ask and answer as others do: in a virtual
//! environment below `target/`, at the versions that `crates/app/tests/mcp/requirements.txt` pins.

use std::fs::File;

use super::venv;
use crate::run;

/// Names the interpreter that has the SDK to the tests.
pub(super) const VARIABLE: &str = "CHATAI_TEST_MCP_PYTHON";

/// The interpreter's path: the one that the variable names, else that of the environment below `target/`.
pub(super) fn provide() -> Result<String, String> {
    let named = std::env::var(VARIABLE).unwrap_or_default();
    if !named.trim().is_empty() {
        eprintln!("mcp: the interpreter that {VARIABLE} names");
        return Ok(named);
    }
    let folder = run::root().join("target/mcp-sdk");
    // Two runs at once must not install into the same folder; the lock goes with the file's handle.
    let lock_path = folder.with_extension("lock");
    let lock = File::create(&lock_path).map_err(|error| venv::failed("make", &lock_path, &error))?;
    lock.lock()
        .map_err(|error| venv::failed("lock", &lock_path, &error))?;
    venv::make(&folder, &run::root().join("crates/app/tests/mcp/requirements.txt")).map_err(|reason| {
        format!(
            "the tests need the Python SDK of the Model Context Protocol: {reason}\n  hint: it needs Python 3.11 or later \
             with `venv` (Debian: `apt-get install python3-venv`) and, once, a way to PyPI"
        )
    })?;
    Ok(venv::interpreter(&folder).display().to_string())
}
