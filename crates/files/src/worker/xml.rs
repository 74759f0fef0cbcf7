//! XML as document parts use it: elements and text, the five built-in entities and nothing that could
//! multiply.

use super::Failure;
use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;

/// A step through a part. Names are without their prefix, since writers choose prefixes freely.
pub(super) enum Step<'a> {
    Open(Element<'a>),
    Close(String),
    Text(Cow<'a, str>),
}

/// The start of an element.
pub(super) struct Element<'a> {
    start: BytesStart<'a>,
}

impl Element<'_> {
    pub(super) fn name(&self) -> &str {
        self.start.local_name().into_inner()
    }

    /// An attribute by its name without prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let attribute = self
            .start
            .attributes()
            .with_checks(false)
            .flatten()
            .find(|attribute| attribute.key.local_name().into_inner() == name)?;
        attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .ok()
            .map(Cow::into_owned)
    }
}

/// Reads a part from start to end.
pub(super) struct Steps<'a> {
    reader: Reader<&'a [u8]>,
}

impl<'a> Steps<'a> {
    pub(super) fn of(xml: &'a str) -> Self {
        let mut reader = Reader::from_str(xml);
        reader.config_mut().expand_empty_elements = true;
        Self { reader }
    }

    /// The next step; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Step<'a>>, Failure> {
        loop {
            let event = self.reader.read_event().map_err(|error| broken(&error))?;
            return Ok(Some(match event {
                Event::Start(start) | Event::Empty(start) => Step::Open(Element { start }),
                Event::End(end) => Step::Close(end.local_name().into_inner().to_owned()),
                Event::Text(text) => Step::Text(text.xml10_content()),
                Event::CData(text) => Step::Text(text.into_inner()),
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref().map_err(|error| broken(&error))? {
                        Some(character) => character,
                        None => built_in(&reference)?,
                    };
                    Step::Text(Cow::Owned(character.to_string()))
                }
                Event::DocType(_) => {
                    return Err(Failure::Hostile(
                        "the document defines its own entities".to_owned(),
                    ));
                }
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
                Event::Eof => return Ok(None),
            }));
        }
    }
}

fn built_in(name: &str) -> Result<char, Failure> {
    match name {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(Failure::Hostile(
            "the document uses entities of its own".to_owned(),
        )),
    }
}

fn broken(error: &dyn std::fmt::Display) -> Failure {
    Failure::Broken(format!("a part of the document is no XML: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(xml: &str) -> Result<String, Failure> {
        let mut steps = Steps::of(xml);
        let mut text = String::new();
        while let Some(step) = steps.next()? {
            match step {
                Step::Open(element) => text.push_str(&format!("<{}>", element.name())),
                Step::Close(name) => text.push_str(&format!("</{name}>")),
                Step::Text(words) => text.push_str(&words),
            }
        }
        Ok(text)
    }

    #[test]
    fn the_five_built_in_entities_and_numbers_are_resolved() {
        assert_eq!(
            text_of("<w:a b=\"1\">x &amp;&lt;&gt;&quot;&apos; &#228;&#x4e16;<![CDATA[<&]]><w:c/></w:a>")
                .unwrap(),
            "<a>x &<>\"' ä世<&<c></c></a>"
        );
    }

    #[test]
    fn own_entities_are_refused() {
        for xml in [
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
            "<a>&b;</a>",
        ] {
            assert!(matches!(text_of(xml), Err(Failure::Hostile(_))), "{xml}");
        }
        for xml in ["<a><b></a>", "<a>&#x110000;</a>", "<a"] {
            assert!(matches!(text_of(xml), Err(Failure::Broken(_))), "{xml}");
        }
    }
}
