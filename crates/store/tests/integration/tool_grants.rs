//! What accounts said of tools from outside.

use crate::{
    common::{Place, TestStore, conformance, run},
    raw::{meddle, number},
    support::{account, at, at_once, read, settle, settle_call, write},
};
use chatai_store::{
    Store,
    ops::{account_removal, tool_grants},
};
use chatai_types::UserId;

async fn set(store: &Store, owner: UserId, tool: &str, granted: bool) -> bool {
    let tool = tool.to_owned();
    write(store, move |tx| {
        tool_grants::set(tx, owner, &tool, granted, at(1))
    })
    .await
}

async fn get(store: &Store, owner: UserId, tool: &'static str) -> Option<bool> {
    read(store, move |tx| tool_grants::get(tx, owner, tool)).await
}

async fn list(store: &Store, owner: UserId) -> Vec<(String, bool)> {
    read(store, move |tx| tool_grants::list(tx, owner)).await
}

conformance! {
    async fn the_last_word_counts_and_is_its_owners_alone(store: TestStore) {
        let (owner, other) = (account(&store, "a@example.com").await, account(&store, "b@example.com").await);
        assert_eq!((get(&store, owner, "s__a").await, list(&store, owner).await), (None, vec![]));
        for granted in [true, false, true] {
            assert!(set(&store, owner, "s__a", granted).await);
            assert_eq!(get(&store, owner, "s__a").await, Some(granted));
        }
        assert!(set(&store, owner, "s__b", false).await);
        assert_eq!(list(&store, owner).await, [("s__a".to_owned(), true), ("s__b".to_owned(), false)]);
        assert_eq!((get(&store, other, "s__a").await, list(&store, other).await), (None, vec![]));
        assert!(!set(&store, UserId(999), "s__a", true).await);
        assert!(!matches!(
            write(&store, move |tx| account_removal::remove(tx, other, at(60), settle, settle_call)).await,
            account_removal::Removed::Missing
        ));
        assert_eq!(number(&store.place, "select count(*) from tool_grants").await, 2);
        assert!(!matches!(
            write(&store, move |tx| account_removal::remove(tx, owner, at(60), settle, settle_call)).await,
            account_removal::Removed::Missing
        ));
        assert_eq!(number(&store.place, "select count(*) from tool_grants").await, 0);
    }

    async fn there_are_so_many_and_no_more(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        let granted = match store.place {
            Place::Sqlite(_) => "1",
            Place::Postgres(_) => "true",
        };
        let rows = (0..tool_grants::GRANTS - 5).map(|number| format!("({owner}, 'x{number}', {granted}, 0)"));
        let rows = rows.collect::<Vec<_>>().join(", ");
        meddle(&store.place, &format!("insert into tool_grants (user_id, tool, granted, updated_at) values {rows}")).await;
        let said = at_once(&store, 20, async |store, number| {
            set(&store, owner, &format!("s__{number}"), true).await
        }).await;
        assert_eq!(said.iter().filter(|said| **said).count(), 5);
        // What was said already can be said differently.
        assert!(set(&store, owner, "x1", false).await);
    }
}
