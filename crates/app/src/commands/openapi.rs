//! `chatai openapi`: prints the description of the HTTP interface.

use crate::{failure::Failure, output::say};

pub(crate) fn run() -> Result<(), Failure> {
    say(format_args!(
        "{:#}\n",
        chatai_server::openapi(env!("CARGO_PKG_VERSION"))
    ))
}
