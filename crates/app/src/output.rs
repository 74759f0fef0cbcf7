//! Words for the person at the terminal. Nobody may be there any more (`chatai user list | head`): that is no
//! failure of what the command does, and must never end the service.

use crate::failure::Failure;
use std::{
    fmt,
    io::{self, ErrorKind, Write},
};

/// Writes to standard output. A reader that has gone has read enough; anything else, such as a full disk behind a
/// redirection, is a failure.
pub(crate) fn say(text: fmt::Arguments<'_>) -> Result<(), Failure> {
    match write(io::stdout().lock(), text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::new(format_args!(
            "cannot write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}

/// Writes to standard output for whoever may read it: what goes on does not depend on that.
pub(crate) fn announce(text: fmt::Arguments<'_>) {
    let _heard = write(io::stdout().lock(), text);
}

/// Writes to standard error, which is the last place where anything can be said.
pub(crate) fn complain(text: fmt::Arguments<'_>) {
    let _heard = write(io::stderr().lock(), text);
}

fn write(mut output: impl Write, text: fmt::Arguments<'_>) -> io::Result<()> {
    output.write_fmt(text)?;
    output.flush()
}
