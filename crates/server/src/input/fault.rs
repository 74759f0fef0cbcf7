//! One item of a 422's `detail`, worded as pydantic 2 words it.

use super::fields::Raw;
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use utoipa::ToSchema;

/// Longer values are not sent back: `input` is null in their place.
const ECHOED_BYTES: usize = 1_024;

/// A fault of one field.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Fault {
    /// The kind of fault, one of pydantic's names.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The way to the field.
    loc: Vec<Step>,
    /// A sentence for people.
    msg: Cow<'static, str>,
    /// The value at fault; null where it is missing, secret or long.
    input: Value,
    /// The bound or reason in `msg`.
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<Value>,
}

/// One step of a fault's `loc`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Step {
    /// A place (`body`, `query`, `path`) or a member.
    Name(&'static str),
    /// An index, or an offset in broken JSON.
    Index(usize),
}

impl From<&'static str> for Step {
    fn from(name: &'static str) -> Self {
        Self::Name(name)
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl Fault {
    /// Its place and what is wrong there.
    pub(crate) fn sentence(&self) -> String {
        let mut place = String::new();
        for step in &self.loc {
            match step {
                Step::Name(name) => {
                    if !place.is_empty() {
                        place.push('.');
                    }
                    place.push_str(name);
                }
                Step::Index(index) => place.push_str(&format!("[{index}]")),
            }
        }
        format!("{place}: {}", self.msg)
    }

    /// A field that is not there.
    pub(crate) fn missing(loc: Vec<Step>) -> Self {
        Self::new("missing", loc, "Field required", Value::Null, None)
    }

    /// A body that is no JSON.
    pub(crate) fn json_invalid(offset: usize, reason: &'static str) -> Self {
        let loc = vec!["body".into(), offset.into()];
        Self::new(
            "json_invalid",
            loc,
            "JSON decode error",
            json!({}),
            Some(json!({ "error": reason })),
        )
    }

    /// A body that is something else than a JSON object.
    pub(crate) fn not_an_object(input: Value) -> Self {
        let msg = "Input should be a valid dictionary or object to extract fields from";
        Self::new("model_attributes_type", vec!["body".into()], msg, input, None)
    }

    pub(crate) fn bool_parsing(loc: Vec<Step>, input: Value) -> Self {
        let msg = "Input should be a valid boolean, unable to interpret input";
        Self::new("bool_parsing", loc, msg, input, None)
    }

    pub(crate) fn string_type(loc: Vec<Step>, input: Value) -> Self {
        Self::new("string_type", loc, "Input should be a valid string", input, None)
    }

    pub(crate) fn string_unicode(loc: Vec<Step>) -> Self {
        let msg = "Input should be a valid string, unable to parse raw data as a unicode string";
        Self::new("string_unicode", loc, msg, Value::Null, None)
    }

    pub(crate) fn string_too_short(loc: Vec<Step>, input: Value, min: usize) -> Self {
        let msg = format!("String should have at least {min} character{}", plural(min));
        Self::new(
            "string_too_short",
            loc,
            msg,
            input,
            Some(json!({ "min_length": min })),
        )
    }

    pub(crate) fn string_too_long(loc: Vec<Step>, input: Value, max: usize) -> Self {
        let msg = format!("String should have at most {max} character{}", plural(max));
        Self::new(
            "string_too_long",
            loc,
            msg,
            input,
            Some(json!({ "max_length": max })),
        )
    }

    pub(crate) fn string_pattern(loc: Vec<Step>, input: Value, pattern: &'static str) -> Self {
        let msg = format!("String should match pattern '{pattern}'");
        Self::new(
            "string_pattern_mismatch",
            loc,
            msg,
            input,
            Some(json!({ "pattern": pattern })),
        )
    }

    pub(crate) fn int_type(loc: Vec<Step>, input: Value) -> Self {
        Self::new("int_type", loc, "Input should be a valid integer", input, None)
    }

    pub(crate) fn int_parsing(loc: Vec<Step>, input: Value) -> Self {
        let msg = "Input should be a valid integer, unable to parse string as an integer";
        Self::new("int_parsing", loc, msg, input, None)
    }

    pub(crate) fn int_parsing_size(loc: Vec<Step>, input: Value) -> Self {
        let msg = "Unable to parse input string as an integer, exceeded maximum size";
        Self::new("int_parsing_size", loc, msg, input, None)
    }

    pub(crate) fn int_from_float(loc: Vec<Step>, input: Value) -> Self {
        let msg = "Input should be a valid integer, got a number with a fractional part";
        Self::new("int_from_float", loc, msg, input, None)
    }

    pub(crate) fn greater_than_equal(loc: Vec<Step>, input: Value, min: i64) -> Self {
        let msg = format!("Input should be greater than or equal to {min}");
        Self::new("greater_than_equal", loc, msg, input, Some(json!({ "ge": min })))
    }

    pub(crate) fn less_than_equal(loc: Vec<Step>, input: Value, max: i64) -> Self {
        let msg = format!("Input should be less than or equal to {max}");
        Self::new("less_than_equal", loc, msg, input, Some(json!({ "le": max })))
    }

    /// A text that is none of a few names.
    pub(crate) fn literal(loc: Vec<Step>, input: Value, expected: &'static str) -> Self {
        let msg = format!("Input should be {expected}");
        Self::new(
            "literal_error",
            loc,
            msg,
            input,
            Some(json!({ "expected": expected })),
        )
    }

    pub(crate) fn bool_type(loc: Vec<Step>, input: Value) -> Self {
        Self::new("bool_type", loc, "Input should be a valid boolean", input, None)
    }

    pub(crate) fn decimal(loc: Vec<Step>, input: Value) -> Self {
        Self::new(
            "decimal_parsing",
            loc,
            "Input should be a valid decimal",
            input,
            None,
        )
    }

    /// A value that a rule of its own refuses.
    pub(crate) fn value_error(loc: Vec<Step>, input: Value, reason: impl std::fmt::Display) -> Self {
        let msg = format!("Value error, {reason}");
        Self::new("value_error", loc, msg, input, Some(json!({ "error": {} })))
    }

    /// An e-mail address that is none, as `EmailStr` says it.
    pub(crate) fn email(loc: Vec<Step>, input: Value, reason: &str) -> Self {
        let msg = format!("value is not a valid email address: {reason}");
        Self::new("value_error", loc, msg, input, Some(json!({ "reason": reason })))
    }

    fn new(
        kind: &'static str,
        loc: Vec<Step>,
        msg: impl Into<Cow<'static, str>>,
        input: Value,
        ctx: Option<Value>,
    ) -> Self {
        Self {
            kind,
            loc,
            msg: msg.into(),
            input,
            ctx,
        }
    }
}

/// The value to send back as a fault's `input`: the value itself, or null where it is long or cannot be spelled.
pub(crate) fn echo(raw: &Raw<'_>) -> Value {
    match raw {
        Raw::Json(text) if text.len() <= ECHOED_BYTES => serde_json::from_str(text).unwrap_or_default(),
        Raw::Text(text) if text.len() <= ECHOED_BYTES => Value::from(&**text),
        _ => Value::Null,
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
