//! <https://ai.google.dev/api/generate-content#request-body>, <https://ai.google.dev/gemini-api/docs/thought-signatures>

use super::{
    list, only_with_tools,
    shape::{
        Shape::{self, Flag, List, Members, Number, Object, Text, Whole, Word, Words},
        may, must,
    },
};
use serde_json::Value;

const BODY: Shape = Members(&[
    must("contents", List(1, &CONTENT)),
    may("systemInstruction", Members(&[must("parts", List(1, &PART))])),
    may(
        "tools",
        List(1, &Members(&[must("functionDeclarations", List(1, &FUNCTION))])),
    ),
    may(
        "toolConfig",
        Members(&[must(
            "functionCallingConfig",
            Members(&[
                must("mode", Word(&["AUTO", "ANY", "NONE", "VALIDATED"])),
                may("allowedFunctionNames", List(1, &Words)),
            ]),
        )]),
    ),
    may("generationConfig", GENERATION),
]);

const CONTENT: Shape = Members(&[
    must("role", Word(&["user", "model"])),
    must("parts", List(1, &PART)),
]);

/// One of the first four says what it is.
const PART: Shape = Members(&[
    may("text", Text),
    may(
        "inlineData",
        Members(&[must("mimeType", Words), must("data", Words)]),
    ),
    may(
        "functionCall",
        Members(&[may("id", Words), must("name", Words), may("args", Object)]),
    ),
    may(
        "functionResponse",
        Members(&[may("id", Words), must("name", Words), must("response", Object)]),
    ),
    may("thought", Flag),
    may("thoughtSignature", Words),
]);

const FUNCTION: Shape = Members(&[
    must("name", Words),
    must("description", Text),
    may("parametersJsonSchema", Object),
]);

const GENERATION: Shape = Members(&[
    may("maxOutputTokens", Whole(1)),
    may("temperature", Number(0.0, 2.0)),
    may("topP", Number(0.0, 1.0)),
    may("stopSequences", List(1, &Words)),
    may("seed", Whole(i32::MIN as i64)),
    may("presencePenalty", Number(-2.0, 2.0)),
    may("frequencyPenalty", Number(-2.0, 2.0)),
    may("responseMimeType", Word(&["text/plain", "application/json"])),
    may("responseJsonSchema", Object),
    may(
        "thinkingConfig",
        Members(&[
            may("includeThoughts", Flag),
            may("thinkingBudget", Whole(-1)),
            may("thinkingLevel", Word(&["minimal", "low", "medium", "high"])),
        ]),
    ),
]);

pub(super) fn check(model: &str, body: &Value) -> Result<(), String> {
    BODY.check(body, "body")?;
    only_with_tools(body, &["toolConfig"])?;
    let generation = &body["generationConfig"];
    if generation.get("responseJsonSchema").is_some() && generation["responseMimeType"] != "application/json"
    {
        return Err("responseJsonSchema: only with the type `application/json`".to_owned());
    }
    let chosen = &body["toolConfig"]["functionCallingConfig"];
    if chosen.get("allowedFunctionNames").is_some()
        && !matches!(chosen["mode"].as_str(), Some("ANY" | "VALIDATED"))
    {
        return Err("allowedFunctionNames: only with the modes ANY and VALIDATED".to_owned());
    }
    let is_third = model.starts_with("gemini-3");
    let thinking = &generation["thinkingConfig"];
    if thinking.get("thinkingLevel").is_some() && (!is_third || thinking.get("thinkingBudget").is_some()) {
        return Err("thinkingLevel: not supported by this model, or beside a budget".to_owned());
    }
    turns(list(&body["contents"]), is_third)
}

/// The sides take turns, the user first; the calls of one turn are answered by the next, as many; the first of them
/// bears the signature of the thoughts before it, where the model signs.
fn turns(contents: &[Value], is_third: bool) -> Result<(), String> {
    let mut open = 0;
    for (at, content) in contents.iter().enumerate() {
        let expected = if at % 2 == 0 { "user" } else { "model" };
        if content["role"] != expected {
            return Err(format!("contents[{at}]: not the turn of {}", content["role"]));
        }
        let parts = list(&content["parts"]);
        let of = |member: &'static str| parts.iter().filter(move |part| part.get(member).is_some());
        for part in parts {
            let data = ["text", "inlineData", "functionCall", "functionResponse"];
            if data.iter().filter(|member| part.get(**member).is_some()).count() != 1 {
                return Err(format!("contents[{at}]: a part is one thing"));
            }
        }
        if of("functionResponse").count() != open {
            return Err(format!(
                "contents[{at}]: the number of function response parts must be that of the calls of the turn before"
            ));
        }
        open = of("functionCall").count();
        let first = of("functionCall").next();
        if is_third && first.is_some_and(|call| call.get("thoughtSignature").is_none()) {
            return Err(format!(
                "contents[{at}]: function call is missing a thought_signature"
            ));
        }
    }
    if open > 0 {
        return Err("contents: calls without responses".to_owned());
    }
    Ok(())
}
