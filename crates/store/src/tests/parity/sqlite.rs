//! The schema as SQLite tells it; what it does not tell is read out of the text of the table.

use super::{Check, Column, Index, Table, Tables, plain, quoted, references, rows};
use crate::Store;
use std::collections::BTreeSet;

pub(super) async fn tables(store: &Store) -> Tables {
    let mut tables = Tables::new();
    // The word indexes are each database's own.
    let names = "select name, sql from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\' \
         and name not like 'search\\_%' escape '\\'";
    for row in rows(store, names.to_owned(), 2).await {
        let (name, text) = (&row[0], row[1].to_lowercase());
        assert!(text.contains("strict"), "`{name}` is not strict");
        let mut table = Table::default();
        let columns = format!(
            "select name, lower(type), cast(\"notnull\" as text), cast(pk as text), coalesce(dflt_value, '') from pragma_table_info('{name}') order by pk"
        );
        for column in rows(store, columns, 5).await {
            let is_boolean = text.contains(&format!("check ({} in (0, 1))", column[0]));
            let class = match column[1].as_str() {
                "integer" if is_boolean => "boolean",
                "integer" => "integer",
                "text" => "text",
                "blob" => "bytes",
                "real" => "real",
                other => panic!("`{name}.{}` has the type {other}", column[0]),
            };
            if column[3] != "0" {
                table.primary_key.push(column[0].clone());
            }
            // An integer primary key is the row's number and never null, whatever is declared.
            let nullable = column[2] == "0" && column[3] == "0";
            let default = match (&*column[4], class) {
                ("", _) => None,
                ("0", "boolean") => Some("false".to_owned()),
                ("1", "boolean") => Some("true".to_owned()),
                (other, _) => Some(other.to_owned()),
            };
            let known = Column {
                class,
                nullable,
                default,
            };
            table.columns.insert(column[0].clone(), known);
        }
        table.indexes = indexes(store, name).await;
        table.checks = checks(&text);
        let triggers =
            format!("select sql from sqlite_schema where type = 'trigger' and tbl_name = '{name}'");
        for trigger in rows(store, triggers, 1).await {
            let mut words = trigger[0].split_whitespace().skip(3).map(str::to_lowercase);
            let (timing, event) = (words.next().unwrap(), words.next().unwrap());
            table.triggers.insert(format!("{timing} {event}"));
        }
        let foreign = format!(
            "select cast(id as text), \"table\", \"from\", \"to\", on_delete from pragma_foreign_key_list('{name}') order by id, seq"
        );
        table.references = references(rows(store, foreign, 5).await);
        tables.insert(name.clone(), table);
    }
    tables
}

async fn indexes(store: &Store, table: &str) -> BTreeSet<Index> {
    let mut found = BTreeSet::new();
    let indexes = format!(
        "select l.name, cast(l.\"unique\" as text), coalesce(s.sql, '') from pragma_index_list('{table}') l \
         left join sqlite_schema s on s.name = l.name where l.origin <> 'pk'"
    );
    for index in rows(store, indexes, 3).await {
        let columns = format!(
            "select coalesce(name, '(expression)') || case \"desc\" when 1 then ' desc' else '' end \
             from pragma_index_xinfo('{}') where key = 1 order by seqno",
            index[0]
        );
        found.insert(Index {
            columns: rows(store, columns, 1).await.into_iter().flatten().collect(),
            is_unique: index[1] == "1",
            condition: plain(&index[2])
                .split_once(" where ")
                .map(|(_, condition)| condition.to_owned()),
        });
    }
    found
}

/// The checks of a table but for those that make an integer a boolean.
fn checks(text: &str) -> BTreeSet<Check> {
    let texts = text.split("check (").skip(1).map(|rest| &rest[..closing(rest)]);
    let checks = texts.filter(|check| !check.ends_with(" in (0, 1)"));
    checks
        .map(|check| match check.split_once(" in (") {
            Some((column, values)) => Check::OneOf(column.to_owned(), quoted(values)),
            None => Check::Other(plain(check)),
        })
        .collect()
}

/// Where the parenthesis ends that was opened before `text`.
fn closing(text: &str) -> usize {
    let mut open = 1;
    text.find(|character| {
        open += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        open == 0
    })
    .expect("parentheses that are opened are closed")
}
