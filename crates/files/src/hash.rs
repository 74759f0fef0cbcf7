//! The name of content: files with the same bytes are stored once, under this.

use std::fmt;
use std::str::FromStr;

/// The BLAKE3 hash of a file's bytes. Written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash([u8; 32]);

/// The text is not a content hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a content hash is 64 hexadecimal digits")]
pub struct ContentHashError;

impl ContentHash {
    /// The hash of these bytes. Takes about a millisecond for each few megabytes; no I/O.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The hash that a store kept as 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 hexadecimal digits.
    pub fn to_hex(&self) -> String {
        self.to_string()
    }
}

impl FromStr for ContentHash {
    type Err = ContentHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        blake3::Hash::from_hex(text)
            .map(|hash| Self(*hash.as_bytes()))
            .map_err(|_| ContentHashError)
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from(self.0).to_hex())
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_published_hash_and_reads_its_own_text() {
        let hash = ContentHash::of(b"");
        // The test vector of the BLAKE3 specification for an empty input.
        assert_eq!(
            hash.to_hex(),
            "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
        );
        assert_eq!(hash.to_hex().parse(), Ok(hash));
        assert_eq!(ContentHash::from_bytes(*hash.as_bytes()), hash);
        assert_ne!(ContentHash::of(b"\0"), hash);
        for wrong in ["", "af", "../../etc/passwd", &"g".repeat(64), &"a".repeat(65)] {
            assert_eq!(wrong.parse::<ContentHash>(), Err(ContentHashError), "{wrong}");
        }
    }
}
