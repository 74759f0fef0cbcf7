//! Attempts before the first byte: when to try again, and after which wait.
//!
//! Deliberately not a general layer around a client: once anything of an answer arrived, a repetition would
//! show text twice and cost twice, so only the caller's `attempt` up to that point runs in here.

use crate::{breaker::Breaker, failure::Failure, provider::LlmError};
use chatai_types::Random;
use std::time::Duration;
use tokio::time::Instant;

/// A longer wait than this is the caller's business, not something to sit through.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// The longest wait of our own choosing.
const LONGEST_BACKOFF: Duration = Duration::from_secs(8);

/// How attempts are repeated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryPolicy {
    /// Attempts after the first.
    pub(crate) max_retries: u32,
    /// The first wait, doubled each time, each shortened at random by up to half.
    pub(crate) backoff: Duration,
}

impl RetryPolicy {
    /// Runs `attempt` until it succeeds, its failure is final, or `deadline` would pass while waiting. The
    /// circuit is asked before each attempt and told of each failure; success is for the caller to report,
    /// who alone sees the answer's first byte.
    pub(crate) async fn run<T, F>(
        &self,
        breaker: &Breaker,
        random: &dyn Random,
        deadline: Instant,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, LlmError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        breaker.admit()?;
        let begun = Instant::now();
        let mut retries = 0;
        loop {
            let failure = match tokio::time::timeout_at(deadline, attempt()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(failure)) => failure,
                // Its own bounds are shorter unless attempts before used the time up.
                Err(_) => return Err(LlmError::TooLong(deadline - begun)),
            };
            breaker.failure(&failure);
            let wait = self.wait(retries, &failure, random);
            let hopeless = !failure.retryable || retries >= self.max_retries || wait > LONGEST_WAIT;
            if hopeless || Instant::now() + wait >= deadline {
                return Err(failure.error);
            }
            tracing::debug!(error = %failure.error, ?wait, "model call is tried again");
            tokio::time::sleep(wait).await;
            if breaker.admit().is_err() {
                return Err(failure.error);
            }
            retries += 1;
        }
    }

    fn wait(&self, retries: u32, failure: &Failure, random: &dyn Random) -> Duration {
        let mut bytes = [0; 4];
        random.fill(&mut bytes);
        let share = f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX);
        match failure.retry_after {
            // Never earlier than asked; a little later, so that waiting callers do not come back as one.
            Some(asked) => asked.saturating_add(self.backoff.mul_f64(share / 4.0)),
            None => {
                let full = self
                    .backoff
                    .saturating_mul(1 << retries.min(16))
                    .min(LONGEST_BACKOFF);
                full.mul_f64(1.0 - share / 2.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Sign;
    use chatai_types::SeededRandom;
    use std::cell::Cell;

    const POLICY: RetryPolicy = RetryPolicy {
        max_retries: 2,
        backoff: Duration::from_millis(500),
    };

    fn failed() -> LlmError {
        LlmError::Failed("broken".to_owned())
    }

    /// Runs attempts that all fail with `failure`; gives how many there were and how long it took.
    async fn exhaust(failure: impl Fn() -> Failure, bound: Duration) -> (u32, Duration, LlmError) {
        let (attempts, start) = (Cell::new(0), Instant::now());
        let outcome: Result<(), _> = POLICY
            .run(
                &Breaker::default(),
                &SeededRandom::new(7),
                start + bound,
                async || {
                    attempts.set(attempts.get() + 1);
                    Err(failure())
                },
            )
            .await;
        (attempts.get(), start.elapsed(), outcome.unwrap_err())
    }

    fn rate_limited(seconds: u64) -> Failure {
        let retry_after = Some(Duration::from_secs(seconds));
        Failure {
            error: LlmError::RateLimited {
                retry_after,
                detail: String::new(),
            },
            sign: Sign::Well,
            retryable: true,
            retry_after,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_after_two_retries_with_growing_waits() {
        let (attempts, took, _) = exhaust(|| Failure::transient(failed()), Duration::from_secs(60)).await;
        assert_eq!(attempts, 3);
        assert!(
            took >= Duration::from_millis(750) && took <= Duration::from_millis(1_510),
            "{took:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn final_failures_are_not_repeated() {
        for failure in [|| Failure::fatal(failed()), || Failure::refused(failed())] {
            let (attempts, took, _) = exhaust(failure, Duration::from_secs(60)).await;
            assert_eq!((attempts, took), (1, Duration::ZERO));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_as_long_as_asked_but_not_longer_than_bearable() {
        let (attempts, took, _) = exhaust(|| rate_limited(3), Duration::from_secs(60)).await;
        assert_eq!(attempts, 3);
        assert!(
            took >= Duration::from_secs(6) && took < Duration::from_secs(7),
            "{took:?}"
        );
        let (attempts, took, error) = exhaust(|| rate_limited(21), Duration::from_secs(60)).await;
        assert_eq!((attempts, took), (1, Duration::ZERO));
        assert!(matches!(
            error,
            LlmError::RateLimited {
                retry_after: Some(_),
                ..
            }
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn never_waits_past_the_deadline() {
        let (attempts, took, _) = exhaust(|| rate_limited(3), Duration::from_secs(2)).await;
        assert_eq!((attempts, took), (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_does_not_outlive_the_deadline() {
        let start = Instant::now();
        let outcome: Result<(), _> = POLICY
            .run(
                &Breaker::default(),
                &SeededRandom::new(7),
                start + Duration::from_secs(2),
                std::future::pending,
            )
            .await;
        assert!(
            matches!(outcome, Err(LlmError::TooLong(total)) if total == Duration::from_secs(2)),
            "{outcome:?}"
        );
        assert_eq!(start.elapsed(), Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_circuit_ends_the_attempts_with_the_failure_that_opened_it() {
        let breaker = Breaker::default();
        let far = Instant::now() + Duration::from_secs(600);
        let attempts = Cell::new(0);
        let attempt = || {
            attempts.set(attempts.get() + 1);
            std::future::ready(Err::<(), _>(Failure::transient(failed())))
        };
        for _ in 0..2 {
            let outcome = POLICY.run(&breaker, &SeededRandom::new(7), far, attempt).await;
            assert!(matches!(outcome, Err(LlmError::Failed(_))), "{outcome:?}");
        }
        assert_eq!(attempts.get(), 5);
        let start = Instant::now();
        let outcome = POLICY.run(&breaker, &SeededRandom::new(7), far, attempt).await;
        assert!(
            matches!(outcome, Err(LlmError::CircuitOpen { .. })),
            "{outcome:?}"
        );
        assert_eq!((attempts.get(), start.elapsed()), (5, Duration::ZERO));
    }
}
