//! One run: what it knows, how it reads pages and writes them.

use super::{
    ImportError, ImportOptions, ImportProgress,
    ids::NewIds,
    report::{Change, ImportReport, LeftOut},
};
use chatai_files::Extractor;
use chatai_store::{
    Store, Tx,
    legacy::{LargestIds, Original, OriginalError, PageLimits},
    ops::{
        import::{ConversationEnd, Kind, WriteError},
        search_index,
    },
};
use chatai_types::{ConversationId, MessageId, Timestamp, UserId};
use std::{
    collections::HashMap,
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError},
};

/// How often a page is decided anew when others change the database in the same place.
const ATTEMPTS: usize = 4;

/// A run's state. It remembers where every account, conversation and message of the file is here, some 50 bytes
/// each; texts and contents are never held beyond a page.
pub(super) struct Run<'a> {
    pub(super) store: &'a Store,
    pub(super) extractor: &'a Extractor,
    pub(super) options: &'a ImportOptions,
    pub(super) now: Timestamp,
    pub(super) original: SharedOriginal,
    pub(super) largest: LargestIds,
    /// The name under which this file's rows are remembered.
    pub(super) source: Arc<str>,
    pub(super) new_ids: NewIds,
    pub(super) users: HashMap<i64, UserPlace>,
    /// The accounts taken in this run, by e-mail, with their hash.
    pub(super) emails: HashMap<String, (UserId, String)>,
    pub(super) conversations: HashMap<i64, ConversationPlace>,
    pub(super) messages: HashMap<i64, MessageId>,
    pub(super) report: ImportReport,
    pub(super) progress: &'a mut (dyn FnMut(ImportProgress) -> ControlFlow<()> + Send),
}

/// Where an account of the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UserPlace {
    Here(UserId),
    Conflict,
    Deleted,
}

/// Where a conversation of the file is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ConversationPlace {
    Here(ConversationHere),
    LeftOut(LeftOut),
}

/// A conversation that is here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ConversationHere {
    pub(super) id: ConversationId,
    pub(super) owner: UserId,
    pub(super) created_at: Timestamp,
    /// It came with this run, so nothing of it was here before.
    pub(super) is_new: bool,
    /// Where it ends, once that was needed.
    pub(super) end: Option<ConversationEnd>,
}

/// What became of a page's rows, for the report.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) known: u64,
    pub(super) left_out: Vec<(i64, LeftOut)>,
    pub(super) changes: Vec<(i64, Vec<Change>)>,
    /// The ids in the file and here.
    pub(super) placed: Vec<(i64, i64)>,
}

/// Counts the attempts at one page.
#[derive(Debug, Default)]
pub(super) struct Attempts(usize);

/// The file, read by one task at a time, off the async threads.
#[derive(Clone)]
pub(super) struct SharedOriginal(Arc<Mutex<Original>>);

impl SharedOriginal {
    pub(super) fn new(original: Original) -> Self {
        Self(Arc::new(Mutex::new(original)))
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Original) -> Result<T, OriginalError> + Send + 'static,
    ) -> Result<T, ImportError> {
        let original = Arc::clone(&self.0);
        let work = move || read(&original.lock().unwrap_or_else(PoisonError::into_inner));
        match tokio::task::spawn_blocking(work).await {
            Ok(read) => Ok(read?),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl Run<'_> {
    pub(super) fn limits(&self) -> PageLimits {
        PageLimits {
            rows: self.options.page_rows,
            bytes: self.options.page_bytes,
        }
    }

    /// Writes a page, unless in a dry run. False when the page has to be decided anew.
    pub(super) async fn write(
        &self,
        attempts: &mut Attempts,
        write: impl Fn(&mut Tx<'_>, &str) -> Result<(), WriteError> + Send + 'static,
    ) -> Result<bool, ImportError> {
        if self.options.dry_run {
            return Ok(true);
        }
        let source = Arc::clone(&self.source);
        match self.store.write(move |tx| write(tx, &source)).await {
            Ok(()) => {
                // Else they would come faster than they go into the index, and searches would look through them for long.
                while self.store.write(search_index::step).await? {}
                Ok(true)
            }
            Err(WriteError::Store(error)) => Err(error.into()),
            Err(WriteError::Moved) => {
                attempts.0 += 1;
                if attempts.0 < ATTEMPTS {
                    Ok(false)
                } else {
                    Err(ImportError::Moving)
                }
            }
        }
    }

    /// Takes a page's outcome into the report and tells how far the run is.
    pub(super) fn settle(&mut self, kind: Kind, found: usize, outcome: &Outcome) -> Result<(), ImportError> {
        for (from, to) in &outcome.placed {
            self.report.placed(kind, *from, *to);
        }
        for (id, why) in &outcome.left_out {
            self.report.leave_out(kind, *id, *why);
        }
        for (id, changes) in &outcome.changes {
            self.report.changed(kind, *id, changes);
        }
        let rows = self.report.rows(kind);
        rows.known += outcome.known;
        rows.found += found as u64;
        let done = rows.found;
        self.tell(kind, done)
    }

    pub(super) fn tell(&mut self, kind: Kind, done: u64) -> Result<(), ImportError> {
        match (self.progress)(ImportProgress { kind, done }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(ImportError::Interrupted),
        }
    }
}

impl Outcome {
    pub(super) fn changed(&mut self, id: i64, changes: Vec<Change>) {
        if !changes.is_empty() {
            self.changes.push((id, changes));
        }
    }
}

/// The first and the last of ids in order, for a look-up between them.
pub(super) fn ends(mut ids: impl DoubleEndedIterator<Item = i64>) -> Option<(i64, i64)> {
    let first = ids.next()?;
    Some((first, ids.next_back().unwrap_or(first)))
}
