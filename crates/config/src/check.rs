//! What must hold between several values, and what is allowed but deserves a word.

use crate::keys::Config;
use crate::load::Setting;
use crate::problem::{Problem, Source};

/// Checks a configuration whose single values are good.
pub(crate) fn relations(
    config: &Config,
    settings: &[Setting],
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) {
    let source = |name: &str| {
        settings
            .iter()
            .find(|setting| setting.key.name == name)
            .map_or(Source::Default, |setting| setting.source.clone())
    };
    // Of two values that contradict each other the one that somebody gave is named.
    let either = |first: &str, second: &str| match source(first) {
        Source::Default => source(second),
        given => given,
    };

    let (shortest, longest) = (config.auth.password_min_length, config.auth.password_max_length);
    if shortest > longest {
        let message = format!(
            "`auth.password_min_length` must not be over `auth.password_max_length`: {shortest} and {longest}"
        );
        problems.push(Problem::new(
            either("auth.password_min_length", "auth.password_max_length"),
            message,
        ));
    }
    let (file, body) = (config.limits.file_mb, config.limits.body_mb);
    if file > body {
        let message = format!(
            "`limits.file_mb` is over `limits.body_mb`, a file that large never arrives: {file} and {body}"
        );
        warnings.push(Problem::new(either("limits.file_mb", "limits.body_mb"), message));
    }
    if let Some(secret) = &config.auth.jwt_secret
        && secret.reveal().len() < 32
    {
        let message = format!(
            "`auth.jwt_secret` has only {} bytes, 32 are recommended",
            secret.reveal().len()
        );
        let hint = "a longer one signs everybody out once: openssl rand -base64 48";
        warnings.push(Problem::new(source("auth.jwt_secret"), message).with_hint(Some(hint)));
    }
}
