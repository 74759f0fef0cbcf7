//! Who calls: the one way from a request to a [`Caller`].
//!
//! Handlers that take [`Signed`], [`SignedJson`] or [`CookieOrSigned`] cannot see private data without a checked
//! token, those that take [`Admin`] or [`AdminJson`] serve administrators alone; the others are the open routes.

use crate::{
    body,
    error::ApiError,
    idempotency,
    input::{
        content_type::ContentType,
        fault::{Fault, echo},
        fields::{Fields, Raw},
        json::{self, NotMembers},
    },
    routes::session,
    state::{App, AppState},
};
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use chatai_engine::{Administrator, Caller};
use http::{HeaderMap, HeaderName, header, request::Parts};

/// Where Anthropic's SDKs put the token.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The most bytes of a JSON body, chat apart.
pub(crate) const JSON_BYTES: u64 = 1 << 20;

/// A caller with a checked bearer token.
#[derive(Debug)]
pub(crate) struct Signed(pub(crate) Caller);

/// A caller with a checked bearer token or, where no bearer token is sent, a checked cookie. For links that a
/// browser opens, which carry no header.
#[derive(Debug)]
pub(crate) struct CookieOrSigned(pub(crate) Caller);

/// A program that calls `/v1`, with a checked token in either of the headers that its SDKs know.
#[derive(Debug)]
pub(crate) struct Program(pub(crate) Caller);

/// A program that calls `/v1`, and its body, not yet looked into.
#[derive(Debug)]
pub(crate) struct ProgramBody {
    /// Who calls.
    pub(crate) caller: Caller,
    /// The key that makes the request safe to repeat.
    pub(crate) key: Option<String>,
    /// The body.
    pub(crate) body: Bytes,
}

/// The members of an open route's JSON body.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

/// A caller with a checked bearer token, and the members of a JSON body. Broken JSON is told to anyone, every other
/// fault to callers with a token alone.
#[derive(Debug)]
pub(crate) struct SignedJson<T>(pub(crate) Caller, pub(crate) T);

/// A caller who administers.
#[derive(Debug)]
pub(crate) struct Admin(pub(crate) Administrator);

/// As [`SignedJson`], for callers who administer: everybody else learns nothing of what their body lacks.
#[derive(Debug)]
pub(crate) struct AdminJson<T>(pub(crate) Administrator, pub(crate) T);

/// A JSON body's members as one route declares them.
pub(crate) trait JsonInput: Sized + Send {
    /// All members, in the order in which faults are reported.
    const MEMBERS: &'static [&'static str];

    /// Reads them; `None` exactly if a fault was recorded.
    fn parse(fields: &mut Fields<'_>, state: &AppState) -> Option<Self>;
}

/// The caller that the headers speak for.
pub(crate) async fn authenticate(headers: &HeaderMap, state: &AppState) -> Result<Caller, ApiError> {
    match bearer(headers) {
        Some(token) => authenticate_token(token, state).await,
        None => Err(ApiError::not_authenticated()),
    }
}

/// The caller of `/v1`: Anthropic's SDKs send the token in a header of their own.
async fn authenticate_program(headers: &HeaderMap, state: &AppState) -> Result<Caller, ApiError> {
    let token = bearer(headers).or_else(|| {
        let key = headers.get(API_KEY)?;
        Some(key.to_str().unwrap_or_default().trim())
    });
    authenticate_token(token.ok_or_else(ApiError::not_authenticated)?, state).await
}

async fn authenticate_token(token: &str, state: &AppState) -> Result<Caller, ApiError> {
    if token.is_empty() {
        return Err(ApiError::invalid_token());
    }
    Ok(state.engine.authenticate(token).await?)
}

/// The bearer token; empty for one that cannot be read, `None` without the header or with another scheme.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let value = value.trim_ascii();
    let (scheme, token) = match value.iter().position(u8::is_ascii_whitespace) {
        Some(at) => (&value[..at], value[at..].trim_ascii()),
        None => (value, &value[value.len()..]),
    };
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return None;
    }
    Some(std::str::from_utf8(token).unwrap_or_default())
}

impl FromRequestParts<App> for Signed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &App) -> Result<Self, ApiError> {
        authenticate(&parts.headers, state).await.map(Self)
    }
}

impl FromRequestParts<App> for Program {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &App) -> Result<Self, ApiError> {
        authenticate_program(&parts.headers, state).await.map(Self)
    }
}

impl FromRequest<App> for ProgramBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &App) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let caller = authenticate_program(&parts.headers, state).await?;
        Ok(Self {
            caller,
            key: idempotency::key(&parts.headers)?,
            body: body::read_all(body, state.settings.body_bytes).await?,
        })
    }
}

impl FromRequestParts<App> for CookieOrSigned {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &App) -> Result<Self, ApiError> {
        // A bad header is refused, whatever the cookie says: the caller asked to be this one.
        let token = bearer(&parts.headers).or_else(|| session::cookie_token(&parts.headers));
        let token = token.ok_or_else(ApiError::not_authenticated)?;
        authenticate_token(token, state).await.map(Self)
    }
}

impl<T: JsonInput> FromRequest<App> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &App) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = body::read_all(body, JSON_BYTES).await?;
        match parse_json(&ContentType::of(&parts.headers), &bytes, state) {
            Ok(input) => Ok(Self(input)),
            Err(Refused::Broken(error) | Refused::Other(error)) => Err(error),
        }
    }
}

impl<T: JsonInput> FromRequest<App> for SignedJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &App) -> Result<Self, ApiError> {
        let (caller, input) = signed_input(request, state).await?;
        Ok(Self(caller, input?))
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &App) -> Result<Self, ApiError> {
        let caller = authenticate(&parts.headers, state).await?;
        Ok(Self(state.engine.administrator(caller)?))
    }
}

impl<T: JsonInput> FromRequest<App> for AdminJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &App) -> Result<Self, ApiError> {
        let (caller, input) = signed_input(request, state).await?;
        let administrator = state.engine.administrator(caller)?;
        Ok(Self(administrator, input?))
    }
}

/// The caller, and what is to be made of the body once the caller may know.
async fn signed_input<T: JsonInput>(
    request: Request,
    state: &App,
) -> Result<(Caller, Result<T, ApiError>), ApiError> {
    let (parts, body) = request.into_parts();
    let content_type = ContentType::of(&parts.headers);
    let read = body::read_all(body, JSON_BYTES)
        .await
        .map_err(|error| Refused::Other(error.into()));
    let input = match read.and_then(|bytes| parse_json(&content_type, &bytes, state)) {
        Err(Refused::Broken(error)) => return Err(error),
        Err(Refused::Other(error)) => Err(error),
        Ok(input) => Ok(input),
    };
    Ok((authenticate(&parts.headers, state).await?, input))
}

/// Why a JSON body was refused.
pub(crate) enum Refused {
    /// It is no JSON, which is told even to a caller without a token.
    Broken(ApiError),
    /// Anything else.
    Other(ApiError),
}

/// Reads a body as the JSON that it must be.
pub(crate) fn parse_json<T: JsonInput>(
    content_type: &ContentType,
    bytes: &Bytes,
    state: &AppState,
) -> Result<T, Refused> {
    if !matches!(content_type, ContentType::None | ContentType::Json) && !bytes.is_empty() {
        // A body of another type may hold a password: its text is not sent back.
        let fault = Fault::not_an_object(echo(&Raw::NotUnicode));
        return Err(Refused::Other(ApiError::validation(vec![fault])));
    }
    let members = json::members(bytes, T::MEMBERS).map_err(|refused| match refused {
        NotMembers::Broken(fault) => Refused::Broken(ApiError::validation(vec![*fault])),
        NotMembers::Shape(fault) => Refused::Other(ApiError::validation(vec![*fault])),
    })?;
    let mut faults = Vec::new();
    T::parse(&mut Fields::new(&members, &mut faults), state)
        .ok_or_else(|| Refused::Other(ApiError::validation(faults)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearer_tokens() {
        for (value, expected) in [
            (&b"Bearer abc"[..], Some("abc")),
            (b"bearer abc", Some("abc")),
            (b"BEARER   abc ", Some("abc")),
            (b"Bearer", Some("")),
            (b"Bearer ", Some("")),
            (b"Bearer \xff", Some("")),
            (b"Bearer a b", Some("a b")),
            (b"Basic abc", None),
            (b"Bearerabc", None),
            (b"", None),
        ] {
            let value = http::HeaderValue::from_bytes(value).unwrap();
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
            assert_eq!(bearer(&headers), expected, "{headers:?}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
