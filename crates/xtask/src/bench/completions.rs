//! The scripted provider's words of OpenAI's chat completions, as every compatible server speaks them.

use super::provider::MODEL;

/// Tokens that the provider says it was sent.
const INPUT_TOKENS: usize = 100;

/// What comes before the first token of a stream.
pub(super) fn begin() -> String {
    chunk(
        r#"{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}"#,
        "null",
    )
}

/// A token, which needs no escapes.
pub(super) fn token(text: &str) -> String {
    let choice =
        format!(r#"{{"index":0,"delta":{{"content":"{text}"}},"logprobs":null,"finish_reason":null}}"#);
    chunk(&choice, "null")
}

/// What comes after the last of so many tokens.
pub(super) fn end(tokens: usize) -> String {
    let last = chunk(
        r#"{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}"#,
        "null",
    );
    format!("{last}{}data: [DONE]\n\n", chunk("", &usage(tokens)))
}

/// A whole stream.
pub(super) fn stream(tokens: &[&str]) -> String {
    let between: String = tokens.iter().map(|text| token(text)).collect();
    format!("{}{between}{}", begin(), end(tokens.len()))
}

/// The same answer, whole.
pub(super) fn whole(tokens: &[&str]) -> String {
    format!(
        r#"{{"id":"chatcmpl-bench","object":"chat.completion","created":1750000000,"model":"{MODEL}","choices":[{{"index":0,"message":{{"role":"assistant","content":"{}","refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":"stop"}}],"usage":{}}}"#,
        tokens.concat(),
        usage(tokens.len())
    )
}

/// Whether a request's body asks for a stream.
pub(super) fn streams(body: &[u8]) -> bool {
    let name = br#""stream":"#;
    let at = body.windows(name.len()).position(|window| window == name);
    at.is_some_and(|at| body[at + name.len()..].trim_ascii_start().starts_with(b"true"))
}

fn chunk(choices: &str, usage: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1750000000,\
         \"model\":\"{MODEL}\",\"choices\":[{choices}],\"usage\":{usage}}}\n\n"
    )
}

fn usage(tokens: usize) -> String {
    format!(
        r#"{{"prompt_tokens":{INPUT_TOKENS},"completion_tokens":{tokens},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0}}}}"#,
        INPUT_TOKENS + tokens
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn what_is_sent_is_json() {
        let tokens = ["one ", "two"];
        let text = stream(&tokens);
        let chunks: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .collect();
        let (done, chunks) = chunks.split_last().unwrap();
        assert_eq!((*done, chunks.len()), ("[DONE]", 5));
        for chunk in chunks {
            serde_json::from_str::<Value>(chunk).unwrap();
        }
        let answer: Value = serde_json::from_str(&whole(&tokens)).unwrap();
        assert_eq!(answer["choices"][0]["message"]["content"], "one two");
        assert_eq!(answer["usage"]["total_tokens"], 102);
    }

    #[test]
    fn a_stream_is_asked_for_with_or_without_a_blank() {
        assert!(streams(br#"{"model":"m","stream":true}"#));
        assert!(streams(br#"{"stream": true}"#));
        assert!(!streams(br#"{"stream":false}"#));
        assert!(!streams(b"{}"));
    }
}
