//! Libraries that are loaded into the program under test and change what the system tells it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Builds a library from a C file below `tests/guard`, into `folder`; its path, for `LD_PRELOAD`.
pub(crate) fn build(source: &str, folder: &Path) -> PathBuf {
    let library = folder.join("shim.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/guard")
        .join(source);
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(source)
        .output()
        .expect("there is a C compiler: the embedded database is built with it");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    library
}
