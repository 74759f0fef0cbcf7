//! Dialogues with the responder, over tools that answer as the engine's do.

mod books;
mod files;
mod hostile;
mod intents;
mod talker;
mod wire;
