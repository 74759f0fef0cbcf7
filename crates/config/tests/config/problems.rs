//! What is refused, how it is said, and what is never said.

use crate::*;

#[test]
fn every_kind_of_problem_names_its_place_and_value() {
    let cases = [
        (
            "[limits]\nbody_mb = 0",
            "chatai.toml:2: `limits.body_mb` must be a whole number from 1 to 4096: 0",
        ),
        (
            "[limits]\nbody_mb = 1.5",
            "chatai.toml:2: `limits.body_mb` must be a whole number from 1 to 4096: 1.5",
        ),
        (
            "[limits]\nbody_mb = -1",
            "chatai.toml:2: `limits.body_mb` must be a whole number from 1 to 4096: -1",
        ),
        (
            "[limits]\nbody_mb = true",
            "chatai.toml:2: `limits.body_mb` must be a whole number from 1 to 4096: true",
        ),
        (
            "[limits.body_mb]\nx = 1",
            "chatai.toml:1: `limits.body_mb` must be a whole number from 1 to 4096: a table",
        ),
        (
            "[log]\n\nformat = 'xml'",
            "chatai.toml:3: `log.format` must be `text` or `json`: xml",
        ),
        (
            "[auth]\njwt_algorithm = 'none'",
            "chatai.toml:2: `auth.jwt_algorithm` must be `HS256`, `HS384` or `HS512`: none",
        ),
        (
            "[models]\ndefault = 4",
            "chatai.toml:2: `models.default` must be a name of at most 200 characters: 4",
        ),
        (
            "[server]\nlisten = [1]",
            "chatai.toml:2: `server.listen` must be an address and a port, such as `127.0.0.1:8000` or `[::1]:8000`: a list with other entries than text",
        ),
        ("server.lisen = 'x'", "chatai.toml:1: unknown key: `server.lisen`"),
        ("listen = 'x'", "chatai.toml:1: unknown key: `listen`"),
        ("[sever]\n", "chatai.toml:1: unknown section: `sever`"),
        (
            "[providers.opnai]\nx = 1",
            "chatai.toml:1: unknown section: `providers.opnai`",
        ),
        ("server = 3", "chatai.toml:1: `server` is a section, not a key"),
        (
            "[database]\nurl = 'mysql://me:hunter2@db/x'",
            "chatai.toml:2: `database.url` must be a `postgresql://` URL, an `sqlite:///` URL or the path of a file: mysql://me:***@db/x",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(World::default().file(text).problems(), [expected], "{text}");
    }
    let broken = World::default()
        .file("[server]\nlisten = \n[limits]\nbody_mb = 0")
        .problems();
    assert!(
        broken[0].starts_with("chatai.toml:2: the file is not valid TOML: "),
        "{broken:?}"
    );
    assert!(
        broken.iter().any(|problem| problem.contains("limits.body_mb")),
        "the rest is checked too: {broken:?}"
    );

    let environment = World::default()
        .dotenv("\nCHATAI__LIMITS__BODY_MB=many\nwhat is this")
        .environment("JWT_ACCESS_TOKEN_MINUTES", "soon")
        .environment("CHATAI__SERVER__LISEN", "x")
        .flag("limits.file_mb", "x\ny")
        .flag("limits.colour", "red");
    let expected = [
        ".env:3: expected `NAME=value`",
        "environment CHATAI__SERVER__LISEN: unknown variable, `chatai config example` lists the keys",
        "flag --set: unknown key: `limits.colour`",
        "environment JWT_ACCESS_TOKEN_MINUTES: `auth.token_minutes` must be a whole number from 1 to 5256000: soon",
        ".env:2 CHATAI__LIMITS__BODY_MB: `limits.body_mb` must be a whole number from 1 to 4096: many",
        "flag --set limits.file_mb: `limits.file_mb` must be a whole number from 1 to 4096: x\u{fffd}y",
    ];
    assert_eq!(environment.problems(), expected);
}

#[test]
fn hints_name_what_was_probably_meant() {
    let world = World::default()
        .file("listen = 'x'\n[sever]\nx = 1\n[limits]\nbody_md = 3\ncolour = 1")
        .environment("CHATAI__SERVER__LISTN", "x");
    let problems = world.load().unwrap_err();
    let hints: Vec<Option<&str>> = problems
        .all()
        .iter()
        .map(|problem| problem.hint.as_deref())
        .collect();
    assert_eq!(
        hints,
        [
            Some("did you mean `server.listen`?"),
            Some("did you mean `[server]`?"),
            Some("did you mean `limits.body_mb`?"),
            None,
            Some("did you mean `CHATAI__SERVER__LISTEN`?"),
        ]
    );
    assert!(
        problems
            .to_string()
            .contains("chatai.toml:5: unknown key: `limits.body_md`\n  hint: did you mean")
    );
}

#[test]
fn values_that_contradict_each_other_are_found() {
    let world = World::default().file("[auth]\npassword_min_length = 20\npassword_max_length = 10");
    assert_eq!(
        world.problems(),
        ["chatai.toml:2: `auth.password_min_length` must not be over `auth.password_max_length`: 20 and 10"]
    );
    let loaded = World::default()
        .environment("CHATAI__LIMITS__BODY_MB", "5")
        .good();
    assert!(
        loaded.warnings[0]
            .to_string()
            .starts_with("environment CHATAI__LIMITS__BODY_MB: `limits.file_mb` is over")
    );
}

#[test]
fn weak_signing_secrets_refuse_to_start_and_short_ones_warn() {
    for weak in [
        "secret",
        "changeme",
        "your-secret-key",
        "supersecretkey",
        "change-me-in-production-please",
        "Zq3x9-Lm2w8pTv7",
    ] {
        let problems = World::default()
            .environment("JWT_SECRET_KEY", weak)
            .load()
            .unwrap_err();
        let problem = &problems.all()[0];
        assert_eq!(problem.source.to_string(), "environment JWT_SECRET_KEY");
        assert!(problem.hint.as_deref().unwrap().contains("openssl"));
        let message = problem.message.replace("auth.jwt_secret", "");
        assert!(!message.contains(weak), "{message}");
    }
    let loaded = World::default()
        .environment("JWT_SECRET_KEY", &SECRET[..16])
        .good();
    assert!(loaded.warnings[0].message.contains("only 16 bytes"));
    assert_eq!(
        World::default()
            .environment("JWT_SECRET_KEY", &SECRET[..32])
            .good()
            .warnings,
        []
    );
}

#[test]
fn secrets_never_print() {
    let world = World::default()
        .file("[providers.openai]\napi_key = \"sk-hunter2\"")
        .dotenv("OPENAI_API_KEY=hunter2")
        .environment("JWT_SECRET_KEY", SECRET)
        .environment("DATABASE_URL", "postgresql+asyncpg://me:hunter2@db/chat")
        .flag("providers.openai.api_key", "hunter2");
    let loaded = world.good();
    let surroundings = Surroundings {
        folder: PathBuf::new(),
        environment: world.0.environment.clone(),
    };
    let flags = Flags {
        config_file: None,
        overrides: world.0.overrides.clone(),
    };
    assert!(!format!("{:?} {surroundings:?} {flags:?}", world.0).contains("hunter2"));
    let printed = format!("{:?} {:#?} {}", loaded, loaded.config, render_show(&loaded));
    assert!(!printed.contains("hunter2"), "{printed}");
    assert!(!printed.contains(SECRET));
    let shown = render_show(&loaded);
    assert!(
        shown
            .lines()
            .any(|line| line.starts_with("auth.jwt_secret = (set) ")
                && line.ends_with("# environment JWT_SECRET_KEY"))
    );
    assert!(shown.contains("postgresql://me:***@db/chat"));

    let broken = World::default()
        .file("[providers.openai]\napi_key = \"hunter2 hunter2\"\nbase_url = \"https://me:hunter2@x\"\n[auth]\njwt_secret = hunter2")
        .dotenv("JWT_SECRET_KEY='hunter2")
        .environment("CHATAI__AUTH__JWT_SECRET", "hunter2")
        .environment("DATABASE_URL", &format!("postgres:/me:{}hunter2@db", "x".repeat(100)))
        .load()
        .unwrap_err();
    assert!(!format!("{broken} {broken:?}").contains("hunter2"), "{broken}");
    assert!(broken.all().len() >= 5, "{broken}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_matters_only_where_it_is_ours() {
    use std::os::unix::ffi::OsStringExt;
    let odd = || OsString::from_vec(vec![0xff, 0xfe]);
    let mut world = World::default();
    world.0.environment = vec![("OTHER".into(), odd()), (odd(), "x".into())];
    world.good();
    world.0.environment.push(("OPENAI_MODEL".into(), odd()));
    assert_eq!(
        world.problems(),
        ["environment OPENAI_MODEL: `models.default` is not UTF-8"]
    );
}
