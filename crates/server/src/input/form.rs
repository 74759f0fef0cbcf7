//! HTML forms, urlencoded or multipart, read into one shape.

use super::{
    content_type::ContentType,
    fault::Fault,
    fields::{Raw, Source},
    multipart,
    urlencoded::Urlencoded,
};
use crate::{
    body::{self, BodyError},
    error::ApiError,
};
use axum::body::Body;
use chatai_engine::Upload;

/// What a route takes from a form, and how much of it.
#[derive(Clone, Debug)]
pub(crate) struct FormSpec {
    /// Its text fields.
    pub(crate) texts: &'static [&'static str],
    /// The most characters of the longest of them.
    pub(crate) text_chars: usize,
    /// The most bytes of the body.
    pub(crate) total_bytes: u64,
    /// Its field for files.
    pub(crate) files: Option<FileSpec>,
}

/// A field that takes files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileSpec {
    /// Its name.
    pub(crate) name: &'static str,
    /// The most files.
    pub(crate) count: usize,
    /// The most bytes of one.
    pub(crate) bytes: u64,
}

/// A form's declared fields.
#[derive(Debug, Default)]
pub(crate) struct Form {
    /// Text fields in the order of arrival.
    pub(crate) texts: Vec<(&'static str, FormValue)>,
    /// Files in the order of arrival.
    pub(crate) files: Vec<FileField>,
}

/// A text field's value.
#[derive(Debug, PartialEq)]
pub(crate) enum FormValue {
    /// What it should be.
    Text(String),
    /// Bytes that are no UTF-8.
    NotUnicode,
    /// A file in its place.
    File,
}

/// A file field's value.
#[derive(Debug)]
pub(crate) enum FileField {
    /// What it should be.
    File(Upload),
    /// A text in its place.
    Text(String),
}

impl Form {
    /// Reads a body as the form that it says it is; any other body has no fields.
    pub(crate) async fn read(
        content_type: &ContentType,
        body: Body,
        spec: &FormSpec,
    ) -> Result<Self, ApiError> {
        if hyper::body::Body::size_hint(&body).lower() > spec.total_bytes {
            return Err(BodyError::TooLarge {
                limit: spec.total_bytes,
            }
            .into());
        }
        match content_type {
            ContentType::Multipart(Some(boundary)) => multipart::read(body, boundary, spec).await,
            ContentType::Multipart(None) => Err(ApiError::unreadable_body()),
            ContentType::Urlencoded => Ok(Self::from_urlencoded(
                &body::read_all(body, spec.total_bytes).await?,
                spec,
            )),
            ContentType::None | ContentType::Json | ContentType::Other => Ok(Self::default()),
        }
    }

    fn from_urlencoded(bytes: &[u8], spec: &FormSpec) -> Self {
        let pairs = Urlencoded::body(bytes);
        let mut form = Self::default();
        for name in spec.texts {
            match pairs.field(name) {
                Raw::Text(text) => form.texts.push((name, FormValue::Text(text.into_owned()))),
                Raw::NotUnicode => form.texts.push((name, FormValue::NotUnicode)),
                Raw::Absent | Raw::Json(_) | Raw::File => {}
            }
        }
        if let Some(files) = spec.files {
            // One fault tells as much as a million.
            for raw in pairs.all(files.name).take(files.count) {
                let text = if let Raw::Text(text) = raw {
                    text.into_owned()
                } else {
                    String::from("\u{fffd}")
                };
                form.files.push(FileField::Text(text));
            }
        }
        form
    }

    /// The files, or the faults of what stands in their place. An empty text is a field left blank.
    pub(crate) fn take_files(&mut self, name: &'static str, faults: &mut Vec<Fault>) -> Vec<Upload> {
        let mut files = Vec::new();
        for (index, field) in std::mem::take(&mut self.files).into_iter().enumerate() {
            match field {
                FileField::File(file) => files.push(file),
                FileField::Text(text) if text.is_empty() => {}
                FileField::Text(text) => {
                    let loc = vec!["body".into(), name.into(), index.into()];
                    let input = super::fault::echo(&Raw::Text(text.into()));
                    let reason = "Expected UploadFile, received: <class 'str'>";
                    faults.push(Fault::value_error(loc, input, reason));
                }
            }
        }
        files
    }

    /// The last value of a text field.
    pub(crate) fn value(&self, name: &str) -> Option<&FormValue> {
        self.texts
            .iter()
            .rev()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }
}

impl Source for Form {
    fn place(&self) -> &'static str {
        "body"
    }

    fn field(&self, name: &str) -> Raw<'_> {
        match self.value(name) {
            None => Raw::Absent,
            Some(FormValue::Text(text)) => Raw::Text(text.into()),
            Some(FormValue::NotUnicode) => Raw::NotUnicode,
            Some(FormValue::File) => Raw::File,
        }
    }
}
