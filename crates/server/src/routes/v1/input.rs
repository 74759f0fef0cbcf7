//! Bodies of `/v1`, read once into structs that borrow from them; a fault names the member at fault.

use crate::error::ApiError;
use chatai_types::ErrorCode;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer, value::SeqAccessDeserializer},
};
use serde_json::{Value, value::RawValue};
use std::{borrow::Cow, fmt, marker::PhantomData, ops::Deref};

/// A member that is read only to see whether it asks for something.
pub(crate) type Unread<'a> = Option<&'a RawValue>;

/// A string that borrows from the body where it has no escapes.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// A string, or a list of parts.
#[derive(Debug)]
pub(crate) enum TextOrList<'a, T> {
    /// A string.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<T>),
}

/// A word, or an object that says more.
#[derive(Debug)]
pub(crate) enum WordOrObject<'a, T> {
    /// A string.
    Word(Cow<'a, str>),
    /// An object.
    Object(T),
}

/// Reads a body.
///
/// # Errors
/// `invalid_value`, naming the member that cannot be read.
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).or_else(|_| {
        // Most bodies can be read; only those that cannot are read with an account of where.
        let mut json = serde_json::Deserializer::from_slice(body);
        let read: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            match error.inner() {
                inner if inner.is_data() && path != "." => {
                    let detail = format!("`{path}` cannot be read: {inner}");
                    ApiError::invalid_value(path, detail)
                }
                inner => unreadable(inner),
            }
        })?;
        json.end().map_err(|error| unreadable(&error))?;
        Ok(read)
    })
}

/// The same for a member that was kept as it was sent.
pub(crate) fn parse_member<'a, T: Deserialize<'a>>(name: &'static str, text: &'a str) -> Result<T, ApiError> {
    parse(text.as_bytes()).map_err(|error| error.inside(name))
}

fn unreadable(error: &serde_json::Error) -> ApiError {
    let detail = format!("the body cannot be read: {error}");
    ApiError::new(ErrorCode::InvalidValue, detail)
}

/// Refuses members that would change the answer and cannot: each with its name.
pub(crate) fn refuse(members: &[(&'static str, Unread<'_>)]) -> Result<(), ApiError> {
    let asking = members.iter().find(|(_, value)| asks(*value));
    asking.map_or(Ok(()), |(name, _)| Err(ApiError::unsupported(*name)))
}

/// Whether a member asks for anything: what stands for nothing is as good as absent.
fn asks(member: Unread<'_>) -> bool {
    member.is_some_and(|value| !matches!(value.get(), "null" | "false" | "0" | "[]" | "{}" | "\"\""))
}

/// A body as one text, whatever the order and spacing of its members: what makes two requests the same. Whether it is
/// streamed makes no difference.
pub(crate) fn canonical(body: &[u8]) -> Result<Vec<u8>, ApiError> {
    let mut value: Value = parse(body)?;
    if let Some(members) = value.as_object_mut() {
        members.remove("stream");
        members.remove("stream_options");
    }
    value.sort_all_objects();
    Ok(serde_json::to_vec(&value).expect("what was JSON is JSON"))
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for TextOrList<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrListVisitor(PhantomData))
    }
}

struct TextOrListVisitor<'a, T>(PhantomData<(&'a (), T)>);

impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for TextOrListVisitor<'a, T> {
    type Value = TextOrList<'a, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(TextOrList::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(TextOrList::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(items)).map(TextOrList::List)
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for WordOrObject<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrObjectVisitor(PhantomData))
    }
}

struct WordOrObjectVisitor<'a, T>(PhantomData<(&'a (), T)>);

impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for WordOrObjectVisitor<'a, T> {
    type Value = WordOrObject<'a, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an object")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(WordOrObject::Word(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(WordOrObject::Word(Cow::Owned(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(WordOrObject::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "what is read is of no matter here")]
    struct Body<'a> {
        #[serde(borrow, default)]
        parts: Option<TextOrList<'a, Part<'a>>>,
        #[serde(borrow)]
        choice: Option<WordOrObject<'a, Part<'a>>>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "what is read is of no matter here")]
    struct Part<'a> {
        #[serde(borrow)]
        text: Cow<'a, str>,
    }

    #[test]
    fn a_fault_names_its_member() {
        for (body, param) in [
            (r#"{"parts": [{"text": "a"}, {"text": 1}]}"#, "parts[1].text"),
            (r#"{"parts": 5}"#, "parts"),
            (r#"{"choice": {"text": []}}"#, "choice.text"),
            (r#"{"choice": [1]}"#, "choice"),
            (r#"{"parts": "a""#, ""),
            (r#"{} x"#, ""),
            (r#"[]"#, ""),
            ("", ""),
        ] {
            let refused = parse::<Body<'_>>(body.as_bytes()).unwrap_err();
            assert_eq!(refused.at_fault(), ("invalid_value", param), "{body}");
        }
        for body in [
            r#"{"parts": "a\n", "choice": "b"}"#,
            r#"{"parts": [{"text": "\u00e9"}], "choice": {"text": "x"}}"#,
            r#"{"choice": null}"#,
        ] {
            parse::<Body<'_>>(body.as_bytes()).unwrap();
        }
    }

    #[test]
    fn what_stands_for_nothing_asks_for_nothing() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        for (text, asking) in [
            ("false", false),
            ("{}", false),
            ("0", false),
            ("true", true),
            ("2", true),
            (r#"{"a":1}"#, true),
        ] {
            let value = raw(text);
            assert_eq!(refuse(&[("logprobs", Some(&value))]).is_err(), asking, "{text}");
        }
        assert!(refuse(&[("logprobs", None)]).is_ok());
    }

    #[test]
    fn the_same_request_is_one_text() {
        let one =
            canonical(br#"{"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": true}"#);
        let other =
            canonical(br#"{"messages":[{"content":"x","role":"user"}],"model":"m","stream_options":{}}"#);
        let third = canonical(br#"{"messages":[{"content":"y","role":"user"}],"model":"m"}"#);
        assert_eq!(one.as_ref().unwrap(), other.as_ref().unwrap());
        assert_ne!(one.unwrap(), third.unwrap());
    }
}
