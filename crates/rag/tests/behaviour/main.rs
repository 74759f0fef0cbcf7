//! What callers see of the crate, over a small collection.

mod fixture;
mod kinds;
mod retrieval;
mod titles;
mod updates;
