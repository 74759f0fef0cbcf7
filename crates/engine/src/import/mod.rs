//! Bringing the original service's database into this instance.
//!
//! Kind after kind, page after page: a page is read from the file, decided from reads of both databases, and
//! written in one transaction with a note of every row. So a run that ends early can be run again, a second run
//! adds nothing, and a file that grew brings its new rows alone.
//!
//! The rules, in short:
//! - A row keeps its id where that is free; else it gets a new one, and the report says which. A message
//!   also gets one when its own would put it before an earlier message of its conversation.
//! - What belongs to nobody is left out and reported; nothing is ever attached to another owner.
//! - An account whose e-mail another account here has is the same person only if both have the same password
//!   hash, or if the caller says so; else it is left out with everything it owns, and reported.
//! - The original handed ids of deleted rows out again. A row whose id is known, but whose owner or moment
//!   differs from what came under it, is another row.
//! - Nobody becomes administrator by an import, nor by registering after it.
//!
//! Deliberately not here: reading SQLite and writing SQL, which are the store's.

mod accounts;
mod attachments;
mod conversations;
mod error;
mod ids;
mod messages;
mod recognise;
mod repair;
mod report;
mod run;
mod usage;

pub use chatai_store::{
    legacy::{Counts as OriginalCounts, Original, OriginalError},
    ops::import::Kind as ImportKind,
};
pub use error::ImportError;
pub use report::{Change, ImportReport, LeftOut, Listed, NewId, RowCounts, label};

use chatai_files::Extractor;
use chatai_store::{Store, ops::import as rows};
use chatai_types::Clock;
use ids::{LARGEST_KEPT, NewIds};
use run::{Run, SharedOriginal};
use std::{collections::HashMap, ops::ControlFlow};

/// How to import.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// Decide and report everything, write nothing.
    pub dry_run: bool,
    /// An account with the same e-mail is the same person, whatever its password.
    pub merge_accounts: bool,
    /// The most rows read and written at once.
    pub page_rows: usize,
    /// The most bytes read and written at once, but for a single larger row.
    pub page_bytes: usize,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            dry_run: false,
            merge_accounts: false,
            page_rows: 500,
            page_bytes: 8 << 20,
        }
    }
}

/// How far an import is: the rows of the file that are settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportProgress {
    /// What is being brought.
    pub kind: ImportKind,
    /// Its rows that are settled.
    pub done: u64,
}

/// Brings a file's rows into the store, and says what became of each.
///
/// `progress` is called after every page, within a page after every attachment, and may end the run. So may the caller,
/// at any moment, by dropping the future. The file must not be the store's own database.
///
/// # Errors
/// What ended the run; pages that were written before stay.
pub async fn import(
    store: &Store,
    clock: &dyn Clock,
    extractor: &Extractor,
    original: Original,
    options: &ImportOptions,
    progress: &mut (dyn FnMut(ImportProgress) -> ControlFlow<()> + Send),
) -> Result<ImportReport, ImportError> {
    let original = SharedOriginal::new(original);
    let largest = original
        .read(|original| original.largest_ids(LARGEST_KEPT))
        .await?;
    let source = recognise::source(store, &original).await?;
    let mut run = Run {
        store,
        extractor,
        options,
        now: clock.now(),
        original,
        largest,
        report: ImportReport {
            source: source.to_string(),
            dry_run: options.dry_run,
            ..Default::default()
        },
        source,
        new_ids: NewIds::default(),
        users: HashMap::new(),
        emails: HashMap::new(),
        conversations: HashMap::new(),
        messages: HashMap::new(),
        progress,
    };
    for kind in ImportKind::ALL {
        run.report.rows(kind);
        match kind {
            ImportKind::User => run.accounts().await?,
            ImportKind::Conversation => run.conversations().await?,
            ImportKind::Message => run.messages().await?,
            ImportKind::Attachment => run.attachments().await?,
            ImportKind::Usage => run.usage().await?,
        }
    }
    let mut report = run.report;
    let accounts = report.rows(ImportKind::User);
    if accounts.taken + accounts.known > 0 {
        let has_one = store.read(rows::has_administrator).await?;
        report.needs_administrator = !has_one;
    }
    Ok(report)
}
