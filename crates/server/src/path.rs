//! One canonical path per resource, found before the router looks at it.
//!
//! Every path answers at the root and under `/api`, with and without its trailing slash. The router knows the
//! contract's spelling alone: collections (`/conversations/`, `/chat/`) end in a slash, everything else does not.
//! Rewriting here, instead of redirecting, loses no body.

use http::Uri;
use http::uri::PathAndQuery;

/// The paths that the contract writes with a trailing slash.
const COLLECTIONS: [&str; 2] = ["/conversations", "/chat"];

/// The prefix under which the original web client finds everything.
pub(crate) const PREFIX: &str = "/api";

/// Where paths lead that are no spelling of any: nobody answers there.
const NOWHERE: &str = "/nowhere";

/// The canonical spelling of a path; `None` where it is canonical already. An empty segment belongs to no path and
/// must not pass for a missing id.
pub(crate) fn canonical(path: &str) -> Option<String> {
    if path.contains("//") {
        return Some(NOWHERE.to_owned());
    }
    let below = match path.strip_prefix(PREFIX) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    };
    let trimmed = match below.strip_suffix('/') {
        Some("") | None => below,
        Some(trimmed) => trimmed,
    };
    if COLLECTIONS.contains(&trimmed) {
        let canonical = format!("{trimmed}/");
        return (canonical != path).then_some(canonical);
    }
    (trimmed.len() != path.len()).then(|| trimmed.to_owned())
}

/// Puts a request's path into its canonical spelling, the query untouched.
pub(crate) fn normalise(uri: &mut Uri) {
    let Some(path) = canonical(uri.path()) else { return };
    let text = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut parts = std::mem::take(uri).into_parts();
    parts.path_and_query =
        Some(PathAndQuery::try_from(text).expect("a part of a valid path at a slash is a valid path"));
    *uri = Uri::from_parts(parts).expect("only the path of a valid address changed");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_leads_to_one_path() {
        for (given, expected) in [
            ("/", "/"),
            ("/api", "/"),
            ("/api/", "/"),
            ("/chat", "/chat/"),
            ("/chat/", "/chat/"),
            ("/api/chat", "/chat/"),
            ("/api/chat/", "/chat/"),
            ("/conversations", "/conversations/"),
            ("/conversations/5", "/conversations/5"),
            ("/conversations/5/", "/conversations/5"),
            ("/api/conversations/5/messages/", "/conversations/5/messages"),
            // The prefix is taken off once, and only as a whole segment.
            ("/api/api/chat", "/api/chat"),
            ("/apichat", "/apichat"),
            ("/chat//", NOWHERE),
            ("//", NOWHERE),
            ("/conversations//messages", NOWHERE),
            ("/api//chat", NOWHERE),
            ("*", "*"),
        ] {
            let mut uri: Uri = given.parse().unwrap();
            normalise(&mut uri);
            assert_eq!(uri.path(), expected, "{given}");
        }
    }

    #[test]
    fn the_query_stays() {
        let mut uri: Uri = "/api/conversations/1/rename/?new_title=a%2Fb/".parse().unwrap();
        normalise(&mut uri);
        assert_eq!(uri, "/conversations/1/rename?new_title=a%2Fb/");
        let mut uri: Uri = "http://host:1/api/chat?x".parse().unwrap();
        normalise(&mut uri);
        assert_eq!(uri, "http://host:1/chat/?x");
    }
}
