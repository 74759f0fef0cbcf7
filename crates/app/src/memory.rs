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

use std::{convert::Infallible, time::Duration};

/// How often it is looked whether the service rests.
const LOOK: Duration = Duration::from_secs(5);
/// More processor time than this between two looks means that it was busy.
const BUSY: Duration = Duration::from_millis(50);

/// Gives memory back at once, and from then on whenever the service comes to rest.
pub(crate) async fn keep_small() -> Infallible {
    give_back();
    // The rest of the start comes after this.
    let mut was_busy = true;
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
    own_file::give_back();
}

/// What of the program's file is mapped and never written.
#[cfg(target_os = "linux")]
mod own_file {
    use std::{ffi::c_void, ops::Range};

    /// Gives the pages of code and constants back.
    pub(super) fn give_back() {
        for range in unwritten() {
            let start = std::ptr::with_exposed_provenance_mut(range.start);
            // SAFETY: the range lies in a segment of the program that the loader maps from its file, privately and
            // without the right to write, so that no page of it differs from the file. The kernel maps such a page
            // again, with the same content, when it is next touched, by whatever thread, this one included.
            if unsafe { libc::madvise(start, range.len(), libc::MADV_DONTNEED) } != 0 {
                let error = std::io::Error::last_os_error();
                tracing::debug!(%error, "pages of the program could not be given back");
            }
        }
    }

    /// The whole pages of the program's segments that are not to be written.
    pub(super) fn unwritten() -> Vec<Range<usize>> {
        let mut found = Vec::new();
        // SAFETY: `collect` is called before this returns, with the address of `found` and of a valid description.
        unsafe { libc::dl_iterate_phdr(Some(collect), (&raw mut found).cast()) };
        found
    }

    /// Adds the segments of the first object, which is the program, and ends the iteration.
    unsafe extern "C" fn collect(info: *mut libc::dl_phdr_info, _: usize, found: *mut c_void) -> libc::c_int {
        // SAFETY: the loader passes a description that is valid during the call, and the pointer given to it.
        let (info, found) = unsafe { (&*info, &mut *found.cast::<Vec<Range<usize>>>()) };
        // SAFETY: the description says where its headers are and how many.
        let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
        let page = page_size();
        for header in headers {
            if header.p_type != libc::PT_LOAD || header.p_flags & libc::PF_W != 0 {
                continue;
            }
            let (Ok(base), Ok(address), Ok(length)) = (
                usize::try_from(info.dlpi_addr),
                usize::try_from(header.p_vaddr),
                usize::try_from(header.p_memsz),
            ) else {
                continue;
            };
            let start = base.wrapping_add(address);
            let range = start.next_multiple_of(page)..start.wrapping_add(length) / page * page;
            if range.start < range.end {
                found.push(range);
            }
        }
        1
    }

    fn page_size() -> usize {
        // SAFETY: the call reads a constant of the system.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(size)
            .ok()
            .filter(|size| size.is_power_of_two())
            .unwrap_or(1 << 16)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Something that is written, and something that is not.
    static mut WRITTEN: [u64; 4] = [1; 4];
    static CONSTANT: &str = "what never changes";

    #[test]
    fn code_and_constants_are_found_and_what_is_written_is_not() {
        let ranges = own_file::unwritten();
        let within = |address: usize| ranges.iter().any(|range| range.contains(&address));
        assert!(within(give_back as fn() as usize), "{ranges:x?}");
        assert!(within(CONSTANT.as_ptr() as usize), "{ranges:x?}");
        assert!(!within((&raw const WRITTEN) as usize), "{ranges:x?}");
        // Where the loader wrote addresses.
        static TABLE: [&str; 2] = ["a", "b"];
        assert!(!within((&raw const TABLE) as usize), "{ranges:x?}");
    }

    #[test]
    fn the_program_runs_on_without_its_code_at_hand() {
        let words: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
        give_back();
        assert_eq!(words.concat().len(), 10 + 180 + 2_700);
    }
}
