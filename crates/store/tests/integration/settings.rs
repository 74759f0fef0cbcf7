//! Values of the instance itself.

use crate::{
    common::{TestStore, conformance, run},
    support::{at, at_once, read, write},
};
use chatai_store::{Store, ops::settings};

async fn get_or_set(store: &Store, name: &'static str, value: String) -> String {
    write(store, move |tx| settings::get_or_set(tx, name, &value, at(1))).await
}

conformance! {
    async fn the_first_value_stays(store: TestStore) {
        assert_eq!(get_or_set(&store, "secret", "one".to_owned()).await, "one");
        assert_eq!(get_or_set(&store, "secret", "two".to_owned()).await, "one");
        assert_eq!(get_or_set(&store, "other", "two".to_owned()).await, "two");
    }

    async fn many_that_set_it_at_once_get_the_same(store: TestStore) {
        let values = at_once(&store, 24, async |store, number| {
            get_or_set(&store, "secret", number.to_string()).await
        });
        let values = values.await;
        assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
        assert_eq!(get_or_set(&store, "secret", "late".to_owned()).await, values[0]);
    }

    async fn a_value_is_set_and_read(store: TestStore) {
        let get = async |name: &'static str| read(&store, move |tx| settings::get(tx, name)).await;
        assert_eq!(get("registration").await, None);
        for value in ["closed", "open"] {
            write(&store, move |tx| settings::set(tx, "registration", value, at(1))).await;
            assert_eq!(get("registration").await.as_deref(), Some(value));
        }
        assert_eq!(get("other").await, None);
    }
}
