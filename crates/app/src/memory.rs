//! Memory that nothing needs while nothing happens is given back to the system.
//!
//! A start reads and runs much of the program that serving never needs again, and the kernel maps what surrounds each
//! page besides: more than half of what the process holds then are pages of its own file. So they are given back
//! after the start, and whenever the service has been busy and comes to rest. What is needed again is mapped
//! again from the page cache, some hundred nanoseconds a page.
#![expect(
    unsafe_code,
    reason = "memory is given back by calls of the C library and the allocator"
)]

use std::{convert::Infallible, fs, time::Duration};

/// How often it is looked whether the service rests.
const LOOK: Duration = Duration::from_secs(5);
/// More processor time than this between two looks means that it was busy.
const BUSY: Duration = Duration::from_millis(50);

/// Gives memory back at once, and from then on whenever the service comes to rest.
pub(crate) async fn keep_small() -> Infallible {
    give_back();
    let mut was_busy = false;
    let mut used = processor_time();
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let now = processor_time();
        let is_busy = now.saturating_sub(used) > BUSY;
        if was_busy && !is_busy {
            give_back();
        }
        (was_busy, used) = (is_busy, now);
    }
}

/// The processor time of the process.
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes one `timespec` to the address of one.
    if unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) } != 0 {
        return Duration::ZERO;
    }
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0))
}

fn give_back() {
    // SAFETY: the allocator is the process's own, and may be told so at any time on any thread.
    unsafe { libmimalloc_sys::mi_collect(true) };
    #[cfg(target_os = "linux")]
    for code in own_code() {
        // SAFETY: the range is a private mapping of the program's file that can be executed and not written, so that
        // no page of it differs from the file. The kernel maps such a page again, with the same content, when it is
        // next touched, by whatever thread, this one included.
        let given = unsafe {
            libc::madvise(
                std::ptr::with_exposed_provenance_mut(code.start),
                code.len(),
                libc::MADV_DONTNEED,
            )
        };
        if given != 0 {
            let error = std::io::Error::last_os_error();
            tracing::debug!(%error, "code could not be given back");
        }
    }
}

/// Where the program's own code is mapped. Nothing where that cannot be told.
#[cfg(target_os = "linux")]
fn own_code() -> Vec<std::ops::Range<usize>> {
    let (Ok(program), Ok(maps)) = (
        fs::read_link("/proc/self/exe"),
        fs::read_to_string("/proc/self/maps"),
    ) else {
        return Vec::new();
    };
    let program = program.to_string_lossy();
    maps.lines().filter_map(|line| code_of(line, &program)).collect()
}

/// The range of a line of `/proc/self/maps`, if it is code of the program.
#[cfg(target_os = "linux")]
fn code_of(line: &str, program: &str) -> Option<std::ops::Range<usize>> {
    let (head, path) = line.split_at(line.find('/')?);
    let mut fields = head.split_whitespace();
    let (range, rights) = (fields.next()?, fields.next()?);
    if path != program || rights != "r-xp" {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    Some(usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn code_is_what_is_executed_and_never_written() {
        let code = |line| code_of(line, "/opt/a program/chatai");
        let line = "55d0c0a00000-55d0c1a00000 r-xp 00a00000 fe:00 1234    /opt/a program/chatai";
        assert_eq!(code(line), Some(0x55d0_c0a0_0000..0x55d0_c1a0_0000));
        for other in [
            "55d0c0000000-55d0c0a00000 r--p 00000000 fe:00 1234    /opt/a program/chatai",
            "55d0c1a00000-55d0c1b00000 rw-p 01a00000 fe:00 1234    /opt/a program/chatai",
            "55d0c0a00000-55d0c1a00000 rwxp 00a00000 fe:00 1234    /opt/a program/chatai",
            "7f10c0a00000-7f10c1a00000 r-xp 00a00000 fe:00 1234    /usr/lib/libc.so.6",
            "7ffd0c0a0000-7ffd0c0a2000 r-xp 00000000 00:00 0       [vdso]",
            "55d0c1b00000-55d0c1c00000 r-xp 00000000 00:00 0",
            "",
        ] {
            assert_eq!(code(other), None, "{other}");
        }
    }

    #[test]
    fn the_program_runs_on_without_its_code_at_hand() {
        assert!(!own_code().is_empty());
        let words: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
        give_back();
        assert_eq!(words.concat().len(), 10 + 180 + 2_700);
    }
}
