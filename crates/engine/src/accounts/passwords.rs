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

    /// Checks a password against a stored hash; `None` takes as long and is wrong. Where other accounts have bcrypt
    /// hashes of up to `old_cost`, every wrong password takes the time of Argon2id and of that cost together, whichever
    /// of the two the account has.
    pub(crate) async fn verify(
        &self,
        password: &str,
        hash: Option<&str>,
        old_cost: u32,
    ) -> Result<Verdict, EngineError> {
        let hash = hash.map(str::to_owned);
        let decoy = self.decoy.clone();
        let password = password.to_owned();
        self.compute(move || {
            let verdict = match &hash {
                Some(hash) => check(&password, hash),
                None => {
                    check(&password, &decoy);
                    Verdict::Wrong
                }
            };
            if verdict == Verdict::Wrong && old_cost > 0 {
                let own_cost = hash.as_deref().and_then(bcrypt_cost);
                if own_cost.is_some() {
                    check(&password, &decoy);
                }
                spend_bcrypt(&password, own_cost, old_cost);
            }
            Ok(verdict)
        })
        .await
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

/// The cost in a bcrypt hash, `$2b$12$…`.
fn bcrypt_cost(hash: &str) -> Option<u32> {
    hash.strip_prefix("$2")?.split('$').nth(1)?.parse().ok()
}

/// Fills up to the time of a bcrypt hash of cost `whole` after one of cost `own`, or after none.
fn spend_bcrypt(password: &str, own: Option<u32>, whole: u32) {
    // Each cost takes twice the time of the one below: 2^c + 2^c + 2^(c+1) + … + 2^(w-1) = 2^w.
    let costs = match own {
        Some(own) => own..whole,
        None => whole..whole + 1,
    };
    for cost in costs {
        // Only a cost out of bounds fails, and takes no time anyway.
        let _time = std::hint::black_box(bcrypt::hash_with_salt(password, cost, [0; 16]));
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
            passwords.verify("secret", Some(&hash), 0).await.unwrap(),
            Verdict::Right
        );
        assert_eq!(
            passwords.verify("Secret", Some(&hash), 0).await.unwrap(),
            Verdict::Wrong
        );
        assert_eq!(passwords.verify("secret", None, 4).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn hashes_of_the_original_verify_and_are_to_be_renewed() {
        let passwords = passwords();
        let hash = bcrypt::hash("secret", 4).unwrap();
        assert_eq!(
            passwords.verify("secret", Some(&hash), 0).await.unwrap(),
            Verdict::RightButOld
        );
        assert_eq!(
            passwords.verify("other", Some(&hash), 6).await.unwrap(),
            Verdict::Wrong
        );
        let long = "x".repeat(100);
        let hash = bcrypt::hash(&long[..72], 4).unwrap();
        assert_eq!(
            passwords.verify(&long, Some(&hash), 4).await.unwrap(),
            Verdict::RightButOld
        );
    }

    #[test]
    fn a_bcrypt_hash_names_its_cost() {
        assert_eq!(bcrypt_cost(&bcrypt::hash("x", 5).unwrap()), Some(5));
        assert_eq!(bcrypt_cost("$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA"), None);
        assert_eq!(bcrypt_cost("$2b$"), None);
    }

    #[test]
    fn the_decoy_is_a_well_formed_hash() {
        assert!(
            PasswordHash::new(&passwords().decoy).is_ok(),
            "else a missing account would answer faster"
        );
    }
}
