//! What administrators set of models, over what the pricing data says.

use crate::{StoreError, Tx, tx::params};
use chatai_types::{Rate, Timestamp};

/// What is set of one model; `None` leaves what the pricing data says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelOverride {
    /// The model.
    pub model: String,
    /// The price of fresh input.
    pub input: Option<Rate>,
    /// The price of input from the provider's cache.
    pub cache_read: Option<Rate>,
    /// The price of input into the provider's cache.
    pub cache_write: Option<Rate>,
    /// The price of output.
    pub output: Option<Rate>,
    /// How many tokens it takes in and puts out together.
    pub context_window: Option<i64>,
    /// How many tokens it puts out at most.
    pub max_output_tokens: Option<i64>,
    /// Whether it may be used.
    pub enabled: bool,
}

impl ModelOverride {
    /// Nothing set.
    pub fn none(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            input: None,
            cache_read: None,
            cache_write: None,
            output: None,
            context_window: None,
            max_output_tokens: None,
            enabled: true,
        }
    }
}

/// All that is set, by name.
pub fn overrides(tx: &mut Tx<'_>) -> Result<Vec<ModelOverride>, StoreError> {
    tx.query(
        "select model, input, cache_read, cache_write, output, context_window, max_output_tokens, enabled \
         from model_overrides order by model",
        params![],
        |row| {
            Ok(ModelOverride {
                model: row.get(0)?,
                input: row.get(1)?,
                cache_read: row.get(2)?,
                cache_write: row.get(3)?,
                output: row.get(4)?,
                context_window: row.get(5)?,
                max_output_tokens: row.get(6)?,
                enabled: row.get(7)?,
            })
        },
    )
}

/// Sets all of one model.
pub fn set(tx: &mut Tx<'_>, set: &ModelOverride, now: Timestamp) -> Result<(), StoreError> {
    tx.exec(
        "insert into model_overrides (model, input, cache_read, cache_write, output, context_window, \
         max_output_tokens, enabled, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         on conflict (model) do update set input = excluded.input, cache_read = excluded.cache_read, \
         cache_write = excluded.cache_write, output = excluded.output, context_window = excluded.context_window, \
         max_output_tokens = excluded.max_output_tokens, enabled = excluded.enabled, \
         updated_at = excluded.updated_at",
        params![
            &set.model,
            set.input,
            set.cache_read,
            set.cache_write,
            set.output,
            set.context_window,
            set.max_output_tokens,
            set.enabled,
            now
        ],
    )?;
    Ok(())
}
