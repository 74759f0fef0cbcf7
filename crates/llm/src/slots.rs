//! How many calls of one provider may be under way at once, and how long others wait for their turn.

use crate::provider::LlmError;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Callers that wait. More are told at once, since their turn would come too late.
const MAX_WAITING: usize = 1_024;

/// A bounded number of places.
#[derive(Debug)]
pub(crate) struct Slots {
    places: Arc<Semaphore>,
    max_concurrent: usize,
    waiting: AtomicUsize,
}

/// One who waits; counted until dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Slots {
    pub(crate) fn new(max_concurrent: usize) -> Self {
        // A bound of none would stop everything, and nobody can mean that.
        let max_concurrent = max_concurrent.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(max_concurrent)),
            max_concurrent,
            waiting: AtomicUsize::new(0),
        }
    }

    /// Takes a place, kept until the permit is dropped; waits for one at most `patience`.
    pub(crate) async fn take(&self, patience: Duration) -> Result<OwnedSemaphorePermit, LlmError> {
        let busy = LlmError::Busy {
            max_concurrent: self.max_concurrent,
        };
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(permit);
        }
        let waiting = Waiting(&self.waiting);
        if waiting.0.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            return Err(busy);
        }
        match timeout(patience, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphore is never closed, so this is the end of patience.
            Ok(Err(_)) | Err(_) => Err(busy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use tokio::time::Instant;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_place_that_comes_free_goes_to_who_waits() {
        let slots = Slots::new(2);
        let (first, _second) = (
            slots.take(PATIENCE).await.unwrap(),
            slots.take(PATIENCE).await.unwrap(),
        );
        let freed = async {
            tokio::time::sleep(PATIENCE / 2).await;
            drop(first);
        };
        let (third, ()) = tokio::join!(slots.take(PATIENCE), freed);
        let start = Instant::now();
        let fourth = slots.take(PATIENCE).await;
        assert!(
            matches!(fourth, Err(LlmError::Busy { max_concurrent: 2 })),
            "{fourth:?}"
        );
        assert_eq!(start.elapsed(), PATIENCE);
        drop(third.unwrap());
        assert!(slots.take(PATIENCE).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_queue_is_bounded_and_forgets_who_left() {
        let slots = Slots::new(1);
        let held = slots.take(PATIENCE).await.unwrap();
        for _ in 0..2 {
            let start = Instant::now();
            let outcomes = join_all((0..MAX_WAITING + 5).map(|_| async {
                assert!(slots.take(PATIENCE).await.is_err());
                start.elapsed()
            }))
            .await;
            let at_once = outcomes.iter().filter(|took| took.is_zero()).count();
            assert_eq!(at_once, 5);
        }
        drop(held);
        assert_eq!(slots.waiting.load(Ordering::Relaxed), 0);
    }
}
