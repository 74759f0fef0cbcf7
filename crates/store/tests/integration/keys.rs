//! Keys for programs, by their owner alone.

use crate::{
    common::{TestStore, conformance, run},
    support::{account, at, at_once, read, write},
};
use chatai_store::{
    Store,
    ops::{
        accounts,
        keys::{self, Bearer, Key, KeyChange, NewKey},
    },
};
use chatai_types::{ApiKeyId, BudgetPeriod, Money, UserId, UserRole};

async fn add(store: &Store, owner: UserId, hash: &str) -> Option<Key> {
    let new = NewKey {
        name: format!("the key {hash}"),
        prefix: "sk-1".to_owned(),
        hash: hash.to_owned(),
        created_at: at(3),
        expires_at: Some(at(90)),
        models: None,
        limit: None,
    };
    write(store, move |tx| keys::add(tx, owner, &new)).await
}

async fn list(store: &Store, owner: UserId) -> Vec<Key> {
    read(store, move |tx| keys::list(tx, owner, at(50))).await
}

async fn bearer(store: &Store, hash: &'static str) -> Option<Bearer> {
    read(store, move |tx| keys::bearer(tx, hash)).await
}

conformance! {
    async fn a_key_speaks_for_its_owner_until_it_is_deleted(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        let key = add(&store, owner, "one").await.expect("it is added");
        assert_eq!((key.name.as_str(), key.created_at, key.last_used_at, key.expires_at),
            ("the key one", at(3), None, Some(at(90))));
        assert_eq!(list(&store, owner).await, std::slice::from_ref(&key));
        assert_eq!(list(&store, other).await, []);
        let expected = Bearer { id: key.id, owner, role: UserRole::Admin, disabled: false, expires_at: Some(at(90)), models: None };
        assert_eq!(bearer(&store, "one").await, Some(expected));
        assert_eq!(bearer(&store, "two").await, None);
        write(&store, move |tx| accounts::set_disabled(tx, owner, true)).await;
        assert!(bearer(&store, "one").await.expect("it is there").disabled);
        for (who, id) in [(other, key.id), (owner, ApiKeyId(999))] {
            assert!(!write(&store, move |tx| keys::delete(tx, who, id)).await);
        }
        assert!(write(&store, move |tx| keys::delete(tx, owner, key.id)).await);
        assert_eq!(bearer(&store, "one").await, None);
        assert_eq!(add(&store, UserId(999), "nobody's").await, None);
    }

    async fn what_a_key_may_is_its_owners_to_change(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        let id = add(&store, owner, "one").await.expect("it is added").id;
        let change = |who, change: KeyChange| write(&store, move |tx| keys::change(tx, who, id, &change, at(50)));
        let names = || vec!["m".to_owned(), "with \"quotes\", \u{1f600}".to_owned()];
        let limit = (Money::from_pico(7), BudgetPeriod::Day);
        let all = || KeyChange { name: Some("renamed".to_owned()), models: Some(Some(names())), limit: Some(Some(limit)) };
        assert_eq!(change(other, all()).await, None);
        assert_eq!(list(&store, owner).await[0].budget, None);
        let changed = change(owner, all()).await.expect("it is the owner's");
        assert_eq!((changed.name.as_str(), changed.models.clone()), ("renamed", Some(names())));
        let budget = changed.budget.expect("a limit");
        assert_eq!((budget.limit, budget.period), (Some(limit.0), limit.1));
        assert_eq!(list(&store, owner).await, std::slice::from_ref(&changed));
        assert_eq!(bearer(&store, "one").await.expect("it is there").models, Some(names()));
        assert_eq!(change(owner, KeyChange::default()).await, Some(changed), "what is absent stays");
        let none = change(owner, KeyChange { name: None, models: Some(None), limit: Some(None) }).await.expect("the owner's");
        assert_eq!((none.name.as_str(), none.models, none.budget), ("renamed", None, None));
        assert!(write(&store, move |tx| keys::delete(tx, owner, id)).await);
    }

    async fn the_latest_use_stands(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let id = add(&store, owner, "one").await.expect("it is added").id;
        for uses in [vec![(id, at(7)), (ApiKeyId(999), at(7))], vec![(id, at(5))]] {
            write(&store, move |tx| keys::note_uses(tx, &uses)).await;
        }
        assert_eq!(list(&store, owner).await[0].last_used_at, Some(at(7)));
    }

    async fn keys_made_at_once_are_bounded(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        for number in 4..keys::KEYS {
            assert!(add(&store, owner, &number.to_string()).await.is_some());
        }
        let made = at_once(&store, 12, async |store, number| {
            add(&store, owner, &format!("late {number}")).await.is_some()
        });
        assert_eq!(made.await.into_iter().filter(|made| *made).count(), 4);
        assert_eq!(list(&store, owner).await.len() as i64, keys::KEYS);
    }
}
