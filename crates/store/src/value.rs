//! Parameters: one value type that both drivers take.
//!
//! Integers are 64 bits wide and are bound as `bigint`; a boolean is 0 or 1 on SQLite.

use crate::StoreError;
use chatai_types::{
    ApiKeyId, AttachmentId, BookId, BudgetPeriod, CallId, CallKind, ConversationId, Day, LedgerId, MessageId,
    Money, PriceVersionId, Rate, Role, Scope, SessionId, Timestamp, TurnStatus, UsageId, UsageSource, UserId,
    UserRole,
};

/// One parameter of a statement, borrowed from the caller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Bool(bool),
    Real(f64),
    Text(&'a str),
    Blob(&'a [u8]),
}

/// Refuses what only one of the databases would take, so that both behave alike.
pub(crate) fn check(params: &[Value<'_>]) -> Result<(), StoreError> {
    for (index, value) in params.iter().enumerate() {
        match value {
            Value::Text(text) if text.as_bytes().contains(&0) => {
                return Err(StoreError::Invalid(format!(
                    "NUL character in the text of parameter {}",
                    index + 1
                )));
            }
            // SQLite stores not-a-number as NULL.
            Value::Real(real) if real.is_nan() => {
                return Err(StoreError::Invalid(format!(
                    "not a number in parameter {}",
                    index + 1
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

macro_rules! from {
    ($($source:ty: $value:ident => $result:expr;)+) => {$(
        impl<'a> From<$source> for Value<'a> {
            fn from($value: $source) -> Self {
                $result
            }
        }
    )+};
}

from! {
    i64: value => Value::Int(value);
    i32: value => Value::Int(value.into());
    u32: value => Value::Int(value.into());
    bool: value => Value::Bool(value);
    f64: value => Value::Real(value);
    &'a str: value => Value::Text(value);
    &'a String: value => Value::Text(value);
    &'a [u8]: value => Value::Blob(value);
    &'a Vec<u8>: value => Value::Blob(value);
    &'a Option<String>: value => value.as_deref().map_or(Value::Null, Value::Text);
    UserId: id => Value::Int(id.0);
    ConversationId: id => Value::Int(id.0);
    MessageId: id => Value::Int(id.0);
    AttachmentId: id => Value::Int(id.0);
    UsageId: id => Value::Int(id.0);
    PriceVersionId: id => Value::Int(id.0);
    LedgerId: id => Value::Int(id.0);
    ApiKeyId: id => Value::Int(id.0);
    SessionId: id => Value::Int(id.0);
    BookId: id => Value::Int(id.0);
    CallId: id => Value::Int(id.0);
    Money: money => Value::Int(money.as_pico());
    Rate: rate => Value::Int(rate.as_pico_per_token());
    Timestamp: moment => Value::Int(moment.as_micros());
    CallKind: name => Value::Text(name.as_str());
    Role: name => Value::Text(name.as_str());
    Scope: name => Value::Text(name.as_str());
    TurnStatus: name => Value::Text(name.as_str());
    UsageSource: name => Value::Text(name.as_str());
    UserRole: name => Value::Text(name.as_str());
    BudgetPeriod: name => Value::Text(name.as_str());
    Day: day => Value::Int(day.number());
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Value::Blob(value)
    }
}

impl<'a, T> From<Option<T>> for Value<'a>
where
    Value<'a>: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Value::from)
    }
}
