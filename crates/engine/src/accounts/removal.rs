//! The end of an account: all content gone, the amounts kept.

use super::{Verdict, fold_email, too_many};
use crate::{
    Engine, EngineError, chat, direct,
    views::{Caller, Origin},
};
use chatai_store::ops::{
    account_removal::{self as rows, Removed},
    accounts,
};
use chatai_types::ErrorCode;

impl Engine {
    /// Removes the caller's account with everything that is its own. Turns that run are charged with it, and close
    /// without a trace but in the ledger.
    ///
    /// # Errors
    /// `wrong_password`, `rate_limited` after too many of them, `forbidden` for a caller with a key,
    /// `last_administrator`.
    pub async fn remove_account(
        &self,
        caller: &Caller,
        password: &str,
        origin: Origin,
    ) -> Result<(), EngineError> {
        caller.signed_in_by_a_person()?;
        let (ours, owner, now) = (&self.inner.accounts, caller.user_id, self.now());
        let found = self
            .store()
            .read(move |tx| accounts::credentials_of(tx, owner))
            .await?;
        let found = found.ok_or_else(EngineError::invalid_token)?;
        // The same allowance as at sign-in: here too passwords could be tried out.
        let key = (fold_email(&found.account.email), origin.address);
        if ours.failures.is_used_up(&key, now) {
            ours.slow_lane.take(key.clone(), now).map_err(too_many)?;
        }
        if ours
            .passwords
            // The caller knows whether the account exists: no time to hide.
            .verify(password, Some(&found.password_hash), 0)
            .await?
            == Verdict::Wrong
        {
            ours.failures.take(key, now).map_err(too_many)?;
            return Err(EngineError::new(
                ErrorCode::WrongPassword,
                "The password is wrong",
            ));
        }
        match self
            .store()
            .write(move |tx| rows::remove(tx, owner, now, chat::settle, direct::settle))
            .await?
        {
            Removed::Gone(conversations) => {
                self.inner.revoke(|payer| payer.owner == owner);
                for id in conversations {
                    self.inner.turns.recent.invalidate(&(owner, id));
                }
                Ok(())
            }
            Removed::Missing => Err(EngineError::invalid_token()),
            Removed::LastAdministrator => Err(EngineError::new(
                ErrorCode::LastAdministrator,
                "This is the only administrator; make another account one first",
            )),
        }
    }
}
