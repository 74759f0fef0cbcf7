//! What every handler may use.

use crate::{settings::ServerSettings, stream::Heartbeat, tasks::Tasks};
use chatai_engine::Engine;
use std::sync::Arc;

/// The state behind the routes.
pub(crate) struct AppState {
    /// The rules.
    pub(crate) engine: Engine,
    /// How the HTTP side is set up.
    pub(crate) settings: ServerSettings,
    /// The owner of what outlives its request.
    pub(crate) tasks: Tasks,
    /// Keeps event streams awake.
    pub(crate) heartbeat: Heartbeat,
}

/// Cheap to clone.
pub(crate) type App = Arc<AppState>;
