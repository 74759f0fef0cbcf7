//! `chatai user`: accounts, from the machine that holds the database.

use crate::{cli::UserCommand, commands::block_on, failure::Failure, output::say, wiring};
use chatai_config::Flags;
use chatai_engine::{Account, AccountSelector, Engine, EngineError, NewAccount};
use chatai_types::UserRole;
use std::{
    io::{BufRead, IsTerminal},
    time::Duration,
};

pub(crate) fn run(flags: &Flags, command: UserCommand) -> Result<(), Failure> {
    let mut loaded = wiring::load(flags)?;
    // Accounts need no vectors; a command must not begin to embed the collection.
    loaded.config.models.embedding = None;
    block_on(async {
        let (store, engine) = wiring::start(&loaded.config).await?;
        let done = act(&engine, command).await;
        engine.shutdown(Duration::ZERO).await;
        store.close().await;
        done
    })
}

async fn act(engine: &Engine, command: UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::List => {
            for account in engine.list_accounts().await.map_err(failed)? {
                show(&account)?;
            }
        }
        UserCommand::Add { email, name, admin } => {
            let role = if admin { UserRole::Admin } else { UserRole::User };
            let new = NewAccount {
                email,
                password: ask_password()?,
                display_name: name,
            };
            show(&engine.add_account_as_admin(new, role).await.map_err(failed)?)?;
        }
        UserCommand::Promote { user, undo } => {
            let role = if undo { UserRole::User } else { UserRole::Admin };
            show(
                &engine
                    .set_role(&AccountSelector::parse(&user), role)
                    .await
                    .map_err(failed)?,
            )?;
        }
        UserCommand::Disable { user, undo } => {
            show(
                &engine
                    .set_disabled(&AccountSelector::parse(&user), !undo)
                    .await
                    .map_err(failed)?,
            )?;
        }
        UserCommand::Password { user } => {
            let password = ask_password()?;
            show(
                &engine
                    .reset_password(&AccountSelector::parse(&user), &password)
                    .await
                    .map_err(failed)?,
            )?;
        }
    }
    Ok(())
}

fn failed(error: EngineError) -> Failure {
    Failure::new(error.detail)
}

/// One line an account, whatever its name holds: names come from anybody, and this is a terminal.
fn show(account: &Account) -> Result<(), Failure> {
    let state = if account.disabled { "disabled" } else { "active" };
    let name = account.display_name.as_deref().unwrap_or("-");
    let name = name.replace(char::is_control, "\u{fffd}");
    say(format_args!(
        "{}\t{}\t{}\t{state}\t{}\t{name}\n",
        account.id, account.email, account.role, account.created_at
    ))
}

/// From the terminal, unseen and twice; else the first line of standard input.
fn ask_password() -> Result<String, Failure> {
    let unreadable = |error: std::io::Error| Failure::new(format_args!("cannot read the password: {error}"));
    if !std::io::stdin().is_terminal() {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(unreadable)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let first = rpassword::prompt_password("Password: ").map_err(unreadable)?;
    let second = rpassword::prompt_password("Again: ").map_err(unreadable)?;
    if first == second {
        Ok(first)
    } else {
        Err(Failure::new("the two passwords differ"))
    }
}
