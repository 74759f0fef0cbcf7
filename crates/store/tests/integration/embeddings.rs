//! Vectors, by space.

use crate::{
    common::{TestStore, conformance, run},
    support::{at, at_once, read, write},
};
use chatai_store::{Store, ops::embeddings};

async fn add(store: &Store, space: &'static str, vectors: &[(&str, u8)]) {
    let vectors: Vec<(String, Vec<u8>)> = vectors
        .iter()
        .map(|(hash, byte)| ((*hash).to_owned(), vec![*byte; 4]))
        .collect();
    write(store, move |tx| embeddings::add(tx, space, &vectors)).await;
}

async fn bytes(store: &Store, space: &'static str) -> Vec<(String, u8)> {
    let found = read(store, move |tx| embeddings::of_space(tx, space)).await;
    found
        .into_iter()
        .map(|(hash, vector)| (hash, vector[3]))
        .collect()
}

conformance! {
    async fn vectors_belong_to_their_space_and_the_first_stay(store: TestStore) {
        add(&store, "large", &[("b", 2), ("a", 1)]).await;
        add(&store, "large", &[("b", 9), ("c", 3)]).await;
        add(&store, "compact", &[("a", 7)]).await;
        add(&store, "none", &[]).await;
        let expected = [("a".to_owned(), 1), ("b".to_owned(), 2), ("c".to_owned(), 3)];
        assert_eq!(bytes(&store, "large").await, expected);
        assert_eq!(bytes(&store, "compact").await, [("a".to_owned(), 7)]);
        assert_eq!(bytes(&store, "unknown").await, []);
    }

    async fn a_model_s_space_is_the_only_one_until_one_is_marked(store: TestStore) {
        let used = async |model: &'static str| read(&store, move |tx| embeddings::used(tx, model)).await;
        assert_eq!(used("m").await, None);
        add(&store, "m/4", &[("a", 1)]).await;
        add(&store, "other/4", &[("a", 1)]).await;
        assert_eq!(used("m").await.as_deref(), Some("m/4"));
        add(&store, "m/8", &[("a", 1)]).await;
        assert_eq!(used("m").await, None, "of two, none is known to be the right one");
        for space in ["m/4", "m/8"] {
            write(&store, move |tx| embeddings::set_used(tx, "m", space, at(1))).await;
            assert_eq!(used("m").await.as_deref(), Some(space));
        }
    }

    async fn instances_that_embed_the_same_at_once_keep_each_vector_once(store: TestStore) {
        // Crosswise, so that they wait for each other.
        at_once(&store, 8, async |store, number| {
            let forward = [("a", 1), ("b", 1), ("c", 1), ("d", 1)];
            let mut vectors = forward;
            if number % 2 == 0 {
                vectors.reverse();
            }
            add(&store, "space", &vectors).await;
        })
        .await;
        assert_eq!(bytes(&store, "space").await.len(), 4);
    }
}
