//! <https://platform.openai.com/docs/api-reference/responses/create>, as far as a client that keeps nothing at the
//! vendor's may use it.

use super::{
    closed_schema, list, only_with_tools,
    shape::{
        Member,
        Shape::{
            self, Any, Either, Flag, List, Members, Null, Number, Object, Tagged, Text, True, Whole, Word,
        },
        may, must,
    },
};
use serde_json::Value;

const BODY: Shape = Members(&[
    must("model", Text),
    must("input", Either(&[Text, List(1, &Either(&[MESSAGE, ITEM]))])),
    may("instructions", Text),
    may("tools", List(0, &TOOL)),
    may(
        "tool_choice",
        Either(&[Word(&["auto", "none", "required"]), CHOSEN]),
    ),
    may("parallel_tool_calls", Flag),
    may("text", Members(&[must("format", FORMAT), may("verbosity", Text)])),
    may(
        "reasoning",
        Members(&[
            may("effort", EFFORT),
            may("summary", Word(&["auto", "concise", "detailed"])),
        ]),
    ),
    may("include", List(0, &Text)),
    may("temperature", Number(0.0, 2.0)),
    may("top_p", Number(0.0, 1.0)),
    may("max_output_tokens", Whole(16)),
    may("prompt_cache_key", Text),
    may("metadata", Object),
    must("stream", True),
    must("store", Flag),
]);

const EFFORT: Shape = Word(&["none", "minimal", "low", "medium", "high", "xhigh", "max"]);

/// The form that needs no `type`.
const MESSAGE: Shape = Members(MESSAGE_MEMBERS);

const MESSAGE_MEMBERS: &[Member] = &[
    may("type", Word(&["message"])),
    must("role", Word(&["user", "assistant", "system", "developer"])),
    must("content", Either(&[Text, List(1, &CONTENT)])),
];

const CONTENT: Shape = Tagged(
    "type",
    &[
        ("input_text", &[must("text", Text)]),
        (
            "input_image",
            &[
                must("image_url", Text),
                must("detail", Word(&["low", "high", "auto"])),
            ],
        ),
        (
            "output_text",
            &[must("text", Text), may("annotations", List(0, &Any))],
        ),
        ("refusal", &[must("refusal", Text)]),
    ],
);

const ITEM: Shape = Tagged(
    "type",
    &[
        (
            "function_call",
            &[
                may("id", Text),
                may("status", Text),
                must("call_id", Text),
                must("name", Text),
                must("arguments", Text),
            ],
        ),
        (
            "function_call_output",
            &[must("call_id", Text), must("output", Text)],
        ),
        (
            "reasoning",
            &[
                must("id", Text),
                must("summary", List(0, &SUMMARY)),
                must("encrypted_content", Either(&[Text, Null])),
            ],
        ),
        ("message", MESSAGE_MEMBERS),
    ],
);

const SUMMARY: Shape = Tagged("type", &[("summary_text", &[must("text", Text)])]);

const TOOL: Shape = Tagged(
    "type",
    &[(
        "function",
        &[
            must("name", Text),
            may("description", Text),
            must("parameters", Object),
            must("strict", Flag),
        ],
    )],
);

const CHOSEN: Shape = Tagged("type", &[("function", &[must("name", Text)])]);

const FORMAT: Shape = Tagged(
    "type",
    &[
        ("text", &[]),
        ("json_object", &[]),
        (
            "json_schema",
            &[
                must("name", Text),
                must("schema", Object),
                may("description", Text),
                may("strict", Flag),
            ],
        ),
    ],
);

pub(super) fn check(body: &Value) -> Result<(), String> {
    BODY.check(body, "body")?;
    only_with_tools(body, &["tool_choice", "parallel_tool_calls"])?;
    for tool in list(&body["tools"]).iter().filter(|tool| tool["strict"] == true) {
        closed_schema(&tool["parameters"], true, "tools.parameters")?;
    }
    let format = &body["text"]["format"];
    if format["strict"] == true {
        closed_schema(&format["schema"], true, "text.format.schema")?;
    }
    let items = list(&body["input"]);
    let ids = |kind: &'static str| {
        let of_kind = items.iter().filter(move |item| item["type"] == kind);
        of_kind.filter_map(|item| item["call_id"].as_str())
    };
    for id in ids("function_call") {
        if !ids("function_call_output").any(|output| output == id) {
            return Err(format!("input: no tool output found for function call {id}"));
        }
    }
    for id in ids("function_call_output") {
        if !ids("function_call").any(|call| call == id) {
            return Err(format!("input: no tool call found for function call output {id}"));
        }
    }
    // A thought without what it led to is refused.
    if items.last().is_some_and(|item| item["type"] == "reasoning") {
        return Err("input: a reasoning item without its required following item".to_owned());
    }
    Ok(())
}
