//! The names under which models are given tools from outside: `SERVER__TOOL`, of the signs that every vendor takes.

/// What vendors take of a name.
const MOST_BYTES: usize = 64;
/// Digits that tell apart what is cut or rewritten.
const MARK_DIGITS: usize = 8;

/// The name of a server's tool. Two tools never share one: a server's name holds no two underscores in a row and ends in
/// none, so that the first pair is where the tool begins; whatever cannot stand as it is carries a mark of the whole.
/// The name depends on nothing else, so that a grant stays that of its tool.
pub(crate) fn offered_name(server: &str, tool: &str) -> String {
    let plain = format!("{server}__{tool}");
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if plain.len() <= MOST_BYTES && plain.chars().all(is_good) {
        return plain;
    }
    let escaped = plain.chars().map(|c| if is_good(c) { c } else { '_' });
    let beginning: String = escaped.take(MOST_BYTES - 1 - MARK_DIGITS).collect();
    let mark = blake3::hash(plain.as_bytes()).to_hex();
    format!("{beginning}_{}", &mark[..MARK_DIGITS])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn good_names_stand_as_they_are() {
        assert_eq!(offered_name("files", "read_file"), "files__read_file");
        assert_eq!(offered_name("a-1", "_b"), "a-1___b");
        assert_eq!(offered_name("s", &"x".repeat(61)).len(), MOST_BYTES);
    }

    #[test]
    fn others_are_rewritten_and_stay_apart() {
        let names: std::collections::HashSet<String> = [
            "read.file",
            "read/file",
            "read file",
            "läs",
            &"x".repeat(62),
            &"x".repeat(63),
            &"x".repeat(5_000),
        ]
        .iter()
        .map(|tool| offered_name("s", tool))
        .collect();
        assert_eq!(names.len(), 7, "{names:?}");
        assert!(names.iter().any(|name| name.starts_with("s__read_file_")));
    }

    proptest! {
        #[test]
        fn every_name_is_one_that_vendors_take(server in "[a-z0-9-]{1,32}", tool in "\\PC{1,100}") {
            let name = offered_name(&server, &tool);
            prop_assert!(name.len() <= MOST_BYTES);
            prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')), "{}", name);
            let start = format!("{server}__");
            prop_assert!(name.starts_with(&start));
            prop_assert_eq!(&offered_name(&server, &tool), &name);
        }
    }
}
