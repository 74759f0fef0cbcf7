//! Which part of a list is asked for: `limit`, `after`, `before`.

use super::{
    cursor::{List, Position},
    fault::Fault,
    fields::{Fields, Source},
};
use std::ops::RangeInclusive;

/// How many rows one page may have.
const LIMITS: RangeInclusive<i64> = 1..=200;

/// A part of a list, counted from a place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The most rows; `None` takes all.
    pub(crate) limit: Option<u32>,
    /// From where.
    pub(crate) from: Begin,
}

/// Where a page begins, in the list's own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// At the list's first page.
    Start,
    /// Behind this place.
    After(Position),
    /// Ahead of this place: the page ends there.
    Before(Position),
}

impl Page {
    /// Reads the parameters; `None` exactly if a fault was recorded.
    pub(crate) fn read(query: &dyn Source, faults: &mut Vec<Fault>, list: List) -> Option<Self> {
        let mut fields = Fields::new(query, faults);
        let limit = fields.optional_integer("limit", LIMITS);
        let after = fields.optional_cursor("after", list);
        let before = fields.optional_cursor("before", list);
        let from = match (after?, before?) {
            (None, None) => Begin::Start,
            (Some(place), None) => Begin::After(place),
            (None, Some(place)) => Begin::Before(place),
            (Some(_), Some(_)) => {
                return fields.refuse("before", "`after` and `before` exclude each other");
            }
        };
        let limit = limit?.map(|limit| u32::try_from(limit).expect("limits are small and positive"));
        Some(Self { limit, from })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{cursor::Kind, urlencoded::Urlencoded};
    use serde_json::{Value, json};

    const LIST: List = List::new(Kind::Conversations, 1);

    fn read(query: &str) -> Result<Page, Value> {
        let mut faults = Vec::new();
        Page::read(&Urlencoded::query(query), &mut faults, LIST)
            .ok_or_else(|| serde_json::to_value(faults).unwrap())
    }

    fn page(limit: impl Into<Option<u32>>, from: Begin) -> Result<Page, Value> {
        let limit = limit.into();
        Ok(Page { limit, from })
    }

    #[test]
    fn parts_of_a_list() {
        let cursor = LIST.cursor((5, 6));
        assert_eq!(read(""), page(None, Begin::Start));
        assert_eq!(read("limit=1"), page(1, Begin::Start));
        assert_eq!(read("limit=200"), page(200, Begin::Start));
        assert_eq!(read(&format!("after={cursor}")), page(None, Begin::After((5, 6))));
        assert_eq!(
            read(&format!("limit=9&before={cursor}")),
            page(9, Begin::Before((5, 6)))
        );
    }

    #[test]
    fn faults_are_in_the_words_that_clients_know() {
        let ge = json!({"type": "greater_than_equal", "loc": ["query", "limit"], "input": 0, "ctx": {"ge": 1},
            "msg": "Input should be greater than or equal to 1"});
        assert_eq!(read("limit=0").unwrap_err(), json!([ge]));
        let le = json!({"type": "less_than_equal", "loc": ["query", "limit"], "input": 201, "ctx": {"le": 200},
            "msg": "Input should be less than or equal to 200"});
        assert_eq!(read("limit=201").unwrap_err(), json!([le]));
        for (limit, kind) in [
            ("", "int_parsing"),
            ("x", "int_parsing"),
            ("NaN", "int_parsing"),
            ("1e2", "int_parsing"),
            ("-1", "greater_than_equal"),
            ("9223372036854775807", "less_than_equal"),
            ("9223372036854775808", "int_parsing_size"),
        ] {
            assert_eq!(
                read(&format!("limit={limit}")).unwrap_err()[0]["type"],
                kind,
                "{limit}"
            );
        }
        let all = read("limit=0&after=x&before=").unwrap_err();
        assert_eq!(all.as_array().unwrap().len(), 3, "{all}");
        assert_eq!(all[1]["loc"], json!(["query", "after"]));
        assert_eq!(all[1]["type"], "value_error");
        let cursor = LIST.cursor((5, 6));
        let both = read(&format!("after={cursor}&before={cursor}")).unwrap_err();
        assert_eq!(both[0]["loc"], json!(["query", "before"]));
    }
}
