//! Rate limits: so many events a minute for a key, with the same number as a burst.
//!
//! A key's state is one number, the time at which its allowance is whole again (the generic cell rate
//! algorithm). Keys that have been quiet are forgotten; the number of keys is bounded.

use chatai_types::Timestamp;
use moka::sync::Cache;
use std::{
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

const MINUTE_MICROS: i64 = 60_000_000;
const KEYS: u64 = 100_000;

/// A limit per key.
pub(crate) struct Throttle<K> {
    /// Microseconds an event takes from the allowance; 0 is no limit.
    cost: i64,
    /// How far ahead of now a key may be.
    burst: i64,
    whole_again: Cache<K, Arc<AtomicI64>>,
}

impl<K: Hash + Eq + Send + Sync + 'static> Throttle<K> {
    /// So many events a minute; 0 allows all.
    pub(crate) fn per_minute(events: u32) -> Self {
        let cost = if events == 0 {
            0
        } else {
            MINUTE_MICROS / i64::from(events)
        };
        Self::new(cost, MINUTE_MICROS)
    }

    /// One event in so many seconds, without a burst.
    pub(crate) fn one_every_secs(secs: i64) -> Self {
        Self::new(secs * 1_000_000, secs * 1_000_000)
    }

    fn new(cost: i64, burst: i64) -> Self {
        let idle = Duration::from_micros(burst.unsigned_abs() * 2);
        let whole_again = Cache::builder().max_capacity(KEYS).time_to_idle(idle).build();
        Self {
            cost,
            burst,
            whole_again,
        }
    }

    /// Takes one event from the key's allowance, or says how long to wait.
    pub(crate) fn take(&self, key: K, now: Timestamp) -> Result<(), Duration> {
        if self.cost == 0 {
            return Ok(());
        }
        let now = now.as_micros();
        let state = self.whole_again.get_with(key, || Arc::new(AtomicI64::new(now)));
        let mut wait = 0;
        let next = |whole_again: i64| {
            // A clock that was set back must not lock a key out for longer than its burst: what is refused is counted
            // from the clock as it goes now.
            let from = whole_again.clamp(now, now + self.burst);
            wait = from + self.cost - now - self.burst;
            Some(if wait <= 0 { from + self.cost } else { from })
        };
        if state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, next)
            .is_ok()
            && wait <= 0
        {
            return Ok(());
        }
        Err(Duration::from_micros(wait.unsigned_abs()))
    }

    /// Whether the key's allowance is used up, without taking from it.
    pub(crate) fn is_used_up(&self, key: &K, now: Timestamp) -> bool {
        self.cost != 0
            && self.whole_again.get(key).is_some_and(|state| {
                let from = state
                    .load(Ordering::Acquire)
                    .clamp(now.as_micros(), now.as_micros() + self.burst);
                from + self.cost > now.as_micros() + self.burst
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_micros(1_000_000_000_000).plus_secs(secs)
    }

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let throttle = Throttle::per_minute(6);
        for _ in 0..6 {
            assert_eq!(throttle.take("a", at(0)), Ok(()));
        }
        assert!(throttle.is_used_up(&"a", at(0)));
        assert_eq!(throttle.take("a", at(0)), Err(Duration::from_secs(10)));
        assert_eq!(throttle.take("b", at(0)), Ok(()), "keys are apart");
        assert_eq!(throttle.take("a", at(10)), Ok(()));
        assert_eq!(throttle.take("a", at(10)), Err(Duration::from_secs(10)));
    }

    #[test]
    fn zero_is_no_limit() {
        let throttle = Throttle::per_minute(0);
        assert!((0..1_000).all(|_| throttle.take("a", at(0)).is_ok()));
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let throttle = Throttle::per_minute(1);
        throttle.take("a", at(86_400)).unwrap();
        let wait = throttle.take("a", at(0)).unwrap_err();
        assert!(wait <= Duration::from_secs(60), "{wait:?}");
    }
}
