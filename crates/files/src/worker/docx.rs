//! Word documents as readable text: headings, lists and tables as Markdown writes them, notes at the end.

mod body;
mod lists;
mod styles;

use super::archive::Archive;
use super::xml::{Step, Steps};
use super::{Failure, Parsed};
use crate::text::BoundedText;
use body::Body;
use lists::Lists;
use styles::Styles;

/// Where the main part lies unless the package's relations say otherwise.
const USUAL_MAIN_PART: &str = "word/document.xml";

pub(super) fn parse(bytes: &[u8], text: &mut BoundedText) -> Parsed {
    let mut archive = Archive::open_document(bytes)?;
    let main_part = main_part(&mut archive)?;
    let folder = main_part
        .rsplit_once('/')
        .map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let Some(document) = archive.read(&main_part)? else {
        return Err(Failure::Broken("the document has no main part".to_owned()));
    };
    let styles = match archive.read(&format!("{folder}styles.xml"))? {
        Some(xml) => Styles::read(&xml)?,
        None => Styles::default(),
    };
    let lists = match archive.read(&format!("{folder}numbering.xml"))? {
        Some(xml) => Lists::read(&xml)?,
        None => Lists::default(),
    };
    let mut body = Body::new(text, &styles, lists);
    body.read(&document)?;
    for part in ["footnotes.xml", "endnotes.xml"] {
        if let Some(notes) = archive.read(&format!("{folder}{part}"))? {
            body.read(&notes)?;
        }
    }
    Ok(None)
}

/// The part that the package names as its document (Office Open XML part 2, 9.3).
fn main_part(archive: &mut Archive<'_>) -> Result<String, Failure> {
    let Some(relations) = archive.read("_rels/.rels")? else {
        return Ok(USUAL_MAIN_PART.to_owned());
    };
    let mut steps = Steps::of(&relations);
    while let Some(step) = steps.next()? {
        let Step::Open(element) = step else { continue };
        if element.name() == "Relationship"
            && element
                .attribute("Type")
                .is_some_and(|kind| kind.ends_with("/officeDocument"))
            && let Some(target) = element.attribute("Target")
        {
            return Ok(target.trim_start_matches('/').to_owned());
        }
    }
    Ok(USUAL_MAIN_PART.to_owned())
}
