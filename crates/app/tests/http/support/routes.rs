//! The routes as the program itself describes them, so that a new one cannot slip past the tests.

use super::get;
use chatai_testkit::app::TestApp;
use reqwest::Method;
use serde_json::Value;

/// One method of one path in `/openapi.json`.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// Parameters stand in braces.
    pub(crate) path: String,
    pub(crate) takes_token: bool,
    pub(crate) takes_cookie: bool,
    /// The media types of its body.
    pub(crate) body_types: Vec<String>,
}

impl Route {
    /// The path with every parameter replaced.
    pub(crate) fn path_with(&self, value: &str) -> String {
        let mut path = String::new();
        let mut rest = self.path.as_str();
        while let Some((before, behind)) = rest.split_once('{') {
            path.push_str(before);
            path.push_str(value);
            rest = behind.split_once('}').expect("braces come in pairs").1;
        }
        path + rest
    }

    /// Whether it speaks a vendor's API, in whose words its errors are.
    pub(crate) fn speaks_for_a_vendor(&self) -> bool {
        self.path.starts_with("/v1/")
    }

    /// `GET /models`.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// All routes.
pub(crate) async fn routes(app: &TestApp) -> Vec<Route> {
    let document = get(app, "/openapi.json").await.json();
    let mut routes = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let schemes = operation["security"]
                .as_array()
                .expect("every route says who may call");
            let takes = |name: &str| schemes.iter().any(|scheme| scheme.get(name).is_some());
            let types = operation["requestBody"]["content"].as_object();
            routes.push(Route {
                method: method.to_uppercase().parse().expect("a method"),
                path: path.clone(),
                takes_token: takes("bearer"),
                takes_cookie: takes("cookie"),
                body_types: types
                    .map(|types| types.keys().cloned().collect())
                    .unwrap_or_default(),
            });
        }
    }
    assert!(routes.len() > 15, "{routes:?}");
    assert!(document["info"]["title"] != Value::Null);
    routes
}
