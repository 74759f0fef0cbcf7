//! `chatai config`: shows, checks or begins a configuration.

use crate::{cli::ConfigCommand, failure::Failure, wiring};
use chatai_config::{Flags, render_example, render_show};

pub(crate) fn run(flags: &Flags, command: ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Example => print!("{}", render_example()),
        ConfigCommand::Show => print!("{}", render_show(&wiring::load(flags)?)),
        ConfigCommand::Check => {
            let loaded = wiring::load(flags)?;
            for warning in &loaded.warnings {
                println!("warning: {warning}");
            }
            println!("the configuration is good");
        }
    }
    Ok(())
}
