//! `chatai config`: shows, checks or begins a configuration.

use crate::{cli::ConfigCommand, failure::Failure, output::say, wiring};
use chatai_config::{Flags, render_example, render_show};

pub(crate) fn run(flags: &Flags, command: ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Example => say(format_args!("{}", render_example())),
        ConfigCommand::Show => say(format_args!("{}", render_show(&wiring::load(flags)?))),
        ConfigCommand::Check => check(flags),
    }
}

/// The keys, and what they name: files that must be readable, models that must be in the catalog.
fn check(flags: &Flags) -> Result<(), Failure> {
    let loaded = wiring::load(flags)?;
    for warning in &loaded.warnings {
        say(format_args!("warning: {warning}\n"))?;
    }
    wiring::collection(&loaded.config)?;
    let (unknown, waiting) = wiring::misconfigured_models(&loaded.config)?;
    for warning in &waiting {
        say(format_args!("warning: {warning}\n"))?;
    }
    if !unknown.is_empty() {
        return Err(
            Failure::new(unknown.join("\n")).hint("name a model of the catalog, or leave the key out")
        );
    }
    say(format_args!("the configuration is good\n"))
}
