//! What requests of several vendors are written with.

use base64::{Engine, engine::general_purpose::STANDARD};

/// A file inside a URL, for vendors that take images in no other way.
pub(crate) fn data_url(media_type: &str, bytes: &[u8]) -> String {
    let mut url = format!("data:{media_type};base64,");
    STANDARD.encode_string(bytes, &mut url);
    url
}
