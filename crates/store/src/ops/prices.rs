//! Versions of prices: a change adds one, nothing is rewritten.

use crate::{StoreError, Tx, tx::params};
use chatai_types::{PriceVersionId, Rates, Timestamp};

/// A model's prices as the catalog has them now.
#[derive(Clone, Debug)]
pub struct CurrentPrice {
    /// The model.
    pub model: String,
    /// The name the data gives this version.
    pub label: Option<String>,
    /// The prices.
    pub rates: Rates,
}

/// The row of `settings` that instances take one after another.
const TURN: &str = "price_versions";

/// The version of each given price, in order; one that differs from the model's latest is added. Instances that start
/// together with the same prices get the same versions.
pub fn sync(
    tx: &mut Tx<'_>,
    prices: &[CurrentPrice],
    now: Timestamp,
) -> Result<Vec<PriceVersionId>, StoreError> {
    // Whoever writes this row first is done before the next one reads what the latest versions are.
    tx.exec(
        "insert into settings (key, value, updated_at) values ($1, '', $2) \
         on conflict (key) do update set updated_at = excluded.updated_at",
        params![TURN, now],
    )?;
    let mut versions = Vec::with_capacity(prices.len());
    for price in prices {
        let rates = price.rates;
        let latest: Option<(PriceVersionId, Option<String>, Rates)> = tx.query_opt(
            "select id, label, input, cache_read, cache_write, output from price_versions \
             where model = $1 order by id desc limit 1",
            params![&price.model],
            |row| {
                let rates = Rates {
                    input: row.get(2)?,
                    cache_read: row.get(3)?,
                    cache_write: row.get(4)?,
                    output: row.get(5)?,
                };
                Ok((row.get(0)?, row.get(1)?, rates))
            },
        )?;
        let version = match latest {
            Some((id, label, known)) if known == rates && label == price.label => id,
            _ => tx.query_one(
                "insert into price_versions (model, label, input, cache_read, cache_write, output, created_at) \
                 values ($1, $2, $3, $4, $5, $6, $7) returning id",
                params![
                    &price.model,
                    price.label.as_deref(),
                    rates.input,
                    rates.cache_read,
                    rates.cache_write,
                    rates.output,
                    now
                ],
                |row| row.get(0),
            )?,
        };
        versions.push(version);
    }
    Ok(versions)
}

/// The rates of a version, with its number; `None` where no version is known.
pub(in crate::ops) fn of_version(
    tx: &mut Tx<'_>,
    version: Option<PriceVersionId>,
) -> Result<Option<(PriceVersionId, Rates)>, StoreError> {
    let Some(version) = version else { return Ok(None) };
    tx.query_opt(
        "select input, cache_read, cache_write, output from price_versions where id = $1",
        params![version],
        |row| {
            let rates = Rates {
                input: row.get(0)?,
                cache_read: row.get(1)?,
                cache_write: row.get(2)?,
                output: row.get(3)?,
            };
            Ok((version, rates))
        },
    )
}
