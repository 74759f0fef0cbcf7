//! `/admin/…`: for administrators alone.

pub(crate) mod budget;
pub(crate) mod model;
pub(crate) mod models;
pub(crate) mod providers;
pub(crate) mod settings;
pub(crate) mod usage;
pub(crate) mod user;
pub(crate) mod users;
