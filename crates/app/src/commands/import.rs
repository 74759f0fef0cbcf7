//! `chatai import`: brings the original service's database into this instance.

use crate::{cli::ImportArguments, commands::block_on, failure::Failure, output, wiring};
use chatai_config::{Config, Database, Flags};
use chatai_engine::import::{
    ImportError, ImportKind, ImportOptions, ImportProgress, Original, OriginalCounts, OriginalError, import,
    label,
};
use chatai_files::{Extractor, Limits};
use chatai_store::{SqliteOptions, Store, Upgrade};
use chatai_types::SystemClock;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    fs,
    io::IsTerminal,
    ops::ControlFlow,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

pub(crate) fn run(flags: &Flags, arguments: &ImportArguments) -> Result<(), Failure> {
    let config = wiring::load(flags)?.config;
    refuse_own_database(&config.database_to_open(), &arguments.file)?;
    // Before the instance's own database is opened: closing a descriptor of a file drops this process's locks on it.
    let original = Original::open(&arguments.file).map_err(unreadable)?;
    let counts = original.counts().map_err(unreadable)?;
    let options = ImportOptions {
        dry_run: arguments.dry_run,
        merge_accounts: arguments.merge_accounts,
        ..ImportOptions::default()
    };
    block_on(async {
        let (store, _scratch) = open(&config, &options).await?;
        let interrupted = watch_signals()?;
        let mut progress = Progress::new(&counts);
        let mut tell = |at: ImportProgress| {
            progress.show(at);
            ControlFlow::Continue(())
        };
        let extractor = Extractor::new(Limits::default());
        // Wherever the run is: a page that is being written is written whole, and documents that are being read are
        // let go of.
        let done = tokio::select! {
            biased;
            () = interrupted.cancelled() => Err(ImportError::Interrupted),
            done = import(&store, &SystemClock, &extractor, original, &options, &mut tell) => done,
        };
        progress.end();
        store.close().await;
        match done {
            Ok(report) => output::say(format_args!("{report}")),
            Err(ImportError::Original(error)) => Err(unreadable(error)),
            Err(error) => Err(Failure::new(&error).hint(error.hint())),
        }
    })
}

fn unreadable(error: OriginalError) -> Failure {
    Failure::new(&error).hint(error.hint())
}

/// The instance's own database must not be opened twice in one process.
fn refuse_own_database(own: &Database, file: &Path) -> Result<(), Failure> {
    let Database::Sqlite(own) = own else {
        return Ok(());
    };
    let identity = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    match (identity(own), identity(file)) {
        (Some(own), Some(given)) if own == given => Err(unreadable(OriginalError::Ours(file.to_owned()))),
        _ => Ok(()),
    }
}

/// The instance's database. A dry run changes nothing in it, its tables included, and does not make one: where there is
/// no file it looks at an empty one elsewhere.
async fn open(config: &Config, options: &ImportOptions) -> Result<(Store, Option<Scratch>), Failure> {
    if !options.dry_run {
        return Ok((wiring::open_store(config).await?, None));
    }
    if let Database::Sqlite(own) = config.database_to_open()
        && !own.exists()
    {
        let scratch = Scratch::make()?;
        let store = Store::open_sqlite(SqliteOptions::new(scratch.0.join("empty.db"))).await;
        return Ok((store.map_err(Failure::new)?, Some(scratch)));
    }
    match wiring::try_open_store(config, Upgrade::Refuse).await {
        Ok(store) => Ok((store, None)),
        Err(error) => Err(wiring::unopened(&error)),
    }
}

/// A folder for this user alone, which goes when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("chatai-dry-run-{}", std::process::id()));
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(|error| Failure::new(format_args!("cannot make `{}`: {error}", folder.display())))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            output::complain(format_args!(
                "warning: cannot remove `{}`: {error}\n",
                self.0.display()
            ));
        }
    }
}

/// Cancelled by the first Ctrl-C or SIGTERM: the run then ends with everything cleaned up. The second one does not wait
/// for that.
fn watch_signals() -> Result<CancellationToken, Failure> {
    let listen =
        |kind| signal(kind).map_err(|error| Failure::new(format_args!("cannot listen for signals: {error}")));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let interrupted = CancellationToken::new();
    let first = interrupted.clone();
    // Ends with the runtime, which ends with the command.
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => SignalKind::interrupt(),
                _ = terminate.recv() => SignalKind::terminate(),
            }
        };
        next().await;
        first.cancel();
        let signal = next().await;
        output::complain(format_args!(
            "error: ended by a second signal; run this again: it goes on where it stopped\n"
        ));
        std::process::exit(128 + signal.as_raw_value());
    });
    Ok(interrupted)
}

/// How far it is: a bar on a terminal, a line for each tenth elsewhere.
enum Progress {
    Bar {
        bar: ProgressBar,
        counts: OriginalCounts,
    },
    Lines {
        counts: OriginalCounts,
        last: Option<(ImportKind, u64)>,
    },
}

impl Progress {
    fn new(counts: &OriginalCounts) -> Self {
        let counts = *counts;
        if !std::io::stderr().is_terminal() {
            return Self::Lines { counts, last: None };
        }
        let total = ImportKind::ALL.into_iter().map(|kind| total(&counts, kind)).sum();
        let bar = ProgressBar::new(total);
        let style =
            ProgressStyle::with_template("{msg:<14} {bar:40} {human_pos} of {human_len} rows, {eta} left");
        bar.set_style(style.expect("a template without mistakes").progress_chars("##-"));
        Self::Bar { bar, counts }
    }

    fn show(&mut self, at: ImportProgress) {
        match self {
            Self::Bar { bar, counts } => {
                bar.set_message(label(at.kind));
                bar.set_position(before(counts, at.kind) + at.done);
            }
            Self::Lines { counts, last } => {
                let total = total(counts, at.kind);
                let tenth = (at.done * 10).checked_div(total).unwrap_or(10);
                if *last != Some((at.kind, tenth)) {
                    *last = Some((at.kind, tenth));
                    output::complain(format_args!("{}: {} of {total}\n", label(at.kind), at.done));
                }
            }
        }
    }

    fn end(&self) {
        if let Self::Bar { bar, .. } = self {
            bar.finish_and_clear();
        }
    }
}

fn total(counts: &OriginalCounts, kind: ImportKind) -> u64 {
    match kind {
        ImportKind::User => counts.users,
        ImportKind::Conversation => counts.conversations,
        ImportKind::Message => counts.messages,
        ImportKind::Attachment => counts.attachments,
        ImportKind::Usage => counts.usage_details,
    }
}

/// The rows of all kinds that come before this one.
fn before(counts: &OriginalCounts, kind: ImportKind) -> u64 {
    ImportKind::ALL
        .into_iter()
        .take_while(|earlier| *earlier != kind)
        .map(|kind| total(counts, kind))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_runs_over_all_kinds() {
        let counts = OriginalCounts {
            users: 1,
            conversations: 2,
            messages: 30,
            attachments: 4,
            usage_details: 5,
        };
        assert_eq!(
            ImportKind::ALL.map(|kind| before(&counts, kind)),
            [0, 1, 3, 33, 37]
        );
        assert_eq!(ImportKind::ALL.map(|kind| total(&counts, kind)), [1, 2, 30, 4, 5]);
    }

    #[test]
    fn the_instance_s_own_database_is_refused_under_any_name() {
        let scratch = Scratch::make().unwrap();
        let own = scratch.0.join("chatai.db");
        fs::write(&own, "").unwrap();
        fs::hard_link(&own, scratch.0.join("link.db")).unwrap();
        fs::write(scratch.0.join("app.db"), "").unwrap();
        let own = Database::Sqlite(own);
        for name in ["chatai.db", "link.db"] {
            assert!(
                refuse_own_database(&own, &scratch.0.join(name)).is_err(),
                "{name}"
            );
        }
        for name in ["app.db", "missing.db"] {
            assert!(refuse_own_database(&own, &scratch.0.join(name)).is_ok(), "{name}");
        }
    }
}
