//! JSON bodies: read once, of the members only those that a route declares.
//!
//! Values of other members are checked for syntax and skipped without being built, so that neither a deep nor a
//! wide body costs more than its own bytes.

use super::{
    fault::Fault,
    fields::{Raw, Source},
    json_scan,
};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt};

/// The declared members of a JSON object.
#[derive(Debug)]
pub(crate) struct Members<'a> {
    names: &'static [&'static str],
    values: Vec<Option<&'a RawValue>>,
}

impl Source for Members<'_> {
    fn place(&self) -> &'static str {
        "body"
    }

    fn field(&self, name: &str) -> Raw<'_> {
        let index = self.names.iter().position(|known| *known == name);
        debug_assert!(index.is_some(), "a member is read that was not declared: {name}");
        match index.and_then(|index| self.values[index]) {
            Some(value) => Raw::Json(value.get()),
            None => Raw::Absent,
        }
    }
}

/// Why a body gives no members.
#[derive(Debug, PartialEq)]
pub(crate) enum NotMembers {
    /// It is no JSON: to be said even to a caller without a token.
    Broken(Box<Fault>),
    /// It is empty, or valid JSON of another shape.
    Shape(Box<Fault>),
}

/// Reads the declared members of a body.
pub(crate) fn members<'a>(body: &'a [u8], names: &'static [&'static str]) -> Result<Members<'a>, NotMembers> {
    let text = text(body).map_err(NotMembers::Broken)?;
    if text.is_empty() {
        return Err(NotMembers::Shape(Fault::missing(vec!["body".into()]).into()));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let read = json
        .deserialize_any(MembersVisitor { names })
        .and_then(|read| json.end().map(|()| read));
    match read {
        Ok(Some(members)) => Ok(members),
        Ok(None) => Err(NotMembers::Shape(
            Fault::not_an_object(super::fault::echo(&Raw::Json(text))).into(),
        )),
        Err(error) => Err(explain(text, &error)),
    }
}

/// The body as text, less a byte order mark.
fn text(body: &[u8]) -> Result<&str, Box<Fault>> {
    match std::str::from_utf8(body) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let valid = String::from_utf8_lossy(&body[..error.valid_up_to()]);
            Err(Fault::json_invalid(valid.chars().count(), "Invalid UTF-8").into())
        }
    }
}

fn explain(text: &str, error: &serde_json::Error) -> NotMembers {
    match json_scan::first_fault(text) {
        Some(fault) => NotMembers::Broken(Fault::json_invalid(fault.offset, fault.message).into()),
        // Valid JSON that the parser cannot hold: half a surrogate pair in a member's name, or a top-level number
        // out of range. Neither is an object with usable members.
        None => {
            tracing::debug!(%error, "valid JSON that cannot be read");
            NotMembers::Shape(Fault::not_an_object(serde_json::Value::Null).into())
        }
    }
}

struct MembersVisitor {
    names: &'static [&'static str],
}

/// `None` stands for valid JSON that is no object.
impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Option<Members<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members {
            names: self.names,
            values: vec![None; self.names.len()],
        };
        while let Some(Key(name)) = map.next_key::<Key<'de>>()? {
            match self.names.iter().position(|known| *known == name) {
                Some(index) => members.values[index] = Some(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Some(members))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// A member's name, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NAMES: &[&str] = &["a", "b"];

    fn fault(body: &[u8]) -> (bool, serde_json::Value) {
        match members(body, NAMES).unwrap_err() {
            NotMembers::Broken(fault) => (true, serde_json::to_value(fault).unwrap()),
            NotMembers::Shape(fault) => (false, serde_json::to_value(fault).unwrap()),
        }
    }

    #[test]
    fn declared_members_are_found_and_the_last_one_counts() {
        let body = "\u{feff}{\"a\": 1, \"x\": [{}], \"\\u0061\": \"two\", \"B\": 3}";
        let read = members(body.as_bytes(), NAMES).unwrap();
        assert_eq!(read.field("a"), Raw::Json("\"two\""));
        assert_eq!(read.field("b"), Raw::Absent);
    }

    #[test]
    fn other_shapes() {
        let not_object = "Input should be a valid dictionary or object to extract fields from";
        for (body, input) in [
            ("[1]", json!([1])),
            ("\"x\"", json!("x")),
            ("5", json!(5)),
            ("null", json!(null)),
        ] {
            let expected =
                json!({"type": "model_attributes_type", "loc": ["body"], "msg": not_object, "input": input});
            assert_eq!(fault(body.as_bytes()), (false, expected));
        }
        let missing = json!({"type": "missing", "loc": ["body"], "msg": "Field required", "input": null});
        assert_eq!(fault(b""), (false, missing));
    }

    #[test]
    fn broken_json() {
        let (broken, item) = fault("{\"é\": tru}".as_bytes());
        assert!(broken);
        assert_eq!(
            item,
            json!({"type": "json_invalid", "loc": ["body", 6], "msg": "JSON decode error", "input": {},
                   "ctx": {"error": "Expecting value"}})
        );
        let (broken, item) = fault(b"{\"a\": \"\xff\"}");
        assert!(broken);
        assert_eq!(item["loc"], json!(["body", 7]));
        assert_eq!(item["ctx"]["error"], "Invalid UTF-8");
    }

    #[test]
    fn hostile_bodies_end_in_a_fault_or_are_skipped() {
        let deep = format!(
            "{{\"x\": {}{}, \"a\": 1}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert_eq!(
            members(deep.as_bytes(), NAMES).unwrap().field("a"),
            Raw::Json("1")
        );
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(matches!(
            members(deep.as_bytes(), NAMES).unwrap().field("a"),
            Raw::Json(_)
        ));
        assert!(fault("[".repeat(100_000).as_bytes()).0);
        assert!(!fault(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).as_bytes()).0);
        assert!(!fault("9".repeat(1_000_000).as_bytes()).0);
        assert!(!fault(br#"{"\ud800": 1}"#).0);
        assert!(!fault(br#""\ud800""#).0);
    }
}
