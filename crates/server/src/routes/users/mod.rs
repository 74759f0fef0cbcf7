//! `/users/…`

pub(crate) mod budget;
pub(crate) mod delete;
pub(crate) mod me;
