//! Values to and from the server's binary form.

use crate::{StoreError, row::Cell, value::Value};
use bytes::BytesMut;
use std::error::Error;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

type BoxedError = Box<dyn Error + Sync + Send>;

impl ToSql for Value<'_> {
    fn to_sql(&self, wanted: &Type, out: &mut BytesMut) -> Result<IsNull, BoxedError> {
        match (*self, wanted) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Int(value), &Type::INT8) => value.to_sql(wanted, out),
            // Parameters of the server's own functions.
            (Value::Int(value), &Type::INT4) => i32::try_from(value)?.to_sql(wanted, out),
            (Value::Bool(value), &Type::BOOL) => value.to_sql(wanted, out),
            (Value::Real(value), &Type::FLOAT8) => value.to_sql(wanted, out),
            (Value::Text(value), wanted) if <&str as ToSql>::accepts(wanted) => value.to_sql(wanted, out),
            (Value::Blob(value), &Type::BYTEA) => value.to_sql(wanted, out),
            (value, wanted) => Err(format!("{} given for {wanted}", kind(value)).into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        // Decided by the value, above.
        true
    }

    to_sql_checked!();
}

fn kind(value: Value<'_>) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Int(_) => "an integer",
        Value::Bool(_) => "a boolean",
        Value::Real(_) => "a real number",
        Value::Text(_) => "text",
        Value::Blob(_) => "bytes",
    }
}

struct Raw<'a>(Cell<'a>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(found: &Type, raw: &'a [u8]) -> Result<Self, BoxedError> {
        Ok(Self(match *found {
            Type::INT8 => Cell::Int(i64::from_sql(found, raw)?),
            Type::INT4 => Cell::Int(i32::from_sql(found, raw)?.into()),
            Type::INT2 => Cell::Int(i16::from_sql(found, raw)?.into()),
            Type::BOOL => Cell::Bool(bool::from_sql(found, raw)?),
            Type::FLOAT8 => Cell::Real(f64::from_sql(found, raw)?),
            Type::FLOAT4 => Cell::Real(f32::from_sql(found, raw)?.into()),
            Type::BYTEA => Cell::Blob(raw),
            _ if <&str as FromSql>::accepts(found) => Cell::Text(<&str>::from_sql(found, raw)?),
            _ => return Err(format!("a column of type {found}: cast it in the statement").into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, BoxedError> {
        Ok(Self(Cell::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A column without a copy.
pub(crate) fn cell(row: &tokio_postgres::Row, index: usize) -> Result<Cell<'_>, StoreError> {
    row.try_get::<_, Raw<'_>>(index)
        .map(|raw| raw.0)
        .map_err(|cause| super::error::convert(&cause))
}
