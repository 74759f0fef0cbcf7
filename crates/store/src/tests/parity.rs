//! Both schemas are the same but for their dialects: tables, columns, classes of types, what may be null,
//! primary keys, what is unique, what refers to what. The word indexes (`search_…`) are each database's own.

use super::common::{Place, run};
use crate::{Backend, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// What both databases must agree on.
#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    columns: BTreeMap<String, Column>,
    primary_key: Vec<String>,
    unique: BTreeSet<Vec<String>>,
    /// Columns, table, columns there, what deleting does.
    references: BTreeSet<(Vec<String>, String, Vec<String>, String)>,
}

#[derive(Debug, PartialEq, Eq)]
struct Column {
    class: &'static str,
    nullable: bool,
}

type Tables = BTreeMap<String, Table>;

async fn rows(store: &Store, sql: String, columns: usize) -> Vec<Vec<String>> {
    let found: Result<_, StoreError> = store
        .read(move |tx| {
            tx.query_dynamic(&sql, &[], |row| {
                (0..columns).map(|index| row.get(index)).collect()
            })
        })
        .await;
    found.unwrap()
}

/// A reference's columns arrive one by one, under its name.
fn references(rows: Vec<Vec<String>>) -> BTreeSet<(Vec<String>, String, Vec<String>, String)> {
    let mut found = BTreeMap::<String, (Vec<String>, String, Vec<String>, String)>::new();
    for row in rows {
        let [name, table, from, to, on_delete] = <[String; 5]>::try_from(row).unwrap();
        let entry = found
            .entry(name)
            .or_insert_with(|| (vec![], table, vec![], on_delete.to_lowercase()));
        entry.0.push(from);
        entry.2.push(to);
    }
    found.into_values().collect()
}

async fn sqlite_tables(store: &Store) -> Tables {
    let mut tables = Tables::new();
    let names = "select name, sql from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\' \
         and name not like 'search\\_%' escape '\\'";
    for row in rows(store, names.to_owned(), 2).await {
        let (name, text) = (&row[0], row[1].to_lowercase());
        assert!(text.contains("strict"), "`{name}` is not strict");
        let mut table = Table::default();
        let columns = format!(
            "select name, lower(type), cast(\"notnull\" as text), cast(pk as text) from pragma_table_info('{name}') order by pk"
        );
        for column in rows(store, columns, 4).await {
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
            table
                .columns
                .insert(column[0].clone(), Column { class, nullable });
        }
        let indexes =
            format!("select name from pragma_index_list('{name}') where \"unique\" = 1 and origin <> 'pk'");
        for index in rows(store, indexes, 1).await {
            let columns = format!(
                "select coalesce(name, '(expression)') from pragma_index_info('{}') order by seqno",
                index[0]
            );
            table
                .unique
                .insert(rows(store, columns, 1).await.into_iter().flatten().collect());
        }
        let foreign = format!(
            "select cast(id as text), \"table\", \"from\", \"to\", on_delete from pragma_foreign_key_list('{name}') order by id, seq"
        );
        table.references = references(rows(store, foreign, 5).await);
        tables.insert(name.clone(), table);
    }
    tables
}

async fn postgres_tables(store: &Store) -> Tables {
    let mut tables = Tables::new();
    let names = "select relname::text from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'r' \
         and relname not like 'search\\_%'";
    for row in rows(store, names.to_owned(), 1).await {
        let name = &row[0];
        let mut table = Table::default();
        let columns = format!(
            "select column_name::text, data_type::text, is_nullable::text from information_schema.columns \
             where table_schema = current_schema() and table_name = '{name}'"
        );
        for column in rows(store, columns, 3).await {
            let class = match column[1].as_str() {
                "bigint" => "integer",
                "boolean" => "boolean",
                "text" => "text",
                "bytea" => "bytes",
                "double precision" => "real",
                other => panic!("`{name}.{}` has the type {other}", column[0]),
            };
            table.columns.insert(
                column[0].clone(),
                Column {
                    class,
                    nullable: column[2] == "YES",
                },
            );
        }
        let indexes = format!(
            "select i.indexrelid::regclass::text, i.indisprimary::text, coalesce(a.attname::text, '(expression)') \
             from pg_index i cross join lateral unnest(i.indkey) with ordinality as k (number, place) \
             left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number and k.number > 0 \
             where i.indrelid = '{name}'::regclass and i.indisunique order by 1, k.place"
        );
        let mut unique = BTreeMap::<String, Vec<String>>::new();
        for index in rows(store, indexes, 3).await {
            if index[1] == "true" {
                table.primary_key.push(index[2].clone());
            } else {
                unique.entry(index[0].clone()).or_default().push(index[2].clone());
            }
        }
        table.unique = unique.into_values().collect();
        let foreign = format!(
            "select c.conname::text, c.confrelid::regclass::text, a.attname::text, b.attname::text, \
             case c.confdeltype when 'a' then 'no action' when 'c' then 'cascade' when 'n' then 'set null' \
             when 'r' then 'restrict' else 'set default' end \
             from pg_constraint c cross join lateral unnest(c.conkey, c.confkey) with ordinality as k (here, there, place) \
             join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.here \
             join pg_attribute b on b.attrelid = c.confrelid and b.attnum = k.there \
             where c.contype = 'f' and c.conrelid = '{name}'::regclass order by 1, k.place"
        );
        table.references = references(rows(store, foreign, 5).await);
        tables.insert(name.clone(), table);
    }
    tables
}

#[test]
fn both_schemas_are_one() {
    run(async {
        let (sqlite, postgres) = (Place::sqlite(), Place::postgres().await);
        let (sqlite, postgres) = (sqlite.open().await, postgres.open().await);
        assert_eq!(
            (sqlite.backend(), postgres.backend()),
            (Backend::Sqlite, Backend::Postgres)
        );
        let (ours, theirs) = (sqlite_tables(&sqlite).await, postgres_tables(&postgres).await);
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
        assert!(ours.len() > 1, "there is a schema");
        for (name, table) in &ours {
            assert_eq!(table, &theirs[name], "`{name}`, SQLite on the left");
        }
    });
}
