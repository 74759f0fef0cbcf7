//! A table of names, each with a list of names.

use super::{Fault, Kind, Raw, quoted};

/// The most names, and the most entries of one.
const MOST: usize = 64;
const LONGEST_LIST: usize = 16;

/// Lists of names by name: a table of lists in the file, `name=first,second;other=third` elsewhere.
pub(crate) struct NameLists;

impl Kind for NameLists {
    type Value = Vec<(String, Vec<String>)>;

    const TAKES_EMPTY: bool = true;

    fn describe(&self) -> String {
        format!(
            "a table of at most {MOST} names, each with a list of at most {LONGEST_LIST} models (elsewhere \
             `name=first,second;other=third`)"
        )
    }

    fn read(&self, raw: &Raw) -> Result<Self::Value, Fault> {
        let entries = match raw {
            Raw::Table(entries) => entries.clone(),
            Raw::Text(text) => text
                .split(';')
                .filter(|entry| !entry.trim().is_empty())
                .map(|entry| {
                    let (name, list) = entry.split_once('=').ok_or_else(|| self.expected())?;
                    let list = list.split(',').map(str::trim).filter(|item| !item.is_empty());
                    Ok((name.trim().to_owned(), list.map(str::to_owned).collect()))
                })
                .collect::<Result<Self::Value, Fault>>()?,
            Raw::Integer(_) | Raw::List(_) | Raw::Other(_) => return Err(self.expected()),
        };
        let is_name = |name: &String| {
            !name.trim().is_empty() && name.chars().count() <= 200 && !name.chars().any(char::is_control)
        };
        let is_good = |(name, list): &(String, Vec<String>)| {
            is_name(name) && list.len() <= LONGEST_LIST && list.iter().all(is_name)
        };
        let is_twice = |place: usize| entries[..place].iter().any(|(name, _)| *name == entries[place].0);
        if entries.len() > MOST || !entries.iter().all(is_good) || (0..entries.len()).any(is_twice) {
            return Err(self.expected());
        }
        Ok(entries)
    }

    fn to_toml(&self, value: &Self::Value) -> String {
        let entry = |(name, list): &(String, Vec<String>)| {
            let list: Vec<String> = list.iter().map(|item| quoted(item)).collect();
            format!("{} = [{}]", quoted(name), list.join(", "))
        };
        match value.as_slice() {
            [] => "{}".to_owned(),
            entries => format!(
                "{{ {} }}",
                entries.iter().map(entry).collect::<Vec<_>>().join(", ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_names_in_both_forms() {
        let lists = |pairs: &[(&str, &[&str])]| -> Vec<(String, Vec<String>)> {
            let owned = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect();
            pairs
                .iter()
                .map(|(name, list)| ((*name).to_owned(), owned(list)))
                .collect()
        };
        let text = |text: &str| NameLists.read(&Raw::Text(text.to_owned()));
        assert_eq!(text(""), Ok(vec![]));
        let both = lists(&[("fast", &["a", "x/b"]), ("best", &["c"])]);
        assert_eq!(text(" fast = a, x/b ; best=c;"), Ok(both.clone()));
        assert_eq!(NameLists.read(&Raw::Table(both.clone())), Ok(both.clone()));
        assert_eq!(
            NameLists.to_toml(&both),
            r#"{ "fast" = ["a", "x/b"], "best" = ["c"] }"#
        );
        assert_eq!(text("fast="), Ok(lists(&[("fast", &[])])));
        for bad in ["fast", "=a", "a=b;a=c", "a=\u{1}"] {
            assert!(text(bad).is_err(), "{bad}");
        }
        let many = vec!["m".to_owned(); LONGEST_LIST + 1];
        assert!(NameLists.read(&Raw::Table(vec![("a".to_owned(), many)])).is_err());
    }
}
