//! Accounts, their sessions and the first administrator.

use crate::{
    common::{TestStore, conformance, run},
    support::{account, at, at_once, new_account, read, write},
};
use chatai_store::{
    Store,
    ops::accounts::{self, Account, Added, AuthState, Credentials, NewAccount},
};
use chatai_types::{UserId, UserRole};

const NOBODY: UserId = UserId(9_999);

async fn add(store: &Store, new: NewAccount) -> Added {
    write(store, move |tx| accounts::add(tx, &new)).await
}

async fn auth(store: &Store, owner: UserId, session: &'static str) -> Option<AuthState> {
    read(store, move |tx| accounts::auth_state(tx, owner, session)).await
}

async fn credentials(store: &Store, email: &'static str) -> Option<Credentials> {
    read(store, move |tx| {
        accounts::credentials(tx, email, &email.to_lowercase())
    })
    .await
}

async fn hash_of(store: &Store, owner: UserId) -> String {
    let found = read(store, move |tx| accounts::credentials_of(tx, owner)).await;
    found.expect("the account is there").password_hash
}

conformance! {
    async fn the_first_account_is_the_administrator(store: TestStore) {
        assert!(!read(&store, accounts::first_is_taken).await);
        let expected = |id, email: &str, role| Account {
            id,
            email: email.to_owned(),
            display_name: Some(format!("the name of {email}")),
            role,
            disabled: false,
            epoch: 0,
            created_at: at(5),
        };
        let first = expected(UserId(1), "A@example.com", UserRole::Admin);
        assert_eq!(add(&store, new_account("A@example.com")).await, Added::Account(first.clone()));
        assert!(read(&store, accounts::first_is_taken).await);
        let second = expected(UserId(2), "b@example.com", UserRole::User);
        assert_eq!(add(&store, new_account("b@example.com")).await, Added::Account(second.clone()));
        assert_eq!(read(&store, accounts::list).await, [first, second.clone()]);
        assert_eq!(read(&store, |tx| accounts::get(tx, UserId(2))).await, Some(second));
        assert_eq!(read(&store, |tx| accounts::get(tx, NOBODY)).await, None);
    }

    async fn an_e_mail_is_taken_without_regard_to_case(store: TestStore) {
        account(&store, "Ada@example.com").await;
        assert_eq!(add(&store, new_account("aDA@example.com")).await, Added::EmailTaken);
        for (email, taken) in [("ada@example.com", true), ("eda@example.com", false)] {
            assert_eq!(read(&store, move |tx| accounts::email_taken(tx, email)).await, taken, "{email}");
        }
        assert_eq!(read(&store, accounts::list).await.len(), 1);
    }

    async fn a_second_account_is_refused_where_only_the_first_is_wanted(store: TestStore) {
        let only_first = |email| NewAccount { only_as_first: true, ..new_account(email) };
        assert!(matches!(add(&store, only_first("a@example.com")).await, Added::Account(_)));
        assert_eq!(add(&store, only_first("b@example.com")).await, Added::NotFirst);
        // Nothing of the refused one was kept.
        assert!(matches!(add(&store, new_account("b@example.com")).await, Added::Account(_)));
    }

    async fn of_many_first_registrations_one_is_the_administrator(store: TestStore) {
        let added = at_once(&store, 16, async |store, number| {
            add(&store, new_account(&format!("{number}@example.com"))).await
        });
        let roles = added.await.into_iter().map(|added| match added {
            Added::Account(account) => account.role,
            other => panic!("{other:?}"),
        });
        assert_eq!(roles.filter(|role| *role == UserRole::Admin).count(), 1);
        assert_eq!(read(&store, accounts::list).await.len(), 16);
    }

    async fn of_many_that_want_to_be_first_one_is_added(store: TestStore) {
        let added = at_once(&store, 16, async |store, number| {
            let new = NewAccount { only_as_first: true, ..new_account(&format!("{number}@example.com")) };
            add(&store, new).await
        });
        let refused = added.await.into_iter().filter(|added| *added == Added::NotFirst).count();
        assert_eq!(refused, 15);
        assert_eq!(read(&store, accounts::list).await.len(), 1);
    }

    async fn of_many_registrations_of_one_e_mail_one_succeeds(store: TestStore) {
        let added = at_once(&store, 16, async |store, number| {
            let email = if number % 2 == 0 { "a@example.com" } else { "A@example.com" };
            add(&store, new_account(email)).await
        });
        let refused = added.await.into_iter().filter(|added| *added == Added::EmailTaken).count();
        assert_eq!(refused, 15);
        assert_eq!(read(&store, accounts::list).await.len(), 1);
    }

    async fn credentials_are_found_by_e_mail_and_by_account(store: TestStore) {
        let id = account(&store, "Ada@example.com").await;
        for email in ["Ada@example.com", "ADA@example.com"] {
            let found = credentials(&store, email).await.expect("it is there");
            assert_eq!((found.account.id, &*found.password_hash), (id, "$argon2id$first"), "{email}");
        }
        assert!(credentials(&store, "eda@example.com").await.is_none());
        assert_eq!(hash_of(&store, id).await, "$argon2id$first");
        assert!(read(&store, |tx| accounts::credentials_of(tx, NOBODY)).await.is_none());
    }

    async fn a_new_password_ends_all_sessions(store: TestStore) {
        let id = account(&store, "a@example.com").await;
        assert_eq!(write(&store, move |tx| accounts::set_password(tx, id, "second")).await, Some(1));
        assert_eq!(hash_of(&store, id).await, "second");
        assert_eq!(auth(&store, id, "s").await.expect("it is there").epoch, 1);
        assert_eq!(write(&store, |tx| accounts::set_password(tx, NOBODY, "x")).await, None);
    }

    async fn every_password_change_counts_however_many_come_at_once(store: TestStore) {
        let id = account(&store, "a@example.com").await;
        let changed = at_once(&store, 12, async |store, number| {
            let hash = number.to_string();
            write(&store, move |tx| accounts::set_password(tx, id, &hash)).await
        });
        let mut epochs: Vec<i64> = changed.await.into_iter().flatten().collect();
        epochs.sort_unstable();
        assert_eq!(epochs, (1..=12).collect::<Vec<_>>());
    }

    async fn a_hash_is_renewed_unless_the_password_has_changed(store: TestStore) {
        let id = account(&store, "a@example.com").await;
        write(&store, move |tx| accounts::renew_hash(tx, id, "$argon2id$first", "better")).await;
        assert_eq!(hash_of(&store, id).await, "better");
        write(&store, move |tx| accounts::renew_hash(tx, id, "$argon2id$first", "late")).await;
        assert_eq!(hash_of(&store, id).await, "better");
        // The same password: its tokens still count.
        assert_eq!(auth(&store, id, "s").await.expect("it is there").epoch, 0);
    }

    async fn an_ended_session_stays_ended_until_its_tokens_expire(store: TestStore) {
        let (id, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        let end = async |owner, session, expires, now| {
            write(&store, move |tx| accounts::end_session(tx, owner, session, at(expires), at(now))).await;
        };
        end(id, "one", 100, 10).await;
        // A second time is harmless.
        end(id, "one", 100, 10).await;
        assert!(auth(&store, id, "one").await.expect("it is there").ended);
        assert!(!auth(&store, id, "two").await.expect("it is there").ended);
        // Another's session of that name is another one.
        assert!(!auth(&store, other, "one").await.expect("it is there").ended);
        end(id, "two", 300, 100).await;
        assert!(auth(&store, id, "one").await.expect("it is there").ended, "its token counts until 100");
        end(id, "three", 300, 101).await;
        assert!(!auth(&store, id, "one").await.expect("it is there").ended, "its token has expired");
        assert!(auth(&store, id, "two").await.expect("it is there").ended);
        assert_eq!(auth(&store, NOBODY, "one").await, None);
    }

    async fn sessions_are_ended_at_once_by_several_instances(store: TestStore) {
        let id = account(&store, "a@example.com").await;
        at_once(&store, 12, async |store, number| {
            let session = format!("s{}", number / 2);
            write(&store, move |tx| accounts::end_session(tx, id, &session, at(100), at(10))).await;
        })
        .await;
        for session in ["s0", "s1", "s2", "s3", "s4", "s5"] {
            assert!(auth(&store, id, session).await.expect("it is there").ended, "{session}");
        }
    }

    async fn roles_and_shutting(store: TestStore) {
        let id = account(&store, "a@example.com").await;
        assert!(write(&store, move |tx| accounts::set_role(tx, id, UserRole::User)).await);
        assert!(write(&store, move |tx| accounts::set_disabled(tx, id, true)).await);
        let expected = AuthState {
            email: "a@example.com".to_owned(),
            role: UserRole::User,
            disabled: true,
            epoch: 1,
            ended: false,
        };
        assert_eq!(auth(&store, id, "s").await, Some(expected));
        assert!(!write(&store, |tx| accounts::set_role(tx, NOBODY, UserRole::Admin)).await);
        assert!(!write(&store, |tx| accounts::set_disabled(tx, NOBODY, true)).await);
    }

    async fn the_costliest_hash_of_the_original_is_known(store: TestStore) {
        let cost = async || read(&store, accounts::largest_bcrypt_cost).await;
        let with = async |email: &'static str, hash: &'static str| {
            let new = accounts::NewAccount { password_hash: hash.to_owned(), ..new_account(email) };
            write(&store, move |tx| accounts::add(tx, &new)).await;
        };
        with("a@example.com", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA").await;
        assert_eq!(cost().await, 0);
        with("b@example.com", "$2b$10$abcdefghijklmnopqrstuv").await;
        with("c@example.com", "$2a$12$abcdefghijklmnopqrstuv").await;
        assert_eq!(cost().await, 12);
        // No service would choose it: whoever waits as long must not depend on a file.
        with("d@example.com", "$2b$31$abcdefghijklmnopqrstuv").await;
        assert_eq!(cost().await, 12);
    }
}
