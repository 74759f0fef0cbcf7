//! Attachments: their contents, once each, and the text that models are given of them.

use super::{
    ImportError,
    repair::Repair,
    report::Change,
    run::{Attempts, ConversationHere, Outcome, Run, ends},
};
use crate::chat::uploads;
use bytes::Bytes;
use chatai_files::{Content, Description, Extractor, clean_name, describe, stored_content_type};
use chatai_store::{
    Store, Tx,
    legacy::{AttachmentRow, Field},
    ops::{
        attachments::{ExtractedText, NewAttachment},
        import::{self as rows, AttachmentWrite, Kind, Known},
    },
};
use chatai_types::{AttachmentId, MessageId};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::{collections::HashMap, sync::Arc};

#[derive(Default)]
struct Plan {
    writes: Arc<Vec<AttachmentWrite>>,
    outcome: Outcome,
}

/// An attachment that did not come before, and its message here.
struct Fresh<'r> {
    row: &'r AttachmentRow,
    /// Where the attachment is that this id meant before.
    replaces: Option<i64>,
    message: MessageId,
    here: ConversationHere,
}

type KnownAttachment = Known<i64, MessageId>;

/// A file as it will be stored.
#[derive(Clone)]
struct Prepared {
    filename: String,
    content_type: Option<String>,
    kind: String,
    content_hash: String,
    bytes: Bytes,
    /// Its text, if nobody extracted it before.
    text: Option<ExtractedText>,
    size_tokens: i64,
    changes: Vec<Change>,
}

impl Run<'_> {
    pub(super) async fn attachments(&mut self) -> Result<(), ImportError> {
        let mut from = Some(i64::MIN);
        while let Some(start) = from {
            let limits = self.limits();
            let page = self
                .original
                .read(move |original| original.attachments(start, limits))
                .await?;
            from = page.next;
            let mut prepared = HashMap::new();
            let mut attempts = Attempts::default();
            let plan = loop {
                let plan = self.plan_attachments(&page.rows, &mut prepared).await?;
                let writes = Arc::clone(&plan.writes);
                let write = move |tx: &mut Tx<'_>, source: &str| rows::write_attachments(tx, source, &writes);
                if plan.writes.is_empty() || self.write(&mut attempts, write).await? {
                    break plan;
                }
            };
            self.settle(Kind::Attachment, page.rows.len(), &plan.outcome)?;
        }
        Ok(())
    }

    async fn plan_attachments(
        &mut self,
        page: &[AttachmentRow],
        prepared: &mut HashMap<i64, Prepared>,
    ) -> Result<Plan, ImportError> {
        let mut plan = Plan::default();
        let known = self.known_attachments(page).await?;
        let mut fresh = Vec::new();
        for row in page {
            let (message, here) = match self.message_of(row.message, row.conversation) {
                Ok(place) => place,
                Err(why) => {
                    plan.outcome.left_out.push((row.id, why));
                    continue;
                }
            };
            let is_known = known.get(&row.id).is_some_and(|known| {
                known
                    .current
                    .map_or(!here.is_new, |message_here| message_here == message)
            });
            if is_known {
                plan.outcome.known += 1;
            } else {
                let replaces = known.get(&row.id).map(|known| known.local_id);
                fresh.push(Fresh {
                    row,
                    replaces,
                    message,
                    here,
                });
            }
        }
        let unprepared = fresh
            .iter()
            .map(|file| file.row)
            .filter(|row| !prepared.contains_key(&row.id));
        // Reading a document's text may take seconds: each is progress.
        let settled = self.report.rows(Kind::Attachment).found;
        let (store, extractor) = (self.store, self.extractor);
        let mut newly = stream::iter(unprepared.collect::<Vec<_>>())
            .map(|row| prepare(store, extractor, row))
            .buffered(extractor.limits().children.max(1));
        while let Some((id, file)) = newly.try_next().await? {
            prepared.insert(id, file);
            self.tell(Kind::Attachment, settled + prepared.len() as u64)?;
        }
        drop(newly);
        let wanted: Vec<i64> = fresh.iter().map(|file| file.row.id).collect();
        let free = self.free(Kind::Attachment, &wanted).await?;
        let ids = self.ids_for(Kind::Attachment, &wanted, &free).await?;
        let mut writes = Vec::with_capacity(fresh.len());
        for (fresh, id) in fresh.iter().zip(ids) {
            let file = prepared[&fresh.row.id].clone();
            plan.outcome.placed.push((fresh.row.id, id));
            plan.outcome.changed(fresh.row.id, file.changes.clone());
            writes.push(write(fresh, AttachmentId(id), file));
        }
        plan.writes = Arc::new(writes);
        Ok(plan)
    }

    async fn known_attachments(
        &self,
        page: &[AttachmentRow],
    ) -> Result<HashMap<i64, KnownAttachment>, ImportError> {
        let Some((first, last)) = ends(page.iter().map(|row| row.id)) else {
            return Ok(HashMap::new());
        };
        let source = Arc::clone(&self.source);
        let known = self
            .store
            .read(move |tx| rows::attachments(tx, &source, first, last))
            .await?;
        Ok(known.into_iter().map(|known| (known.source_id, known)).collect())
    }
}

fn write(fresh: &Fresh<'_>, id: AttachmentId, file: Prepared) -> AttachmentWrite {
    AttachmentWrite {
        source_id: fresh.row.id,
        replaces: fresh.replaces,
        id,
        message_id: fresh.message,
        conversation_id: fresh.here.id,
        owner: fresh.here.owner,
        filename: file.filename,
        content_type: file.content_type,
        kind: file.kind,
        content_hash: file.content_hash,
        bytes: file.bytes,
        text: file.text,
        size_tokens: file.size_tokens,
    }
}

async fn prepare(
    store: &Store,
    extractor: &Extractor,
    row: &AttachmentRow,
) -> Result<(i64, Prepared), ImportError> {
    let mut repair = Repair::default();
    let bytes = content(&row.content, &mut repair);
    let filename = repair.text(&row.filename);
    let declared = repair.optional_text(&row.content_type);
    let described = {
        let (bytes, filename, declared) = (bytes.clone(), filename.clone(), declared.clone());
        // Hashing a large file takes milliseconds: not on an async thread.
        let work = move || describe(&filename, declared.as_deref(), &bytes);
        match tokio::task::spawn_blocking(work).await {
            Ok(described) => described,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    };
    let content_hash = described.hash.to_hex();
    let hash = content_hash.clone();
    let known = store.read(move |tx| rows::extracted_text(tx, &hash)).await?;
    let text = match known {
        Some(_) => None,
        None => extract(extractor, &described, &bytes, &mut repair).await,
    };
    let file = NewAttachment {
        filename: kept_name(&filename, &mut repair),
        content_type: kept_media_type(declared, &described, &mut repair),
        kind: described.kind.media_type().to_owned(),
        content_hash,
        bytes,
        text: known.or_else(|| text.clone()),
    };
    let size_tokens = uploads::documents_tokens(&uploads::documents(std::slice::from_ref(&file)));
    let prepared = Prepared {
        filename: file.filename,
        content_type: file.content_type,
        kind: file.kind,
        content_hash: file.content_hash,
        bytes: file.bytes,
        text,
        size_tokens,
        changes: repair.changes,
    };
    Ok((row.id, prepared))
}

/// The text of a file, where it has one. Failing is no reason not to take the file.
async fn extract(
    extractor: &Extractor,
    described: &Description,
    bytes: &Bytes,
    repair: &mut Repair,
) -> Option<ExtractedText> {
    match extractor.read(described.kind, bytes.clone()).await {
        Ok(Content::Text(read)) => Some(ExtractedText {
            text: read.text,
            truncated: read.truncated,
            note: read.note,
        }),
        Ok(Content::Image(_) | Content::Opaque) => None,
        Err(error) => {
            repair.note(Change::TextUnreadable);
            // A fault of this machine may be gone the next time somebody sends the same file.
            error.is_the_files_fault().then(|| ExtractedText {
                text: String::new(),
                truncated: false,
                note: Some(error.to_string()),
            })
        }
    }
}

fn content(field: &Field, repair: &mut Repair) -> Bytes {
    match field {
        Field::Text(bytes) | Field::Blob(bytes) => Bytes::copy_from_slice(bytes),
        Field::Null | Field::Integer(_) | Field::Real(_) => repair.text(field).into_bytes().into(),
    }
}

/// The name as it is, unless it is a path or could break out of a line.
fn kept_name(name: &str, repair: &mut Repair) -> String {
    if name.is_empty() {
        return clean_name(name);
    }
    if name.trim().is_empty() || name.contains(|c: char| c.is_control() || c == '/' || c == '\\') {
        repair.note(Change::FileNameCleaned);
        return clean_name(name);
    }
    name.to_owned()
}

/// The media type as it is, parameters included, unless it is none.
fn kept_media_type(declared: Option<String>, described: &Description, repair: &mut Repair) -> Option<String> {
    let declared = declared?;
    let essence = declared
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let is_line = declared.chars().all(|c| matches!(c, ' '..='~'));
    if is_line && stored_content_type(Some(&declared), described.kind) == essence {
        return Some(declared);
    }
    repair.note(Change::MediaTypeReplaced);
    Some(described.content_type.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_unless_they_are_paths() {
        let cases = [
            ("notes.txt", "notes.txt", false),
            ("Übersicht – 2024.xlsx", "Übersicht – 2024.xlsx", false),
            ("a..b \"c\".txt", "a..b \"c\".txt", false),
            ("", "file", false),
            ("   ", "file", true),
            ("../../etc/passwd", "passwd", true),
            ("a\r\nb.txt", "ab.txt", true),
        ];
        for (given, kept, changed) in cases {
            let mut repair = Repair::default();
            assert_eq!(kept_name(given, &mut repair), kept, "{given:?}");
            assert_eq!(!repair.changes.is_empty(), changed, "{given:?}");
        }
    }

    #[test]
    fn media_types_are_kept_unless_they_are_none() {
        let described = describe("a.txt", None, b"text");
        let cases = [
            (None, None, false),
            (
                Some("Text/Plain; charset=utf-16"),
                Some("Text/Plain; charset=utf-16"),
                false,
            ),
            (Some("application/x-foo"), Some("application/x-foo"), false),
            (Some("text/html\r\nSet-Cookie: a=b"), Some("text/plain"), true),
            (Some(""), Some("text/plain"), true),
            (Some("text"), Some("text/plain"), true),
        ];
        for (given, kept, changed) in cases {
            let mut repair = Repair::default();
            let found = kept_media_type(given.map(str::to_owned), &described, &mut repair);
            assert_eq!(found.as_deref(), kept, "{given:?}");
            assert_eq!(!repair.changes.is_empty(), changed, "{given:?}");
        }
    }
}
