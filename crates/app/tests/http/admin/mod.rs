//! `/admin/…`; that nobody else passes is tested in `guard`.

mod models;
mod settings;
mod users;
