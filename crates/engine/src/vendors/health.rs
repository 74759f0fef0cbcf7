//! How a provider is, as its calls show it: nobody is called to find out.

use crate::chat::refusal;
use async_trait::async_trait;
use chatai_llm::{Embeddings, EventStream, LlmError, OfferedModel, Provider, Request};
use chatai_types::{Clock, ErrorCode, Timestamp};
use futures_util::StreamExt;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

/// How a provider's last call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VendorState {
    /// None was made yet.
    Unknown,
    /// It answered.
    Reachable,
    /// It failed, or refused this instance's key.
    Failing,
    /// It failed repeatedly and is left alone for a moment.
    Resting,
}

/// How a provider is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// How its last call went.
    pub state: VendorState,
    /// Since when that is so; `None` while no call was made.
    pub since: Option<Timestamp>,
    /// Until when it is left alone at least, while it is.
    pub resting_until: Option<Timestamp>,
    /// Calls in a row that failed.
    pub failures: u64,
    /// When it last answered.
    pub answered_at: Option<Timestamp>,
    /// How its last failure was named, without its own words, and when that was.
    pub last_error: Option<(ErrorCode, String, Timestamp)>,
}

/// A provider with how it is.
pub(crate) struct Watched {
    provider: Arc<dyn Provider>,
    health: Mutex<Health>,
    in_flight: AtomicUsize,
    clock: Arc<dyn Clock>,
}

/// A call, until it is dropped.
struct Flight(Arc<Watched>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Health {
    const UNKNOWN: Self = Self {
        state: VendorState::Unknown,
        since: None,
        resting_until: None,
        failures: 0,
        answered_at: None,
        last_error: None,
    };

    fn turn_to(&mut self, state: VendorState, now: Timestamp) {
        self.resting_until = None;
        if self.state != state {
            (self.state, self.since) = (state, Some(now));
        }
    }

    fn answered(&mut self, now: Timestamp) {
        self.turn_to(VendorState::Reachable, now);
        self.failures = 0;
        self.answered_at = Some(now);
    }

    fn failed(&mut self, error: &LlmError, now: Timestamp) {
        let named = refusal(error);
        match error {
            // Our own bound says nothing of it.
            LlmError::Busy { .. } => return,
            LlmError::CircuitOpen { retry_after } => {
                self.turn_to(VendorState::Resting, now);
                let secs = i64::try_from(retry_after.as_millis().div_ceil(1_000)).unwrap_or(i64::MAX);
                self.resting_until = Some(now.plus_secs(secs));
            }
            // It is there, and did not like what it was asked.
            LlmError::Rejected(_)
            | LlmError::ContextTooLong(_)
            | LlmError::ModelUnavailable(_)
            | LlmError::RateLimited { .. } => {
                self.turn_to(VendorState::Reachable, now);
                self.failures = 0;
            }
            _ => {
                self.turn_to(VendorState::Failing, now);
                self.failures = self.failures.saturating_add(1);
            }
        }
        self.last_error = Some((named.code, named.detail.into_owned(), now));
    }
}

impl Watched {
    pub(crate) fn new(provider: Arc<dyn Provider>, clock: Arc<dyn Clock>) -> Self {
        Self {
            provider,
            health: Mutex::new(Health::UNKNOWN),
            in_flight: AtomicUsize::new(0),
            clock,
        }
    }

    /// How it is.
    pub(super) fn health(&self) -> Health {
        self.lock().clone()
    }

    /// Calls that have not ended yet.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    fn begin(self: &Arc<Self>) -> Flight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Flight(Arc::clone(self))
    }

    /// Notes how a call went, and gives it on.
    fn noted<T>(&self, outcome: Result<T, LlmError>) -> Result<T, LlmError> {
        let now = self.clock.now();
        match &outcome {
            Ok(_) => self.lock().answered(now),
            Err(error) => self.lock().failed(error, now),
        }
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A provider for one model: the name it is asked for by becomes the one it has there.
pub(crate) struct Route {
    vendor: Arc<Watched>,
    id: String,
}

impl Route {
    pub(crate) fn new(vendor: &Arc<Watched>, id: &str) -> Self {
        Self {
            vendor: Arc::clone(vendor),
            id: id.to_owned(),
        }
    }
}

#[async_trait]
impl Provider for Route {
    fn name(&self) -> &str {
        self.vendor.provider.name()
    }

    async fn stream(&self, mut request: Request) -> Result<EventStream, LlmError> {
        request.model.clone_from(&self.id);
        let flight = self.vendor.begin();
        let events = self.vendor.noted(self.vendor.provider.stream(request).await)?;
        // An answer that began may still break off.
        let watched = events.inspect(move |event| {
            if let Err(error) = event {
                let now = flight.0.clock.now();
                flight.0.lock().failed(error, now);
            }
        });
        Ok(watched.boxed())
    }

    async fn embed(&self, _: &str, texts: &[String]) -> Result<Embeddings, LlmError> {
        let _flight = self.vendor.begin();
        self.vendor
            .noted(self.vendor.provider.embed(&self.id, texts).await)
    }

    async fn models(&self) -> Result<Vec<OfferedModel>, LlmError> {
        let _flight = self.vendor.begin();
        self.vendor.noted(self.vendor.provider.models().await)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::Mute, *};
    use chatai_llm::Event;
    use chatai_types::ManualClock;
    use futures_util::stream;
    use std::time::Duration;

    fn watched(provider: impl Provider + 'static) -> (Arc<Watched>, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
        let watched = Watched::new(Arc::new(provider), Arc::clone(&clock) as Arc<dyn Clock>);
        (Arc::new(watched), clock)
    }

    #[test]
    fn failures_say_how_a_provider_is() {
        let (watched, clock) = watched(Mute);
        let noted = |outcome: Result<(), LlmError>| {
            clock.advance_secs(1);
            let _ = watched.noted(outcome);
            let health = watched.health();
            let secs = |at: Option<Timestamp>| at.map(Timestamp::as_secs);
            (
                health.state,
                secs(health.since),
                secs(health.resting_until),
                health.failures,
            )
        };
        let why = || "sk-secret".to_owned();
        let retry_after = Duration::from_millis(1_500);
        assert_eq!(watched.health(), Health::UNKNOWN);
        assert_eq!(noted(Ok(())), (VendorState::Reachable, Some(1), None, 0));
        assert_eq!(
            noted(Err(LlmError::Failed(why()))),
            (VendorState::Failing, Some(2), None, 1)
        );
        assert_eq!(
            noted(Err(LlmError::Failed(why()))),
            (VendorState::Failing, Some(2), None, 2)
        );
        let open = || Err(LlmError::CircuitOpen { retry_after });
        assert_eq!(noted(open()), (VendorState::Resting, Some(4), Some(6), 2));
        assert_eq!(noted(open()), (VendorState::Resting, Some(4), Some(7), 2));
        assert_eq!(
            noted(Err(LlmError::Rejected(why()))),
            (VendorState::Reachable, Some(6), None, 0)
        );
        assert_eq!(
            noted(Err(LlmError::Auth(why()))),
            (VendorState::Failing, Some(7), None, 1)
        );
        let (code, detail, at) = watched.health().last_error.unwrap();
        assert_eq!((code, at.as_secs()), (ErrorCode::ProviderAuth, 7));
        assert!(!detail.contains("sk-secret"), "{detail}");
        assert_eq!(watched.health().answered_at.map(Timestamp::as_secs), Some(1));
    }

    /// Begins an answer and breaks it off.
    struct Breaking;

    #[async_trait]
    impl Provider for Breaking {
        fn name(&self) -> &str {
            "breaking"
        }

        async fn stream(&self, _: Request) -> Result<EventStream, LlmError> {
            let events = [
                Ok(Event::Text("so far".to_owned())),
                Err(LlmError::Failed("cut".to_owned())),
            ];
            Ok(stream::iter(events).boxed())
        }

        async fn embed(&self, _: &str, _: &[String]) -> Result<Embeddings, LlmError> {
            Err(LlmError::Failed("none".to_owned()))
        }

        async fn models(&self) -> Result<Vec<OfferedModel>, LlmError> {
            Err(LlmError::Failed("none".to_owned()))
        }
    }

    #[tokio::test]
    async fn an_answer_is_in_flight_until_its_end_and_may_break_off() {
        let (watched, _clock) = watched(Breaking);
        let route = Route::new(&watched, "m");
        let mut events = route.stream(Request::default()).await.unwrap();
        assert_eq!(
            (watched.in_flight(), watched.health().state),
            (1, VendorState::Reachable)
        );
        assert!(events.next().await.unwrap().is_ok());
        assert!(events.next().await.unwrap().is_err());
        assert_eq!(
            (watched.health().state, watched.health().failures),
            (VendorState::Failing, 1)
        );
        drop(events);
        assert_eq!(watched.in_flight(), 0);
        assert!(route.embed("m", &[]).await.is_err());
        assert_eq!(watched.in_flight(), 0);
    }
}
