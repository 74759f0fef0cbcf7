//! Password hashes: Argon2id for new ones, bcrypt for those of the original, both off the async threads.

use crate::EngineError;
use argon2::{
    Argon2,
    password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString},
};
use chatai_types::{ErrorCode, Random};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::Semaphore;

/// How many callers may wait for a hash before more are refused.
const QUEUE: usize = 1_024;

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The right password, in today's hash.
    Right,
    /// The right password, in a hash to be renewed.
    RightButOld,
    /// Another password.
    Wrong,
}

/// Hashes and checks passwords, a bounded number at once.
#[derive(Debug)]
pub(crate) struct Passwords {
    workers: Arc<Semaphore>,
    waiting: AtomicUsize,
    random: Arc<dyn Random>,
    /// Checked in place of a missing account's hash, so that both take the same time.
    decoy: String,
}

impl Passwords {
    /// `at_once` hashes are computed side by side; each takes a core and 19 MiB.
    pub(crate) fn new(at_once: usize, random: Arc<dyn Random>) -> Self {
        // A fixed salt and an empty hash of the right size: nothing matches it, and nothing is computed at start.
        let decoy = format!(
            "$argon2id$v=19$m=19456,t=2,p=1${}${}",
            "A".repeat(22),
            "A".repeat(43)
        );
        Self {
            workers: Arc::new(Semaphore::new(at_once)),
            waiting: AtomicUsize::new(0),
            random,
            decoy,
        }
    }

    /// A new hash.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, EngineError> {
        let mut salt = [0; 16];
        self.random.fill(&mut salt);
        let password = password.to_owned();
        self.compute(move || {
            let salt = SaltString::encode_b64(&salt).map_err(EngineError::internal)?;
            let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
            hash.map(|hash| hash.to_string()).map_err(EngineError::internal)
        })
        .await
    }

    /// Checks a password against a stored hash; `None` takes as long and is wrong.
    pub(crate) async fn verify(&self, password: &str, hash: Option<&str>) -> Result<Verdict, EngineError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.decoy).to_owned();
        let password = password.to_owned();
        let verdict = self.compute(move || Ok(check(&password, &hash))).await?;
        Ok(if known { verdict } else { Verdict::Wrong })
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let _place = Place::take(&self.waiting).ok_or_else(|| {
            EngineError::new(
                ErrorCode::Overloaded,
                "Too many sign-ins at once; try again shortly",
            )
            .retry_after(Duration::from_secs(2))
        })?;
        let permit = Arc::clone(&self.workers)
            .acquire_owned()
            .await
            .map_err(EngineError::internal)?;
        tokio::task::spawn_blocking(move || {
            // The permit goes with the work: a caller that leaves does not make room before the core is free.
            let _permit = permit;
            work()
        })
        .await
        .map_err(EngineError::internal)?
    }
}

fn check(password: &str, hash: &str) -> Verdict {
    if hash.starts_with("$2") {
        // bcrypt reads 72 bytes and ends at a NUL; longer ones were cut by the original too.
        return match bcrypt::verify(password, hash) {
            Ok(true) => Verdict::RightButOld,
            Ok(false) | Err(_) => Verdict::Wrong,
        };
    }
    let Ok(parsed) = PasswordHash::new(hash) else {
        return Verdict::Wrong;
    };
    match Argon2::default().verify_password(password.as_bytes(), &parsed) {
        Ok(()) => Verdict::Right,
        Err(_) => Verdict::Wrong,
    }
}

/// A place in the queue, given back on drop.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        if waiting.fetch_add(1, Ordering::AcqRel) >= QUEUE {
            waiting.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        Some(Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatai_types::SeededRandom;

    fn passwords() -> Passwords {
        Passwords::new(2, Arc::new(SeededRandom::new(1)))
    }

    #[tokio::test]
    async fn a_hash_verifies_its_password_alone() {
        let passwords = passwords();
        let hash = passwords.hash("secret").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(
            passwords.verify("secret", Some(&hash)).await.unwrap(),
            Verdict::Right
        );
        assert_eq!(
            passwords.verify("Secret", Some(&hash)).await.unwrap(),
            Verdict::Wrong
        );
        assert_eq!(passwords.verify("secret", None).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn hashes_of_the_original_verify_and_are_to_be_renewed() {
        let passwords = passwords();
        let hash = bcrypt::hash("secret", 4).unwrap();
        assert_eq!(
            passwords.verify("secret", Some(&hash)).await.unwrap(),
            Verdict::RightButOld
        );
        assert_eq!(
            passwords.verify("other", Some(&hash)).await.unwrap(),
            Verdict::Wrong
        );
        let long = "x".repeat(100);
        let hash = bcrypt::hash(&long[..72], 4).unwrap();
        assert_eq!(
            passwords.verify(&long, Some(&hash)).await.unwrap(),
            Verdict::RightButOld
        );
    }

    #[test]
    fn the_decoy_is_a_well_formed_hash() {
        assert!(
            PasswordHash::new(&passwords().decoy).is_ok(),
            "else a missing account would answer faster"
        );
    }
}
