//! Derived words: what `optimist` and `optimism`, `Nigeria` and `Nigerian`, `friend` and `friendship` share.
//!
//! Stemming stops at inflection, on purpose: derivations drift in meaning. Their common root is weaker evidence, which the
//! search weighs as such.

const ENDINGS: [&str; 35] = [
    "istic", "ship", "hood", "ment", "ness", "less", "ical", "ious", "ator", "ist", "ism", "ian", "ese",
    "ous", "ive", "ion", "ing", "ful", "dom", "ish", "ity", "iti", "ant", "ent", "ic", "al", "an", "er",
    "or", "ia", "at", "es", "a", "i", "e",
];

/// The root of a stem: without the endings that derive words, but never shorter than what still tells words apart.
pub(crate) fn root(stem: &str) -> &str {
    if !stem.bytes().all(|b| b.is_ascii_lowercase()) {
        return stem;
    }
    let mut root = stem;
    for _ in 0..2 {
        let shorter = ENDINGS.iter().find_map(|ending| {
            let shortest = if ending.len() == 1 { 5 } else { 4 };
            root.strip_suffix(ending).filter(|rest| rest.len() >= shortest)
        });
        match shorter {
            Some(shorter) => root = shorter,
            None => break,
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Analyser;

    fn share_a_root(left: &str, right: &str) -> bool {
        let mut analyser = Analyser::new();
        let left = analyser.stem(left).to_owned();
        root(&left) == root(analyser.stem(right))
    }

    #[test]
    fn derived_words_share_a_root() {
        for (left, right) in [
            ("optimist", "optimism"),
            ("Cambodia", "Cambodian"),
            ("friend", "friendship"),
            ("dictator", "dictatorship"),
            ("magician", "magic"),
            ("sailor", "sailing"),
            ("Vietnamese", "Vietnam"),
        ] {
            assert!(
                share_a_root(&left.to_lowercase(), &right.to_lowercase()),
                "{left} {right}"
            );
        }
    }

    #[test]
    fn other_words_do_not() {
        for (left, right) in [
            ("story", "store"),
            ("party", "part"),
            ("king", "kind"),
            ("war", "ware"),
            ("human", "hum"),
        ] {
            assert!(!share_a_root(left, right), "{left} {right}");
        }
    }
}
