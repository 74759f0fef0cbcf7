//! `chatai migrate`: creates or updates the tables, and ends.

use crate::{commands::block_on, failure::Failure, output::say, wiring};
use chatai_config::Flags;

pub(crate) fn run(flags: &Flags) -> Result<(), Failure> {
    let loaded = wiring::load(flags)?;
    block_on(async {
        let store = wiring::open_store(&loaded.config).await?;
        let version = store.schema_version();
        store.close().await;
        say(format_args!("the database has schema {version}\n"))
    })
}
