//! A document's lists: which levels are numbered, and how far each has been counted.

use super::super::Failure;
use super::super::xml::{Step, Steps};
use std::collections::HashMap;

/// Levels of a list (Office Open XML part 1, 17.9.6).
const LEVELS: usize = 9;

/// Lists by their ids.
#[derive(Debug, Default)]
pub(super) struct Lists {
    definition_of: HashMap<String, String>,
    numbered: HashMap<String, [bool; LEVELS]>,
    counted: HashMap<String, [u32; LEVELS]>,
}

impl Lists {
    /// Reads `numbering.xml`.
    pub(super) fn read(xml: &str) -> Result<Self, Failure> {
        let mut lists = Self::default();
        let mut steps = Steps::of(xml);
        let (mut definition, mut list, mut level) = (String::new(), String::new(), 0);
        while let Some(step) = steps.next()? {
            let Step::Open(element) = step else { continue };
            let attribute = |name| element.attribute(name).unwrap_or_default();
            match element.name() {
                "abstractNum" => definition = attribute("abstractNumId"),
                "lvl" => level = attribute("ilvl").parse().unwrap_or_default(),
                "numFmt" if level < LEVELS => {
                    let is_numbered = !matches!(attribute("val").as_str(), "bullet" | "none" | "");
                    lists.numbered.entry(definition.clone()).or_default()[level] = is_numbered;
                }
                "num" => list = attribute("numId"),
                "abstractNumId" => {
                    lists.definition_of.insert(list.clone(), attribute("val"));
                }
                _ => {}
            }
        }
        Ok(lists)
    }

    /// What stands before the next item of a list: indentation and a dash or the number.
    pub(super) fn next_mark(&mut self, list: &str, level: usize) -> String {
        let level = level.min(LEVELS - 1);
        let counted = self.counted.entry(list.to_owned()).or_default();
        counted[level] = counted[level].saturating_add(1);
        counted[level + 1..].fill(0);
        let definition = self.definition_of.get(list);
        let is_numbered = definition
            .and_then(|id| self.numbered.get(id))
            .is_some_and(|levels| levels[level]);
        let indentation = "  ".repeat(level);
        if is_numbered {
            format!("{indentation}{}. ", counted[level])
        } else {
            format!("{indentation}- ")
        }
    }
}
