//! `/users/…`

pub(crate) mod budget;
pub(crate) mod me;
