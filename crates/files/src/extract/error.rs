//! Why a file's content cannot be had.

/// Named by whose fault it is. The texts inside come partly from the file: one line, bounded, for people
/// only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// The file is made to do harm, such as an archive bomb.
    #[error("the file is not safe to read: {0}")]
    Hostile(String),
    /// The file is damaged, cut off or locked with a password.
    #[error("the file cannot be read: {0}")]
    Broken(String),
    /// Reading the file was given up for its time.
    #[error("reading the file took too long")]
    Timeout,
    /// Reading the file was given up for its memory.
    #[error("reading the file takes too much memory")]
    OutOfMemory,
    /// The reader of the file crashed. The service did not.
    #[error("the file made its reader fail")]
    Crashed,
    /// Too many files are being read. Worth another try.
    #[error("too many files are being read at once")]
    Busy,
    /// This machine cannot start a limited reader; nothing is parsed without one.
    #[error("documents cannot be read on this machine: {0}")]
    Unavailable(String),
}

impl ExtractError {
    /// Whether the file is to blame, so that sending it again changes nothing; else the service is.
    pub fn is_the_files_fault(&self) -> bool {
        match self {
            Self::Hostile(_) | Self::Broken(_) | Self::Timeout | Self::OutOfMemory | Self::Crashed => true,
            Self::Busy | Self::Unavailable(_) => false,
        }
    }
}
