//! Ids in paths.

use super::{
    fault::Fault,
    fields::{Fields, Raw, Source},
};
use crate::error::ApiError;
use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use std::convert::Infallible;

/// A path's parameters, decoded; `None` where they are no UTF-8.
#[derive(Debug)]
pub(crate) struct PathParams(Option<RawPathParams>);

impl PathParams {
    /// The one id of a path without other input.
    pub(crate) fn id(&self, name: &'static str) -> Result<i64, ApiError> {
        let mut faults = Vec::new();
        let id = Fields::new(self, &mut faults).id(name);
        id.ok_or_else(|| ApiError::validation(faults))
    }

    /// The fields, to be read together with other input.
    pub(crate) fn fields<'a>(&'a self, faults: &'a mut Vec<Fault>) -> Fields<'a> {
        Fields::new(self, faults)
    }
}

impl Source for PathParams {
    fn place(&self) -> &'static str {
        "path"
    }

    fn field(&self, name: &str) -> Raw<'_> {
        match &self.0 {
            None => Raw::NotUnicode,
            Some(params) => params
                .iter()
                .find(|(key, _)| *key == name)
                .map_or(Raw::Absent, |(_, value)| Raw::Text(value.into())),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathParams {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(RawPathParams::from_request_parts(parts, state).await.ok()))
    }
}
