//! What reading one file may cost.

use std::time::Duration;

/// The bounds of reading files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time from a child's start to its answer. The child is killed after it.
    pub wall_time: Duration,
    /// Processor time of a child, rounded up to whole seconds.
    pub cpu_time: Duration,
    /// Address space of a child, its program included, in bytes.
    pub memory_bytes: u64,
    /// Text taken from one file, in bytes of UTF-8; the rest is left out and marked.
    pub text_bytes: usize,
    /// Children running at once.
    pub children: usize,
    /// Files that may wait for a child beyond those running; the next one is refused as busy.
    pub waiting: usize,
    /// How long a file may wait for a child.
    pub wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall_time: Duration::from_secs(15),
            cpu_time: Duration::from_secs(10),
            memory_bytes: 512 << 20,
            text_bytes: 2 << 20,
            children: 2,
            waiting: 64,
            wait: Duration::from_secs(15),
        }
    }
}
