//! From bytes to types that cannot be wrong, and from what is wrong to the contract's 422.
//!
//! Nothing in here knows a route or a rule of the product: routes declare their members with [`fields::Fields`],
//! which reads JSON members, form fields, the query and path segments alike and words faults as pydantic 2 does.

pub(crate) mod content_type;
pub(crate) mod cursor;
pub(crate) mod fault;
pub(crate) mod fields;
pub(crate) mod form;
pub(crate) mod integer;
pub(crate) mod json;
pub(crate) mod json_scan;
pub(crate) mod multipart;
pub(crate) mod page;
pub(crate) mod parameters;
pub(crate) mod params;
pub(crate) mod parts;
pub(crate) mod urlencoded;
pub(crate) mod values;
