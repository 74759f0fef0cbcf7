//! What a document's paragraph styles mean: headings and list items, whatever the styles are called.

use super::super::Failure;
use super::super::xml::{Step, Steps};
use std::collections::HashMap;

/// What is known of one paragraph style.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    /// 1 to 6 for a heading.
    pub(super) heading: Option<usize>,
    /// The list that its paragraphs belong to.
    pub(super) list: Option<String>,
    /// Their level in it, from 0.
    pub(super) level: usize,
}

/// Styles by their ids.
#[derive(Debug, Default)]
pub(super) struct Styles(HashMap<String, Style>);

impl Styles {
    /// Reads `styles.xml`.
    pub(super) fn read(xml: &str) -> Result<Self, Failure> {
        let mut styles = HashMap::new();
        let mut steps = Steps::of(xml);
        let mut current: Option<(String, Style)> = None;
        while let Some(step) = steps.next()? {
            match (step, &mut current) {
                (Step::Open(element), None) if element.name() == "style" => {
                    current = element.attribute("styleId").map(|id| (id, Style::default()));
                }
                (Step::Open(element), Some((_, style))) => {
                    let Some(value) = element.attribute("val") else {
                        continue;
                    };
                    match element.name() {
                        "name" => style.heading = heading_of_name(&value).or(style.heading),
                        "outlineLvl" => style.heading = style.heading.or(heading_of_outline(&value)),
                        "numId" => style.list = Some(value),
                        "ilvl" => style.level = value.parse().unwrap_or_default(),
                        _ => {}
                    }
                }
                (Step::Close(name), _) if name == "style" => styles.extend(current.take()),
                _ => {}
            }
        }
        Ok(Self(styles))
    }

    pub(super) fn get(&self, id: &str) -> Option<&Style> {
        self.0.get(id)
    }
}

/// Built-in styles have English names in every language; only their ids are translated.
fn heading_of_name(name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    if name == "title" {
        return Some(1);
    }
    let level = name.strip_prefix("heading ")?.parse::<usize>().ok()?;
    (level > 0).then(|| level.min(6))
}

/// Outline levels count from 0; 9 is body text.
pub(super) fn heading_of_outline(value: &str) -> Option<usize> {
    let level = value.parse::<usize>().ok()?;
    (level < 9).then(|| (level + 1).min(6))
}
