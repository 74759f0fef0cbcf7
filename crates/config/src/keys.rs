//! The table of keys: name, type, what a value must be, default, the original's environment name, flag,
//! and (as its doc comment) what it is for. Everything else in this crate is derived from it.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::kinds::{
    Address, ApiKey, BaseUrl, Database, DatabaseUrl, JwtSecret, List, LogFilter, Maybe, Name, NameLists,
    Network, Networks, OllamaHost, OneOf, Origin, Path, Secret, Whole, YesNo,
};
use crate::mcp::McpServer;
use crate::providers::{OPENAI_KINDS, Provider, ProviderKind};

/// The validated configuration: every value present, in range and of the right type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The keys of `[server]`.
    pub server: Server,
    /// The keys of `[database]`.
    pub database: DatabaseSection,
    /// The keys of `[auth]`.
    pub auth: Auth,
    /// The keys of `[providers]`.
    pub providers: Providers,
    /// Every provider that is configured, whether by its own keys or by an entry of `[[providers]]`: first those with
    /// keys of their own, then the entries in their order.
    pub provider_list: Vec<Provider>,
    /// The servers of tools that are used, in the order of their entries.
    pub mcp_servers: Vec<McpServer>,
    /// The keys of `[models]`.
    pub models: Models,
    /// The keys of `[collection]`.
    pub collection: Collection,
    /// The keys of `[limits]`.
    pub limits: Limits,
    /// The keys of `[cache]`.
    pub cache: Cache,
    /// The keys of `[log]`.
    pub log: Log,
}

impl Config {
    pub(crate) fn read(reader: &mut crate::load::Reader<'_>) -> Self {
        Self {
            server: Server::read(reader),
            database: DatabaseSection::read(reader),
            auth: Auth::read(reader),
            providers: Providers::read(reader),
            provider_list: Vec::new(),
            mcp_servers: Vec::new(),
            models: Models::read(reader),
            collection: Collection::read(reader),
            limits: Limits::read(reader),
            cache: Cache::read(reader),
            log: Log::read(reader),
        }
    }

    pub(crate) fn describe(table: &mut crate::table::Table) {
        Server::describe(table);
        DatabaseSection::describe(table);
        Auth::describe(table);
        Providers::describe(table);
        Models::describe(table);
        Collection::describe(table);
        Limits::describe(table);
        Cache::describe(table);
        Log::describe(table);
    }

    /// The database to open: `database.url`, or else `chatai.db` in the data folder.
    pub fn database_to_open(&self) -> Database {
        self.database
            .url
            .clone()
            .unwrap_or_else(|| Database::Sqlite(self.server.data_dir.join("chatai.db")))
    }
}

section! {
    /// Where the service listens, and how long it waits for slow clients.
    Server = "server" {
        /// Address and port to listen on. Port 0 takes a free one.
        listen: SocketAddr = Address => "127.0.0.1:8000", flag "--listen";
        /// Folder for everything the service keeps: the embedded database and the secret that signs tokens.
        /// It is made when it is missing.
        data_dir: PathBuf = Path => "./data", flag "--data-dir";
        /// Seconds until a request's body must have arrived in full.
        body_timeout_s: u64 = Whole::new(1, 3_600) => "60";
        /// Seconds until a request's head must have arrived in full; also how long an idle connection is kept.
        header_timeout_s: u64 = Whole::new(1, 600) => "15";
        /// Seconds after which an event stream with nothing to say sends a comment line, so that proxies keep it open.
        keep_alive_s: u64 = Whole::new(1, 600) => "15";
        /// Origins whose pages may call the service from a browser, such as `https://chat.example.org`.
        /// Pages that the service itself delivers need no entry.
        cors_origins: Vec<String> = List(Origin) => "";
        /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, such as `10.0.0.0/8`.
        trusted_proxies: Vec<Network> = List(Networks) => "";
    }
}

section! {
    /// Where the data lies.
    DatabaseSection = "database" {
        /// The database: a PostgreSQL URL, or an SQLite file as a path or URL (`sqlite:///relative.db`,
        /// `sqlite:////absolute.db`). Absent, it is `chatai.db` in the data folder.
        url: Option<Database> = Maybe(DatabaseUrl) => "", legacy "DATABASE_URL";
        /// Threads that read from SQLite. Absent, as many as there are processors, at least 2 and at most 4.
        readers: Option<usize> = Maybe(Whole::new(1, 64)) => "";
        /// Connections to PostgreSQL, each with a thread of its own.
        workers: usize = Whole::new(1, 256) => "16";
    }
}

section! {
    /// Accounts, passwords and tokens.
    Auth = "auth" {
        /// The secret that signs access tokens, at least 16 bytes and better 32. Absent, a random one is made
        /// on first start and kept in the data folder. Tokens of an earlier service with the same secret
        /// stay valid.
        jwt_secret: Option<Secret> = Maybe(JwtSecret) => "", legacy "JWT_SECRET_KEY";
        /// The only algorithm that tokens are signed with and accepted in.
        jwt_algorithm: JwtAlgorithm = OneOf(JWT_ALGORITHMS) => "HS256", legacy "JWT_ALGORITHM";
        /// Minutes until an access token expires.
        token_minutes: u64 = Whole::new(1, 5_256_000) => "1440", legacy "JWT_ACCESS_TOKEN_MINUTES";
        /// Fewest characters of a new password.
        password_min_length: usize = Whole::new(1, 1_024) => "6";
        /// Most characters of a password; longer ones are refused before any work is done for them.
        password_max_length: usize = Whole::new(8, 4_096) => "1024";
        /// Whether anyone may register, until an administrator says otherwise. The first account can always
        /// be made.
        registration: Registration = OneOf(REGISTRATIONS) => "open";
    }
}

section! {
    /// The services that answer. Those with keys of their own are below; any number of others, and more about these,
    /// is said in entries of `[[providers]]` (see there).
    Providers = "providers" {
        /// Seconds of silence after which a model call fails.
        timeout_s: u64 = Whole::new(1, 3_600) => "120";
        /// Seconds after which a model call fails though its answer is still coming. Absent, it is 900, and never
        /// less than twice the silence.
        total_timeout_s: Option<u64> = Maybe(Whole::new(1, 86_400)) => "";
        /// Calls of one provider under way at the same time; further ones wait for their turn. Absent, the
        /// provider's own limits are the only ones.
        concurrency: Option<usize> = Maybe(Whole::new(1, 100_000)) => "";
        section openai: OpenAi;
        section anthropic: Anthropic;
        section gemini: Gemini;
        section ollama: Ollama;
    }
}

section! {
    /// OpenAI, or a server that speaks its protocol.
    OpenAi = "providers.openai" {
        /// The key. Without a provider the built-in responder answers.
        api_key: Option<Secret> = Maybe(ApiKey) => "", legacy "OPENAI_API_KEY";
        /// Base URL of a compatible server or gateway, which may need no key; its query may be `api-version` alone, as
        /// Azure wants it. Absent, it is OpenAI's own.
        base_url: Option<String> = Maybe(BaseUrl) => "", legacy "OPENAI_BASE_URL";
        /// The protocol: `openai` is OpenAI's Responses API, `openai-chat` the older chat completions, which every
        /// compatible server speaks.
        kind: ProviderKind = OneOf(OPENAI_KINDS) => "openai";
        /// Whether it is asked for its models. Those that the catalog does not have are offered as `openai/NAME`.
        discover: bool = YesNo => "false";
    }
}

section! {
    /// Anthropic.
    Anthropic = "providers.anthropic" {
        /// The key. Without one no model of Anthropic is offered.
        api_key: Option<Secret> = Maybe(ApiKey) => "", legacy "ANTHROPIC_API_KEY";
        /// Base URL of a gateway. Absent, it is Anthropic's own.
        base_url: Option<String> = Maybe(BaseUrl) => "", legacy "ANTHROPIC_BASE_URL";
    }
}

section! {
    /// Google's Gemini API.
    Gemini = "providers.gemini" {
        /// The key. Without one no model of Google is offered.
        api_key: Option<Secret> = Maybe(ApiKey) => "", legacy "GEMINI_API_KEY";
        /// Base URL of a gateway. Absent, it is Google's own.
        base_url: Option<String> = Maybe(BaseUrl) => "", legacy "GEMINI_BASE_URL";
    }
}

section! {
    /// Ollama, on this machine or another. Its models are asked for and offered as `ollama/NAME`.
    Ollama = "providers.ollama" {
        /// Where it listens, such as `127.0.0.1`, `ollama:11434` or `http://ollama:11434`. As for Ollama itself, a host
        /// without a scheme means the port 11434, `http://` 80 and `https://` 443 where none is named.
        host: Option<String> = Maybe(OllamaHost) => "", legacy "OLLAMA_HOST";
    }
}

section! {
    /// Which model does what.
    Models = "models" {
        /// The model that answers when a request names none. Absent, it is `gpt-4.1-nano`, or where that cannot answer (no
        /// provider has it, or OpenAI is asked itself and has taken it away) `fast`, or the built-in responder where no
        /// model of that can.
        default: Option<String> = Maybe(Name) => "", legacy "OPENAI_MODEL";
        /// The model that gives conversations their titles. Absent, it is `gpt-4.1-nano` (or `fast`, where OpenAI has taken
        /// that away), and the one that answers where that is not offered or fails.
        title: Option<String> = Maybe(Name) => "", legacy "OPENAI_TITLE_MODEL";
        /// The model that decides how much of the conversation a question needs. Absent, everything that fits is
        /// given and no model is asked.
        intent: Option<String> = Maybe(Name) => "", legacy "OPENAI_INTENT_MODEL";
        /// The model that summarises long messages. Absent, it is found as the one for titles.
        summary: Option<String> = Maybe(Name) => "", legacy "OPENAI_SUMMARY_MODEL";
        /// The model that makes vectors for the search in the collection, `PROVIDER/MODEL` where it is not the default
        /// provider's. Absent, search goes by words alone.
        embedding: Option<String> = Maybe(Name) => "", legacy "OPENAI_EMBEDDING_MODEL";
        /// A catalog of models and prices to use in place of the shipped one; it decides which names are
        /// offered, and in which order.
        pricing_file: Option<PathBuf> = Maybe(Path) => "", legacy "PRICING_FILE";
        /// Names that stand for the first of several models that can answer, such as
        /// `{ fast = ["gpt-4.1-nano", "claude-haiku-4-5"] }`. When a model's provider fails before its first byte, the
        /// next one answers. They stand beside the shipped `fast` and `best`, and an empty list takes one of those away.
        aliases: Vec<(String, Vec<String>)> = NameLists => "";
        /// Models that answer in place of another when its provider fails before its first byte, in order, such as
        /// `{ "gpt-4.1" = ["claude-sonnet-4-5"] }`.
        fallbacks: Vec<(String, Vec<String>)> = NameLists => "";
    }
}

section! {
    /// The books that the model can search.
    Collection = "collection" {
        /// A collection of your own.
        books_file: Option<PathBuf> = Maybe(Path) => "", legacy "BOOKS_FILE";
        /// Whether that file replaces the shipped collection or extends it.
        books_mode: BooksMode = OneOf(BOOKS_MODES) => "replace";
    }
}

section! {
    /// Bounds on what one client can ask for.
    Limits = "limits" {
        /// Registrations a minute from one address; 0 is no limit.
        registrations_per_minute: u32 = Whole::new(0, 1_000_000) => "300";
        /// Messages a minute from one user; 0 is no limit.
        turns_per_minute: u32 = Whole::new(0, 1_000_000) => "0";
        /// Messages a minute from one address, over all users; 0 is no limit.
        turns_per_minute_and_address: u32 = Whole::new(0, 1_000_000) => "0";
        /// Failed sign-ins a minute for one account and address, and ten times as many from one address in all; 0 is no limit.
        sign_in_failures_per_minute: u32 = Whole::new(0, 1_000_000) => "20";
        /// Size of a request in MiB.
        body_mb: u64 = Whole::new(1, 4_096) => "32";
        /// Files in one message.
        files_per_message: usize = Whole::new(0, 90) => "10";
        /// Size of one file in MiB.
        file_mb: u64 = Whole::new(1, 4_096) => "20";
        /// Characters in one message.
        message_chars: usize = Whole::new(1, 10_000_000) => "200000";
        /// Rounds of tool calls in one answer.
        tool_rounds: u32 = Whole::new(0, 64) => "6";
        /// Answers under way at the same time, over all users.
        concurrent_turns: usize = Whole::new(1, 1_000_000) => "1024";
        /// Tokens of the conversation that are given to the model, at most; its own window may be smaller.
        context_tokens: u64 = Whole::new(256, 10_000_000) => "32000";
    }
}

section! {
    /// What is kept in memory.
    Cache = "cache" {
        /// Seconds for which what was read is kept; writes take effect at once whatever it is. 0 keeps nothing.
        ttl_s: u64 = Whole::new(0, 86_400) => "300";
    }
}

section! {
    /// What the service writes to its standard error.
    Log = "log" {
        /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or a list such as `info,chatai_store=debug`.
        level: String = LogFilter => "info", legacy "RUST_LOG";
        /// Lines for people (`text`) or for machines (`json`).
        format: LogFormat = OneOf(LOG_FORMATS) => "text";
    }
}

/// The algorithm that signs access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

const JWT_ALGORITHMS: &[(&str, JwtAlgorithm)] = &[
    ("HS256", JwtAlgorithm::Hs256),
    ("HS384", JwtAlgorithm::Hs384),
    ("HS512", JwtAlgorithm::Hs512),
];

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Anyone.
    Open,
    /// Nobody but the first.
    Closed,
}

const REGISTRATIONS: &[(&str, Registration)] =
    &[("open", Registration::Open), ("closed", Registration::Closed)];

/// What a user's own books do to the shipped ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BooksMode {
    /// They stand in their place.
    Replace,
    /// They are added.
    Extend,
}

const BOOKS_MODES: &[(&str, BooksMode)] = &[("replace", BooksMode::Replace), ("extend", BooksMode::Extend)];

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

const LOG_FORMATS: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];
