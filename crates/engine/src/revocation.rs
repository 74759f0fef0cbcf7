//! Revocation: a key that is deleted, an account that is shut or removed. No request with it counts any more, and what
//! runs for it ends at once; what was used until then is charged.
//!
//! Each instance ends what it runs itself. Whoever starts something looks again, once it can be found here, if anything was
//! revoked since its caller was let in: between the two nobody could have ended it. Other instances look every second.

use crate::{inner::Inner, views::Caller};
use chatai_store::ops::{accounts, budgets::Payer};
use std::sync::atomic::Ordering;
use tokio_util::sync::CancellationToken;

/// For whom something is started, and up to which revocation that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted {
    pub(crate) payer: Payer,
    /// The number of changes to accounts and keys when the caller's token was checked.
    generation: u64,
}

impl From<&Caller> for Admitted {
    fn from(caller: &Caller) -> Self {
        Self {
            payer: caller.payer(),
            generation: caller.generation,
        }
    }
}

impl Inner {
    /// Ends what runs here for those whom it concerns. Their tokens no longer count.
    pub(crate) fn revoke(&self, concern: impl Fn(Payer) -> bool) {
        self.accounts.forget_checked();
        self.turns.stop_those(|log| concern(log.payer));
        self.calls.stop_those(concern);
    }

    /// Ends what was just started, if it was revoked in the meantime.
    pub(crate) async fn check_again(&self, admitted: Admitted, stop: &CancellationToken) {
        if self.accounts.generation.load(Ordering::Acquire) == admitted.generation {
            return;
        }
        let payer = admitted.payer;
        match self.store.read(move |tx| accounts::may_ask(tx, payer)).await {
            Ok(true) => {}
            Ok(false) => stop.cancel(),
            Err(error) => {
                tracing::warn!(%error, "it is not known whether a caller still counts; what it started is ended");
                stop.cancel();
            }
        }
    }
}
