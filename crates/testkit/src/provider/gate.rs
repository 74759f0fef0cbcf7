//! A gate that a test opens: how a scripted reply waits without sleeping.

use std::sync::Arc;
use tokio::sync::watch;

/// Holds whoever waits at it until it is opened; clones are the same gate. Once open it stays open.
#[derive(Clone, Debug)]
pub struct Gate {
    open: Arc<watch::Sender<bool>>,
    arrivals: Arc<watch::Sender<usize>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self {
            open: Arc::new(watch::Sender::new(false)),
            arrivals: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Lets everybody through, now and later.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Waits until `count` replies came to this gate; all they have to send before it is then written to
    /// their sockets.
    pub async fn reached_by(&self, count: usize) {
        // The sender lives in `self`, so the channel cannot close.
        let _ = self
            .arrivals
            .subscribe()
            .wait_for(|arrivals| *arrivals >= count)
            .await;
    }

    /// Waits until a reply came to this gate.
    pub async fn reached(&self) {
        self.reached_by(1).await;
    }

    /// Waits until the gate is open.
    pub async fn wait(&self) {
        self.arrivals.send_modify(|arrivals| *arrivals += 1);
        let _ = self.open.subscribe().wait_for(|open| *open).await;
    }
}
