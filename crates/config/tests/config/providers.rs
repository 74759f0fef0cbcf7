//! Providers: by their own keys, by the environment, and by entries of `[[providers]]`.

use crate::*;
use chatai_config::ProviderKind;

const FILE: &str = r#"
[[providers]]
name = "groq"
kind = "openai-chat"
base_url = "https://api.groq.com/openai/v1/"
api_key_env = "GROQ_API_KEY"
timeout_s = 30
concurrency = 8

[[providers]]
name = "azure"
kind = "openai"
base_url = "https://me.openai.azure.com/openai/v1"
headers = { api-key = "Zq3x9-Lm2w8pTv7b-9fKd03-hunter2-Qa7" }
models = ["gpt-4.1", { name = "house", input = 0.10, output = 1, context_window = 32_000, capabilities = ["tools"] }]
proxy = "http://me:Zq3x9-Lm2w8pTv7b-9fKd03-hunter2-Qa7@proxy:3128"

[[providers]]
name = "anthropic"
timeout_s = 60

[models.aliases]
fast = ["gpt-4.1-nano", "groq/llama-3.1-8b-instant"]
best = "gpt-4.1"
"#;

fn names(loaded: &Loaded) -> Vec<&str> {
    loaded
        .config
        .provider_list
        .iter()
        .map(|provider| provider.name.as_str())
        .collect()
}

#[test]
fn nothing_configured_is_no_provider() {
    assert!(World::default().good().config.provider_list.is_empty());
}

#[test]
fn keys_and_addresses_of_the_environment_make_providers() {
    let loaded = World::default()
        .environment("GEMINI_API_KEY", "g-key")
        .environment("ANTHROPIC_API_KEY", "a-key")
        .environment("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        .environment("CHATAI__PROVIDERS__OPENAI__KIND", "openai-chat")
        .environment("OLLAMA_HOST", "127.0.0.1")
        .good();
    assert_eq!(names(&loaded), ["openai", "anthropic", "gemini", "ollama"]);
    let list = &loaded.config.provider_list;
    assert_eq!(list[0].kind, ProviderKind::OpenAiChat);
    assert!(!list[0].discover, "its models are the catalog's, as ever");
    assert_eq!(list[1].kind, ProviderKind::Anthropic);
    assert_eq!(list[2].kind, ProviderKind::Gemini);
    assert_eq!(list[3].base_url.as_deref(), Some("http://127.0.0.1:11434/v1"));
    assert!(list[3].discover);
    assert_eq!(list[3].timeout_s, 120);
}

#[test]
fn entries_of_the_file_with_all_they_can_say() {
    let loaded = World::default()
        .file(FILE)
        .environment("ANTHROPIC_API_KEY", "a-key")
        .environment("CHATAI__PROVIDERS__TIMEOUT_S", "90")
        .dotenv("GROQ_API_KEY=gsk_1\n")
        .good();
    assert_eq!(names(&loaded), ["anthropic", "groq", "azure"]);
    let [anthropic, groq, azure] = loaded.config.provider_list.as_slice() else {
        panic!()
    };
    assert_eq!(anthropic.kind, ProviderKind::Anthropic);
    assert_eq!(anthropic.api_key.as_ref().map(|key| key.reveal()), Some("a-key"));
    assert_eq!(anthropic.timeout_s, 60);
    assert_eq!(groq.api_key.as_ref().map(|key| key.reveal()), Some("gsk_1"));
    assert_eq!(groq.base_url.as_deref(), Some("https://api.groq.com/openai/v1"));
    assert_eq!(
        (groq.timeout_s, groq.concurrency, groq.discover),
        (30, Some(8), true)
    );
    assert_eq!((azure.timeout_s, azure.discover), (90, false));
    assert_eq!(azure.headers[0].0, "api-key");
    assert_eq!(azure.models[0].data_json, "{}");
    assert_eq!(
        azure.models[1].data_json,
        r#"{"input": "0.10", "output": 1, "context_window": 32000, "capabilities": ["tools"]}"#
    );
    assert_eq!(
        loaded.config.models.aliases[1],
        ("best".to_owned(), vec!["gpt-4.1".to_owned()])
    );
    let shown = render_show(&loaded);
    assert!(
        !shown.contains("hunter2") && !format!("{loaded:?}").contains("hunter2"),
        "{shown}"
    );
    assert!(
        shown.contains("providers[azure].headers = { \"api-key\" = (set) }"),
        "{shown}"
    );
    assert!(shown.contains("providers[groq].timeout_s = 30"), "{shown}");
}

/// Every fault is told at once, each with its line, and no secret among them.
#[test]
fn faults_of_entries_are_told_together() {
    let text = r#"
[[providers]]
kind = "openai-chat"

[[providers]]
name = "Groq!"
kind = "grok"
base_url = "api.groq.com"

[[providers]]
name = "a"
kind = "openai-chat"

[[providers]]
name = "b"
kind = "anthropic"
api_key = "two words hunter2"
api_key_env = "NOWHERE"
modles = ["x"]

[[providers]]
name = "c"
kind = "gemini"
api_key_env = "NOWHERE"
models = ["x", "x", { input = 1 }, { name = "y", inptu = 1 }, 5]

[[providers]]
name = "d"
kind = "gemini"
api_key_env = "NOWHERE"

[[providers]]
name = "d"
kind = "gemini"
headers = { "no good" = "x", "n" = "a\nb" }
"#;
    let problems = World::default().file(text).problems();
    let said = problems.join("\n");
    for expected in [
        "chatai.toml:3: an entry of `[[providers]]` needs a `name`",
        "chatai.toml:6: `providers.name` must be at most 64 lower-case letters, digits, `-`, `_` and `.`, and not `built-in`: Groq!",
        "chatai.toml:7: `providers.kind` must be",
        "chatai.toml:8: `providers.base_url` must be",
        "chatai.toml:11: an entry of the kind `openai-chat` needs a `base_url`",
        "chatai.toml:17: `providers.api_key` must be a key of visible ASCII characters",
        "chatai.toml:19: unknown key of `[[providers]]`: `modles`",
        "chatai.toml:25: `providers.models` has it twice: x",
        "chatai.toml:25: `providers.models` has a table without a `name`",
        "did you mean `input`?",
        "chatai.toml:25: `providers.models` must be a list of names and tables",
        "chatai.toml:30: `providers.api_key_env` names a variable that is not set: NOWHERE",
        "chatai.toml:35: `providers.headers` has a header that cannot be sent: no good",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_list_and_a_section_have_their_hints() {
    let problems = World::default().file("providers = [1]\n").load().unwrap_err();
    assert!(
        problems.to_string().contains("write `[[providers]]` above each"),
        "{problems}"
    );
    let problems = World::default().file("[models]\naliases = 3\n").problems();
    assert!(
        problems[0].contains("`models.aliases` must be a table of at most"),
        "{problems:?}"
    );
}

/// Everybody copies from there, so each recipe has to load as it stands.
#[test]
fn every_recipe_of_the_documentation_loads() {
    const PAGE: &str = include_str!("../../../../docs/providers.md");
    let blocks: Vec<&str> = PAGE
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    let mut configured: Vec<String> = Vec::new();
    for block in &blocks {
        let mut world = World::default().file(block);
        for variable in block.split("api_key_env = \"").skip(1) {
            world = world.environment(variable.split('"').next().unwrap(), "a-key");
        }
        let loaded = world.good();
        assert!(loaded.warnings.is_empty(), "{block}\n{:?}", loaded.warnings);
        configured.extend(names(&loaded).into_iter().map(str::to_owned));
    }
    for name in [
        "azure",
        "vllm",
        "llamacpp",
        "lmstudio",
        "groq",
        "mistral",
        "deepseek",
        "openrouter",
    ] {
        assert!(
            configured.iter().any(|known| known == name),
            "{name}: {configured:?}"
        );
    }
    // The table of what to set: each variable by itself is a provider.
    for (row, provider) in [
        ("OpenAI", "openai"),
        ("Anthropic", "anthropic"),
        ("Google Gemini", "gemini"),
        ("Ollama", "ollama"),
        ("a server that speaks OpenAI's Responses API", "openai"),
    ] {
        let line = PAGE
            .lines()
            .find(|line| line.starts_with(&format!("| {row} |")))
            .unwrap();
        let setting = line.split('`').nth(1).unwrap();
        let (variable, value) = setting
            .split_once('=')
            .unwrap_or((setting, "http://127.0.0.1:9/v1"));
        let loaded = World::default().environment(variable, value).good();
        assert_eq!(names(&loaded), [provider], "{line}");
    }
}
