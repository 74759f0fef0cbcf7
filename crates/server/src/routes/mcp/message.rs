//! One message of the protocol, and the version that it is meant in.

use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

/// The versions without a handshake: each request says for itself what it is meant in.
pub(super) const MODERN: &str = "2026-07-28";
/// The versions with one, the newest first.
pub(super) const WITH_HANDSHAKE: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

const VERSION_HEADER: &str = "mcp-protocol-version";
const METHOD_HEADER: &str = "mcp-method";
const NAME_HEADER: &str = "mcp-name";
const VERSION_MEMBER: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES_MEMBER: &str = "io.modelcontextprotocol/clientCapabilities";

/// How requests are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// In one of the versions with a handshake; which makes no difference here.
    WithHandshake,
    /// Each for itself.
    Modern,
}

impl Version {
    /// Whether it knows sessions.
    pub(super) fn has_sessions(self) -> bool {
        self == Self::WithHandshake
    }
}

/// A request or a notification.
#[derive(Debug)]
pub(super) struct Message {
    /// A text or a whole number; a notification has none.
    pub(super) id: Option<Value>,
    pub(super) method: String,
    pub(super) params: Map<String, Value>,
}

/// Why a message is not answered as it wants.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) status: StatusCode,
    pub(super) code: i64,
    pub(super) message: String,
    pub(super) data: Option<Value>,
}

impl Fault {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            message: message.into(),
            data: None,
        }
    }

    /// It is no message, or not one alone.
    pub(super) fn not_a_message(why: impl Into<String>) -> Self {
        Self::new(-32600, why)
    }

    /// What the method wants is not there, or not as it should be.
    pub(super) fn wrong_params(why: impl Into<String>) -> Self {
        Self::new(-32602, why)
    }

    /// There is no such method.
    pub(super) fn no_method(name: &str) -> Self {
        let name: String = name.chars().take(64).collect();
        Self {
            status: StatusCode::NOT_FOUND,
            ..Self::new(-32601, format!("There is no method `{name}`"))
        }
    }

    /// There are no sessions, so one that is named has ended: the client begins anew.
    pub(super) fn no_session() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            ..Self::new(-32600, "There is no such session; initialize again")
        }
    }

    fn other_version(requested: &str) -> Self {
        let requested: String = requested.chars().take(64).collect();
        let supported: Vec<&str> = [MODERN].into_iter().chain(WITH_HANDSHAKE).collect();
        Self {
            data: Some(json!({"supported": supported, "requested": requested})),
            ..Self::new(-32022, "Unsupported protocol version")
        }
    }

    fn mismatch(header: &str) -> Self {
        Self::new(-32020, format!("`{header}` does not say what the message says"))
    }

    /// With the status that the version gives it: those with a handshake answer what was well asked with 200.
    pub(super) fn at(self, version: Version) -> Self {
        match version {
            Version::Modern => self,
            Version::WithHandshake => Self {
                status: StatusCode::OK,
                ..self
            },
        }
    }
}

impl Message {
    /// Reads a body.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let read: Value = serde_json::from_slice(bytes)
            .map_err(|error| Fault::new(-32700, format!("The body is not JSON: {error}")))?;
        let mut members = match read {
            Value::Object(members) => members,
            Value::Array(_) => {
                return Err(Fault::not_a_message(
                    "Batches are not taken: one message a request",
                ));
            }
            _ => return Err(Fault::not_a_message("A message is an object")),
        };
        if members.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(Fault::not_a_message("`jsonrpc` must be `2.0`"));
        }
        let id = match members.remove("id") {
            None => None,
            Some(id) if id.is_string() || id.is_i64() || id.is_u64() => Some(id),
            Some(_) => return Err(Fault::not_a_message("`id` must be a text or a whole number")),
        };
        let Some(Value::String(method)) = members.remove("method") else {
            return Err(Fault::not_a_message(
                "`method` must be a text; nothing was asked of you",
            ));
        };
        let params = match members.remove("params") {
            None => Map::new(),
            Some(Value::Object(params)) => params,
            Some(_) => return Err(Fault::not_a_message("`params` must be an object")),
        };
        Ok(Self { id, method, params })
    }

    /// The version that a request is meant in, as its headers and itself say.
    pub(super) fn version(&self, headers: &HeaderMap) -> Result<Version, Fault> {
        let header = |name: &str| {
            let mut values = headers.get_all(name).iter();
            match (values.next(), values.next()) {
                (None, _) => Ok(None),
                (Some(value), None) => value.to_str().map(Some).map_err(|_| Fault::mismatch(name)),
                (Some(_), Some(_)) => Err(Fault::mismatch(name)),
            }
        };
        match header(VERSION_HEADER)? {
            // Older than the header, or its first message.
            None => Ok(Version::WithHandshake),
            Some(version) if WITH_HANDSHAKE.contains(&version) => Ok(Version::WithHandshake),
            Some(version) => {
                self.check_envelope(version, header(METHOD_HEADER)?, header(NAME_HEADER)?)?;
                match version {
                    MODERN => Ok(Version::Modern),
                    other => Err(Fault::other_version(other)),
                }
            }
        }
    }

    /// What a modern request says of itself must be what its headers say, by which others may have routed it.
    fn check_envelope(&self, version: &str, method: Option<&str>, name: Option<&str>) -> Result<(), Fault> {
        let meta = self.params.get("_meta").and_then(Value::as_object);
        let said = meta
            .and_then(|meta| meta.get(VERSION_MEMBER))
            .and_then(Value::as_str);
        let Some(said) = said else {
            return match version {
                MODERN => Err(Fault::wrong_params(format!(
                    "`params._meta` must hold `{VERSION_MEMBER}`"
                ))),
                other => Err(Fault::other_version(other)),
            };
        };
        if said != version {
            return Err(Fault::mismatch(VERSION_HEADER));
        }
        if !meta.is_some_and(|meta| meta.contains_key(CAPABILITIES_MEMBER)) {
            let why = format!("`params._meta` must hold `{CAPABILITIES_MEMBER}`");
            return Err(Fault::wrong_params(why));
        }
        if method != Some(self.method.as_str()) {
            return Err(Fault::mismatch(METHOD_HEADER));
        }
        // A name that needs to be encoded for a header is none of ours; it is looked for, and not found.
        let named = self.params.get("name").and_then(Value::as_str);
        let is_encoded = name.is_some_and(|name| name.starts_with("=?base64?"));
        if self.method == "tools/call" && !is_encoded && named.is_some() && name != named {
            return Err(Fault::mismatch(NAME_HEADER));
        }
        Ok(())
    }
}
