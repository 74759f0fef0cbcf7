//! Items of a response's input that stand for items of stored responses: a client that was given an item may send its id in
//! place of it, or without what was not shown of it.
//!
//! They are put in before the input is kept, so that a response can be gone on from when those it refers to are gone.

use super::kept;
use crate::{
    error::ApiError,
    routes::v1::{
        input::{Text, Unread},
        normal::seal,
    },
    state::App,
};
use chatai_engine::{Caller, KeptView, Piece};
use chatai_types::ErrorCode;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::Entry},
};

/// How many responses an input may refer to.
const MOST_RESPONSES: usize = 200;

/// What ids of items begin with.
const MESSAGE: &str = "msg";
const REASONING: &str = "rs";
const CALL: &str = "fc";

/// What is looked at in an item.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    role: Unread<'a>,
    #[serde(borrow)]
    encrypted_content: Unread<'a>,
}

/// What an item refers to.
enum Reference<'a> {
    /// It is nothing but an id.
    Whole(Cow<'a, str>),
    /// It is an item without what was not shown of it.
    Rest(Cow<'a, str>),
}

/// The input with everything put in that it refers to.
///
/// # Errors
/// `invalid_value` for an id that is of no stored response of the caller's.
pub(super) async fn resolve(state: &App, caller: &Caller, input: String) -> Result<String, ApiError> {
    // Most have none, and are not looked through.
    if !input.contains("\"id\"") {
        return Ok(input);
    }
    // What cannot be read is told of when it is read for good.
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(&input) else {
        return Ok(input);
    };
    let mut known = Known {
        state,
        caller,
        responses: HashMap::new(),
    };
    let mut resolved: Vec<Cow<'_, str>> = Vec::with_capacity(items.len());
    let mut after_reasoning = false;
    for (index, raw) in items.into_iter().enumerate() {
        let Ok(item) = serde_json::from_str::<Item<'_>>(raw.get()) else {
            resolved.push(raw.get().into());
            continue;
        };
        let follows_reasoning =
            std::mem::replace(&mut after_reasoning, item.kind.as_deref() == Some("reasoning"));
        match item.reference(follows_reasoning) {
            None => resolved.push(raw.get().into()),
            Some(Reference::Rest(id)) => {
                let found = known.item(&id).await?;
                resolved.push(found.map_or(raw.get().into(), |item| item.to_owned().into()));
            }
            Some(Reference::Whole(id)) => {
                let Some(item) = known.item(&id).await? else {
                    return Err(ApiError::invalid_value(
                        format!("input[{index}].id"),
                        "there is no such item in an ended, stored response of yours",
                    ));
                };
                after_reasoning = id.starts_with(REASONING);
                resolved.push(item.to_owned().into());
            }
        }
    }
    Ok(format!("[{}]", resolved.join(",")))
}

impl<'a> Item<'a> {
    fn reference(self, follows_reasoning: bool) -> Option<Reference<'a>> {
        let id = self.id?.0;
        let is_sealed = self.encrypted_content.is_some();
        match self.kind.as_deref() {
            Some("item_reference") => Some(Reference::Whole(id)),
            None if self.role.is_none() => Some(Reference::Whole(id)),
            Some("reasoning") if !is_sealed => Some(Reference::Rest(id)),
            Some("function_call") if !follows_reasoning => Some(Reference::Rest(id)),
            _ => None,
        }
    }
}

/// The items of the responses that were looked up.
struct Known<'a> {
    state: &'a App,
    caller: &'a Caller,
    /// By the response's name: its items, each by its id.
    responses: HashMap<String, HashMap<String, String>>,
}

impl Known<'_> {
    /// An item by its id, as a part of an input; `None` for one that is not there, or not the caller's.
    async fn item(&mut self, id: &str) -> Result<Option<&str>, ApiError> {
        let Some(response) = response_of(id) else {
            return Ok(None);
        };
        let count = self.responses.len();
        let items = match self.responses.entry(response.to_owned()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if count == MOST_RESPONSES => return Ok(None),
            Entry::Vacant(unknown) => {
                let items = match self.state.engine.kept_call(self.caller, response).await {
                    Ok(view) => items_of(&view)?,
                    Err(error) if error.code == ErrorCode::ResponseNotFound => HashMap::new(),
                    Err(error) => return Err(error.into()),
                };
                unknown.insert(items)
            }
        };
        Ok(items.get(id).map(String::as_str))
    }
}

/// The name that the engine has for the response that an item's id names.
fn response_of(id: &str) -> Option<&str> {
    let (prefix, rest) = id.split_once('_')?;
    let (response, place) = rest.rsplit_once('_')?;
    let is_place = place.bytes().all(|byte| byte.is_ascii_digit());
    ([MESSAGE, REASONING, CALL].contains(&prefix) && is_place).then_some(response)
}

/// The items of a stored response that has ended.
fn items_of(view: &KeptView) -> Result<HashMap<String, String>, ApiError> {
    let face = kept::face_of(&view.about)?.filter(|_| view.outcome.is_some());
    Ok(face.map_or_else(HashMap::new, |face| {
        items(&view.about.public_id, &view.pieces, face.sealed).collect()
    }))
}

/// An output's items by their ids, as parts of an input, with all that the model needs back. The ids are those that
/// [`super::events`] gives them.
pub(super) fn items(
    public_id: &str,
    pieces: &[Piece],
    sealed: bool,
) -> impl Iterator<Item = (String, String)> {
    let mut made: Vec<Made> = Vec::new();
    // What a client was not told of belongs to the call that follows.
    let mut untold = Vec::new();
    let mut is_open = false;
    for piece in pieces {
        match piece {
            Piece::Text(more) => match made.last_mut().filter(|_| is_open) {
                Some(Made::Message(text)) => text.push_str(more),
                _ => made.push(Made::Message(more.clone())),
            },
            Piece::Reasoning(more) => match made.last_mut().filter(|_| is_open) {
                Some(Made::Reasoning(text, _)) => text.push_str(more),
                _ => made.push(Made::Reasoning(more.clone(), None)),
            },
            Piece::State(state) => match made.last_mut().filter(|_| is_open) {
                Some(Made::Reasoning(_, kept)) => {
                    *kept = Some(seal(state));
                    is_open = false;
                    continue;
                }
                _ if sealed => made.push(Made::Reasoning(String::new(), Some(seal(state)))),
                _ => {
                    untold.push(seal(state));
                    continue;
                }
            },
            Piece::ToolCall { id, name, arguments } => made.push(Made::Call {
                untold: std::mem::take(&mut untold),
                call: json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments}),
            }),
            Piece::StoppedAt(_) | Piece::Vectors(_) => continue,
        }
        is_open = matches!(piece, Piece::Text(_) | Piece::Reasoning(_));
    }
    let public_id = public_id.to_owned();
    made.into_iter()
        .enumerate()
        .map(move |(place, made)| made.into_input(&public_id, place))
}

/// An item that an output made.
enum Made {
    Message(String),
    /// Its words, and what the model needs back.
    Reasoning(String, Option<String>),
    /// The call, and what the model needs back of which no item tells.
    Call {
        untold: Vec<String>,
        call: Value,
    },
}

impl Made {
    /// Its id, and what it is in an input.
    fn into_input(self, public_id: &str, place: usize) -> (String, String) {
        let id = |kind: &str| format!("{kind}_{public_id}_{place}");
        let reasoning = |words: &str, sealed: Option<&str>| {
            let words = Some(words).filter(|words| !words.is_empty());
            let summary: Vec<_> = words
                .map(|words| json!({"type": "summary_text", "text": words}))
                .into_iter()
                .collect();
            json!({"type": "reasoning", "summary": summary, "encrypted_content": sealed})
        };
        let (id, mut item, before) = match self {
            Self::Message(text) => {
                let item = json!({"type": "message", "role": "assistant", "content": text});
                (id(MESSAGE), item, Vec::new())
            }
            Self::Reasoning(words, sealed) => {
                (id(REASONING), reasoning(&words, sealed.as_deref()), Vec::new())
            }
            Self::Call { untold, call } => (id(CALL), call, untold),
        };
        item["id"] = id.as_str().into();
        let before = before
            .iter()
            .map(|sealed| reasoning("", Some(sealed)).to_string() + ",");
        (id, before.collect::<String>() + &item.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::v1::{
        responses::{events::Events, face::ResponseFace},
        testing::{about, call, ended, pieces, reasoning, state, text},
    };
    use chatai_engine::llm::StopReason;
    use chatai_types::CallKind;
    use proptest::prelude::*;

    #[test]
    fn what_was_not_told_goes_with_the_call_that_followed() {
        let kept = |pieces: &[Piece]| -> Vec<(String, Value)> {
            items("x", pieces, false)
                .map(|(id, json)| (id, serde_json::from_str(&format!("[{json}]")).unwrap()))
                .collect()
        };
        let Piece::State(made) = state() else {
            unreachable!()
        };
        let items = kept(&[state(), call("c"), reasoning("r"), state(), text("a")]);
        let ids: Vec<&str> = items.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["fc_x_0", "rs_x_1", "msg_x_2"]);
        assert_eq!(
            (&items[0].1[0]["encrypted_content"], &items[0].1[1]["call_id"]),
            (&json!(seal(&made)), &json!("c"))
        );
        assert_eq!(items[1].1[0]["encrypted_content"], seal(&made));
        assert_eq!(
            (items[1].1.as_array().unwrap().len(), &items[2].1[0]["content"]),
            (1, &json!("a"))
        );
    }

    proptest! {
        /// Items are known by the ids that were told of them.
        #[test]
        fn items_are_known_by_their_ids(pieces in pieces(), sealed: bool) {
            let face = ResponseFace::new(&[], false, true, sealed);
            let object = Events::new(about(CallKind::Response), face).object(&pieces, Some(&ended(StopReason::Stop)));
            let object: Value = serde_json::from_slice(&object).unwrap();
            let told = object["output"].as_array().unwrap().iter().map(|item| item["id"].clone());
            let known = items("x", &pieces, sealed).map(|(id, _)| Value::from(id));
            prop_assert_eq!(told.collect::<Vec<_>>(), known.collect::<Vec<_>>());
        }
    }
}
