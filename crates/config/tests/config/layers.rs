//! Where values come from, and which of several counts.

use crate::*;

#[test]
fn an_empty_machine_gets_the_documented_defaults() {
    let Loaded {
        config,
        warnings,
        settings,
        ..
    } = World::default().good();
    assert_eq!(warnings, []);
    assert!(settings.iter().all(|setting| setting.source == Source::Default));
    assert_eq!(settings.len(), keys().len());
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8000");
    assert_eq!(config.server.data_dir, Path::new("./data"));
    assert_eq!(
        config.database_to_open(),
        Database::Sqlite(PathBuf::from("./data/chatai.db"))
    );
    assert_eq!(config.auth.token_minutes, 1440);
    assert_eq!(
        (config.auth.password_min_length, config.auth.password_max_length),
        (6, 1024)
    );
    assert_eq!(config.providers.timeout_s, 120);
    assert_eq!(config.providers.openai.api_key, None);
    assert_eq!(config.limits.registrations_per_minute, 300);
    assert_eq!(
        (
            config.limits.body_mb,
            config.limits.file_mb,
            config.limits.files_per_message
        ),
        (32, 20, 10)
    );
    assert_eq!(config.limits.message_chars, 200_000);
    assert_eq!(config.limits.context_tokens, 32_000);
    assert_eq!(config.log.format, LogFormat::Text);
}

#[test]
fn stronger_layers_win() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"";
    let (own, legacy) = ("CHATAI__SERVER__LISTEN=127.0.0.1:2", "127.0.0.1:3");
    let worlds = [
        (World::default(), "127.0.0.1:8000", "default"),
        (World::default().file(file), "127.0.0.1:1", "chatai.toml:2"),
        (
            World::default().file(file).dotenv(own),
            "127.0.0.1:2",
            ".env:1 CHATAI__SERVER__LISTEN",
        ),
        (
            World::default()
                .file(file)
                .dotenv(own)
                .environment("CHATAI__SERVER__LISTEN", legacy),
            "127.0.0.1:3",
            "environment CHATAI__SERVER__LISTEN",
        ),
        (
            World::default()
                .file(file)
                .dotenv(own)
                .environment("CHATAI__SERVER__LISTEN", legacy)
                .flag("server.listen", "127.0.0.1:4"),
            "127.0.0.1:4",
            "flag --listen",
        ),
        (
            World::default()
                .flag("server.listen", "127.0.0.1:5")
                .flag("server.listen", "127.0.0.1:6"),
            "127.0.0.1:6",
            "flag --listen",
        ),
    ];
    for (world, listen, source) in worlds {
        let loaded = world.good();
        assert_eq!(loaded.config.server.listen.to_string(), listen);
        assert_eq!(source_of(&loaded, "server.listen"), source);
    }
}

#[test]
fn the_originals_names_work_and_our_own_win_within_a_layer() {
    let world = World::default()
        .environment("DATABASE_URL", "sqlite:////srv/app.db")
        .environment("JWT_SECRET_KEY", SECRET)
        .environment("JWT_ALGORITHM", "HS512")
        .environment("JWT_ACCESS_TOKEN_MINUTES", "60")
        .environment("OPENAI_API_KEY", "sk-one")
        .environment("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1/")
        .environment("OPENAI_MODEL", "gpt-4.1")
        .environment("OPENAI_TITLE_MODEL", "gpt-4.1-mini")
        .environment("OPENAI_INTENT_MODEL", "gpt-4.1-nano")
        .environment("OPENAI_SUMMARY_MODEL", "gpt-4o-mini")
        .environment("PRICING_FILE", "prices.json")
        .environment("BOOKS_FILE", "books.json");
    let Loaded { config, .. } = world.good();
    assert_eq!(
        config.database_to_open(),
        Database::Sqlite(PathBuf::from("/srv/app.db"))
    );
    assert_eq!(config.auth.jwt_secret.unwrap().reveal(), SECRET);
    assert_eq!(config.auth.token_minutes, 60);
    assert_eq!(config.providers.openai.api_key.unwrap().reveal(), "sk-one");
    assert_eq!(
        config.providers.openai.base_url.as_deref(),
        Some("http://127.0.0.1:11434/v1")
    );
    assert_eq!(config.models.default.as_deref(), Some("gpt-4.1"));
    assert_eq!(config.models.title.as_deref(), Some("gpt-4.1-mini"));
    assert_eq!(config.models.intent.as_deref(), Some("gpt-4.1-nano"));
    assert_eq!(config.models.summary.as_deref(), Some("gpt-4o-mini"));
    assert_eq!(
        config.models.pricing_file.as_deref(),
        Some(Path::new("prices.json"))
    );
    assert_eq!(
        config.collection.books_file.as_deref(),
        Some(Path::new("books.json"))
    );

    let both = World::default()
        .environment("OPENAI_MODEL", "old")
        .environment("CHATAI__MODELS__DEFAULT", "new")
        .good();
    assert_eq!(both.config.models.default.as_deref(), Some("new"));
    assert_eq!(
        both.warnings[0].to_string(),
        "environment OPENAI_MODEL: ignored, because `CHATAI__MODELS__DEFAULT` is set too"
    );

    let layers = World::default()
        .dotenv("CHATAI__MODELS__DEFAULT=file")
        .environment("OPENAI_MODEL", "real")
        .good();
    assert_eq!(
        layers.config.models.default.as_deref(),
        Some("real"),
        "the environment wins over .env under any name"
    );
}

#[test]
fn an_empty_variable_switches_off_what_may_be_absent_and_leaves_the_rest() {
    let loaded = World::default()
        .file("[models]\ntitle = \"m\"\n[limits]\nbody_mb = 7\n[server]\ncors_origins = [\"https://a.example\"]")
        .dotenv("OPENAI_API_KEY=sk-one")
        .environment("OPENAI_API_KEY", "")
        .environment("OPENAI_TITLE_MODEL", " ")
        .environment("JWT_SECRET_KEY", "")
        .environment("CHATAI__LIMITS__BODY_MB", "")
        .environment("CHATAI__SERVER__CORS_ORIGINS", "")
        .good();
    assert_eq!(loaded.config.providers.openai.api_key, None);
    assert_eq!(loaded.config.models.title, None);
    assert_eq!(loaded.config.auth.jwt_secret, None);
    assert_eq!(loaded.config.limits.body_mb, 7);
    assert_eq!(loaded.config.server.cors_origins, Vec::<String>::new());

    let world = World::default()
        .file("[limits]\nbody_mb = \"\"")
        .flag("server.listen", "");
    assert_eq!(world.problems().len(), 2, "only variables may be empty");
}

#[test]
fn lists_come_from_the_file_and_from_text() {
    let file = World::default()
        .file("[server]\ncors_origins = [\"https://a.example\", \"http://b.example:8080/\"]\ntrusted_proxies = \"10.0.0.0/8\"")
        .good();
    assert_eq!(
        file.config.server.cors_origins,
        ["https://a.example", "http://b.example:8080"]
    );
    assert!(file.config.server.trusted_proxies[0].contains("10.1.2.3".parse().unwrap()));
    let text = World::default()
        .environment("CHATAI__SERVER__TRUSTED_PROXIES", "127.0.0.1, ::1")
        .good();
    assert_eq!(text.config.server.trusted_proxies.len(), 2);
}

#[test]
fn files_are_looked_for_in_the_folder_and_a_named_one_has_to_exist() {
    let folder = tempfile::tempdir().unwrap();
    let surroundings = Surroundings {
        folder: folder.path().to_owned(),
        environment: vec![],
    };
    let load = |flags: &Flags| Config::load(flags, &surroundings);
    let named = |name: &str| Flags {
        config_file: Some(name.into()),
        overrides: vec![],
    };

    assert_eq!(load(&Flags::default()).unwrap().config.limits.body_mb, 32);
    let missing = load(&named("other.toml")).unwrap_err();
    assert_eq!(missing.all()[0].message, "the file does not exist");
    assert_eq!(missing.all()[0].source.to_string(), "other.toml");

    std::fs::write(folder.path().join("chatai.toml"), "[limits]\nbody_mb = 40").unwrap();
    std::fs::write(folder.path().join("other.toml"), "[limits]\nbody_mb = 41").unwrap();
    std::fs::write(folder.path().join(".env"), "OPENAI_MODEL=from-dotenv").unwrap();
    let loaded = load(&Flags::default()).unwrap();
    assert_eq!(loaded.config.limits.body_mb, 40);
    assert_eq!(loaded.config.models.default.as_deref(), Some("from-dotenv"));
    assert_eq!(load(&named("other.toml")).unwrap().config.limits.body_mb, 41);

    std::fs::write(folder.path().join("chatai.toml"), b"[limits]\n\xff").unwrap();
    assert_eq!(
        load(&Flags::default()).unwrap_err().to_string(),
        "chatai.toml:2: the file is not UTF-8"
    );
    std::fs::write(folder.path().join("chatai.toml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(
        load(&Flags::default())
            .unwrap_err()
            .to_string()
            .contains("larger than a configuration")
    );
    std::fs::remove_file(folder.path().join("chatai.toml")).unwrap();
    std::fs::create_dir(folder.path().join("chatai.toml")).unwrap();
    assert!(
        load(&Flags::default())
            .unwrap_err()
            .to_string()
            .starts_with("chatai.toml: the file cannot be read: ")
    );
}
