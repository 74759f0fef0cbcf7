//! `cargo xtask tidy`: rules on the source that neither the compiler nor clippy knows. Which crate may know
//! which ([`arrows`]), what no file may contain ([`text`]), and where the documents lead ([`links`]).

mod arrows;
mod links;
mod text;

use crate::{Outcome, run};

/// Checks everything and reports every breach.
pub(crate) fn run() -> Outcome {
    let mut breaches = arrows::breaches(&arrows::workspace(&run::root())?);
    breaches.extend(text::breaches(&run::root())?);
    breaches.extend(links::breaches(&run::root())?);
    if breaches.is_empty() {
        return Ok(());
    }
    for breach in &breaches {
        eprintln!("{breach}");
    }
    Err(format!(
        "the source breaks its own rules: {} times",
        breaches.len()
    ))
}
