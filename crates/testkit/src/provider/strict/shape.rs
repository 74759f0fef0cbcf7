//! Shapes of JSON, as tables that read like the vendors' references.

use serde_json::Value;

/// What a value may be.
pub(super) enum Shape {
    Any,
    Null,
    Flag,
    /// Set: the scripted provider answers with streams alone.
    True,
    Text,
    /// A text with more than blanks in it.
    Words,
    /// One of these texts.
    Word(&'static [&'static str]),
    /// A whole number of at least so much.
    Whole(i64),
    /// A number within these bounds.
    Number(f64, f64),
    /// An object that is not looked into: a schema, arguments.
    Object,
    /// An object with these members and no others.
    Members(&'static [Member]),
    /// A list of at least so many.
    List(usize, &'static Shape),
    /// An object whose member of this name says which members it has beside it.
    Tagged(&'static str, &'static [(&'static str, &'static [Member])]),
    Either(&'static [Shape]),
}

/// A member of an object.
pub(super) struct Member {
    name: &'static str,
    is_required: bool,
    shape: Shape,
}

/// A member that must be there.
pub(super) const fn must(name: &'static str, shape: Shape) -> Member {
    Member {
        name,
        is_required: true,
        shape,
    }
}

/// A member that may be there.
pub(super) const fn may(name: &'static str, shape: Shape) -> Member {
    Member {
        name,
        is_required: false,
        shape,
    }
}

impl Shape {
    /// Says what is wrong with a value.
    pub(super) fn check(&self, value: &Value, place: &str) -> Result<(), String> {
        let wrong = |expected: &str| Err(format!("{place}: expected {expected}, got: {}", brief(value)));
        let expect = |is_right: bool, expected: &str| if is_right { Ok(()) } else { wrong(expected) };
        match self {
            Self::Any => Ok(()),
            Self::Null => expect(value.is_null(), "null"),
            Self::Flag => expect(value.is_boolean(), "true or false"),
            Self::True => expect(value == true, "true"),
            Self::Text => expect(value.is_string(), "a text"),
            Self::Words => expect(
                value.as_str().is_some_and(|text| !text.trim().is_empty()),
                "a text that is not blank",
            ),
            Self::Word(words) => expect(
                value.as_str().is_some_and(|text| words.contains(&text)),
                &format!("one of {words:?}"),
            ),
            Self::Whole(least) => expect(
                value.as_i64().is_some_and(|number| number >= *least),
                &format!("a whole number from {least}"),
            ),
            Self::Number(from, to) => expect(
                value
                    .as_f64()
                    .is_some_and(|number| (*from..=*to).contains(&number)),
                &format!("a number from {from} to {to}"),
            ),
            Self::Object => expect(value.is_object(), "an object"),
            Self::Members(members) => check_members(members, None, value, place),
            Self::List(least, shape) => {
                let Some(entries) = value.as_array().filter(|entries| entries.len() >= *least) else {
                    return wrong(&format!("a list of {least} or more"));
                };
                let mut entries = entries.iter().enumerate();
                entries.try_for_each(|(at, entry)| shape.check(entry, &format!("{place}[{at}]")))
            }
            Self::Tagged(tag, kinds) => {
                let kind = value[tag].as_str().unwrap_or_default();
                match kinds.iter().find(|(name, _)| *name == kind) {
                    Some((_, members)) => check_members(members, Some(tag), value, place),
                    None => wrong(&format!("an object of a known `{tag}`")),
                }
            }
            Self::Either(shapes) => {
                let mut last = Ok(());
                for shape in *shapes {
                    last = shape.check(value, place);
                    if last.is_ok() {
                        break;
                    }
                }
                last
            }
        }
    }
}

fn check_members(members: &[Member], tag: Option<&str>, value: &Value, place: &str) -> Result<(), String> {
    let Some(object) = value.as_object() else {
        return Err(format!("{place}: expected an object, got: {}", brief(value)));
    };
    for (name, value) in object {
        match members.iter().find(|member| member.name == name) {
            Some(member) => member.shape.check(value, &format!("{place}.{name}"))?,
            None if tag == Some(name) => {}
            None => return Err(format!("{place}.{name}: unknown member")),
        }
    }
    let mut required = members.iter().filter(|member| member.is_required);
    match required.find(|member| !object.contains_key(member.name)) {
        Some(missing) => Err(format!("{place}.{}: required", missing.name)),
        None => Ok(()),
    }
}

fn brief(value: &Value) -> String {
    value.to_string().chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PART: Shape = Shape::Tagged("type", &[("text", &[must("text", Shape::Words)]), ("end", &[])]);
    const BODY: Shape = Shape::Members(&[
        must("parts", Shape::List(1, &PART)),
        may("top", Shape::Number(0.0, 1.0)),
        may("stop", Shape::Either(&[Shape::Null, Shape::Text])),
    ]);

    #[test]
    fn what_is_unknown_missing_or_of_the_wrong_kind_is_named_with_its_place() {
        for (body, expected) in [
            (
                json!({"parts": [{"type": "text", "text": "x"}, {"type": "end"}], "top": 1, "stop": null}),
                None,
            ),
            (json!({"parts": []}), Some("body.parts: expected a list of 1")),
            (json!({}), Some("body.parts: required")),
            (json!([]), Some("body: expected an object")),
            (
                json!({"parts": [{"type": "text", "text": " "}]}),
                Some("body.parts[0].text: expected a text"),
            ),
            (
                json!({"parts": [{"type": "x"}]}),
                Some("body.parts[0]: expected an object of a known `type`"),
            ),
            (
                json!({"parts": [{"type": "end", "y": 1}]}),
                Some("body.parts[0].y: unknown member"),
            ),
            (
                json!({"parts": [{"type": "end"}], "top": 1.5}),
                Some("body.top: "),
            ),
            (
                json!({"parts": [{"type": "end"}], "stop": 7}),
                Some("body.stop: "),
            ),
        ] {
            let said = BODY.check(&body, "body");
            match expected {
                None => assert_eq!(said, Ok(())),
                Some(beginning) => assert!(
                    said.clone().is_err_and(|said| said.starts_with(beginning)),
                    "{said:?}"
                ),
            }
        }
    }
}
