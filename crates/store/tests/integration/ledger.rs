//! The ledger takes lines and gives none back.

use crate::{
    common::{TestStore, conformance, run},
    raw::{number, try_meddle},
    support::{account, answered, turn},
};
use chatai_store::Backend;

conformance! {
    async fn a_line_of_the_ledger_can_be_neither_changed_nor_deleted(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        answered(&store, turn(owner, None), 3).await;
        for statement in [
            "update ledger set amount = 0",
            "update ledger set user_id = user_id",
            "delete from ledger",
            "delete from ledger where amount = 3",
        ] {
            let refused = try_meddle(&store.place, statement).await;
            assert_eq!(refused, Err("the ledger is append-only".to_owned()), "{statement}");
        }
        // No row is deleted by this, and none is left.
        if store.backend() == Backend::Postgres {
            for statement in ["truncate ledger", "truncate ledger cascade"] {
                let refused = try_meddle(&store.place, statement).await;
                assert_eq!(refused, Err("the ledger is append-only".to_owned()), "{statement}");
            }
        }
        // Not even with the account: a line outlives it.
        try_meddle(&store.place, "delete from users").await.unwrap();
        assert_eq!(number(&store.place, "select count(*) from conversations").await, 0);
        assert_eq!(number(&store.place, "select count(*) from ledger where amount = 3").await, 1);
    }
}
