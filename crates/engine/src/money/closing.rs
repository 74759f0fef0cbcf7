//! Days that are over are closed: their sums go on to those by month and of all accounts, which reports are made of.

use crate::inner::Inner;
use chatai_store::ops::ledger;
use chatai_types::{Day, Timestamp};
use std::{sync::Arc, time::Duration};
use tokio::time::{MissedTickBehavior, interval};

/// How often it is looked whether a day is over.
const LOOK: Duration = Duration::from_secs(10 * 60);

/// A day is closed so many seconds after its end, when what ran over midnight has been charged. What comes later is
/// added all the same, and only costs more.
const GRACE_SECS: i64 = 60 * 60;

/// Closes days as they end, until the end.
pub(crate) async fn keep_days_closed(inner: Arc<Inner>) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = inner.turns.stopped.cancelled() => return,
        }
        let closing = close_days(&inner, inner.clock.now());
        tokio::select! {
            () = closing => {}
            () = inner.turns.stopped.cancelled() => return,
        }
    }
}

/// Closes the days that are over, each in a transaction of its own.
async fn close_days(inner: &Inner, now: Timestamp) {
    let through = last_over(now);
    loop {
        match inner.store.write(move |tx| ledger::close_day(tx, through)).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(%error, "sums of the days that are over could not be made");
                return;
            }
        }
    }
}

fn last_over(now: Timestamp) -> Day {
    Day::of(now.plus_secs(-GRACE_SECS)).previous()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_closed_an_hour_after_its_end() {
        for (now, last) in [
            ("2026-03-02 00:59:59", "2026-02-28"),
            ("2026-03-02 01:00:00", "2026-03-01"),
            ("2026-03-02 23:00:00", "2026-03-01"),
        ] {
            let now = Timestamp::parse_wire(now).expect("it is a moment");
            assert_eq!(last_over(now).to_string(), last);
        }
    }
}
