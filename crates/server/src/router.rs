//! The whole HTTP surface on one screen: who may call, method, path, handler.
//!
//! Paths are canonical here; [`crate::path`] brings every other spelling into this one. `HEAD` goes wherever `GET`
//! does, and a path answers other methods with 405 and the list of those it takes.

use crate::{error::ApiError, routes::*, state::App};
use axum::{
    Router,
    routing::{delete, get, patch, post, put},
};

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Open,
    /// A bearer token.
    Signed,
    /// A bearer token or the cookie.
    Cookie,
    /// A bearer token of an administrator.
    Admin,
}

/// One method of one path.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// What it asks of its caller.
    pub access: Access,
    /// The method in lower case.
    pub method: &'static str,
    /// The canonical path, parameters in braces; one that may hold slashes has a star before its name.
    pub path: &'static str,
}

impl Route {
    /// The path as the API document writes it, which knows no stars.
    pub(crate) fn documented_path(&self) -> String {
        self.path.replace("{*", "{")
    }
}

macro_rules! surface {
    ($($access:ident $method:ident $path:literal => $handler:path;)+) => {
        /// Every route of the service.
        pub const SURFACE: &[Route] =
            &[$(Route { access: Access::$access, method: stringify!($method), path: $path }),+];

        /// The router over all of them.
        pub(crate) fn router(state: App) -> Router {
            Router::new()
                $(.route($path, $method($handler)))+
                .fallback(async || ApiError::not_found())
                .method_not_allowed_fallback(async || ApiError::method_not_allowed())
                .with_state(state)
        }
    };
}

surface! {
    Open   post   "/auth/register"                              => auth::register::register;
    Open   get    "/auth/registration"                          => auth::registration::registration;
    Open   post   "/auth/login"                                 => auth::login::login;
    Open   post   "/auth/token"                                 => auth::token::token;
    Signed post   "/auth/logout"                                => auth::logout::logout;
    Signed post   "/auth/password"                              => auth::password::password;
    Signed get    "/auth/sessions"                              => auth::sessions::list;
    Signed delete "/auth/sessions/{session_id}"                 => auth::sessions::end;
    Signed get    "/users/me"                                   => users::me::me;
    Signed delete "/users/me"                                   => remove_account::remove;
    Signed get    "/keys"                                       => keys::list;
    Signed post   "/keys"                                       => keys::create;
    Signed patch  "/keys/{key_id}"                              => keys::change;
    Signed delete "/keys/{key_id}"                              => keys::delete;
    Signed get    "/users/me/budget"                            => users::budget::budget;
    Signed get    "/usage"                                      => usage::usage;

    Signed get    "/conversations/"                             => conversations::list::list;
    Signed post   "/conversations/"                             => conversations::create::create;
    Signed get    "/conversations/{conversation_id}"            => conversations::one::one;
    Signed delete "/conversations/{conversation_id}"            => conversations::delete::delete;
    Signed get    "/conversations/{conversation_id}/messages"   => conversations::messages::messages;
    Signed get    "/conversations/{conversation_id}/context"    => conversations::context::context;
    Signed get    "/conversations/{conversation_id}/export"     => conversations::export::export;
    Signed put    "/conversations/{conversation_id}/rename"     => conversations::rename::rename;
    Signed put    "/conversations/{conversation_id}/head"       => conversations::head::head;
    Signed put    "/conversations/{conversation_id}/pin"        => conversations::pin::pin;
    Signed delete "/conversations/{conversation_id}/pin"        => conversations::pin::unpin;

    Signed post   "/chat/"                                      => chat::send::send;
    Signed post   "/chat/estimate"                              => chat::estimate::estimate;
    Signed get    "/chat/{conversation_id}/usage-details"       => chat::conversation_usage::conversation_usage;
    Signed get    "/chat/messages/{message_id}/usage-details"   => chat::message_usage::message_usage;
    Signed get    "/chat/messages/{response_message_id}/events"      => chat::events::events;
    Signed post   "/chat/messages/{response_message_id}/cancel"      => chat::cancel::cancel;
    Signed post   "/chat/messages/{response_message_id}/regenerate"  => chat::regenerate::regenerate;
    Signed get    "/search"                                     => search::search;
    Cookie get    "/attachments/{attachment_id}"                => attachments::attachment;
    Signed get    "/books"                                      => books::list;
    Signed get    "/books/{book_id}"                            => books::one;
    Open   get    "/models"                                     => models::models;
    Signed get    "/models/details"                             => model_details::details;
    Signed get    "/tools"                                      => tools::list;
    Signed put    "/tools/{tool}"                               => tools::grant;
    Signed post   "/mcp"                                        => mcp::post;

    Signed get    "/v1/models"                                  => v1::models::list;
    Signed get    "/v1/models/{*model}"                         => v1::models::one;
    Signed post   "/v1/chat/completions"                        => v1::chat::create;
    Signed post   "/v1/responses"                               => v1::responses::create;
    Signed get    "/v1/responses/{response_id}"                 => v1::responses::retrieve;
    Signed delete "/v1/responses/{response_id}"                 => v1::responses::delete;
    Signed post   "/v1/responses/{response_id}/cancel"          => v1::responses::cancel;
    Signed get    "/v1/responses/{response_id}/input_items"     => v1::responses::input_items;
    Signed post   "/v1/embeddings"                              => v1::embeddings::create;
    Signed post   "/v1/messages"                                => v1::messages::create;
    Signed post   "/v1/messages/count_tokens"                   => v1::messages::count_tokens;

    Admin  get    "/admin/users"                                => admin::users::users;
    Admin  patch  "/admin/users/{user_id}"                      => admin::user::user;
    Admin  put    "/admin/users/{user_id}/budget"               => admin::budget::budget;
    Admin  get    "/admin/models"                               => admin::models::models;
    Admin  put    "/admin/models/{name}"                        => admin::model::model;
    Admin  get    "/admin/providers"                            => admin::providers::providers;
    Admin  get    "/admin/usage"                                => admin::usage::usage;
    Admin  get    "/admin/settings"                             => admin::settings::settings;
    Admin  patch  "/admin/settings"                             => admin::settings::change;

    Open   get    "/"                                           => page::index;
    Open   get    "/app/{version}/{file}"                       => page::file;
    Open   get    "/app/{version}/{folder}/{file}"              => page::file_in_folder;
    Open   get    "/healthz"                                    => service::healthz;
    Open   get    "/readyz"                                     => service::readyz;
    Open   get    "/openapi.json"                               => service::openapi_json;
    Open   get    "/docs"                                       => docs::page;
    Open   get    "/docs/{file}"                                => docs::page_file;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A route that is open by mistake changes this list.
    #[test]
    fn open_routes_are_these() {
        let open: Vec<String> = SURFACE
            .iter()
            .filter(|route| route.access == Access::Open)
            .map(|route| format!("{} {}", route.method, route.path))
            .collect();
        assert_eq!(
            open,
            [
                "post /auth/register",
                "get /auth/registration",
                "post /auth/login",
                "post /auth/token",
                "get /models",
                "get /",
                "get /app/{version}/{file}",
                "get /app/{version}/{folder}/{file}",
                "get /healthz",
                "get /readyz",
                "get /openapi.json",
                "get /docs",
                "get /docs/{file}",
            ]
        );
        let cookie: Vec<&str> = SURFACE
            .iter()
            .filter(|route| route.access == Access::Cookie)
            .map(|route| route.path)
            .collect();
        assert_eq!(cookie, ["/attachments/{attachment_id}"]);
    }

    #[test]
    fn every_path_is_canonical() {
        for route in SURFACE {
            assert_eq!(crate::path::canonical(route.path), None, "{}", route.path);
        }
    }
}
