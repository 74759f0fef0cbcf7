//! Who is who: registration, sign-in, tokens, sessions, passwords.

mod admin;
mod keys;
mod old_hashes;
mod passwords;
mod removal;
mod sessions;
#[cfg(test)]
mod tests;
mod throttle;
mod tokens;
mod uses;

pub use admin::AccountSelector;
pub use keys::{ApiKey, KeyWish};
pub(crate) use passwords::{Passwords, Verdict};
pub use sessions::Session;
pub(crate) use throttle::Throttle;
pub(crate) use tokens::Tokens;
pub(crate) use uses::{Uses, keep_uses};

use crate::{
    Engine, EngineError, Settings,
    administration::{Registration, registration},
    views::{Account, Caller, NewAccount, Origin, SignedIn},
};
use chatai_store::{
    Backend, StoreError, Tx,
    ops::accounts::{self as rows, Added},
};
use chatai_types::{ErrorCode, Random, Timestamp, UserId};
use moka::sync::Cache;
use old_hashes::OldHashes;
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How long a checked token is believed without asking the database again, on SQLite alone: whatever ends it there
/// happens in this process, and is seen at once. On PostgreSQL others may end it, and every request asks.
const TOKEN_TTL: Duration = Duration::from_secs(1);
const TOKENS_KEPT: u64 = 50_000;

/// Above the allowance of wrong passwords, one try in so many seconds is still checked: guessing stays slow,
/// and the owner gets in even while somebody guesses.
const SLOW_LANE_SECS: i64 = 2;

/// An address has the allowance of so many accounts: people share addresses, and one that tries a password at every
/// account is slowed down too.
const ACCOUNTS_AT_AN_ADDRESS: u32 = 10;

/// The state behind accounts.
pub(crate) struct Accounts {
    pub(crate) passwords: Passwords,
    old_hashes: OldHashes,
    tokens: Tokens,
    random: Arc<dyn Random>,
    /// What the configuration begins with; what is set at run time goes before it.
    registration: Registration,
    password_chars: (usize, usize),
    checked: Cache<blake3::Hash, Checked>,
    /// Counts the changes after which a checked token must be checked again.
    pub(crate) generation: AtomicU64,
    pub(crate) uses: Uses,
    registrations: Throttle<IpAddr>,
    failures: Throttle<(String, IpAddr)>,
    slow_lane: Throttle<(String, IpAddr)>,
    /// The same of an address, whichever accounts it tries.
    failures_of_address: Throttle<IpAddr>,
    slow_lane_of_address: Throttle<IpAddr>,
}

#[derive(Clone)]
struct Checked {
    caller: Caller,
    generation: u64,
}

impl Accounts {
    pub(crate) fn new(settings: &Settings, random: Arc<dyn Random>) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        // One core is left to everybody else.
        let at_once = cores.saturating_sub(1).clamp(1, 8);
        Self {
            passwords: Passwords::new(at_once, Arc::clone(&random)),
            old_hashes: OldHashes::default(),
            tokens: Tokens::new(&settings.auth),
            random,
            registration: match settings.auth.registration_open {
                true => Registration::Open,
                false => Registration::Closed,
            },
            password_chars: (settings.auth.password_min_chars, settings.auth.password_max_chars),
            checked: Cache::builder()
                .max_capacity(TOKENS_KEPT)
                .time_to_live(TOKEN_TTL)
                .build(),
            generation: AtomicU64::new(0),
            uses: Uses::default(),
            registrations: Throttle::per_minute(settings.limits.registrations_per_minute),
            failures: Throttle::per_minute(settings.limits.sign_in_failures_per_minute),
            slow_lane: Throttle::one_every_secs(SLOW_LANE_SECS),
            failures_of_address: Throttle::per_minute(
                settings
                    .limits
                    .sign_in_failures_per_minute
                    .saturating_mul(ACCOUNTS_AT_AN_ADDRESS),
            ),
            slow_lane_of_address: Throttle::one_every_secs(SLOW_LANE_SECS),
        }
    }

    /// Whether anyone may register where nothing else is set at run time.
    pub(crate) fn registration(&self) -> Registration {
        self.registration
    }

    /// Makes every checked token be checked again.
    pub(crate) fn forget_checked(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    fn note_use(&self, caller: &Caller, now: Timestamp) {
        match caller.key {
            Some(key) => self.uses.keys.note(key, now),
            None => self.uses.sessions.note(Arc::clone(&caller.session), now),
        }
    }
}

/// The form in which e-mails are compared without case.
pub(crate) fn fold_email(email: &str) -> String {
    email.to_lowercase()
}

fn too_many(wait: Duration) -> EngineError {
    EngineError::new(
        ErrorCode::RateLimited,
        "Too many attempts; wait before the next one",
    )
    .retry_after(wait)
}

fn registration_closed() -> EngineError {
    EngineError::new(
        ErrorCode::RegistrationClosed,
        "This instance takes no new accounts",
    )
}

fn wrong_credentials() -> EngineError {
    EngineError::new(ErrorCode::WrongCredentials, "Incorrect username or password")
}

impl Engine {
    /// The fewest and the most characters of a password.
    pub fn password_limits(&self) -> (usize, usize) {
        self.inner.accounts.password_chars
    }

    /// Makes an account and signs it in. The first one of an instance is its administrator.
    ///
    /// # Errors
    /// `email_taken`, `registration_closed`, `rate_limited`.
    pub async fn register(&self, new: NewAccount, origin: Origin) -> Result<SignedIn, EngineError> {
        let accounts = &self.inner.accounts;
        let now = self.now();
        let configured = accounts.registration;
        let is_refused = self.store().read(move |tx| {
            let open = registration(tx, configured)? == Registration::Open;
            Ok::<_, StoreError>(!open && rows::first_is_taken(tx)?)
        });
        if is_refused.await? {
            return Err(registration_closed());
        }
        accounts
            .registrations
            .take(origin.address, now)
            .map_err(too_many)?;
        let account = self.add_account(new, Some(configured)).await?;
        self.begin_session(&account, account.epoch, origin.user_agent)
            .await
    }

    /// Makes an account: by registration, which may be closed, with what the configuration says of it; or as the
    /// administrator's command does, which nothing closes.
    pub(crate) async fn add_account(
        &self,
        new: NewAccount,
        registering: Option<Registration>,
    ) -> Result<rows::Account, EngineError> {
        let taken = || EngineError::new(ErrorCode::EmailTaken, "Email already registered");
        let email_folded = fold_email(&new.email);
        let folded = email_folded.clone();
        if self.read(move |tx| rows::email_taken(tx, &folded)).await? {
            return Err(taken());
        }
        let password_hash = self.inner.accounts.passwords.hash(&new.password).await?;
        let row = rows::NewAccount {
            email: new.email,
            email_folded,
            password_hash,
            display_name: new.display_name,
            created_at: self.now(),
            only_as_first: false,
        };
        let add = move |tx: &mut Tx<'_>| {
            let only_as_first = match registering {
                Some(configured) => registration(tx, configured)? == Registration::Closed,
                None => false,
            };
            rows::add(
                tx,
                &rows::NewAccount {
                    only_as_first,
                    ..row.clone()
                },
            )
        };
        match self.store().write(add).await? {
            Added::Account(account) => Ok(account),
            Added::EmailTaken => Err(taken()),
            Added::NotFirst => Err(registration_closed()),
        }
    }

    /// Whether this instance has had its first account.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn has_accounts(&self) -> Result<bool, EngineError> {
        self.read(rows::first_is_taken).await
    }

    /// Whether anyone may register, and whether this instance has had its first account.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn registration_state(&self) -> Result<(Registration, bool), EngineError> {
        let configured = self.inner.accounts.registration;
        self.read(move |tx| Ok::<_, StoreError>((registration(tx, configured)?, rows::first_is_taken(tx)?)))
            .await
    }

    /// Signs an account in.
    ///
    /// # Errors
    /// `wrong_credentials` for an unknown e-mail and a wrong password alike, `account_disabled`, `rate_limited`.
    pub async fn sign_in(
        &self,
        email: &str,
        password: &str,
        origin: Origin,
    ) -> Result<SignedIn, EngineError> {
        let accounts = &self.inner.accounts;
        let now = self.now();
        let folded = fold_email(email);
        let key = (folded.clone(), origin.address);
        let address = origin.address;
        let is_tried = accounts.failures.is_used_up(&key, now);
        let tries_many = accounts.failures_of_address.is_used_up(&address, now);
        if tries_many {
            accounts
                .slow_lane_of_address
                .take(address, now)
                .map_err(too_many)?;
        }
        if is_tried {
            accounts.slow_lane.take(key.clone(), now).map_err(too_many)?;
        }
        let asked = email.to_owned();
        let found = self
            .read(move |tx| rows::credentials(tx, &asked, &folded))
            .await?;
        let hash = found.as_ref().map(|found| found.password_hash.as_str());
        let old_cost = self.old_hash_cost().await?;
        let verdict = accounts.passwords.verify(password, hash, old_cost).await?;
        let Some(found) = found.filter(|_| verdict != Verdict::Wrong) else {
            let counted = accounts.failures.take(key, now);
            return Err(
                match counted.and(accounts.failures_of_address.take(address, now)) {
                    Ok(()) if !is_tried && !tries_many => wrong_credentials(),
                    Ok(()) => too_many(Duration::from_secs(SLOW_LANE_SECS.unsigned_abs())),
                    Err(wait) => too_many(wait),
                },
            );
        };
        if found.account.disabled {
            return Err(EngineError::new(
                ErrorCode::AccountDisabled,
                "This account is disabled",
            ));
        }
        if verdict == Verdict::RightButOld
            && let Err(error) = self.renew_hash(&found, password).await
        {
            // The right password signs in even when nothing can be written.
            tracing::warn!(%error, "an old password hash could not be renewed");
        }
        self.begin_session(&found.account, found.account.epoch, origin.user_agent)
            .await
    }

    async fn renew_hash(&self, found: &rows::Credentials, password: &str) -> Result<(), EngineError> {
        let renewed = self.inner.accounts.passwords.hash(password).await?;
        let (owner, old) = (found.account.id, found.password_hash.clone());
        self.store()
            .write(move |tx| rows::renew_hash(tx, owner, &old, &renewed))
            .await?;
        Ok(())
    }

    /// Who a token speaks for.
    ///
    /// # Errors
    /// `invalid_token` for every token that does not count: malformed, expired, ended, of a disabled account.
    pub async fn authenticate(&self, token: &str) -> Result<Caller, EngineError> {
        let accounts = &self.inner.accounts;
        let now = self.now();
        let key = blake3::hash(token.as_bytes());
        let generation = accounts.generation.load(Ordering::Acquire);
        let is_ours_alone = self.store().backend() == Backend::Sqlite;
        if is_ours_alone
            && let Some(checked) = accounts.checked.get(&key)
            && checked.generation == generation
            && checked.caller.expires_at > now
        {
            accounts.note_use(&checked.caller, now);
            return Ok(checked.caller);
        }
        let caller = if token.starts_with(keys::PREFIX) {
            self.authenticate_key(token, generation).await?
        } else {
            self.authenticate_session(token, now, generation).await?
        };
        accounts.note_use(&caller, now);
        if is_ours_alone {
            let caller = caller.clone();
            accounts.checked.insert(key, Checked { caller, generation });
        }
        Ok(caller)
    }

    /// The caller's own account.
    ///
    /// # Errors
    /// `invalid_token` when it was deleted meanwhile.
    pub async fn account(&self, caller: &Caller) -> Result<Account, EngineError> {
        let owner = caller.user_id;
        let found = self.read(move |tx| rows::get(tx, owner)).await?;
        found.map(Account::from).ok_or_else(EngineError::invalid_token)
    }

    /// Sets a new password, ends all sessions and signs in anew.
    ///
    /// # Errors
    /// `wrong_credentials` when the current password is another, `rate_limited`.
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: &str,
        new: &str,
        origin: Origin,
    ) -> Result<SignedIn, EngineError> {
        caller.signed_in_by_a_person()?;
        let accounts = &self.inner.accounts;
        let owner = caller.user_id;
        let now = self.now();
        let found = self.read(move |tx| rows::credentials_of(tx, owner)).await?;
        let found = found.ok_or_else(EngineError::invalid_token)?;
        let key = (fold_email(&found.account.email), origin.address);
        if accounts.failures.is_used_up(&key, now) {
            accounts.slow_lane.take(key.clone(), now).map_err(too_many)?;
        }
        // The caller knows whether the account exists: no time to hide.
        let verdict = accounts
            .passwords
            .verify(current, Some(&found.password_hash), 0)
            .await?;
        if verdict == Verdict::Wrong {
            accounts.failures.take(key, now).map_err(too_many)?;
            return Err(EngineError::new(
                ErrorCode::WrongCredentials,
                "Current password is wrong",
            ));
        }
        let epoch = self
            .set_password(owner, new)
            .await?
            .ok_or_else(EngineError::invalid_token)?;
        self.begin_session(&found.account, epoch, origin.user_agent).await
    }

    /// Sets a password and ends all sessions; `None` for an unknown account.
    pub(crate) async fn set_password(&self, owner: UserId, new: &str) -> Result<Option<i64>, EngineError> {
        let hash = self.inner.accounts.passwords.hash(new).await?;
        let epoch = self
            .store()
            .write(move |tx| rows::set_password(tx, owner, &hash))
            .await?;
        self.inner.accounts.forget_checked();
        Ok(epoch)
    }
}

impl From<rows::Account> for Account {
    fn from(row: rows::Account) -> Self {
        Self {
            id: row.id,
            email: row.email,
            display_name: row.display_name,
            role: row.role,
            disabled: row.disabled,
            created_at: row.created_at,
        }
    }
}
