//! Packages of the system, where we may install them.

use std::path::Path;
use std::process::Command;

use super::cluster;
use crate::run;

/// Installs a package, as root on a system with apt.
pub(super) fn install(package: &str) -> Result<(), String> {
    if !cluster::is_root() || !Path::new("/usr/bin/apt-get").exists() {
        return Err("it can be installed here only as root on a system with apt-get".to_owned());
    }
    eprintln!("{package}: installing the package");
    let apt = |arguments: &[&str]| {
        run::to_end(
            Command::new("/usr/bin/apt-get")
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    apt(&["update", "-qq"])?;
    apt(&["install", "-y", "-qq", "--no-install-recommends", package])
}
