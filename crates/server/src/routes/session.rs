//! The answer to every way of signing in: a token, and the cookie for links that a browser opens.

use crate::{client::Client, wire::json};
use axum::response::Response;
use chatai_engine::SignedIn;
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use utoipa::ToSchema;

/// The cookie's name.
const COOKIE: &str = "chatai_token";

/// A bearer token.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(crate) struct TokenBody<'a> {
    /// The token, a JWT.
    access_token: &'a str,
    /// Always `bearer`.
    token_type: &'static str,
}

/// 200 with the token in the body and in the cookie.
pub(crate) fn signed_in(signed_in: &SignedIn, client: Client) -> Response {
    let mut response = json(&TokenBody {
        access_token: &signed_in.token,
        token_type: "bearer",
    });
    set_cookie(
        &mut response,
        &signed_in.token,
        signed_in.lifetime_secs.max(0),
        client,
    );
    response
}

/// Takes the cookie back.
pub(crate) fn clear_cookie(response: &mut Response, client: Client) {
    set_cookie(response, "", 0, client);
}

/// The token in a request's cookie.
pub(crate) fn cookie_token(headers: &HeaderMap) -> Option<&str> {
    let lines = headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|line| line.to_str().ok());
    let mut pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, token)| token)
}

fn set_cookie(response: &mut Response, token: &str, max_age_secs: i64, client: Client) {
    let secure = if client.https { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={max_age_secs}{secure}");
    let cookie = HeaderValue::try_from(cookie).expect("a JWT holds only letters, digits and three signs");
    response.headers_mut().insert(header::SET_COOKIE, cookie);
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatai_types::UserId;

    fn cookie(https: bool) -> String {
        let token = SignedIn {
            token: "a.b.c".into(),
            lifetime_secs: 60,
            user_id: UserId(1),
        };
        let client = Client {
            address: [127, 0, 0, 1].into(),
            https,
        };
        let response = signed_in(&token, client);
        response.headers()[header::SET_COOKIE]
            .to_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let plain = "chatai_token=a.b.c; HttpOnly; SameSite=Strict; Path=/; Max-Age=60";
        assert_eq!(cookie(false), plain);
        assert_eq!(cookie(true), format!("{plain}; Secure"));
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(cookie_token(&headers), None);
        headers.append(header::COOKIE, "theme=dark; xchatai_token=no".parse().unwrap());
        headers.append(header::COOKIE, "a=b;chatai_token=a.b.c; c=d".parse().unwrap());
        assert_eq!(cookie_token(&headers), Some("a.b.c"));
    }
}
