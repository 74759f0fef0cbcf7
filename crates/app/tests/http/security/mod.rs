//! What hostile requests and files must not achieve. Access, tokens, crashes and the command line are in
//! `tests/guard`.

mod files;
mod framing;
mod input;
mod limits;
mod logs;
mod origins;
mod rates;
