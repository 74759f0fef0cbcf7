//! What a turn's log is made of: pieces on their way in, and what readers find.

use crate::views::Outcome;

/// Something to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Reasoning(String),
    /// JSON.
    Tool(String),
    /// The title, and the provisional one it replaces.
    Title {
        title: String,
        provisional: String,
    },
}

impl Piece {
    /// Whether it says nothing. What has no size has no place of its own in the order either.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Text(text) | Self::Reasoning(text) if text.is_empty())
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) | Self::Reasoning(text) | Self::Tool(text) => text.len(),
            Self::Title { title, .. } => title.len(),
        }
    }
}

/// What is shown beside the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Beside {
    pub(crate) kind: BesideKind,
    /// Bytes of text before it.
    pub(crate) text_offset: usize,
    /// The size of everything beside the text before it.
    pub(crate) start: u64,
    pub(crate) data: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BesideKind {
    Reasoning,
    Tool,
    Title,
}

impl Beside {
    /// Reasoning can be cut anywhere, so that its pieces may be joined; the rest is one.
    pub(crate) fn size(&self) -> u64 {
        match self.kind {
            BesideKind::Reasoning => self.data.len() as u64,
            BesideKind::Tool | BesideKind::Title => 1,
        }
    }

    /// Whether it can be left at this size of everything beside the text.
    pub(crate) fn is_cut(&self, beside: u64) -> bool {
        let within = usize::try_from(beside - self.start).unwrap_or(usize::MAX);
        self.kind != BesideKind::Reasoning || self.data.is_char_boundary(within)
    }
}

/// What a log holds from a position on.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) parts: Vec<FoundPart>,
    pub(crate) outcome: Option<Outcome>,
}

#[derive(Debug)]
pub(crate) enum FoundPart {
    Text(String),
    Beside(Beside),
}

impl Found {
    /// Adds text up to `to`; false when that was too much at once.
    pub(super) fn add_text(&mut self, whole: &str, from: &mut usize, to: usize, left: &mut usize) -> bool {
        if to <= *from {
            return true;
        }
        let mut end = to.min(*from + *left);
        while !whole.is_char_boundary(end) {
            end += 1;
        }
        self.parts.push(FoundPart::Text(whole[*from..end].to_owned()));
        *left = left.saturating_sub(end - *from);
        *from = end;
        end == to
    }
}
