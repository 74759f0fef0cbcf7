//! An account under test: calls with its token.

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

/// A signed-in account.
#[derive(Clone, Debug)]
pub struct User {
    client: Client,
    base_url: String,
    /// Its e-mail.
    pub email: String,
    /// Its bearer token.
    pub token: String,
}

impl User {
    /// Registers an account.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn register(client: &Client, base_url: &str, email: &str, password: &str) -> Self {
        Self::enter(client, base_url, "/auth/register", email, password).await
    }

    /// Signs in to an account.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn login(client: &Client, base_url: &str, email: &str, password: &str) -> Self {
        Self::enter(client, base_url, "/auth/login", email, password).await
    }

    async fn enter(client: &Client, base_url: &str, path: &str, email: &str, password: &str) -> Self {
        let body = json!({"email": email, "password": password});
        let reply = client.post(format!("{base_url}{path}")).json(&body).send().await;
        Self::signed_in(client, base_url, email, reply.expect("the program answers")).await
    }

    async fn signed_in(client: &Client, base_url: &str, email: &str, reply: Response) -> Self {
        let status = reply.status();
        let body = json_body(reply).await;
        assert_eq!(status, 200, "{body}");
        let token = body["access_token"].as_str().expect("a token").to_owned();
        Self {
            client: client.clone(),
            base_url: base_url.to_owned(),
            email: email.to_owned(),
            token,
        }
    }

    /// The same account at another address of the program, after a new start.
    #[must_use]
    pub fn at(&self, base_url: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            ..self.clone()
        }
    }

    /// The same account with another token.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self {
            token: token.into(),
            ..self.clone()
        }
    }

    /// A call with the token.
    pub fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base_url))
            .bearer_auth(&self.token)
    }

    /// A GET: its status and JSON.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.call(Method::GET, path)).await
    }

    /// A DELETE: its status and JSON.
    pub async fn delete(&self, path: &str) -> (u16, Value) {
        answer(self.call(Method::DELETE, path)).await
    }

    /// A POST with JSON: its status and JSON.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.call(Method::POST, path).json(body)).await
    }

    /// A PUT with JSON: its status and JSON.
    pub async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.call(Method::PUT, path).json(body)).await
    }

    /// A PATCH with JSON: its status and JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.call(Method::PATCH, path).json(body)).await
    }

    /// Sends a message as an urlencoded form.
    pub async fn chat(&self, fields: &[(&str, &str)]) -> (u16, Value) {
        answer(self.call(Method::POST, "/chat/").form(fields)).await
    }

    /// Sends a message with files (name, media type, bytes) as a multipart form.
    pub async fn chat_with_files(
        &self,
        fields: &[(&str, &str)],
        files: &[(&str, &str, &[u8])],
    ) -> (u16, Value) {
        let mut form = reqwest::multipart::Form::new();
        for (name, value) in fields {
            form = form.text((*name).to_owned(), (*value).to_owned());
        }
        for (name, media_type, bytes) in files {
            let part = reqwest::multipart::Part::bytes(bytes.to_vec())
                .file_name((*name).to_owned())
                .mime_str(media_type)
                .expect("a media type");
            form = form.part("files", part);
        }
        answer(self.call(Method::POST, "/chat/").multipart(form)).await
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let reply = request.send().await.expect("the program answers");
    (reply.status().as_u16(), json_body(reply).await)
}

/// A reply's JSON.
///
/// # Panics
/// When it is none; with what it is.
pub async fn json_body(reply: Response) -> Value {
    let status = reply.status();
    let text = reply.text().await.expect("a body");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{status}: {error}: {text}"))
}
