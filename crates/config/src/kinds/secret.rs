//! Values that are never printed, and what makes a signing secret too weak to start with.

use std::fmt;

use super::{Fault, Kind, Raw};

/// A value that does not show itself: neither `Debug` nor `Display` tells more than that it is there.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a value from being printed.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(set)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(set)")
    }
}

/// A key for a provider: what can stand in an HTTP header.
pub(crate) struct ApiKey;

impl Kind for ApiKey {
    type Value = Secret;

    const SECRET: bool = true;

    fn describe(&self) -> String {
        "a key of visible ASCII characters".to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<Secret, Fault> {
        let text = raw.text().ok_or_else(|| self.expected())?.trim();
        if text.is_empty() || text.len() > 4_096 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(self.expected());
        }
        Ok(Secret::new(text))
    }

    fn to_toml(&self, _: &Secret) -> String {
        "(set)".to_owned()
    }
}

/// A secret that signs access tokens, byte for byte as it was given.
pub(crate) struct JwtSecret;

/// Fewest bytes that are accepted. Tokens signed by an earlier service with the same secret must stay
/// valid, so this is below the 32 bytes that HS256 asks for (RFC 7518, 3.2), which only warn.
const FEWEST_BYTES: usize = 16;

const MAKE_ONE: &str =
    "leave it out and a random one is made on first start, or make one: openssl rand -base64 48";

impl Kind for JwtSecret {
    type Value = Secret;

    const SECRET: bool = true;

    fn describe(&self) -> String {
        format!("a secret of {FEWEST_BYTES} to 4096 bytes that is not a well-known one")
    }

    fn read(&self, raw: &Raw) -> Result<Secret, Fault> {
        let text = raw.text().ok_or_else(|| self.expected().hint(MAKE_ONE))?;
        if is_well_known(text) {
            return Err(
                Fault::new("is a well-known default, so that anyone could sign in as anyone").hint(MAKE_ONE),
            );
        }
        if text.len() < FEWEST_BYTES {
            let message = format!(
                "is too short, it has {} bytes and needs {FEWEST_BYTES}",
                text.len()
            );
            return Err(Fault::new(message).hint(MAKE_ONE));
        }
        if text.len() > 4_096 {
            return Err(self.expected().hint(MAKE_ONE));
        }
        Ok(Secret::new(text))
    }

    fn to_toml(&self, _: &Secret) -> String {
        "(set)".to_owned()
    }
}

/// Words that the placeholders of examples, tutorials and templates are made of. A secret in which nothing
/// else occurs is one of theirs, whatever stands between the words.
const WORDS: &str = "\
    a abc access actual admin an any app at auth bar before bit bits bytes change changed changeit \
    changeme character characters chars chat chatai default deploy deploying dev development django do \
    dummy env environment example fake fallback fastapi foo for generate generated here hs hs256 in \
    insecure insert is it jwt key least letmein local long me min minimum must my new not of only or \
    overwrite password phrase placeholder please prod production put qwerty random real replace replaced \
    replaceme safe sample secret secretkey secrets secure set sha should sign signing some something \
    string strong super supersecret supersecretkey test testing text that the this to token top unsafe \
    use value very with your yours";

fn is_well_known(secret: &str) -> bool {
    let letters: Vec<char> = secret
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric())
        .take(512)
        .collect();
    let mut distinct: Vec<char> = secret.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < 5 {
        return true;
    }
    // reached[i]: the first i characters are made of the words alone.
    let mut reached = vec![false; letters.len() + 1];
    reached[0] = true;
    for start in 0..letters.len() {
        if !reached[start] {
            continue;
        }
        for word in WORDS.split_whitespace() {
            if letters[start..]
                .iter()
                .copied()
                .zip(word.chars())
                .filter(|(a, b)| a == b)
                .count()
                == word.len()
            {
                reached[start + word.len()] = true;
            }
        }
        let digits = letters[start..].iter().take_while(|c| c.is_ascii_digit()).count();
        if digits > 0 && (digits <= 4 || counts_on(&letters[start..start + digits])) {
            reached[start + digits] = true;
        }
    }
    reached[letters.len()]
}

/// Whether each digit is the one before it plus one, as in `1234567890123`.
fn counts_on(digits: &[char]) -> bool {
    digits.windows(2).all(|pair| {
        let [left, right] = [pair[0], pair[1]].map(|digit| digit.to_digit(10).unwrap_or(0));
        right == (left + 1) % 10
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(secret: &str) -> Result<Secret, Fault> {
        JwtSecret.read(&Raw::Text(secret.to_owned()))
    }

    #[test]
    fn defaults_of_templates_are_refused() {
        for secret in [
            "secret",
            "changeme",
            "change-me",
            "change-me-in-production",
            "change_me_in_production_please_0123456789",
            "your-secret-key",
            "your-secret-key-here-change-in-production",
            "supersecretkey",
            "SUPER_SECRET_KEY",
            "your-256-bit-secret",
            "a-string-secret-at-least-256-bits-long",
            "my_super_secret_jwt_signing_key",
            "12345678901234567890123456789012",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "abababababababababababababababab",
            "----------------------------------",
            "replace-this-with-a-strong-random-value",
        ] {
            let fault = read(secret).expect_err(secret);
            assert!(
                fault.message.contains("well-known"),
                "{secret}: {}",
                fault.message
            );
            assert!(
                fault.hint.is_some_and(|hint| hint.contains("openssl")),
                "{secret}"
            );
        }
    }

    #[test]
    fn lengths_at_their_bounds() {
        assert!(
            read("Zq3x9-Lm2w8pTv7")
                .unwrap_err()
                .message
                .contains("has 15 bytes and needs 16")
        );
        assert!(read("Zq3x9-Lm2w8pTv7b").is_ok());
        assert_eq!(
            read("  Zq3x9-Lm2w8pTv7b ").unwrap().reveal(),
            "  Zq3x9-Lm2w8pTv7b "
        );
        assert!(read("correct horse battery staple").is_ok());
        assert!(read(&"Zq3x9".repeat(1_000)).is_err());
    }

    #[test]
    fn keys_fit_a_header() {
        let read = |key: &str| ApiKey.read(&Raw::Text(key.to_owned()));
        assert_eq!(read(" sk-abc\n").unwrap().reveal(), "sk-abc");
        for bad in ["sk abc", "sk-ä", "sk-\u{7}a"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let secret = Secret::new("hunter2");
        assert_eq!(
            format!("{secret} {secret:?} {:#?}", Some(&secret)),
            "(set) (set) Some(\n    (set),\n)"
        );
    }

    proptest! {
        #[test]
        fn random_secrets_are_accepted(secret in "[A-Za-z0-9+/]{43}=") {
            prop_assert!(read(&secret).is_ok());
        }
    }
}
