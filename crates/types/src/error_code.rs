//! The one table of public error codes. `docs/errors.md` is generated from it.

use std::fmt;

macro_rules! codes {
    ($($variant:ident = $text:literal, $status:literal, $meaning:literal;)+) => {
        /// A failure as a client sees it: a stable name, an HTTP status and what to do about it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $(#[doc = $meaning] $variant),+ }

        impl ErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable `code` member of an error body.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }

            /// What it means and what to do, for the documentation.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),+ }
            }

            /// The code of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str() == name)
            }
        }
    };
}

codes! {
    BadRequest = "bad_request", 400, "The request cannot be read, such as a multipart body that breaks off.";
    EmptyText = "empty_text", 400, "`text` is blank. Send a question.";
    EmailTaken = "email_taken", 400, "An account with this e-mail exists. Sign in, or use another address.";
    ModelUnknown = "model_unknown", 400, "No model of this name is in the catalog. `GET /models` lists what can answer.";
    ModelUnavailable = "model_unavailable", 400, "The model is known but cannot answer now, for example because no key for its provider is configured. `detail` says what to do.";
    ContextTooLong = "context_too_long", 400, "The message with its attachments does not fit the model's window. Shorten it, or choose a model with a larger window.";
    RequestRejected = "request_rejected", 400, "The model's provider refused a program's request as it is; `detail` has its words. Change the request, or choose another model.";
    InvalidValue = "invalid_value", 400, "Of `/v1`: a member of the request is missing or has a value that it cannot have; `param` names it.";
    UnsupportedParameter = "unsupported_parameter", 400, "Of `/v1`: a member of the request asks for what this service cannot do; `param` names it. Leave it out.";
    NotAuthenticated = "not_authenticated", 401, "The call needs a bearer token and carries none.";
    InvalidToken = "invalid_token", 401, "The token is malformed, expired, revoked, or its account is disabled. Sign in again.";
    WrongCredentials = "wrong_credentials", 401, "E-mail or password is wrong.";
    BudgetExceeded = "budget_exceeded", 402, "What the message may cost at most does not fit what is left of the account's budget, or of the key's. Nothing was written and no model was called. `GET /users/me/budget` says what is left and when it begins anew; for a key, `GET /keys` does.";
    Forbidden = "forbidden", 403, "The account may not do this.";
    WrongPassword = "wrong_password", 403, "The account's own password, asked for once more, is wrong.";
    AccountDisabled = "account_disabled", 403, "An administrator has disabled this account.";
    ModelNotAllowed = "model_not_allowed", 403, "The key that was used may not use this model. `GET /keys` lists the models of each key.";
    RegistrationClosed = "registration_closed", 403, "This instance takes no new accounts. Ask its administrator.";
    NotFound = "not_found", 404, "No such path, or for an administrator no such account or model.";
    ConversationNotFound = "conversation_not_found", 404, "No such conversation among the caller's.";
    MessageNotFound = "message_not_found", 404, "No such message among the caller's.";
    AttachmentNotFound = "attachment_not_found", 404, "No such attachment among the caller's.";
    BookNotFound = "book_not_found", 404, "No such book in the collection. Its id changes when what the collection says of it does.";
    KeyNotFound = "key_not_found", 404, "No such key among the caller's.";
    ResponseNotFound = "response_not_found", 404, "No such stored response among the caller's. Responses are kept for 30 days.";
    ToolNotFound = "tool_not_found", 404, "No such tool from outside among those that there are for the caller, or its server is not there now.";
    SessionNotFound = "session_not_found", 404, "No such session among those of the caller's account that have not ended.";
    MethodNotAllowed = "method_not_allowed", 405, "The path exists, but not with this method. `Allow` names those it takes.";
    LastAdministrator = "last_administrator", 409, "The change would leave the instance without an administrator. Make another account administrator first.";
    RequestTimeout = "request_timeout", 408, "The request's body did not arrive in time.";
    TooManyKeys = "too_many_keys", 409, "The account has as many keys as it may have. Delete one that is not used.";
    TooLarge = "too_large", 413, "The body, a file or their number is over a limit; `detail` names it.";
    Validation = "validation_error", 422, "Fields are missing or malformed; `detail` lists each with its place.";
    AttachmentUnreadable = "attachment_unreadable", 422, "A file is broken or hostile and was not taken; `detail` names it. Nothing of the message was stored.";
    IdempotencyMismatch = "idempotency_mismatch", 422, "The `Idempotency-Key` was used for another request within the last day. Use a new key.";
    RateLimited = "rate_limited", 429, "Too many requests. Wait as long as `Retry-After` says.";
    Internal = "internal_error", 500, "A fault of the service. It was logged under `request_id`.";
    ProviderError = "provider_error", 502, "The model's provider failed or sent something unreadable. The question is kept; send it again or choose another model.";
    ProviderAuth = "provider_auth", 502, "The model's provider refused this instance's key. The administrator has to look at it. The question is kept.";
    ProviderRateLimited = "provider_rate_limited", 503, "The model's provider asks to wait as long as `Retry-After` says. The question is kept.";
    Overloaded = "overloaded", 503, "The service is at a limit of its own. Try again as `Retry-After` says.";
    ShuttingDown = "shutting_down", 503, "The service is ending. Try again as `Retry-After` says.";
    ProviderTimeout = "provider_timeout", 504, "The model's provider sent nothing for too long. The question is kept.";
    StorageFull = "storage_full", 507, "The disk is full. Reading goes on; writing works again when there is room.";
    Interrupted = "interrupted", 500, "The service ended in the middle of the answer. What had been written is kept; send the question again.";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_found_again() {
        let names: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_name(code.as_str()), Some(*code));
        }
    }
}
