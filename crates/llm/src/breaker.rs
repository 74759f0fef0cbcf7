//! The circuit: a provider that keeps failing is left alone, and callers are told at once.
//!
//! Closed: everything passes. After [`FAILURES_TO_OPEN`] failures of the provider in a row it opens: calls
//! fail without touching the network, but for one probe every [`PROBE_EVERY`]. The next probe does not wait
//! for the end of the one before, so a provider that hangs cannot keep the circuit open beyond its recovery.
//!
//! Calls of different kinds have circuits of their own below the one of the answers ([`Breaker::below`]): they
//! obey it and are never counted in it, so that titles or vectors that fail keep no answer from being asked for.

use crate::{
    failure::{Failure, Sign},
    model::Priority,
    provider::LlmError,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Failures in a row that open the circuit.
const FAILURES_TO_OPEN: u32 = 5;

/// How often an open circuit lets one call through; with it a healed provider is back within five seconds.
const PROBE_EVERY: Duration = Duration::from_secs(4);

/// The circuits of one provider.
#[derive(Debug)]
pub(crate) struct Circuits {
    answers: Arc<Breaker>,
    best_effort: Arc<Breaker>,
    /// Of requests for vectors, without which a search goes by words.
    pub(crate) embeddings: Arc<Breaker>,
    /// Of requests for the list of models.
    pub(crate) listing: Arc<Breaker>,
}

impl Circuits {
    /// The circuit of a model call.
    pub(crate) fn of(&self, priority: Priority) -> &Arc<Breaker> {
        match priority {
            Priority::Answer => &self.answers,
            Priority::BestEffort => &self.best_effort,
        }
    }
}

impl Default for Circuits {
    fn default() -> Self {
        let answers = Arc::<Breaker>::default();
        Self {
            best_effort: Arc::new(Breaker::below(&answers)),
            embeddings: Arc::new(Breaker::below(&answers)),
            listing: Arc::new(Breaker::below(&answers)),
            answers,
        }
    }
}

/// The circuit of one kind of calls to one provider.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    state: Mutex<State>,
    /// While this one is open, nothing passes here either.
    above: Option<Arc<Breaker>>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Open while set: when the next probe is let through.
    probe_at: Option<Instant>,
}

impl Breaker {
    /// A circuit for calls that obey another one without having a say in it.
    pub(crate) fn below(above: &Arc<Breaker>) -> Self {
        Self {
            above: Some(Arc::clone(above)),
            ..Self::default()
        }
    }

    /// Whether a call may go out now.
    pub(crate) fn admit(&self) -> Result<(), LlmError> {
        if let Some(above) = &self.above {
            above.is_passable()?;
        }
        let mut state = self.state();
        let Some(probe_at) = state.probe_at else {
            return Ok(());
        };
        let now = Instant::now();
        if now < probe_at {
            return Err(LlmError::CircuitOpen {
                retry_after: probe_at - now,
            });
        }
        state.probe_at = Some(now + PROBE_EVERY);
        Ok(())
    }

    /// Whether a call of another circuit may pass this one. It never is the probe, which says whether *these*
    /// calls work again; once one is due, all others pass, lest nobody ever looks.
    fn is_passable(&self) -> Result<(), LlmError> {
        let retry_after = match self.state().probe_at {
            Some(probe_at) => probe_at.saturating_duration_since(Instant::now()),
            None => Duration::ZERO,
        };
        if retry_after.is_zero() {
            Ok(())
        } else {
            Err(LlmError::CircuitOpen { retry_after })
        }
    }

    /// The provider began to answer: an open circuit closes, without waiting for the answer's end. Failures
    /// counted so far stay, because an answer that begins may still break off.
    pub(crate) fn alive(&self) {
        let mut state = self.state();
        if state.probe_at.take().is_some() {
            state.failures = 0;
        }
    }

    /// A call succeeded, or was refused by a provider that is well.
    pub(crate) fn success(&self) {
        *self.state() = State::default();
    }

    /// A call ended in `failure`; only those count that say that the provider is dead.
    pub(crate) fn failure(&self, failure: &Failure) {
        match failure.sign {
            Sign::Dead => {}
            Sign::Well => return self.success(),
            Sign::Nothing => return,
        }
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES_TO_OPEN && state.probe_at.is_none() {
            state.probe_at = Some(Instant::now() + PROBE_EVERY);
            tracing::warn!(failures = state.failures, "circuit opened");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every critical section leaves a valid state behind, so a poisoned lock is safe to enter.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    fn fault() -> Failure {
        Failure::fatal(LlmError::Failed("broken".to_owned()))
    }

    fn refusal() -> Failure {
        Failure::refused(LlmError::Rejected("no".to_owned()))
    }

    fn opened() -> Breaker {
        let breaker = Breaker::default();
        fail_until_open(&breaker);
        breaker
    }

    fn fail_until_open(breaker: &Breaker) {
        for _ in 0..FAILURES_TO_OPEN {
            breaker.admit().unwrap();
            breaker.failure(&fault());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn opens_after_failures_in_a_row_only() {
        let breaker = Breaker::default();
        for interruption in [Breaker::success as fn(&Breaker), |breaker| {
            breaker.failure(&refusal())
        }] {
            for _ in 0..4 {
                breaker.failure(&fault());
            }
            interruption(&breaker);
        }
        for _ in 0..4 {
            breaker.failure(&fault());
            assert!(breaker.admit().is_ok());
        }
        breaker.alive();
        breaker.failure(&fault());
        let Err(LlmError::CircuitOpen { retry_after }) = breaker.admit() else {
            panic!("still closed")
        };
        assert_eq!(retry_after, PROBE_EVERY);
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_at_a_time_until_one_succeeds() {
        let breaker = opened();
        advance(PROBE_EVERY).await;
        assert!(breaker.admit().is_ok(), "the probe");
        assert!(breaker.admit().is_err(), "only one");
        breaker.failure(&fault());
        assert!(breaker.admit().is_err(), "it failed");
        advance(PROBE_EVERY).await;
        assert!(breaker.admit().is_ok(), "the next probe");
        breaker.alive();
        assert!(breaker.admit().is_ok() && breaker.admit().is_ok(), "closed again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_circuit_below_obeys_and_is_not_counted() {
        let answers = Arc::new(Breaker::default());
        let titles = Breaker::below(&answers);
        fail_until_open(&titles);
        assert!(titles.admit().is_err(), "left alone");
        assert!(answers.admit().is_ok(), "nobody else's matter");

        let vectors = Breaker::below(&answers);
        fail_until_open(&answers);
        assert!(vectors.admit().is_err(), "the provider is dead");
        vectors.success();
        assert!(answers.admit().is_err(), "only an answer closes it");
        advance(PROBE_EVERY).await;
        assert!(vectors.admit().is_ok() && vectors.admit().is_ok());
        assert!(answers.admit().is_ok(), "the probe was left to the answers");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_hangs_does_not_hold_up_the_next() {
        let breaker = opened();
        for _ in 0..3 {
            advance(PROBE_EVERY).await;
            assert!(breaker.admit().is_ok());
        }
    }
}
