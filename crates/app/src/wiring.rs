//! From a validated configuration to the parts it describes.

use crate::{failure::Failure, secret, tool_servers::tool_sources, vendors::vendors};
use chatai_config::{
    BooksMode, Config, Database, Flags, JwtAlgorithm, Loaded, LogFormat, Registration, Surroundings,
};
use chatai_engine::{
    AuthSettings, Catalog, Engine, EngineError, LimitSettings, ModelSettings, Parts, Settings, misconfigured,
};
use chatai_files::{Extractor, Limits};
use chatai_rag::{Collection, Index};
use chatai_store::{OpenError, PostgresOptions, SqliteOptions, Store, Upgrade};
use chatai_types::{ErrorCode, SystemClock, SystemRandom};
use std::{collections::BTreeMap, fs, io::IsTerminal, path::Path, sync::Arc, time::Duration};
use tracing_subscriber::EnvFilter;

/// The collection and the catalog that come with the program.
const SHIPPED_BOOKS: &str = include_str!("../../../data/books.json");
const SHIPPED_PRICES: &str = include_str!("../../../data/pricing_data.json");
const SHIPPED_ALIASES: &str = include_str!("../../../data/aliases.json");

const MIB: u64 = 1024 * 1024;
/// How long one read of a command may take.
const LONGEST_LOOK: Duration = Duration::from_secs(6 * 60 * 60);

/// Reads the configuration.
pub(crate) fn load(flags: &Flags) -> Result<Loaded, Failure> {
    Config::load(flags, &Surroundings::of_process()).map_err(|problems| {
        Failure::new(problems).hint("`chatai config check` says this too; docs/config.md lists all keys")
    })
}

/// Begins logging to standard error.
pub(crate) fn start_logging(config: &Config) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&config.log.level)
        .map_err(|error| Failure::new(format_args!("log.level: {error}")))?
        // It quotes what servers say, keys and all; what there is to say of them is said where that is taken out.
        .add_directive(
            "rmcp=off"
                .parse()
                .map_err(|error| Failure::new(format_args!("cannot begin logging: {error}")))?,
        );
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // It would tell of a failed write on the same broken standard error, and panic.
        .log_internal_errors(false);
    let begun = match config.log.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    begun.map_err(|error| Failure::new(format_args!("cannot begin logging: {error}")))
}

/// Opens the database the configuration names, and brings its schema up to date.
pub(crate) async fn open_store(config: &Config) -> Result<Store, Failure> {
    try_open_store(config, Upgrade::Apply)
        .await
        .map_err(|error| unopened(&error))
}

/// The same, for those who tell the reasons apart.
pub(crate) async fn try_open_store(config: &Config, upgrade: Upgrade) -> Result<Store, OpenError> {
    match config.database_to_open() {
        Database::Sqlite(path) => {
            let mut options = SqliteOptions::new(path);
            options.upgrade = upgrade;
            if let Some(readers) = config.database.readers {
                options.readers = readers;
            }
            if upgrade == Upgrade::Refuse {
                // A command that looks through everything: nobody else waits for it.
                options.read_limit = LONGEST_LOOK;
            }
            Store::open_sqlite(options).await
        }
        Database::Postgres(url) => {
            let mut options = PostgresOptions::new(url.reveal());
            options.workers = config.database.workers;
            options.upgrade = upgrade;
            Store::open_postgres(options).await
        }
    }
}

/// A failed opening in words, with what to do.
pub(crate) fn unopened(error: &OpenError) -> Failure {
    let failure = Failure::new(error);
    if matches!(error, OpenError::File { .. }) {
        return failure
            .hint("give this user the right to write there, or choose another folder with --data-dir");
    }
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The catalog of models: the user's file, else the shipped one.
pub(crate) fn catalog(config: &Config) -> Result<Catalog, Failure> {
    let shipped = Catalog::parse(SHIPPED_PRICES, "the shipped pricing data").map_err(Failure::new)?;
    let Some(path) = &config.models.pricing_file else {
        return Ok(shipped);
    };
    Catalog::parse(&read(path, "models.pricing_file")?, &path.display().to_string())
        .map(|own| own.completed_by(&shipped))
        .map_err(|error| {
            Failure::new(error).hint("prices are US dollars per million tokens, with up to six decimals")
        })
}

/// The book collection: the shipped one, replaced or extended by the user's.
pub(crate) fn collection(config: &Config) -> Result<Collection, Failure> {
    let parse = |json: &str, name: &str| Collection::parse(json, name).map_err(Failure::new);
    let Some(path) = &config.collection.books_file else {
        return parse(SHIPPED_BOOKS, "the shipped collection");
    };
    let own = parse(&read(path, "collection.books_file")?, &path.display().to_string())?;
    for replaced in own.replaced() {
        tracing::warn!("{replaced}");
    }
    match config.collection.books_mode {
        BooksMode::Replace => Ok(own),
        BooksMode::Extend => Ok(parse(SHIPPED_BOOKS, "the shipped collection")?.extend(own)),
    }
}

fn read(path: &Path, key: &str) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        Failure::new(format_args!("cannot read `{}`: {error}", path.display()))
            .hint(format_args!("`{key}` names this file"))
    })
}

/// Configured models that cannot answer: those that are wrong as they stand, and those that only want a provider.
pub(crate) fn misconfigured_models(config: &Config) -> Result<(Vec<String>, Vec<String>), Failure> {
    let catalog = catalog(config)?;
    let settings = model_settings(config, &catalog)?;
    let found = misconfigured(&catalog, &vendors(config)?, &settings);
    let (unknown, waiting): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|(_, error)| error.code == ErrorCode::ModelUnknown);
    let lines = |found: Vec<(&str, EngineError)>| {
        let line = |(key, error): (&str, EngineError)| format!("`{key}`: {}", error.detail);
        found.into_iter().map(line).collect()
    };
    Ok((lines(unknown), lines(waiting)))
}

/// The store and the engine over it.
pub(crate) async fn start(config: &Config) -> Result<(Store, Engine), Failure> {
    // Opening a database waits for the disk; the books are indexed meanwhile.
    let of_books = config.clone();
    let indexing = tokio::task::spawn_blocking(move || Ok(Index::build(&collection(&of_books)?)));
    let (store, books) = tokio::join!(open_store(config), indexing);
    let store = store?;
    let books = books.map_err(|error| Failure::new(format_args!("cannot index the books: {error}")))??;
    let engine = engine(config, store.clone(), books).await?;
    Ok((store, engine))
}

async fn engine(config: &Config, store: Store, books: Index) -> Result<Engine, Failure> {
    let catalog = catalog(config)?;
    let settings = settings(config, &store, model_settings(config, &catalog)?).await?;
    let parts = Parts {
        store,
        settings,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        catalog,
        vendors: vendors(config)?,
        tools: tool_sources(config)?,
        books,
        extractor: Extractor::new(Limits::default()),
    };
    Engine::start(parts).await.map_err(Failure::new)
}

async fn settings(config: &Config, store: &Store, models: ModelSettings) -> Result<Settings, Failure> {
    let jwt_secret = match &config.auth.jwt_secret {
        Some(secret) => secret.reveal().as_bytes().to_vec(),
        None => secret::of_database(&config.database_to_open(), store).await?,
    };
    let limits = &config.limits;
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(Settings {
        auth: AuthSettings {
            jwt_secret,
            jwt_algorithm: match config.auth.jwt_algorithm {
                JwtAlgorithm::Hs256 => chatai_engine::JwtAlgorithm::Hs256,
                JwtAlgorithm::Hs384 => chatai_engine::JwtAlgorithm::Hs384,
                JwtAlgorithm::Hs512 => chatai_engine::JwtAlgorithm::Hs512,
            },
            token_minutes: whole(config.auth.token_minutes),
            password_min_chars: config.auth.password_min_length,
            password_max_chars: config.auth.password_max_length,
            registration_open: config.auth.registration == Registration::Open,
        },
        models,
        limits: LimitSettings {
            registrations_per_minute: limits.registrations_per_minute,
            turns_per_minute: limits.turns_per_minute,
            turns_per_minute_and_address: limits.turns_per_minute_and_address,
            sign_in_failures_per_minute: limits.sign_in_failures_per_minute,
            files_per_message: limits.files_per_message,
            file_bytes: limits.file_mb * MIB,
            message_chars: limits.message_chars,
            tool_rounds: limits.tool_rounds as usize,
            concurrent_turns: limits.concurrent_turns,
            context_tokens: whole(limits.context_tokens),
        },
        cache_ttl: Duration::from_secs(config.cache.ttl_s),
    })
}

/// Which model does what, with the shipped aliases beside those of the configuration.
pub(crate) fn model_settings(config: &Config, catalog: &Catalog) -> Result<ModelSettings, Failure> {
    let models = &config.models;
    let shipped: BTreeMap<String, Vec<String>> = serde_json::from_str(SHIPPED_ALIASES)
        .map_err(|error| Failure::new(format_args!("the shipped aliases: {error}")))?;
    let mut aliases = models.aliases.clone();
    for (alias, mut members) in shipped {
        // A catalog of one's own need not have them.
        members.retain(|name| catalog.get(name).is_some());
        if !aliases.iter().any(|(known, _)| *known == alias) {
            aliases.push((alias, members));
        }
    }
    aliases.retain(|(_, members)| !members.is_empty());
    Ok(ModelSettings {
        default: models.default.clone(),
        title: models.title.clone(),
        intent: models.intent.clone(),
        summary: models.summary.clone(),
        embedding: models.embedding.clone(),
        aliases,
        fallbacks: models.fallbacks.clone(),
    })
}
