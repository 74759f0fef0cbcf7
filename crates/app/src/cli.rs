//! The command line.

use chatai_config::Flags;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// A chat backend in one program: accounts, conversations, models, attachments, a searchable book collection,
/// and money that adds up to the last digit.
///
/// Without a command it serves at http://127.0.0.1:8000, on an embedded database in ./data, with a built-in
/// responder; set OPENAI_API_KEY (or another provider's, see docs/providers.md) for real models.
#[derive(Debug, Parser)]
#[command(name = "chatai", version, max_term_width = 100, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Args, Debug)]
struct Shared {
    /// Configuration file [default: chatai.toml, where there is one]
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Address and port to listen on [default: 127.0.0.1:8000]
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Folder for the database and the secret that signs tokens [default: ./data]
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// Sets any key of the configuration, such as `models.default=gpt-4o`
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the service (what happens without a command)
    Serve,
    Import(ImportArguments),
    /// Create or update the database's tables, and end
    Migrate,
    /// Manage accounts
    #[command(subcommand)]
    User(UserCommand),
    /// Show, check or begin a configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// List the models: which can answer, where, at what price, and why not
    Models,
    /// Check the installation: configuration, folders, database, providers, models, collection
    Doctor,
    /// Print the OpenAPI description of the HTTP interface
    Openapi,
}

/// Bring the original service's SQLite database into this instance
///
/// Rows keep their ids where these are free, and the report says which got new ones, which were left out and
/// what could not be kept. The file is never changed. A second run adds what is new in the file alone, and an
/// interrupted one goes on where it stopped.
///
/// An account whose e-mail an account here has already is taken for the same person only if both have the same
/// password hash; else it is left out with everything it owns, unless --merge-accounts is given. Nobody becomes
/// administrator by an import: see `chatai user promote`.
///
/// On the embedded database, stop the service first.
#[derive(Args, Debug)]
pub(crate) struct ImportArguments {
    /// The original's database file, usually `app.db`
    pub(crate) file: PathBuf,
    /// Read and report, write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Let accounts with the same e-mail be the same person, whatever their passwords; those here stay as they are
    #[arg(long)]
    pub(crate) merge_accounts: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add an account; asks for the password, or reads it from standard input when that is no terminal
    Add {
        /// E-mail to sign in with
        email: String,
        /// Name to show
        #[arg(long)]
        name: Option<String>,
        /// Make it an administrator
        #[arg(long)]
        admin: bool,
    },
    /// List all accounts
    List,
    /// Make an account an administrator
    Promote {
        /// E-mail or id
        user: String,
        /// Take the role away instead
        #[arg(long)]
        undo: bool,
    },
    /// Shut an account: its sessions end at once
    Disable {
        /// E-mail or id
        user: String,
        /// Open it again instead
        #[arg(long)]
        undo: bool,
    },
    /// Set an account's password; asks for it, or reads it from standard input when that is no terminal
    Password {
        /// E-mail or id
        user: String,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Every key with its value and where that comes from; secrets are not printed
    Show,
    /// Say what is wrong with the configuration, if anything
    Check,
    /// A commented file to start from
    Example,
}

impl Cli {
    /// What the flags say about the configuration.
    pub(crate) fn flags(&self) -> Flags {
        let named = [
            ("server.listen", &self.shared.listen),
            ("server.data_dir", &self.shared.data_dir),
        ];
        let named = named
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)));
        Flags {
            config_file: self.shared.config.clone(),
            overrides: self.shared.set.iter().cloned().chain(named).collect(),
        }
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_become_overrides() {
        let cli = Cli::parse_from([
            "chatai",
            "--set",
            "log.level=debug",
            "serve",
            "--listen",
            "127.0.0.1:9",
        ]);
        let flags = cli.flags();
        assert_eq!(flags.overrides[0], ("log.level".to_owned(), "debug".to_owned()));
        assert_eq!(
            flags.overrides[1],
            ("server.listen".to_owned(), "127.0.0.1:9".to_owned())
        );
    }
}
