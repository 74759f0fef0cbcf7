//! The report as a person reads it.

use super::{Change, ImportReport, LeftOut, RowCounts};
use chatai_store::ops::import::Kind;
use std::fmt;

/// What the rows of a kind are called.
pub fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "accounts",
        Kind::Conversation => "conversations",
        Kind::Message => "messages",
        Kind::Attachment => "attachments",
        Kind::Usage => "usage rows",
    }
}

/// So many rows of a kind, in words.
fn rows_of(kind: Kind, number: u64) -> String {
    let name = label(kind);
    match number {
        1 => format!("1 {}", name.strip_suffix('s').unwrap_or(name)),
        _ => format!("{number} {name}"),
    }
}

fn reason(kind: Kind, why: LeftOut) -> &'static str {
    match (why, kind) {
        (LeftOut::Orphan, Kind::Conversation) => "of an account that is not in the file",
        (LeftOut::Orphan, Kind::Message) => "of a conversation that is not in the file",
        (LeftOut::Orphan, _) => "of a message that is not in the file",
        (LeftOut::OfOrphan, _) => "of a conversation that belongs to nobody",
        (LeftOut::Conflict, _) => "another account here has the same e-mail (see below)",
        (LeftOut::OfConflict, _) => "of an account that was left out",
        (LeftOut::Deleted, _) => "of something that came earlier and was deleted here",
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            writeln!(f, "dry run: nothing was written; this is what an import would do")?;
        }
        writeln!(
            f,
            "{:<14}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "", "in file", "taken", "known", "left out", "new id"
        )?;
        for (kind, rows) in &self.rows {
            let new_ids = self.new_ids.get(kind).map_or(0, |listed| listed.total);
            let RowCounts {
                found,
                taken,
                known,
                left_out,
            } = rows;
            writeln!(
                f,
                "{:<14}{found:>10}{taken:>10}{known:>10}{left_out:>10}{new_ids:>10}",
                label(*kind)
            )?;
        }
        writeln!(f, "added to the ledger: ${}", self.amount)?;
        self.details(f)?;
        self.advice(f)
    }
}

impl ImportReport {
    fn details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.left_out.is_empty() {
            writeln!(f, "\nleft out, by their ids in the file:")?;
        }
        for ((kind, why), ids) in &self.left_out {
            writeln!(
                f,
                "  {}, {}: {ids}",
                rows_of(*kind, ids.total),
                reason(*kind, *why)
            )?;
        }
        if !self.changes.is_empty() {
            writeln!(f, "\ntaken with changes, by their ids in the file:")?;
        }
        for ((kind, change), ids) in &self.changes {
            writeln!(f, "  {}, {}: {ids}", rows_of(*kind, ids.total), change.sentence())?;
        }
        if !self.new_ids.is_empty() {
            writeln!(
                f,
                "\nnew ids, since theirs were taken here (or would have changed the order of messages):"
            )?;
        }
        for (kind, ids) in &self.new_ids {
            writeln!(f, "  {}: {ids}", rows_of(*kind, ids.total))?;
        }
        Ok(())
    }

    fn advice(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.merged.total > 0 {
            writeln!(
                f,
                "
{} went into one that was here: {}",
                rows_of(Kind::User, self.merged.total),
                self.merged
            )?;
        }
        if self.conflicts.total > 0 {
            writeln!(
                f,
                "\nleft out with everything they own, since another account here has the e-mail and another \
                 password: {}\nif they are the same persons, run this again with --merge-accounts",
                self.conflicts
            )?;
        }
        if self.new_ids.contains_key(&Kind::User) {
            writeln!(
                f,
                "\nsome accounts have new ids: if this instance signs tokens with the original's \
                 JWT_SECRET_KEY, change the key, or wait until the original's last token has expired: until \
                 then such a token means another account here"
            )?;
        }
        if self.needs_administrator {
            writeln!(f, "\nnobody is an administrator yet: chatai user promote EMAIL")?;
        }
        Ok(())
    }
}

impl Change {
    fn sentence(self) -> &'static str {
        match self {
            Self::TextOfWindows => "a text was not UTF-8 and was read as Windows-1252",
            Self::CharactersReplaced => "characters that cannot be stored were replaced by U+FFFD",
            Self::TextMissing => "a text that must be there was missing and is empty now",
            Self::MomentGuessed => "no readable time: a neighbour's, or that of the import, stands for it",
            Self::CountUnreadable => "a token count was missing or no number and is 0 now",
            Self::PriceUnreadable => "the price was no amount and is unknown now",
            Self::PriceRounded => "the price was rounded to a pico-dollar",
            Self::ScopeUnknown => "the scope was unknown and is `final` now",
            Self::QuestionMissing => {
                "the question it answers is missing, elsewhere or later: kept as an answer to none"
            }
            Self::EmailInvented => "no e-mail: a placeholder stands for it",
            Self::PasswordMissing => "no password: set one with `chatai user password`",
            Self::FileNameCleaned => "the file name was a path or held control characters and was cleaned",
            Self::MediaTypeReplaced => "the media type was none: that of the content stands for it",
            Self::TextUnreadable => "its text cannot be extracted for models; the file itself is complete",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatai_types::{Money, UserId};

    #[test]
    fn a_report_says_what_was_taken_left_out_changed_and_what_to_do() {
        let mut report = ImportReport {
            amount: Money::from_pico(1_500_000),
            ..ImportReport::default()
        };
        for kind in Kind::ALL {
            report.rows(kind);
        }
        report.placed(Kind::User, 1, 7);
        report.merge(2, UserId(3));
        report.leave_out(Kind::User, 3, LeftOut::Conflict);
        report.conflicts.push("ada@example.com".to_owned());
        report.rows(Kind::User).found = 3;
        for id in 1..=25 {
            report.leave_out(Kind::Message, id, LeftOut::Orphan);
        }
        report.rows(Kind::Message).found = 25;
        report.changed(
            Kind::Attachment,
            4,
            &[Change::FileNameCleaned, Change::TextUnreadable],
        );
        report.needs_administrator = true;
        let expected = "                 in file     taken     known  left out    new id
accounts               3         2         0         1         1
conversations          0         0         0         0         0
messages              25         0         0        25         0
attachments            0         0         0         0         0
usage rows             0         0         0         0         0
added to the ledger: $0.0000015

left out, by their ids in the file:
  1 account, another account here has the same e-mail (see below): 3
  25 messages, of a conversation that is not in the file: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 and 5 more

taken with changes, by their ids in the file:
  1 attachment, the file name was a path or held control characters and was cleaned: 4
  1 attachment, its text cannot be extracted for models; the file itself is complete: 4

new ids, since theirs were taken here (or would have changed the order of messages):
  1 account: 1 → 7

1 account went into one that was here: 2 → 3

left out with everything they own, since another account here has the e-mail and another password: ada@example.com
if they are the same persons, run this again with --merge-accounts

some accounts have new ids: if this instance signs tokens with the original's JWT_SECRET_KEY, change the key, or wait until the original's last token has expired: until then such a token means another account here

nobody is an administrator yet: chatai user promote EMAIL
";
        assert_eq!(report.to_string(), expected);
    }
}
