//! The schema as PostgreSQL's catalogs tell it.

use super::{Check, Column, Index, Table, Tables, plain, quoted, references, rows};
use crate::Store;
use std::collections::{BTreeMap, BTreeSet};

pub(super) async fn tables(store: &Store) -> Tables {
    let mut tables = Tables::new();
    let names = "select relname::text from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'r' \
         and relname not like 'search\\_%'";
    for row in rows(store, names.to_owned(), 1).await {
        let name = &row[0];
        let mut table = Table::default();
        let columns = format!(
            "select column_name::text, data_type::text, is_nullable::text, coalesce(column_default::text, '') from information_schema.columns \
             where table_schema = current_schema() and table_name = '{name}'"
        );
        for column in rows(store, columns, 4).await {
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
                    default: (!column[3].is_empty()).then(|| column[3].replace("::text", "")),
                },
            );
        }
        let (primary_key, indexes) = indexes(store, name).await;
        table.primary_key = primary_key;
        table.indexes = indexes;
        table.checks = checks(store, name).await;
        let triggers = format!(
            "select lower(action_timing || ' ' || event_manipulation) from information_schema.triggers \
             where event_object_schema = current_schema() and event_object_table = '{name}'"
        );
        table.triggers = rows(store, triggers, 1).await.into_iter().flatten().collect();
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

/// The columns of the primary key, and all other indexes.
async fn indexes(store: &Store, table: &str) -> (Vec<String>, BTreeSet<Index>) {
    let indexes = format!(
        "select i.indexrelid::regclass::text, i.indisprimary::text, i.indisunique::text, \
         coalesce(pg_get_expr(i.indpred, i.indrelid), ''), \
         coalesce(a.attname::text, '(expression)') || case when o.bits & 1 = 1 then ' desc' else '' end \
         from pg_index i \
         cross join lateral unnest(i.indkey, i.indoption) with ordinality as o (number, bits, place) \
         left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = o.number and o.number > 0 \
         where i.indrelid = '{table}'::regclass order by 1, o.place"
    );
    let mut primary_key = Vec::new();
    let mut found = BTreeMap::<String, Index>::new();
    for row in rows(store, indexes, 5).await {
        let [name, is_primary, is_unique, condition, column] = <[String; 5]>::try_from(row).unwrap();
        if is_primary == "true" {
            primary_key.push(column);
            continue;
        }
        let index = found.entry(name).or_default();
        index.columns.push(column);
        index.is_unique = is_unique == "true";
        index.condition = (!condition.is_empty()).then(|| plain(&condition));
    }
    (primary_key, found.into_values().collect())
}

/// `CHECK ((role = ANY (ARRAY['user'::text, 'admin'::text])))` was written as `check (role in ('user', 'admin'))`.
async fn checks(store: &Store, table: &str) -> BTreeSet<Check> {
    let checks = format!(
        "select pg_get_constraintdef(oid) from pg_constraint \
         where contype = 'c' and conrelid = '{table}'::regclass"
    );
    let texts = rows(store, checks, 1).await.into_iter().flatten();
    texts
        .map(|text| {
            let check = text.trim_start_matches("CHECK ");
            match check.split_once(" = ANY (ARRAY[") {
                Some((column, values)) => Check::OneOf(plain(column), quoted(values)),
                None => Check::Other(plain(check)),
            }
        })
        .collect()
}
