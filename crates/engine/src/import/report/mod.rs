//! What an import did, for a person to read.

mod text;

pub use text::label;

use chatai_store::ops::import::Kind;
use chatai_types::{Money, UserId};
use std::{collections::BTreeMap, fmt};

/// How many ids of one kind a report lists; the rest is counted.
const LISTED: usize = 20;

/// Why a row was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// What it belongs to does not exist in the file.
    Orphan,
    /// What it belongs to exists and belongs to nobody itself.
    OfOrphan,
    /// An account whose e-mail another account here has.
    Conflict,
    /// It belongs to such an account.
    OfConflict,
    /// What it belongs to came with an earlier import and was deleted here.
    Deleted,
}

/// What of a row could not be kept as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Bytes that are not UTF-8; read as Windows-1252, every one is kept as a character.
    TextOfWindows,
    /// NUL characters.
    CharactersReplaced,
    /// A text that must be there was not.
    TextMissing,
    /// No time that can be read.
    MomentGuessed,
    /// A token count that is none.
    CountUnreadable,
    /// A price that is none.
    PriceUnreadable,
    /// A price with more decimals than can be billed.
    PriceRounded,
    /// A scope that is none.
    ScopeUnknown,
    /// An answer whose question does not exist, is of another conversation, or comes later.
    QuestionMissing,
    /// An account without an e-mail.
    EmailInvented,
    /// An account without a password.
    PasswordMissing,
    /// A file name that is a path or holds control characters.
    FileNameCleaned,
    /// A media type that is none.
    MediaTypeReplaced,
    /// A file whose text cannot be extracted.
    TextUnreadable,
}

/// The first of many things, and how many there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The first ones, in order.
    pub first: Vec<T>,
    /// How many there are in all.
    pub total: u64,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self {
            first: Vec::new(),
            total: 0,
        }
    }
}

impl<T> Listed<T> {
    pub(super) fn push(&mut self, thing: T) {
        self.total += 1;
        if self.first.len() < LISTED {
            self.first.push(thing);
        }
    }
}

impl<T: fmt::Display> fmt::Display for Listed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, thing) in self.first.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            thing.fmt(f)?;
        }
        match self.total - self.first.len() as u64 {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// An id in the original and the one here, where they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewId {
    /// In the original.
    pub from: i64,
    /// Here.
    pub to: i64,
}

impl fmt::Display for NewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}", self.from, self.to)
    }
}

/// The rows of one kind, counted: `found` is the sum of `taken`, `known` and `left_out`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// In the file.
    pub found: u64,
    /// Taken now.
    pub taken: u64,
    /// Taken by an earlier run.
    pub known: u64,
    /// Not taken.
    pub left_out: u64,
}

/// What an import did, or in a dry run would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// The name under which this file's rows are remembered.
    pub source: String,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// The rows of each kind.
    pub rows: BTreeMap<Kind, RowCounts>,
    /// Rows whose id was not free here, or would have come before an earlier message's.
    pub new_ids: BTreeMap<Kind, Listed<NewId>>,
    /// Rows that were not taken, with why.
    pub left_out: BTreeMap<(Kind, LeftOut), Listed<i64>>,
    /// Rows of which something could not be kept as it was.
    pub changes: BTreeMap<(Kind, Change), Listed<i64>>,
    /// Accounts that went into an account that was here: its id in the original and the one here.
    pub merged: Listed<NewId>,
    /// The e-mails of accounts that were left out since another account here has them.
    pub conflicts: Listed<String>,
    /// What the usage rows taken now cost together: that much was added to the ledger.
    pub amount: Money,
    /// Nobody here is an administrator.
    pub needs_administrator: bool,
}

impl ImportReport {
    pub(super) fn rows(&mut self, kind: Kind) -> &mut RowCounts {
        self.rows.entry(kind).or_default()
    }

    pub(super) fn leave_out(&mut self, kind: Kind, id: i64, why: LeftOut) {
        self.rows(kind).left_out += 1;
        self.left_out.entry((kind, why)).or_default().push(id);
    }

    pub(super) fn changed(&mut self, kind: Kind, id: i64, changes: &[Change]) {
        for change in changes {
            self.changes.entry((kind, *change)).or_default().push(id);
        }
    }

    pub(super) fn placed(&mut self, kind: Kind, from: i64, to: i64) {
        self.rows(kind).taken += 1;
        if from != to {
            self.new_ids.entry(kind).or_default().push(NewId { from, to });
        }
    }

    pub(super) fn merge(&mut self, from: i64, into: UserId) {
        self.rows(Kind::User).taken += 1;
        self.merged.push(NewId { from, to: into.0 });
    }
}
