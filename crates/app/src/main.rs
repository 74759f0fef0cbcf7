//! The `chatai` program: reads the command line, wires the parts together, runs one command.
//!
//! Knows no rule of the product; those are the engine's.

mod cli;
mod commands;
mod failure;
mod memory;
mod output;
mod secret;
mod tool_servers;
mod vendors;
mod wiring;

use clap::Parser;
use cli::{Cli, Command};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A worker that parses one document: before anything else, since it must not read a configuration.
    if chatai_files::extract_worker_requested() {
        return chatai_files::extract_worker_main();
    }
    // The same for what stands between this program and a server of tools that it starts.
    if chatai_mcp::guardian_requested() {
        return chatai_mcp::guardian_main();
    }
    let cli = Cli::parse();
    let flags = cli.flags();
    let done = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => commands::serve::run(&flags),
        Command::Import(arguments) => commands::import::run(&flags, &arguments),
        Command::Migrate => commands::migrate::run(&flags),
        Command::User(command) => commands::user::run(&flags, command),
        Command::Config(command) => commands::config::run(&flags, command),
        Command::Models => commands::models::run(&flags),
        Command::Doctor => commands::doctor::run(&flags),
        Command::Openapi => commands::openapi::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(format_args!("{failure}\n"));
            ExitCode::FAILURE
        }
    }
}
