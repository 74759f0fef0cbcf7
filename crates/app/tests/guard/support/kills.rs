//! How often the program is killed. The parts of all tests that kill it stand here, so that their sum is seen, and so that a
//! larger number is shared out in the same proportion.

/// While clients use everything and know what was acknowledged; four tests.
pub(crate) const ACKNOWLEDGED: usize = 40;
/// While clients read answers as they are written; two tests on embedded databases.
pub(crate) const READ: usize = 75;
/// The same on a server; one test.
pub(crate) const READ_SHARED: usize = 45;
/// While programs call `/v1`; one test on an embedded database.
pub(crate) const CALLED: usize = 60;
/// The same on a server; one test.
pub(crate) const CALLED_SHARED: usize = 30;
/// Between operations and within them; four tests.
pub(crate) const OPERATIONS: usize = 40;

const ALL: usize = 4 * ACKNOWLEDGED + 2 * READ + READ_SHARED + CALLED + CALLED_SHARED + 4 * OPERATIONS;
const _: () = assert!(ALL >= 500, "too few to believe in");

/// How many of them a test does: its part of `CHATAI_TEST_KILLS`, else its own number, as often as `CHATAI_TEST_SCALE` says.
pub(crate) fn wanted(part: usize) -> usize {
    match super::number_of("CHATAI_TEST_KILLS") {
        Some(all) => (part * all).div_ceil(ALL).max(1),
        None => part * super::scale(),
    }
}

/// Says how many there were; they must be as many as were wanted.
#[track_caller]
pub(crate) fn expect(done: usize, wanted: usize) {
    println!("{done} kills");
    assert!(done >= wanted, "{done} kills of {wanted}");
}

/// How long a life lasts at most. A machine that is slow or busy does less in the same time, so it grows, to a bound, while
/// a campaign sees less than it has to.
pub(crate) struct Lifetime {
    most_ms: u64,
    bound_ms: u64,
}

impl Lifetime {
    /// On a machine that keeps up.
    pub(crate) fn of_ms(most_ms: u64) -> Self {
        Self {
            most_ms,
            bound_ms: most_ms * 10,
        }
    }

    /// Of the next life.
    pub(crate) fn most_ms(&self) -> u64 {
        self.most_ms
    }

    /// Says how much was seen so far, and how much of it a campaign of so many lives needs.
    pub(crate) fn adjust(&mut self, seen: usize, needed: usize) {
        // A quarter more than is needed, so that the last lives are not those that decide.
        if seen < needed + needed / 4 + 1 {
            self.most_ms = (self.most_ms * 5 / 4).min(self.bound_ms);
        }
    }
}
