//! `/users/…`

mod budget;
