//! Tokens as the original service made them, and as an attacker would.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// A secret that is long enough.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.expect("the clock is right").as_secs()).expect("a date")
}

/// The original's claims for a user, valid for an hour.
pub(crate) fn claims(user_id: i64, email: &str) -> Value {
    json!({"sub": user_id.to_string(), "email": email, "iat": now(), "exp": now() + 3_600})
}

/// A token signed with HS256 and [`SECRET`].
pub(crate) fn sign(claims: &Value) -> String {
    sign_with(Algorithm::HS256, SECRET, claims)
}

/// A token signed in any way.
pub(crate) fn sign_with(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).expect("claims can be signed")
}

/// A token of any header and signature.
pub(crate) fn forge(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}
