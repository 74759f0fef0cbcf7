//! `cargo xtask tidy`: rules on the source that neither the compiler nor clippy knows. Which crate may know
//! which ([`arrows`]), and what no file may contain ([`text`]).

mod arrows;
mod text;

use crate::{Outcome, run};

/// Checks everything and reports every breach.
pub(crate) fn run() -> Outcome {
    let mut breaches = arrows::breaches(&arrows::workspace(&run::root())?);
    breaches.extend(text::breaches(&run::root())?);
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
