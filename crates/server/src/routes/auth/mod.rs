//! `/auth/…`

pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod password;
pub(crate) mod register;
pub(crate) mod registration;
pub(crate) mod sessions;
pub(crate) mod token;

use crate::{input::fields::TextRule, state::AppState};

/// E-mails of accounts that exist: longer ones cannot be stored, and limits need not remember them.
const ASKED_EMAIL: TextRule = TextRule::up_to(1_024);

/// A password as asked for at sign-in: only its upper bound counts, so that old accounts get in.
fn asked_password(state: &AppState) -> TextRule {
    TextRule::password(0, state.engine.password_limits().1)
}

/// A password as a new one must be.
fn new_password(state: &AppState) -> TextRule {
    let (min, max) = state.engine.password_limits();
    TextRule::password(min, max)
}
