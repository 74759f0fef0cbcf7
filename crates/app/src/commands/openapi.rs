//! `chatai openapi`: prints the description of the HTTP interface.

use crate::failure::Failure;

pub(crate) fn run() -> Result<(), Failure> {
    println!("{:#}", chatai_server::openapi(env!("CARGO_PKG_VERSION")));
    Ok(())
}
