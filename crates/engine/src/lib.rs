//! Every rule of the product: who may do what, turns, context, tools, prices, import.
//!
//! Knows the store, the models, the files and the collection through their crates. Knows no HTTP, no SQL text and
//! no vendor's JSON.

mod accounts;
mod administration;
mod catalog;
mod chat;
mod conversations;
mod direct;
mod error;
mod export;
pub mod import;
mod inner;
mod leases;
mod library;
mod lists;
mod models;
mod money;
mod responder;
mod revocation;
mod search;
mod settings;
mod steps;
mod toolbox;
mod vendors;
mod views;

/// A model call in the form that all vendors are asked in.
pub mod llm {
    pub use chatai_llm::{
        ChatReasoning, Dialect, Effort, Format, Item, Part, ReasoningState, Request, StopReason, ToolCall,
        ToolChoice, ToolSpec,
    };
}

pub use accounts::{AccountSelector, ApiKey, KeyWish, Session};
pub use administration::{Administrator, ModelChange, ModelEntry, Registration};
pub use catalog::{BUILT_IN, Catalog, CatalogError, Model};
pub use chat::{CollectionTool, Draft, DraftFile, Estimate, Position, Turn, TurnEvent, TurnReader};
pub use chatai_files::content_disposition;
pub use direct::{
    CallAbout, CallKey, CallOutcome, CallReader, DirectCall, EmbedCall, Embedded, KeepCall, KeptView,
    ModelOffer, Piece, StartedCall, Told,
};
pub use error::{EngineError, TurnIds};
pub use export::{Export, ExportExtent, ExportedMessage};
pub use inner::{Engine, Parts};
pub use library::{Shelf, ShelvedBook};
pub use lists::{ConversationKey, ConversationPage, ConversationsFrom, WhichConversations};
pub use models::{ModelDetails, misconfigured, overview};
pub use money::{Budget, UsageGroup, UsageKey, UsageQuery, UsageReport, UsageSum};
pub use search::SearchHit;
pub use settings::{AuthSettings, JwtAlgorithm, LimitSettings, ModelSettings, Settings};
pub use steps::{Step, StepKind};
pub use toolbox::{Grant, OwnTool, ToolSource};
pub use vendors::{Health, Vendor, VendorEntry, VendorState, offered};
pub use views::{
    Account, Attachment, AttachmentFile, Caller, Conversation, Message, MessageLimits, MessagePart,
    NewAccount, Origin, Outcome, Parent, Regenerate, SendMessage, SignedIn, Times, ToolEvent, ToolState,
    Upload, Usage,
};
