//! Vectors for texts.

use crate::{KEY, impatient, kind, start};
use chatai_llm::Provider;
use chatai_testkit::provider::Reply;

#[tokio::test]
async fn embeddings_in_order_and_in_batches() {
    let (provider, openai) = start().await;
    let texts: Vec<String> = (0..300)
        .map(|number| format!("text number {number} about ships"))
        .collect();
    let embeddings = openai.embed("text-embedding-3-small", &texts).await.unwrap();
    assert_eq!((embeddings.vectors.len(), provider.counts().calls), (300, 2));
    assert!(embeddings.input_tokens.unwrap() > 300);
    let alone = openai
        .embed("text-embedding-3-small", &texts[299..])
        .await
        .unwrap();
    assert_eq!(alone.vectors[0], embeddings.vectors[299]);
    let none = openai.embed("text-embedding-3-small", &[]).await.unwrap();
    assert_eq!(
        (none.vectors.len(), none.input_tokens, provider.counts().calls),
        (0, Some(0), 3)
    );
    let sent = &provider.calls()[0];
    assert_eq!(
        (sent.path.as_str(), &*sent.model()),
        ("/v1/embeddings", "text-embedding-3-small")
    );
    assert_eq!(sent.header("authorization"), Some(&*format!("Bearer {KEY}")));
}

#[tokio::test]
async fn embeddings_fail_by_the_same_names() {
    let (provider, openai) = start().await;
    let texts = ["a".to_owned()];
    provider.push_for_embeddings(Reply::server_error());
    assert!(openai.embed("m", &texts).await.is_ok(), "tried again");
    for (reply, expected) in [
        (Reply::unauthorized(), "Auth"),
        (Reply::model_not_found(), "ModelUnavailable"),
        (Reply::page(200, "application/json", "{\"data\":[]}"), "Failed"),
        (Reply::page(200, "application/json", "[[["), "Failed"),
    ] {
        provider.push_for_embeddings(reply);
        assert_eq!(kind(&openai.embed("m", &texts).await.unwrap_err()), expected);
    }
    let impatient = impatient(&provider);
    provider.push_for_embeddings(Reply::hang_before_headers());
    assert_eq!(kind(&impatient.embed("m", &texts).await.unwrap_err()), "Timeout");
}
