//! The one change that a statement's text needs.

/// `$1` as `?1`: SQLite takes the former for a name and numbers names by first appearance. Literals,
/// quoted names and comments stay as they are.
pub(super) fn numbered(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(at) = rest.find(['\'', '"', '-', '/', '$']) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let end = match found.as_bytes() {
            [quote @ (b'\'' | b'"'), ..] => {
                // A doubled quote inside reads as two literals in a row, which copies the same bytes.
                found[1..]
                    .find(char::from(*quote))
                    .map_or(found.len(), |close| close + 2)
            }
            [b'-', b'-', ..] => found.find('\n').unwrap_or(found.len()),
            [b'/', b'*', ..] => found.find("*/").map_or(found.len(), |close| close + 2),
            [b'$', digit, ..] if digit.is_ascii_digit() => {
                out.push('?');
                rest = &found[1..];
                continue;
            }
            _ => 1,
        };
        out.push_str(&found[..end]);
        rest = &found[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_numbered_and_nothing_else_changes() {
        let cases = [
            ("select $1", "select ?1"),
            ("values ($2, $1, $12)", "values (?2, ?1, ?12)"),
            ("select '$1', \"$2\", $3", "select '$1', \"$2\", ?3"),
            ("select 'it''s $1' || $1", "select 'it''s $1' || ?1"),
            ("select $1 -- not $2\n, $3", "select ?1 -- not $2\n, ?3"),
            ("select /* $1 ' */ $2", "select /* $1 ' */ ?2"),
            ("select 3 - $1 / $2", "select 3 - ?1 / ?2"),
            ("select '$.a', 'ü$1', $1", "select '$.a', 'ü$1', ?1"),
            ("select 'open $1", "select 'open $1"),
            ("select $", "select $"),
        ];
        for (given, expected) in cases {
            assert_eq!(numbered(given), expected);
        }
    }
}
