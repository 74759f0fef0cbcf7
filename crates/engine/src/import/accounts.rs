//! Accounts, and whose an e-mail is.

use super::{
    ImportError,
    recognise::mark,
    repair::Repair,
    report::{Change, LeftOut},
    run::{Attempts, Outcome, Run, UserPlace, ends},
};
use crate::accounts::fold_email;
use chatai_store::{
    StoreError, Tx,
    legacy::UserRow,
    ops::import::{self as rows, Kind, Known, NewUser, UserWrite},
};
use chatai_types::UserId;
use std::{collections::HashMap, sync::Arc};

/// What becomes of a page of accounts.
#[derive(Default)]
struct Plan {
    writes: Arc<Vec<UserWrite>>,
    places: Vec<(i64, UserPlace)>,
    merged: Vec<(i64, UserId)>,
    conflicts: Vec<String>,
    outcome: Outcome,
}

/// An account that did not come before.
struct Fresh<'r> {
    row: &'r UserRow,
    /// Where the account is that this id meant before.
    replaces: Option<i64>,
    email: String,
    password_hash: String,
    repair: Repair,
}

/// Who a fresh account is.
enum Who {
    /// Nobody who is here.
    New,
    /// Somebody who is here.
    Here(UserId),
    /// Somebody earlier on the same page.
    OnPage,
    /// Perhaps somebody else who is here.
    Conflict,
}

impl Run<'_> {
    pub(super) async fn accounts(&mut self) -> Result<(), ImportError> {
        let mut from = Some(i64::MIN);
        while let Some(start) = from {
            let limits = self.limits();
            let page = self
                .original
                .read(move |original| original.users(start, limits))
                .await?;
            from = page.next;
            let mut attempts = Attempts::default();
            let plan = loop {
                let plan = self.plan_accounts(&page.rows).await?;
                let (writes, now) = (Arc::clone(&plan.writes), self.now);
                let write = move |tx: &mut Tx<'_>, source: &str| rows::write_users(tx, source, &writes, now);
                if plan.writes.is_empty() || self.write(&mut attempts, write).await? {
                    break plan;
                }
            };
            self.take_accounts(&plan);
            self.settle(Kind::User, page.rows.len(), &plan.outcome)?;
        }
        Ok(())
    }

    fn take_accounts(&mut self, plan: &Plan) {
        self.users.extend(plan.places.iter().copied());
        for (id, into) in &plan.merged {
            self.report.merge(*id, *into);
        }
        for email in &plan.conflicts {
            self.report.conflicts.push(email.clone());
        }
        for write in plan.writes.iter() {
            if let Some(new) = &write.new {
                self.emails
                    .insert(new.email.clone(), (write.id, new.password_hash.clone()));
            }
        }
    }

    async fn plan_accounts(&mut self, page: &[UserRow]) -> Result<Plan, ImportError> {
        let mut plan = Plan::default();
        let known = self.known_accounts(page).await?;
        let mut fresh = Vec::new();
        for row in page {
            let mut repair = Repair::default();
            let email = email(row, &mut repair);
            match known
                .get(&row.id)
                .map(|known| (known.local_id, known.current.as_deref()))
            {
                Some((here, Some(now))) if now == email => {
                    plan.places.push((row.id, UserPlace::Here(here)));
                    plan.outcome.known += 1;
                }
                Some((_, None)) => {
                    plan.places.push((row.id, UserPlace::Deleted));
                    plan.outcome.known += 1;
                }
                other => {
                    let replaces = other.map(|(before, _)| before.0);
                    let password_hash = password_hash(row, &mut repair);
                    fresh.push(Fresh {
                        row,
                        replaces,
                        email,
                        password_hash,
                        repair,
                    });
                }
            }
        }
        let who = self.who(&fresh).await?;
        self.place_accounts(plan, fresh, &who).await
    }

    async fn known_accounts(
        &self,
        page: &[UserRow],
    ) -> Result<HashMap<i64, Known<UserId, String>>, ImportError> {
        let Some((first, last)) = ends(page.iter().map(|row| row.id)) else {
            return Ok(HashMap::new());
        };
        let source = Arc::clone(&self.source);
        let known = self
            .store
            .read(move |tx| rows::users(tx, &source, first, last))
            .await?;
        Ok(known.into_iter().map(|known| (known.source_id, known)).collect())
    }

    /// Who each fresh account is, by its e-mail.
    async fn who(&self, fresh: &[Fresh<'_>]) -> Result<Vec<Who>, ImportError> {
        let emails: Vec<String> = fresh.iter().map(|account| account.email.clone()).collect();
        let look = move |tx: &mut Tx<'_>| -> Result<Vec<_>, StoreError> {
            emails
                .iter()
                .map(|email| rows::account_by_email(tx, email))
                .collect()
        };
        let here = self.store.read(look).await?;
        let mut on_page: HashMap<&str, &str> = HashMap::new();
        let mut who = Vec::with_capacity(fresh.len());
        for (account, here) in fresh.iter().zip(here) {
            let email = account.email.as_str();
            let here = here.or_else(|| self.emails.get(email).cloned());
            let is_same = |hash: &str| {
                self.options.merge_accounts || (!hash.is_empty() && hash == account.password_hash)
            };
            who.push(match (here, on_page.get(email)) {
                (Some((id, hash)), _) if is_same(&hash) => Who::Here(id),
                (None, Some(hash)) if is_same(hash) => Who::OnPage,
                (None, None) => {
                    on_page.insert(email, &account.password_hash);
                    Who::New
                }
                _ => Who::Conflict,
            });
        }
        Ok(who)
    }

    async fn place_accounts(
        &mut self,
        mut plan: Plan,
        fresh: Vec<Fresh<'_>>,
        who: &[Who],
    ) -> Result<Plan, ImportError> {
        let new: Vec<i64> = fresh
            .iter()
            .zip(who)
            .filter(|(_, who)| matches!(who, Who::New))
            .map(|(account, _)| account.row.id)
            .collect();
        let free = self.free(Kind::User, &new).await?;
        let mut new_ids = self.ids_for(Kind::User, &new, &free).await?.into_iter();
        let mut on_page: HashMap<String, UserId> = HashMap::new();
        let mut writes = Vec::with_capacity(fresh.len());
        for (account, who) in fresh.into_iter().zip(who) {
            let Fresh {
                row,
                replaces,
                email,
                password_hash,
                mut repair,
            } = account;
            let (id, new) = match who {
                Who::Conflict => {
                    plan.places.push((row.id, UserPlace::Conflict));
                    plan.outcome.left_out.push((row.id, LeftOut::Conflict));
                    plan.conflicts.push(email);
                    continue;
                }
                Who::Here(id) => (*id, None),
                Who::OnPage => (on_page[&email], None),
                Who::New => {
                    let id = UserId(new_ids.next().expect("an id for each new account"));
                    on_page.insert(email.clone(), id);
                    let new = self.new_account(row, email, password_hash, &mut repair).await?;
                    (id, Some(new))
                }
            };
            plan.places.push((row.id, UserPlace::Here(id)));
            match new {
                Some(_) => plan.outcome.placed.push((row.id, id.0)),
                None => plan.merged.push((row.id, id)),
            }
            plan.outcome.changed(row.id, repair.changes);
            writes.push(UserWrite {
                source_id: row.id,
                replaces,
                mark: mark(row),
                id,
                new,
            });
        }
        plan.writes = Arc::new(writes);
        Ok(plan)
    }

    async fn new_account(
        &self,
        row: &UserRow,
        email: String,
        password_hash: String,
        repair: &mut Repair,
    ) -> Result<NewUser, ImportError> {
        let display_name = repair.optional_text(&row.display_name);
        let created_at = match Repair::moment(&row.created_at) {
            Some(moment) => moment,
            None => {
                let id = row.id;
                let moments = self
                    .original
                    .read(move |original| original.moments_of_user(id))
                    .await?;
                let earliest = moments.iter().filter_map(Repair::moment).min();
                repair.moment_or(&row.created_at, earliest.unwrap_or(self.now))
            }
        };
        Ok(NewUser {
            email_folded: fold_email(&email),
            email,
            password_hash,
            display_name,
            created_at,
        })
    }
}

/// An account without an e-mail gets one that is nobody's (RFC 2606) and stays the same from run to run.
fn email(row: &UserRow, repair: &mut Repair) -> String {
    match repair.optional_text(&row.email) {
        Some(email) if !email.is_empty() => email,
        _ => {
            repair.note(Change::EmailInvented);
            format!("account-{}@import.invalid", row.id)
        }
    }
}

fn password_hash(row: &UserRow, repair: &mut Repair) -> String {
    match repair.optional_text(&row.password_hash) {
        Some(hash) if !hash.is_empty() => hash,
        _ => {
            repair.note(Change::PasswordMissing);
            String::new()
        }
    }
}
