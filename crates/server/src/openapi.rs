//! The API document, OpenAPI 3.1: shapes from the handlers, access and errors from the route table.

use crate::{
    error::ErrorBody,
    face::{self, Face},
    input::fault::Fault,
    router::{Access, SURFACE},
    routes::*,
};
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::OnceLock;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "ChatAI",
        description = "A team's chat backend: accounts, conversations, answers that survive crashes, attachments, \
                       a book collection, and money that adds up. Every path also answers under `/api`, and with or \
                       without its trailing slash.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    paths(
        auth::register::register, auth::registration::registration, auth::login::login, auth::token::token, auth::logout::logout,
        auth::password::password, auth::sessions::list, auth::sessions::end, users::me::me, remove_account::remove, users::budget::budget, usage::usage,
        keys::list, keys::create, keys::change, keys::delete,
        conversations::list::list, conversations::create::create, conversations::one::one, conversations::delete::delete,
        conversations::messages::messages, conversations::context::context, conversations::rename::rename,
        conversations::head::head, conversations::export::export, conversations::pin::pin, conversations::pin::unpin,
        chat::events::events, chat::cancel::cancel, chat::regenerate::regenerate, chat::send::send,
        chat::estimate::estimate, chat::conversation_usage::conversation_usage, chat::message_usage::message_usage,
        attachments::attachment, models::models, model_details::details, books::list, books::one, search::search,
        v1::models::list, v1::models::one, v1::chat::create, v1::responses::create, v1::responses::retrieve,
        v1::responses::delete, v1::responses::cancel, v1::responses::input_items, v1::embeddings::create,
        v1::messages::create, v1::messages::count_tokens,
        tools::list, tools::grant, mcp::post,
        admin::users::users, admin::user::user, admin::budget::budget, admin::models::models, admin::model::model,
        admin::providers::providers, admin::usage::usage, admin::settings::settings, admin::settings::change,
        page::index, page::file, page::file_in_folder, service::healthz, service::readyz, service::openapi_json,
        docs::page, docs::page_file,
    ),
    components(schemas(ErrorBody<'_>, Fault, face::OpenAiBody<'_>, face::AnthropicBody<'_>)),
    tags(
        (name = "auth", description = "Accounts and tokens"),
        (name = "users", description = "The caller"),
        (name = "conversations", description = "Conversations and what is in them"),
        (name = "chat", description = "Messages, answers, files, usage"),
        (name = "openai", description = "The models for programs that speak OpenAI's API"),
        (name = "anthropic", description = "The models for programs that speak Anthropic's API"),
        (name = "books", description = "The collection that the tools search"),
        (name = "tools", description = "Tools from outside, and the collection's for others"),
        (name = "usage", description = "What model calls used and cost"),
        (name = "admin", description = "For administrators alone"),
        (name = "service", description = "For operators, proxies and this document"),
    )
)]
struct Document;

/// The document of a program of this version.
pub fn openapi(version: &str) -> Value {
    let mut document = serde_json::to_value(Document::openapi()).expect("the document is plain data");
    document["info"]["version"] = version.into();
    document["components"]["securitySchemes"] = json!({
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
        "cookie": { "type": "apiKey", "in": "cookie", "name": "chatai_token" },
    });
    for (name, schema) in document["components"]["schemas"]
        .as_object_mut()
        .into_iter()
        .flatten()
    {
        complete(name, schema);
    }
    for route in SURFACE {
        let operation = &mut document["paths"][route.documented_path()][route.method];
        describe(operation, route.access, Face::of(route.path));
    }
    document
}

/// The same as bytes, made once.
pub(crate) fn json(version: &str) -> Bytes {
    static DOCUMENT: OnceLock<(String, Bytes)> = OnceLock::new();
    let (of_version, bytes) = DOCUMENT.get_or_init(|| (version.to_owned(), bytes_of(version)));
    if of_version == version {
        bytes.clone()
    } else {
        bytes_of(version)
    }
}

fn bytes_of(version: &str) -> Bytes {
    serde_json::to_vec(&openapi(version))
        .expect("a document is plain data")
        .into()
}

/// Resources always have all their members; a member without a value is null.
fn complete(name: &str, schema: &mut Value) {
    let is_input = name.ends_with("Request") || name.ends_with("Form");
    if is_input || ["Error", "Fault", "AnthropicError"].contains(&name) {
        return;
    }
    if let Some(members) = schema["properties"].as_object() {
        schema["required"] = members.keys().cloned().collect();
    }
}

/// Adds what the table knows: access, and the errors that follow from it.
fn describe(operation: &mut Value, access: Access, face: Face) {
    let takes_input = operation.get("requestBody").is_some() || operation.get("parameters").is_some();
    let responses = &mut operation["responses"];
    let error = |description: &str| error(description, face);
    responses["default"] = error("Any other refusal or failure; `code` says which");
    if takes_input && face == Face::Native {
        responses["422"] = error("Fields are missing or malformed; `detail` lists each");
    }
    if takes_input && face != Face::Native {
        responses["400"] = error("Members are missing, malformed or not supported");
    }
    if access != Access::Open {
        responses["401"] = error("No token, or one that does not count");
    }
    if access == Access::Admin {
        responses["403"] = error("The caller does not administer this instance");
    }
    operation["security"] = match access {
        Access::Open => json!([]),
        Access::Signed | Access::Admin => json!([{ "bearer": [] }]),
        Access::Cookie => json!([{ "bearer": [] }, { "cookie": [] }]),
    };
}

fn error(description: &str, face: Face) -> Value {
    let name = match face {
        Face::Native => "Error",
        Face::OpenAi => "OpenAiError",
        Face::Anthropic => "AnthropicError",
    };
    let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_document_and_the_router_know_the_same_routes() {
        let document = openapi("1.2.3");
        let mut documented = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                documented.insert((path.clone(), method.clone()));
                assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            }
        }
        let routed: BTreeSet<_> = SURFACE
            .iter()
            .map(|route| (route.documented_path(), route.method.to_owned()))
            .collect();
        assert_eq!(documented, routed);
    }

    #[test]
    fn it_is_openapi_3_1_and_every_reference_leads_somewhere() {
        let document = openapi("1.2.3");
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        assert_eq!(document["info"]["version"], "1.2.3");
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
