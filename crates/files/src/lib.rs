//! What an uploaded file truly is: its name made safe, its type by content, its hash, and its text.
//!
//! Whatever parses a format runs in a limited child process of the same program ([`Extractor`]): a hostile
//! file ends a child, never the service. Deliberately unknown here: SQL, HTTP and models. Nothing in this
//! crate ever writes a file or opens one by a name that came with an upload.

mod content_type;
mod decode;
mod description;
mod extract;
mod hash;
mod image;
mod kind;
mod name;
mod protocol;
mod text;
mod worker;

pub use content_type::stored_content_type;
pub use description::{Description, describe};
pub use extract::{Content, ExtractError, Extracted, Extractor, Limits, Worker};
pub use hash::{ContentHash, ContentHashError};
pub use image::{ImageFormat, MAX_IMAGE_PIXELS, MAX_IMAGE_SIDE, Picture};
pub use kind::{Kind, Language};
pub use name::{MAX_NAME_BYTES, clean_name, content_disposition};
pub use worker::{WORKER_ARGUMENT, extract_worker_main, extract_worker_requested};
