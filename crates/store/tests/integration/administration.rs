//! What administrators do, and what must hold while they do it at once.

use crate::{
    common::{TestStore, conformance, run},
    support::{account, at, at_once, read, settle, settle_call, write},
};
use chatai_store::{
    Store,
    ops::{
        account_removal::{self, Removed},
        accounts,
        administration::{self, Changed},
        models::{self, ModelOverride},
    },
};
use chatai_types::{Rate, UserId, UserRole};

async fn change(store: &Store, id: UserId, role: Option<UserRole>, disabled: Option<bool>) -> Changed {
    write(store, move |tx| administration::change(tx, id, role, disabled)).await
}

async fn ids_after(store: &Store, after: UserId, limit: i64) -> Vec<UserId> {
    let found = read(store, move |tx| administration::accounts(tx, after, limit)).await;
    found.into_iter().map(|account| account.id).collect()
}

async fn administrators(store: &Store) -> usize {
    let all = read(store, |tx| administration::accounts(tx, UserId(0), 100)).await;
    all.iter()
        .filter(|account| account.role == UserRole::Admin && !account.disabled)
        .count()
}

conformance! {
    async fn accounts_come_by_id(store: TestStore) {
        let (a, b) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        assert_eq!(ids_after(&store, UserId(0), 10).await, [a, b]);
        assert_eq!(ids_after(&store, UserId(0), 1).await, [a]);
        assert_eq!(ids_after(&store, a, 10).await, [b]);
        assert_eq!(ids_after(&store, b, 10).await, []);
    }

    async fn a_change_says_what_the_account_is_now(store: TestStore) {
        account(&store, "a@example.com").await;
        let id = account(&store, "b@example.com").await;
        let Changed::Account(promoted) = change(&store, id, Some(UserRole::Admin), None).await else {
            panic!("there is such an account");
        };
        assert_eq!((promoted.role, promoted.disabled, promoted.epoch), (UserRole::Admin, false, 0));
        let Changed::Account(shut) = change(&store, id, None, Some(true)).await else {
            panic!("there is such an account");
        };
        assert_eq!((shut.role, shut.disabled, shut.epoch), (UserRole::Admin, true, 1), "its sessions end");
        assert_eq!(change(&store, id, None, Some(true)).await, Changed::Account(shut), "nothing changes twice");
        assert_eq!(change(&store, UserId(999), None, Some(true)).await, Changed::NotFound);
    }

    async fn of_administrators_who_go_at_once_one_stays(store: TestStore) {
        for round in 0..8 {
            let a = account(&store, &format!("a{round}@example.com")).await;
            let b = account(&store, &format!("b{round}@example.com")).await;
            for id in ids_after(&store, UserId(0), 100).await {
                let stays = id == a || id == b;
                change(&store, a, Some(UserRole::Admin), Some(false)).await;
                let role = if stays { UserRole::Admin } else { UserRole::User };
                change(&store, id, Some(role), Some(false)).await;
            }
            assert_eq!(administrators(&store).await, 2);
            let outcomes = at_once(&store, 4, async |store, number| match number {
                0 => change(&store, a, Some(UserRole::User), None).await == Changed::LastAdministrator,
                1 => change(&store, b, None, Some(true)).await == Changed::LastAdministrator,
                2 => write(&store, move |tx| account_removal::remove(tx, a, at(60), settle, settle_call)).await == Removed::LastAdministrator,
                _ => change(&store, b, Some(UserRole::User), None).await == Changed::LastAdministrator,
            });
            assert!(outcomes.await.contains(&true), "somebody is told");
            assert_eq!(administrators(&store).await, 1);
        }
    }

    async fn what_is_set_of_a_model_is_changed_in_part(store: TestStore) {
        assert_eq!(read(&store, models::overrides).await, []);
        let priced = ModelOverride { input: Some(Rate::from_pico_per_token(7)), ..ModelOverride::none("b") };
        let row = priced.clone();
        write(&store, move |tx| models::set(tx, &row, at(1))).await;
        write(&store, |tx| administration::change_model(tx, "a", |set| set.enabled = false, at(2))).await;
        write(&store, |tx| administration::change_model(tx, "b", |set| set.context_window = Some(9), at(2))).await;
        let expected = [
            ModelOverride { enabled: false, ..ModelOverride::none("a") },
            ModelOverride { context_window: Some(9), ..priced },
        ];
        assert_eq!(read(&store, models::overrides).await, expected);
    }

    async fn changes_of_one_model_at_once_are_all_there(store: TestStore) {
        at_once(&store, 8, async |store, number| {
            let change = move |set: &mut ModelOverride| {
                set.context_window = Some(set.context_window.unwrap_or(0) + number);
            };
            write(&store, move |tx| administration::change_model(tx, "m", change, at(2))).await;
        })
        .await;
        let sum = read(&store, models::overrides).await[0].context_window;
        assert_eq!(sum, Some((0..8).sum()));
    }

    async fn an_account_that_is_gone_leaves_its_address(store: TestStore) {
        let first = account(&store, "a@example.com").await;
        assert!(matches!(write(&store, move |tx| account_removal::remove(tx, first, at(60), settle, settle_call)).await, Removed::Gone(_)));
        assert_eq!(write(&store, move |tx| account_removal::remove(tx, first, at(60), settle, settle_call)).await, Removed::Missing);
        let again = account(&store, "a@example.com").await;
        assert!(again > first, "an id is never given out twice");
        let found = read(&store, move |tx| accounts::get(tx, again)).await.expect("it is there");
        assert_eq!(found.role, UserRole::Admin, "the instance's first once more");
    }
}
