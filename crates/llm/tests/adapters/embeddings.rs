//! Vectors for texts, of the vendors that have them.

use crate::support::{impatient, kind, on_every_adapter, start};
use chatai_testkit::provider::{Dialect, Reply};

fn path(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Gemini => "/v1beta/models/text-embedding:batchEmbedContents",
        _ => "/v1/embeddings",
    }
}

on_every_adapter! {
    async fn embeddings_in_order_and_in_batches(dialect) {
        let (provider, adapter) = start(dialect).await;
        let texts: Vec<String> = (0..300).map(|number| format!("text number {number} about ships")).collect();
        if dialect == Dialect::Anthropic {
            assert_eq!(kind(&adapter.embed("m", &texts).await.unwrap_err()), "Rejected");
            assert_eq!(provider.counts().calls, 0, "nothing is sent for what the API does not have");
            return;
        }
        let embeddings = adapter.embed("text-embedding", &texts).await.unwrap();
        let batches = if dialect == Dialect::Gemini { 3 } else { 2 };
        assert_eq!((embeddings.vectors.len(), provider.counts().calls), (300, batches));
        // Google says nothing of tokens, and nothing is made up.
        assert_eq!(embeddings.input_tokens.is_some_and(|tokens| tokens > 300), dialect != Dialect::Gemini);
        let alone = adapter.embed("text-embedding", &texts[299..]).await.unwrap();
        assert_eq!(alone.vectors[0], embeddings.vectors[299]);
        let none = adapter.embed("text-embedding", &[]).await.unwrap();
        let calls = provider.counts().calls;
        assert_eq!((none.vectors.len(), none.input_tokens, calls), (0, Some(0), batches + 1));
        let sent = &provider.calls()[0];
        assert_eq!((sent.path.as_str(), &*sent.model()), (path(dialect), "text-embedding"));
        assert_eq!(sent.embedding_texts()[1], texts[1]);
    }

    async fn embeddings_fail_by_the_same_names(dialect) {
        if dialect == Dialect::Anthropic {
            return;
        }
        let (provider, adapter) = start(dialect).await;
        let texts = ["a".to_owned()];
        provider.push_for_embeddings(Reply::server_error());
        assert!(adapter.embed("m", &texts).await.is_ok(), "tried again");
        let page = |body| Reply::page(200, "application/json", body);
        for (reply, expected) in [
            (Reply::unauthorized(), "Auth"),
            (Reply::model_not_found(), "ModelUnavailable"),
            (page("{\"data\":[],\"embeddings\":[]}"), "Failed"),
            (page("{\"data\":[{\"index\":0,\"embedding\":[]}],\"embeddings\":[{\"values\":[]}]}"), "Failed"),
            (page("{\"data\":[{\"index\":0,\"embedding\":[1e999]}],\"embeddings\":[{\"values\":[1e999]}]}"), "Failed"),
            (page("[[["), "Failed"),
        ] {
            provider.push_for_embeddings(reply.clone());
            assert_eq!(kind(&adapter.embed("m", &texts).await.unwrap_err()), expected, "{reply:?}");
        }
        let impatient = impatient(dialect, &provider);
        provider.push_for_embeddings(Reply::hang_before_headers());
        assert_eq!(kind(&impatient.embed("m", &texts).await.unwrap_err()), "Timeout");
    }
}
