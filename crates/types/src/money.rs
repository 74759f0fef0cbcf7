//! Money as integers: pico-dollars (10⁻¹² US dollars).
//!
//! A price of up to six decimals per million tokens is a whole number of pico-dollars per token, so every
//! charge is an exact product and every sum an exact sum. Nothing in here rounds except [`Money::to_f64`],
//! which exists for the contract's JSON number.

use crate::TokenCounts;
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Decimals of a pico-dollar.
const SCALE: u32 = 12;

/// Pico-dollars in a dollar.
const UNIT: u64 = 10_u64.pow(SCALE);

/// An amount in pico-dollars; negative for a credit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(i64);

/// Text or a number that is no exact amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a decimal number.
    #[error("not a decimal number: `{0}`")]
    NotDecimal(String),
    /// More decimals than the unit holds.
    #[error("more decimals than can be billed exactly: `{0}`")]
    TooFine(String),
    /// Beyond 64 bits of pico-dollars (about 9.2 million dollars).
    #[error("amount out of range")]
    OutOfRange,
    /// A price below zero.
    #[error("negative price: `{0}`")]
    Negative(String),
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From pico-dollars.
    pub const fn from_pico(pico: i64) -> Self {
        Self(pico)
    }

    /// In pico-dollars.
    pub const fn as_pico(self) -> i64 {
        self.0
    }

    /// Reads a decimal number of dollars, e.g. `0.184918125` or `1e-7`; exact or refused.
    pub fn parse_usd(text: &str) -> Result<Self, MoneyError> {
        scaled(text, SCALE).map(Self)
    }

    /// Reads dollars from a binary floating number as databases of others hold it: its shortest decimal
    /// form, rounded to a pico-dollar where it has more digits.
    pub fn from_f64_usd(value: f64) -> Result<Self, MoneyError> {
        if !value.is_finite() {
            return Err(MoneyError::OutOfRange);
        }
        let decimal = decimal(&format!("{value}"))?.round_dp(SCALE);
        to_units(decimal, SCALE).map(Self)
    }

    /// The sum. `None` beyond 64 bits.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The nearest binary floating number of dollars, for `price` on the wire.
    pub fn to_f64(self) -> f64 {
        // Up to 2^53 both are doubles themselves, so that one division rounds once, to the nearest.
        const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;
        if self.0.unsigned_abs() <= EXACT {
            return self.0 as f64 / UNIT as f64;
        }
        // A decimal text read back gives the double closest to the exact amount.
        self.to_string()
            .parse()
            .expect("a decimal number is a valid float")
    }
}

/// Exact decimal dollars without trailing zeros, e.g. `0.184918125`, `0`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, rest) = (self.0.unsigned_abs() / UNIT, self.0.unsigned_abs() % UNIT);
        let sign = if self.0 < 0 { "-" } else { "" };
        if rest == 0 {
            return write!(f, "{sign}{dollars}");
        }
        let digits = format!("{rest:012}");
        write!(f, "{sign}{dollars}.{}", digits.trim_end_matches('0'))
    }
}

/// A price in pico-dollars per token, never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(i64);

impl Rate {
    /// From pico-dollars per token, as stored.
    pub const fn from_pico_per_token(pico: i64) -> Self {
        Self(pico)
    }

    /// In pico-dollars per token.
    pub const fn as_pico_per_token(self) -> i64 {
        self.0
    }

    /// Reads dollars per million tokens, with up to six decimals.
    pub fn parse_per_million(text: &str) -> Result<Self, MoneyError> {
        // Dollars per million tokens are micro-dollars per token: six of the twelve decimals.
        let pico = scaled(text, SCALE - 6)?;
        if pico < 0 {
            Err(MoneyError::Negative(text.to_owned()))
        } else {
            Ok(Self(pico))
        }
    }

    /// Dollars per million tokens as exact decimal text.
    pub fn per_million(self) -> String {
        Decimal::from_i128_with_scale(i128::from(self.0), SCALE - 6)
            .normalize()
            .to_string()
    }
}

/// One version of a model's prices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rates {
    /// Fresh input.
    pub input: Rate,
    /// Input read from the provider's cache.
    pub cache_read: Rate,
    /// Input written to the provider's cache.
    pub cache_write: Rate,
    /// Output, reasoning included.
    pub output: Rate,
}

impl Rates {
    /// What these tokens cost, exactly. Each token is charged once, at the rate of its own counter.
    pub fn charge(&self, tokens: &TokenCounts) -> Result<Money, MoneyError> {
        let parts = [
            (tokens.fresh_input, self.input),
            (tokens.cache_read, self.cache_read),
            (tokens.cache_write, self.cache_write),
            (tokens.output, self.output),
        ];
        parts
            .iter()
            .try_fold(0_i64, |sum, (count, rate)| {
                sum.checked_add(count.checked_mul(rate.0)?)
            })
            .map(Money)
            .ok_or(MoneyError::OutOfRange)
    }
}

fn decimal(text: &str) -> Result<Decimal, MoneyError> {
    let text = text.trim();
    let parsed = if text.contains(['e', 'E']) {
        Decimal::from_scientific(text)
    } else {
        Decimal::from_str_exact(text)
    };
    parsed.map_err(|_| MoneyError::NotDecimal(text.to_owned()))
}

fn scaled(text: &str, scale: u32) -> Result<i64, MoneyError> {
    let value = decimal(text)?.normalize();
    if value.scale() > scale {
        return Err(MoneyError::TooFine(text.to_owned()));
    }
    to_units(value, scale)
}

fn to_units(mut value: Decimal, scale: u32) -> Result<i64, MoneyError> {
    // `rescale` keeps the value only while the mantissa fits; a lost digit shows in the scale.
    value.rescale(scale);
    if value.scale() != scale {
        return Err(MoneyError::OutOfRange);
    }
    value.mantissa().to_i64().ok_or(MoneyError::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(input: &str, cache_read: &str, cache_write: &str, output: &str) -> Rates {
        let rate = |text| Rate::parse_per_million(text).unwrap();
        Rates {
            input: rate(input),
            cache_read: rate(cache_read),
            cache_write: rate(cache_write),
            output: rate(output),
        }
    }

    #[test]
    fn golden_vector_with_cached_input_included() {
        let tokens = TokenCounts::from_inclusive(262_960, 257_955, 1_744, 0).unwrap();
        let price = rates("1.25", ".625", "1.25", "10").charge(&tokens).unwrap();
        assert_eq!(price.to_string(), "0.184918125");
    }

    #[test]
    fn golden_vector_with_cache_writes_apart() {
        let tokens = TokenCounts::from_disjoint(3, 0, 12_304, 550, 0).unwrap();
        let price = rates("3", "0.30", "3.75", "15").charge(&tokens).unwrap();
        assert_eq!(price.to_string(), "0.054399");
    }

    #[test]
    fn amounts_are_exact_or_refused() {
        assert_eq!(Money::parse_usd("0.000000000001").unwrap().as_pico(), 1);
        assert_eq!(Money::parse_usd("1e-7").unwrap().as_pico(), 100_000);
        assert!(matches!(
            Money::parse_usd("0.0000000000001"),
            Err(MoneyError::TooFine(_))
        ));
        assert!(matches!(Money::parse_usd("ten"), Err(MoneyError::NotDecimal(_))));
        assert!(matches!(Money::parse_usd("9223373"), Err(MoneyError::OutOfRange)));
        assert!(matches!(
            Rate::parse_per_million("-1"),
            Err(MoneyError::Negative(_))
        ));
        assert!(matches!(
            Rate::parse_per_million("0.0000001"),
            Err(MoneyError::TooFine(_))
        ));
    }

    #[test]
    fn amounts_are_told_exactly_and_as_the_nearest_double() {
        let mut pico = vec![
            0,
            1,
            999_999_999_999,
            1_000_000_000_000,
            1_500_000_000_000,
            184_918_125_000,
        ];
        pico.extend([(1 << 53) - 1, 1 << 53, (1 << 53) + 1, i64::MAX - 1, i64::MAX]);
        let mut next = 1_u64;
        for shift in (0..64).cycle().take(20_000) {
            next = next
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            pico.push((next >> shift).cast_signed());
        }
        for pico in pico.iter().flat_map(|pico| [*pico, pico.wrapping_neg()]) {
            let amount = Money::from_pico(pico);
            let text = Decimal::from_i128_with_scale(pico.into(), SCALE)
                .normalize()
                .to_string();
            assert_eq!(amount.to_string(), text);
            assert_eq!(amount.to_f64(), text.parse::<f64>().unwrap(), "{text}");
        }
    }

    #[test]
    fn floats_of_old_databases_keep_their_shortest_digits() {
        assert_eq!(Money::from_f64_usd(0.0000123).unwrap().to_string(), "0.0000123");
        assert_eq!(Money::from_f64_usd(1e-7).unwrap().to_string(), "0.0000001");
        assert_eq!(Money::from_f64_usd(0.1 + 0.2).unwrap().to_string(), "0.3");
        assert!(Money::from_f64_usd(f64::NAN).is_err());
    }

    #[test]
    fn a_charge_beyond_the_range_is_an_error_not_a_wrap() {
        let tokens = TokenCounts::from_inclusive(i64::MAX, 0, 0, 0).unwrap();
        assert_eq!(
            rates("1", "1", "1", "1").charge(&tokens),
            Err(MoneyError::OutOfRange)
        );
    }
}
