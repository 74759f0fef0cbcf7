//! The parameters behind a header's value: `; key=value; key="quoted value"`.

/// The parameters in order, keys in lower case.
///
/// Quoted values may hold anything; `\"` is a quote in them and every other backslash itself, as browsers write it.
pub(crate) fn parameters(header: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = header.split_once(';').map_or("", |(_, parameters)| parameters);
    while let Some((key, after)) = rest.split_once('=') {
        // What stands between the last value's end and this key belongs to neither.
        let key = key
            .rsplit(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let after = after.trim_start();
        if let Some(quoted) = after.strip_prefix('"') {
            let end = end_of_quoted(quoted);
            found.push((key, quoted[..end].replace("\\\"", "\"")));
            rest = quoted.get(end + 1..).unwrap_or_default();
        } else {
            let end = after.find(';').unwrap_or(after.len());
            found.push((key, after[..end].trim().to_owned()));
            rest = &after[end..];
        }
    }
    found
}

/// Where a quoted value ends: at the first quote without a backslash, or with the text.
fn end_of_quoted(text: &str) -> usize {
    let quotes = text.match_indices('"').map(|(at, _)| at);
    let mut ends = quotes.filter(|at| !text[..*at].ends_with('\\'));
    ends.next().unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        for (header, expected) in [
            ("form-data", &[][..]),
            ("form-data; name=a; X = b ", &[("name", "a"), ("x", "b")]),
            (
                "form-data;NAME=\"a;b=c\" ; filename=\"q\\\"q\"",
                &[("name", "a;b=c"), ("filename", "q\"q")],
            ),
            ("a; f=\"C:\\dir\\b.txt\"", &[("f", "C:\\dir\\b.txt")]),
            ("a; flag; f=1", &[("f", "1")]),
            ("a; f=\"", &[("f", "")]),
            ("a; f=\"é", &[("f", "é")]),
            ("a; f=", &[("f", "")]),
            ("", &[]),
            (";", &[]),
        ] {
            let found = parameters(header);
            let found: Vec<(&str, &str)> = found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            assert_eq!(found, expected, "{header}");
        }
        assert_eq!(parameters("=;=").len(), 1);
    }
}
