//! Servers of tools: entries of `[[mcp]]`.

use crate::*;
use chatai_config::{McpGrant, McpPlace};

const FILE: &str = r#"
[[mcp]]
name = "files"
command = "npx"
args = ["-y", "server", "--token=Zq3x9-Lm2w8pTv7b-9fKd03-hunter2-Qa7"]
env = { TOKEN = "Zq3x9-Lm2w8pTv7b-9fKd03-hunter2-Qa7", PATH = "/opt/bin" }
env_from = ["GITHUB_TOKEN"]
tools = ["read", "list"]
timeout_s = 5
max_result_kb = 8
grant = "everyone"

[[mcp]]
name = "tracker"
url = "https://tracker.example.org/mcp/"
api_key_env = "TRACKER_KEY"
headers = { X-House = "Zq3x9-Lm2w8pTv7b-9fKd03-hunter2-Qa7" }

[[mcp]]
name = "off"
command = "x"
env_from = ["NOWHERE"]
enabled = false
"#;

#[test]
fn entries_with_all_they_can_say() {
    let loaded = World::default()
        .file(FILE)
        .environment("TRACKER_KEY", "t-key")
        .environment("PATH", "/usr/bin")
        .environment("HOME", "/home/me")
        .environment("OPENAI_API_KEY", "sk-1")
        .dotenv("GITHUB_TOKEN=gh-1\n")
        .good();
    let [files, tracker] = loaded.config.mcp_servers.as_slice() else {
        panic!("{:?}", loaded.config.mcp_servers)
    };
    assert_eq!(
        (files.name.as_str(), files.timeout_s, files.max_result_kb),
        ("files", 5, 8)
    );
    assert_eq!(
        (files.grant, files.tools.as_slice()),
        (McpGrant::Everyone, &["read".to_owned(), "list".to_owned()][..])
    );
    let McpPlace::Program {
        command,
        args,
        environment,
    } = &files.place
    else {
        panic!("{files:?}")
    };
    assert_eq!((command.as_str(), args.len(), args[0].reveal()), ("npx", 3, "-y"));
    let environment: Vec<(&str, &str)> = environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.reveal()))
        .collect();
    assert_eq!(
        environment,
        [
            ("TOKEN", SECRET),
            ("PATH", "/opt/bin"),
            ("HOME", "/home/me"),
            ("GITHUB_TOKEN", "gh-1")
        ],
        "the entry's own values win, and no key of ours is among them"
    );
    assert_eq!(
        (tracker.timeout_s, tracker.max_result_kb, tracker.grant),
        (30, 64, McpGrant::OnRequest)
    );
    let McpPlace::Service {
        url,
        api_key,
        headers,
        ..
    } = &tracker.place
    else {
        panic!("{tracker:?}")
    };
    assert_eq!(url, "https://tracker.example.org/mcp");
    assert_eq!(
        (api_key.as_ref().unwrap().reveal(), headers[0].0.as_str()),
        ("t-key", "x-house")
    );

    let shown = render_show(&loaded);
    assert!(
        !shown.contains("hunter2") && !format!("{loaded:?}").contains("hunter2"),
        "{shown}"
    );
    for line in [
        "mcp[files].args = (set)",
        "mcp[files].env = { \"TOKEN\" = (set), \"PATH\" = (set) }",
        "mcp[tracker].url = \"https://tracker.example.org/mcp\"",
        "mcp[off].enabled = false",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
}

/// Every fault is told at once, each with its line, and no secret among them.
#[test]
fn faults_of_entries_are_told_together() {
    let text = r#"
[[mcp]]
command = "x"

[[mcp]]
name = "a__b"
url = "ftp://example.org"

[[mcp]]
name = "a"

[[mcp]]
name = "b"
command = "x"
url = "http://127.0.0.1:1/mcp"

[[mcp]]
name = "c"
command = "x"
api_key = "hunter2"
grnat = "everyone"

[[mcp]]
name = "d"
command = "x"
args = "hunter2"
env = { "A=B" = "hunter2", C = 5 }
timeout_s = 0
grant = "anyone"

[[mcp]]
name = "e"
command = "x"
env_from = ["NOWHERE"]

[[mcp]]
name = "e"
url = "http://127.0.0.1:1/mcp"

[[mcp]]
name = "f_"
url = "http://127.0.0.1:1/mcp"
api_key_env = "NOWHERE"
"#;
    let problems = World::default().file(text).problems();
    let said = problems.join("\n");
    for expected in [
        "chatai.toml:3: an entry of `[[mcp]]` needs a `name`",
        "chatai.toml:6: `mcp.name` must be at most 32 lower-case letters",
        "chatai.toml:7: `mcp.url` must be an `http://` or `https://` URL",
        "chatai.toml:10: an entry of `[[mcp]]` needs a `command` or a `url`",
        "chatai.toml:15: an entry of `[[mcp]]` has a `command` or a `url`, not both",
        "chatai.toml:20: unknown key of `[[mcp]]`: `api_key`",
        "chatai.toml:21: unknown key of `[[mcp]]`: `grnat`",
        "chatai.toml:26: `mcp.args` must be a list of at most 100 texts",
        "chatai.toml:27: `mcp.env` has a variable that cannot be given: A=B",
        "chatai.toml:27: `mcp.env` has a variable that cannot be given: C",
        "chatai.toml:28: `mcp.timeout_s` must be a whole number from 1 to 600: 0",
        "chatai.toml:29: `mcp.grant` must be `everyone`, `administrators` or `on_request`: anyone",
        "chatai.toml:34: `mcp.env_from` names a variable that is not set: NOWHERE",
        "chatai.toml:37: `mcp.name` is taken by an earlier entry: e",
        "chatai.toml:41: `mcp.name` must be at most 32 lower-case letters",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn it_is_a_list_of_tables_and_stands_in_the_file_alone() {
    for text in ["[mcp]\nname = \"a\"\n", "mcp = 5\n", "mcp = [1]\n"] {
        let problems = World::default().file(text).load().unwrap_err();
        assert!(
            problems.to_string().contains("write `[[mcp]]` above each"),
            "{problems}"
        );
    }
    let problems = World::default()
        .environment("CHATAI__MCP__COMMAND", "/bin/sh")
        .problems();
    assert!(problems[0].contains("unknown variable"), "{problems:?}");
    let problems = World::default().flag("mcp.command", "/bin/sh").problems();
    assert!(problems[0].contains("unknown key"), "{problems:?}");
}
