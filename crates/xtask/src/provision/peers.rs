//! Programs that benchmarks measure beside the service, each in an environment of its own below `target/`, at the versions
//! that `crates/xtask/peers` pins.

use std::fs::{self, File};
use std::path::PathBuf;

use super::venv;
use crate::run;

/// What the proxy and all that it needs is pinned by.
const LITELLM: &str = include_str!("../../peers/litellm.txt");

/// The folder that has LiteLLM's program, which is installed where it is missing.
pub(crate) fn litellm() -> Result<PathBuf, String> {
    let peers = run::root().join("target/peers");
    fs::create_dir_all(&peers).map_err(|error| venv::failed("make", &peers, &error))?;
    let folder = peers.join("litellm");
    // Two runs at once must not install into the same folder; the lock goes with the file's handle.
    let lock_path = folder.with_extension("lock");
    let lock = File::create(&lock_path).map_err(|error| venv::failed("make", &lock_path, &error))?;
    lock.lock()
        .map_err(|error| venv::failed("lock", &lock_path, &error))?;
    venv::make(&folder, &run::root().join("crates/xtask/peers/litellm.txt")).map_err(|reason| {
        format!(
            "LiteLLM's proxy cannot be had: {reason}\n  hint: it needs Python 3.11 or later with `venv` (Debian: `apt-get \
             install python3-venv`) and, once, a way to PyPI"
        )
    })?;
    Ok(folder.join("bin"))
}

/// The version that is pinned.
pub(crate) fn litellm_version() -> &'static str {
    let mut lines = LITELLM.lines();
    lines
        .find_map(|line| line.strip_prefix("litellm=="))
        .unwrap_or("of no pinned version")
}
