//! JSON Web Tokens: one algorithm, typed claims, our own clock.

use crate::{AuthSettings, EngineError, settings::JwtAlgorithm};
use chatai_types::{Timestamp, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// The last second of the year 9999: a later `exp` is no date.
const END_OF_TIME_SECS: f64 = 253_402_300_799.0;

/// What a token says, after its signature was checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Claims {
    pub(crate) user_id: UserId,
    /// The session's name; the original's tokens have none, their own hash stands in.
    pub(crate) session: String,
    /// The epoch of the account when it was made; 0 for the original's.
    pub(crate) epoch: i64,
    pub(crate) expires_at: Timestamp,
    /// For a token of the original: the e-mail its account must have. Its ids were another instance's.
    pub(crate) foreign_email: Option<String>,
}

/// Makes and reads tokens.
pub(crate) struct Tokens {
    header: Header,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    lifetime_secs: i64,
}

#[derive(Serialize)]
struct Issued<'a> {
    sub: String,
    email: &'a str,
    iat: i64,
    exp: i64,
    sid: &'a str,
    epoch: i64,
}

#[derive(Deserialize)]
struct Received {
    sub: String,
    email: Option<String>,
    exp: f64,
    iat: f64,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<f64>,
    sid: Option<String>,
    epoch: Option<i64>,
}

/// A member that is there must be a number; `null` is not one.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    f64::deserialize(deserializer).map(Some)
}

impl Tokens {
    pub(crate) fn new(settings: &AuthSettings) -> Self {
        let algorithm = match settings.jwt_algorithm {
            JwtAlgorithm::Hs256 => Algorithm::HS256,
            JwtAlgorithm::Hs384 => Algorithm::HS384,
            JwtAlgorithm::Hs512 => Algorithm::HS512,
        };
        let mut validation = Validation::new(algorithm);
        // Times are checked below, by the service's clock and without leeway.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp", "sub"]);
        Self {
            header: Header::new(algorithm),
            encoding: EncodingKey::from_secret(&settings.jwt_secret),
            decoding: DecodingKey::from_secret(&settings.jwt_secret),
            validation,
            lifetime_secs: settings.token_minutes.saturating_mul(60),
        }
    }

    pub(crate) fn lifetime_secs(&self) -> i64 {
        self.lifetime_secs
    }

    /// A new token for an account's session.
    pub(crate) fn issue(
        &self,
        user_id: UserId,
        email: &str,
        session: &str,
        epoch: i64,
        now: Timestamp,
    ) -> Result<String, EngineError> {
        let iat = now.as_secs();
        let exp = iat.saturating_add(self.lifetime_secs);
        let claims = Issued {
            sub: user_id.to_string(),
            email,
            iat,
            exp,
            sid: session,
            epoch,
        };
        jsonwebtoken::encode(&self.header, &claims, &self.encoding).map_err(EngineError::internal)
    }

    /// Reads a token; `None` for every one that does not count, whatever the reason.
    pub(crate) fn read(&self, token: &str, now: Timestamp) -> Option<Claims> {
        let claims = jsonwebtoken::decode::<Received>(token, &self.decoding, &self.validation)
            .ok()?
            .claims;
        let now_secs = now.as_micros() as f64 / 1e6;
        let lives = claims.exp > now_secs && claims.exp <= END_OF_TIME_SECS;
        if !lives || !claims.iat.is_finite() {
            return None;
        }
        if claims
            .nbf
            .is_some_and(|not_before| not_before.is_nan() || not_before > now_secs)
        {
            return None;
        }
        // Canonical digits alone: `+1`, ` 1` and `01` are no ids.
        let user_id: i64 = claims.sub.parse().ok()?;
        if user_id < 1 || user_id.to_string() != claims.sub {
            return None;
        }
        let (session, foreign_email) = match claims.sid {
            Some(session) if !session.is_empty() && session.len() <= 64 => (session, None),
            Some(_) => return None,
            None => (
                format!("t:{}", blake3::hash(token.as_bytes()).to_hex()),
                Some(claims.email?),
            ),
        };
        Some(Claims {
            user_id: UserId(user_id),
            session,
            epoch: claims.epoch.unwrap_or(0),
            expires_at: Timestamp::from_micros((claims.exp * 1e6) as i64),
            foreign_email,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn tokens() -> Tokens {
        Tokens::new(&AuthSettings {
            jwt_secret: SECRET.to_vec(),
            jwt_algorithm: JwtAlgorithm::Hs256,
            token_minutes: 10,
            password_min_chars: 6,
            password_max_chars: 1_024,
            registration_open: true,
        })
    }

    fn now() -> Timestamp {
        Timestamp::parse_wire("2026-01-01 00:00:00").unwrap()
    }

    fn foreign(claims: &Value, algorithm: Algorithm) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(SECRET)).unwrap()
    }

    #[test]
    fn an_issued_token_reads_back_until_it_expires() {
        let token = tokens().issue(UserId(7), "a@b.c", "s1", 3, now()).unwrap();
        let claims = tokens().read(&token, now()).unwrap();
        assert_eq!(
            (claims.user_id, claims.session.as_str(), claims.epoch),
            (UserId(7), "s1", 3)
        );
        assert!(tokens().read(&token, now().plus_secs(599)).is_some());
        assert!(tokens().read(&token, now().plus_secs(600)).is_none(), "no leeway");
    }

    #[test]
    fn a_token_of_the_original_counts() {
        let exp = now().as_secs() + 60;
        let token = foreign(
            &json!({"sub": "5", "email": "a@b.c", "iat": now().as_secs(), "exp": exp}),
            Algorithm::HS256,
        );
        let claims = tokens().read(&token, now()).unwrap();
        assert_eq!((claims.user_id, claims.epoch), (UserId(5), 0));
        assert!(claims.session.starts_with("t:"));
        assert_eq!(claims.foreign_email.as_deref(), Some("a@b.c"));
    }

    #[test]
    fn strange_claims_do_not_count() {
        let good = json!({"sub": "5", "email": "a@b.c", "iat": 1, "exp": now().as_secs() + 60});
        assert!(tokens().read(&foreign(&good, Algorithm::HS256), now()).is_some());
        let strange = [
            ("sub", json!(5)),
            ("sub", json!("")),
            ("sub", json!("x")),
            ("sub", json!("-1")),
            ("sub", json!("05")),
            ("sub", json!("99999999999999999999")),
            ("sub", json!(null)),
            ("sub", json!(["5"])),
            ("exp", json!("2099")),
            ("exp", json!(null)),
            ("exp", json!(-1)),
            ("exp", json!(1e300)),
            ("exp", json!(true)),
            ("nbf", json!(now().as_secs() + 60)),
            ("nbf", json!("1")),
            ("nbf", json!(null)),
            ("iat", json!("1")),
            ("sid", json!(5)),
            ("epoch", json!("0")),
        ];
        for (name, value) in strange {
            let mut claims = good.clone();
            claims[name] = value;
            assert!(
                tokens()
                    .read(&foreign(&claims, Algorithm::HS256), now())
                    .is_none(),
                "{claims}"
            );
        }
        for name in ["sub", "exp", "iat"] {
            let mut claims = good.clone();
            claims.as_object_mut().unwrap().remove(name);
            assert!(
                tokens()
                    .read(&foreign(&claims, Algorithm::HS256), now())
                    .is_none(),
                "without {name}"
            );
        }
        assert!(
            tokens().read(&foreign(&good, Algorithm::HS512), now()).is_none(),
            "another algorithm"
        );
    }
}
