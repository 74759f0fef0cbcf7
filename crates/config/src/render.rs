//! The table of keys for people: `docs/config.md`, an example file, and the values in effect.

use std::fmt::Write;

use crate::entries::MEMBERS;
use crate::load::Loaded;
use crate::mcp;
use crate::table::{Key, Section, Table};

const ABSENT: &str = "\"\"";

/// `docs/config.md`.
pub fn render_docs() -> String {
    let table = Table::get();
    let mut out = String::from(
        "# Configuration\n\n\
         Generated from the table of keys in `crates/config/src/keys.rs` by `cargo xtask codegen`; edit there.\n\n\
         Values come from, weakest first: the defaults below, `chatai.toml` in the folder the program is started in\n\
         (another one with `--config PATH`), a `.env` file in that folder, the environment, flags. Keys without a flag of\n\
         their own are set with `--set KEY=VALUE`. Every key has the environment name that is given with it; where the\n\
         original service had a name, that works too, and the longer one wins. An empty variable switches off what may be\n\
         absent, and leaves any other key alone. Relative paths start at the folder the program is started in. In the\n\
         environment and in flags, lists have commas between their entries.\n\n\
         All problems are reported at once, each with its place; unknown keys and unknown `CHATAI__…` variables are\n\
         problems. `chatai config check` looks without starting, `chatai config show` prints the values in effect and\n\
         where each came from (secrets only as `(set)`), `chatai config example` a commented file to start from.\n",
    );
    for section in &table.sections {
        write!(out, "\n## `[{}]`\n\n{}\n", section.name, section.meaning).expect("a String takes all text");
        for key in keys_of(table, section) {
            docs_of(key, &mut out);
        }
    }
    out.push_str(PROVIDERS_ABOUT);
    for (member, meaning) in MEMBERS {
        writeln!(out, "- `{member}`: {meaning}").expect("a String takes all text");
    }
    out.push_str(PROVIDERS_EXAMPLE);
    out.push_str(MCP_ABOUT);
    for (member, meaning) in mcp::MEMBERS {
        writeln!(out, "- `{member}`: {meaning}").expect("a String takes all text");
    }
    out.push_str(MCP_EXAMPLE);
    out
}

const PROVIDERS_ABOUT: &str = "\n## `[[providers]]`\n\n\
     Any number of providers, in `chatai.toml` alone. A file that has such entries has no section `[providers]`: what that\n\
     says is then given by the environment, by flags, or in each entry. Recipes are in [providers.md](providers.md).\n\n";

const PROVIDERS_EXAMPLE: &str = "\n```toml\n\
     [[providers]]\n\
     name = \"groq\"\n\
     kind = \"openai-chat\"\n\
     base_url = \"https://api.groq.com/openai/v1\"\n\
     api_key_env = \"GROQ_API_KEY\"\n\n\
     [[providers]]\n\
     name = \"office\"\n\
     kind = \"openai-chat\"\n\
     base_url = \"http://10.0.0.7:8000/v1\"\n\
     models = [\"qwen3-32b\", { name = \"house-model\", input = 0, output = 0, context_window = 32768 }]\n\
     ```\n";

const MCP_ABOUT: &str = "\n## `[[mcp]]`\n\n\
     Any number of servers of tools, up to 32, that speak the Model Context Protocol, in `chatai.toml` alone. Recipes are\n\
     in [mcp.md](mcp.md).\n\n";

const MCP_EXAMPLE: &str = "\n```toml\n\
     [[mcp]]\n\
     name = \"files\"\n\
     command = \"npx\"\n\
     args = [\"-y\", \"@modelcontextprotocol/server-filesystem\", \"/srv/shared\"]\n\
     tools = [\"read_text_file\", \"list_directory\"]\n\
     grant = \"everyone\"\n\n\
     [[mcp]]\n\
     name = \"tracker\"\n\
     url = \"https://tracker.example.org/mcp\"\n\
     api_key_env = \"TRACKER_KEY\"\n\
     ```\n";

fn docs_of(key: &Key, out: &mut String) {
    let default = match (key.default.as_str(), key.secret) {
        (ABSENT, _) => "absent".to_owned(),
        (default, _) => format!("`{default}`"),
    };
    let mut names = vec![format!("`{}`", key.environment)];
    names.extend(key.legacy.map(|name| format!("`{name}`")));
    names.extend(key.flag.map(|flag| format!("`{flag}`")));
    let secret = if key.secret { " Never printed." } else { "" };
    write!(
        out,
        "\n### `{}`\n\n{}\n\n- Value: {}.{secret}\n- Default: {default}\n- Names: {}\n",
        key.name,
        key.meaning,
        key.values,
        names.join(", "),
    )
    .expect("a String takes all text");
}

/// A `chatai.toml` in which every key stands with its default, commented out.
pub fn render_example() -> String {
    let table = Table::get();
    let mut out = String::from(
        "# Configuration of chatai. Every key is shown with its default; remove the `#` before those you change.\n\
         # The environment and flags win over this file.\n",
    );
    for section in &table.sections {
        write!(out, "\n# {}\n[{}]\n", section.meaning, section.name).expect("a String takes all text");
        for key in keys_of(table, section) {
            for line in wrapped(&key.meaning) {
                writeln!(out, "# {line}").expect("a String takes all text");
            }
            let name = key.legacy.unwrap_or(&key.environment);
            writeln!(out, "# ({}; environment {name})", key.values).expect("a String takes all text");
            writeln!(out, "#{} = {}\n", key.path.1, key.default).expect("a String takes all text");
        }
        out.pop();
    }
    out.push_str(
        "\n# More providers: in place of `[providers]` and what is below it, entries such as this one\n\
         # (docs/providers.md has one for each of the usual ones).\n\
         # [[providers]]\n\
         # name = \"groq\"\n\
         # kind = \"openai-chat\"\n\
         # base_url = \"https://api.groq.com/openai/v1\"\n\
         # api_key_env = \"GROQ_API_KEY\"\n\
         \n# Servers of tools (docs/mcp.md).\n\
         # [[mcp]]\n\
         # name = \"tracker\"\n\
         # url = \"https://tracker.example.org/mcp\"\n\
         # api_key_env = \"TRACKER_KEY\"\n",
    );
    out
}

/// Every key's value in effect and where it came from; secrets as `(set)`.
pub fn render_show(loaded: &Loaded) -> String {
    let mut shown: Vec<(String, String)> = loaded
        .settings
        .iter()
        .map(|setting| {
            let value = if setting.value == ABSENT {
                "(absent)"
            } else {
                &setting.value
            };
            (
                format!("{} = {value}", setting.key.name),
                setting.source.to_string(),
            )
        })
        .collect();
    let entries = loaded.provider_settings.iter();
    shown.extend(entries.map(|entry| {
        (
            format!("{} = {}", entry.name, entry.value),
            entry.source.to_string(),
        )
    }));
    let width = shown
        .iter()
        .map(|(value, _)| value.chars().count())
        .max()
        .unwrap_or(0)
        .min(72);
    shown.iter().fold(String::new(), |mut out, (value, source)| {
        writeln!(out, "{value:width$}  # {source}").expect("a String takes all text");
        out
    })
}

fn keys_of<'a>(table: &'a Table, section: &'a Section) -> impl Iterator<Item = &'a Key> {
    table.keys.iter().filter(move |key| key.path.0 == section.name)
}

fn wrapped(text: &str) -> Vec<String> {
    const WIDTH: usize = 100;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
