//! What is generated from the table of keys.

use crate::*;

#[test]
fn the_example_holds_every_key_and_its_defaults_hold() {
    let example = render_example();
    assert!(World::default().file(&example).good().warnings.is_empty());
    let uncommented: String = example
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let loaded = World::default().file(&uncommented).good();
    assert_eq!(loaded.config, World::default().good().config);
    assert!(
        loaded
            .settings
            .iter()
            .all(|setting| matches!(setting.source, Source::File { .. }))
    );
}

#[test]
fn names_are_unique_and_formed_by_one_rule() {
    let mut environment: Vec<&str> = keys()
        .iter()
        .flat_map(|key| std::iter::once(key.environment.as_str()).chain(key.legacy))
        .collect();
    environment.sort_unstable();
    assert!(environment.windows(2).all(|pair| pair[0] != pair[1]));
    for key in keys() {
        assert_eq!(
            key.environment,
            format!("CHATAI__{}", key.name.replace('.', "__").to_uppercase())
        );
        assert_eq!(key.name, format!("{}.{}", key.path.0, key.path.1));
        assert!(
            !key.meaning.is_empty() && !key.meaning.contains('\n'),
            "{}",
            key.name
        );
    }
    let secrets: Vec<&str> = keys()
        .iter()
        .filter(|key| key.secret)
        .map(|key| key.name)
        .collect();
    assert_eq!(
        secrets,
        [
            "auth.jwt_secret",
            "providers.openai.api_key",
            "providers.anthropic.api_key",
            "providers.gemini.api_key"
        ]
    );
}

#[test]
fn the_documentation_is_fresh() {
    let docs = render_docs();
    for key in keys() {
        assert!(
            docs.contains(&format!("### `{}`", key.name)) && docs.contains(&key.environment),
            "{}",
            key.name
        );
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config.md");
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        docs,
        "run `cargo xtask codegen`"
    );
}
