//! The names in a ZIP archive's central directory, to tell document formats apart.
//!
//! Deliberately not an unpacker: nothing is decompressed and no offset is followed outside the directory, so
//! it is safe on hostile bytes within the serving process.

/// More names than any document has; what lies behind them is not looked at.
const MAX_ENTRIES: usize = 10_000;

/// An archive's comment is at most this long, and with it the search for the end record.
const MAX_COMMENT: usize = u16::MAX as usize;

const END_RECORD: &[u8] = b"PK\x05\x06";
const END_RECORD_LENGTH: usize = 22;
const ENTRY: &[u8] = b"PK\x01\x02";
const ENTRY_LENGTH: usize = 46;

/// An iterator over the raw names, in the directory's order. Ends early where the directory is damaged.
pub(super) struct ZipDirectory<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> ZipDirectory<'a> {
    /// The directory of this archive; `None` where it has no end record or one that points nowhere.
    pub(super) fn read(archive: &'a [u8]) -> Option<Self> {
        let from = archive.len().saturating_sub(MAX_COMMENT + END_RECORD_LENGTH);
        let tail = &archive[from..];
        let end = from
            + tail
                .windows(END_RECORD.len())
                .rposition(|window| window == END_RECORD)?;
        let length = u32_at(archive, end + 12)? as usize;
        // Counted back from the end record, as bytes may have been put before the archive.
        let start = end.checked_sub(length)?;
        Some(Self {
            rest: &archive[start..end],
            left: MAX_ENTRIES,
        })
    }
}

impl<'a> Iterator for ZipDirectory<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        if !self.rest.starts_with(ENTRY) {
            return None;
        }
        let name_length = u16_at(self.rest, 28)?;
        let extra_length = u16_at(self.rest, 30)?;
        let comment_length = u16_at(self.rest, 32)?;
        let name = self.rest.get(ENTRY_LENGTH..ENTRY_LENGTH + name_length)?;
        self.rest = self
            .rest
            .get(ENTRY_LENGTH + name_length + extra_length + comment_length..)
            .unwrap_or_default();
        Some(name)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(
        bytes.get(at..at + 2)?.try_into().ok()?,
    )))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
