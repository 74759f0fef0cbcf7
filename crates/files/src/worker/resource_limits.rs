//! The limits that a worker puts on its own process.
#![expect(
    unsafe_code,
    reason = "the limits of a process are set by calls of the C library"
)]

use std::io;

/// File handles while the program starts again: the three standard streams and what the loader opens.
const HANDLES_WHILE_STARTING: u64 = 16;

/// Added to the processor's scheduling value: answers to people go before the parsing of files.
const NICENESS: libc::c_int = 10;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Resource = libc::__rlimit_resource_t;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
type Resource = libc::c_int;

/// How much a worker may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ResourceLimits {
    /// Address space.
    pub(super) memory_bytes: u64,
    /// Processor time.
    pub(super) cpu_seconds: u64,
}

impl ResourceLimits {
    /// Lowers the limits of this process for good; the next program inherits them.
    pub(super) fn apply(self) -> io::Result<()> {
        close_inherited_handles();
        lower(libc::RLIMIT_CORE, 0)?;
        lower(libc::RLIMIT_FSIZE, 0)?;
        lower(libc::RLIMIT_NOFILE, HANDLES_WHILE_STARTING)?;
        // The soft limit comes first and says by its own signal that it was the time; the hard one just
        // kills.
        lower_to(
            libc::RLIMIT_CPU,
            self.cpu_seconds,
            self.cpu_seconds.saturating_add(1),
        )?;
        lower_priority();
        // Last, as the rest of this stage has to fit as well.
        lower(libc::RLIMIT_AS, self.memory_bytes)
    }

    /// Makes sure that this process runs under these limits, and takes its last freedom, to open files.
    pub(super) fn check(self) -> io::Result<()> {
        for (resource, most) in [
            (libc::RLIMIT_CORE, 0),
            (libc::RLIMIT_FSIZE, 0),
            (libc::RLIMIT_CPU, self.cpu_seconds),
            (libc::RLIMIT_AS, self.memory_bytes),
        ] {
            if get(resource)?.rlim_cur > most {
                return Err(io::Error::other("a limit is not in force"));
            }
        }
        lower(libc::RLIMIT_NOFILE, 0)
    }
}

/// Sets both the soft and the hard limit, never above what is in force.
fn lower(resource: Resource, most: u64) -> io::Result<()> {
    lower_to(resource, most, most)
}

fn lower_to(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let in_force = get(resource)?.rlim_max;
    let limit = libc::rlimit {
        rlim_cur: soft.min(in_force),
        rlim_max: hard.min(in_force),
    };
    // SAFETY: `limit` is a valid, initialised `rlimit` that outlives the call, and the call only reads it.
    match unsafe { libc::setrlimit(resource, &raw const limit) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn get(resource: Resource) -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a valid `rlimit` that outlives the call, and nothing else refers to it while the
    // call writes it.
    match unsafe { libc::getrlimit(resource, &raw mut limit) } {
        0 => Ok(limit),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Everything beyond the standard streams. The service opens its own files so that they close by themselves;
/// this is for what a library or whoever started the service forgot.
fn close_inherited_handles() {
    #[cfg(target_os = "linux")]
    {
        let first: libc::c_uint = 3;
        // SAFETY: takes and returns plain integers. The worker's first stage has opened nothing, so no object
        // of this process owns a handle that is closed here. An old kernel without this call leaves things as
        // they are.
        unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) };
    }
}

fn lower_priority() {
    // SAFETY: takes and returns plain integers. That it may fail is fine: it is a courtesy, not a limit.
    unsafe { libc::nice(NICENESS) };
}
