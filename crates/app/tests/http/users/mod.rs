//! `/users/…`

mod budget;
mod delete;
