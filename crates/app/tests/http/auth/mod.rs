//! `/auth/…` and `/users/me`.

mod cookie;
mod login;
mod logout;
mod original_accounts;
mod password;
mod register;
mod remove_account;
mod sessions;
mod token;
mod users_me;
