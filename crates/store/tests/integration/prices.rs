//! Versions of prices.

use crate::{
    common::{TestStore, conformance, run},
    raw::number,
    support::{at, at_once, write},
};
use chatai_store::{
    Store,
    ops::prices::{self, CurrentPrice},
};
use chatai_types::{PriceVersionId, Rate, Rates};

fn price(model: &str, label: Option<&str>, input: i64) -> CurrentPrice {
    CurrentPrice {
        model: model.to_owned(),
        label: label.map(str::to_owned),
        rates: Rates {
            input: Rate::from_pico_per_token(input),
            cache_read: Rate::from_pico_per_token(2),
            cache_write: Rate::from_pico_per_token(3),
            output: Rate::from_pico_per_token(4),
        },
    }
}

async fn sync(store: &Store, prices: Vec<CurrentPrice>) -> Vec<PriceVersionId> {
    write(store, move |tx| prices::sync(tx, &prices, at(1))).await
}

conformance! {
    async fn a_change_adds_a_version_and_nothing_else_does(store: TestStore) {
        let versions = async |prices: Vec<CurrentPrice>| -> Vec<i64> {
            sync(&store, prices).await.into_iter().map(|version| version.0).collect()
        };
        let (a, b) = (price("a", None, 1), price("b", Some("one"), 1));
        assert_eq!(versions(vec![a.clone(), b.clone()]).await, [1, 2]);
        assert_eq!(versions(vec![b.clone(), a.clone()]).await, [2, 1]);
        assert_eq!(versions(vec![price("a", None, 9), b.clone()]).await, [3, 2]);
        assert_eq!(versions(vec![price("b", Some("two"), 1)]).await, [4]);
        // What it was before is a version of its own: the rows in between keep theirs.
        assert_eq!(versions(vec![a]).await, [5]);
        assert_eq!(versions(Vec::new()).await, [] as [i64; 0]);
    }

    async fn instances_that_start_together_add_one_version(store: TestStore) {
        for round in 1..=8 {
            // A changed file, in an order of its own each time.
            let versions = at_once(&store, 6, async |store, number| {
                let mut prices = vec![price("a", None, round), price("b", None, round)];
                if number % 2 == 0 {
                    prices.reverse();
                }
                let mut versions = sync(&store, prices).await;
                if number % 2 == 0 {
                    versions.reverse();
                }
                versions
            });
            let versions = versions.await;
            assert!(versions.iter().all(|known| *known == versions[0]), "{versions:?}");
            assert_eq!(number(&store.place, "select count(*) from price_versions").await, 2 * round);
        }
    }
}
