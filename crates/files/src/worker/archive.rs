//! ZIP archives, checked as a whole before anything in them is used.
//!
//! Entries are counted by what they truly unpack to, whatever they declare. Names are never used as paths.

use super::{Failure, Parsed, decode};
use crate::text::BoundedText;
use std::io::{Cursor, ErrorKind, Read};
use zip::read::ZipArchive;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipReadOptions};

/// Entries of one archive.
const MAX_ENTRIES: usize = 10_000;

/// One entry, unpacked.
const MAX_ENTRY_BYTES: u64 = 256 << 20;

/// All entries together, unpacked.
const MAX_TOTAL_BYTES: u64 = 512 << 20;

/// Document formats forbid it, and it is how entities are made to multiply.
const DOCUMENT_TYPE: &[u8] = b"<!DOCTYPE";

/// An archive that passed the checks.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
}

/// What the checks saw of an entry.
struct Entry {
    name: String,
    size: u64,
}

impl<'a> Archive<'a> {
    /// An archive that is a document: every entry must unpack, and none may carry a document type definition.
    pub(super) fn open_document(bytes: &'a [u8]) -> Result<Self, Failure> {
        let mut zip = open(bytes)?;
        let mut budget = MAX_TOTAL_BYTES;
        for (index, entry) in entries(&mut zip)?.iter().enumerate() {
            let data = zip.by_index_data(index).map_err(broken)?;
            if data.encrypted() {
                return Err(Failure::Broken(
                    "the document is locked with a password".to_owned(),
                ));
            }
            let is_xml = [".xml", ".rels", ".vml"]
                .iter()
                .any(|end| entry.name.to_ascii_lowercase().ends_with(end));
            budget -= unpack(&mut zip, index, budget, is_xml)?;
        }
        Ok(Self { zip })
    }

    /// The text of an entry; `None` where there is none of this name. Case and the direction of slashes do
    /// not matter.
    pub(super) fn read(&mut self, name: &str) -> Result<Option<String>, Failure> {
        let is_wanted = |entry: &str| entry.replace('\\', "/").eq_ignore_ascii_case(name);
        let named = |index: &usize| {
            self.zip
                .name_for_index(*index)?
                .ok()
                .map(|entry| is_wanted(&entry))
        };
        let Some(index) = (0..self.zip.len()).find(|index| named(index).unwrap_or(false)) else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        let entry = self.zip.by_index(index).map_err(broken)?;
        entry
            .take(MAX_ENTRY_BYTES)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        Ok(Some(decode(&bytes, false, None).into_owned()))
    }
}

/// The names and sizes in an archive that is no document. Locked entries and rare compressions are listed as
/// well.
pub(super) fn list(bytes: &[u8], text: &mut BoundedText) -> Parsed {
    let mut zip = open(bytes)?;
    let mut budget = MAX_TOTAL_BYTES;
    for (index, entry) in entries(&mut zip)?.iter().enumerate() {
        let data = zip.by_index_data(index).map_err(broken)?;
        let is_common = matches!(
            data.compression(),
            CompressionMethod::Stored | CompressionMethod::Deflated
        );
        if is_common && !data.encrypted() {
            budget -= unpack(&mut zip, index, budget, false)?;
        }
        let name: String = entry
            .name
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        text.push_str(&format!("{name}\t{} bytes\n", entry.size));
    }
    Ok(Some(
        "an archive: its entries are listed, their content was not read".to_owned(),
    ))
}

fn open(bytes: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, Failure> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    if zip.len() > MAX_ENTRIES {
        return Err(Failure::Hostile(format!(
            "the archive has more than {MAX_ENTRIES} entries"
        )));
    }
    if zip.has_overlapping_entries().map_err(broken)? {
        return Err(Failure::Hostile("entries of the archive overlap".to_owned()));
    }
    Ok(zip)
}

/// Every entry's name and declared size, after the checks that need no unpacking.
fn entries(zip: &mut ZipArchive<Cursor<&[u8]>>) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::with_capacity(zip.len());
    let mut total = 0_u64;
    for index in 0..zip.len() {
        let entry = zip.by_index_data(index).map_err(broken)?;
        let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
        if leaves_its_folder(&name) {
            return Err(Failure::Hostile(
                "an entry of the archive has a path that leads out of it".to_owned(),
            ));
        }
        if entry.is_symlink() {
            return Err(Failure::Hostile("an entry of the archive is a link".to_owned()));
        }
        total = total.saturating_add(entry.size());
        if entry.size() > MAX_ENTRY_BYTES || total > MAX_TOTAL_BYTES {
            return Err(bomb());
        }
        entries.push(Entry {
            name,
            size: entry.size(),
        });
    }
    Ok(entries)
}

fn leaves_its_folder(name: &str) -> bool {
    let has_drive = name.as_bytes().get(1) == Some(&b':') && name.as_bytes()[0].is_ascii_alphabetic();
    has_drive
        || name.starts_with(['/', '\\'])
        || name.contains('\0')
        || name.split(['/', '\\']).any(|part| part == "..")
}

/// Unpacks an entry to nowhere and gives the bytes that it came to.
fn unpack(
    zip: &mut ZipArchive<Cursor<&[u8]>>,
    index: usize,
    budget: u64,
    is_xml: bool,
) -> Result<u64, Failure> {
    let mut entry = zip
        .by_index_with_options(index, ZipReadOptions::new())
        .map_err(broken)?;
    let most = budget.min(MAX_ENTRY_BYTES);
    let mut buffer = vec![0; 64 * 1024];
    let (mut total, mut kept) = (0_u64, 0_usize);
    loop {
        // The end of the last piece stays in front, so that nothing hides on the seam.
        let read = match entry.read(&mut buffer[kept..]) {
            Ok(0) => return Ok(total),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        total += read as u64;
        if total > most {
            return Err(bomb());
        }
        let filled = kept + read;
        if is_xml {
            if buffer[..filled]
                .windows(DOCUMENT_TYPE.len())
                .any(|window| window == DOCUMENT_TYPE)
            {
                return Err(Failure::Hostile(
                    "the document defines its own entities".to_owned(),
                ));
            }
            kept = filled.min(DOCUMENT_TYPE.len() - 1);
            buffer.copy_within(filled - kept..filled, 0);
        }
    }
}

fn bomb() -> Failure {
    Failure::Hostile("the archive unpacks to too much".to_owned())
}

fn broken(error: ZipError) -> Failure {
    Failure::Broken(format!("the archive is damaged: {error}"))
}

fn unreadable(error: std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::OutOfMemory => Failure::OutOfMemory,
        _ => Failure::Broken(format!("an entry of the archive is damaged: {error}")),
    }
}
