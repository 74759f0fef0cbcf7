//! The list of migrations. A new one is a pair of files and a line here.

use super::Migration;

macro_rules! migrations {
    ($($version:literal => $number:literal $name:literal;)+) => {
        &[$(Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $number, "_", $name, ".sql")),
            postgres: include_str!(concat!("../../migrations/postgres/", $number, "_", $name, ".sql")),
        }),+]
    };
}

/// In order of application.
pub(super) const MIGRATIONS: &[Migration] = migrations! {
    1 => "0001" "initial";
    2 => "0002" "turns";
    3 => "0003" "money";
    4 => "0004" "search";
    5 => "0005" "key_budgets";
    6 => "0006" "fallbacks";
    7 => "0007" "direct_calls";
    8 => "0008" "tool_grants";
    9 => "0009" "pins";
    10 => "0010" "sessions";
    11 => "0011" "settling";
    12 => "0012" "usage_sums";
    13 => "0013" "times";
    14 => "0014" "unpriced";
    15 => "0015" "search_new";
};
