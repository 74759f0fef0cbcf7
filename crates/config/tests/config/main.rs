//! Configuration as its callers meet it: layers, problems with their sources, secrets, documentation.

#![expect(clippy::unwrap_used, reason = "tests")]

mod documents;
mod layers;
mod mcp;
mod problems;
mod providers;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use chatai_config::{
    Config, Database, Flags, Inputs, Loaded, LogFormat, Problems, Source, Surroundings, TextFile, keys,
    render_docs, render_example, render_show,
};

const SECRET: &str = "Zq3x9-Lm2w8pTv7b-9fKd03-hunter2-Qa7";

#[derive(Default)]
struct World(Inputs);

impl World {
    fn file(mut self, text: &str) -> Self {
        self.0.file = Some(TextFile {
            path: "chatai.toml".into(),
            text: text.into(),
        });
        self
    }

    fn dotenv(mut self, text: &str) -> Self {
        self.0.dotenv = Some(TextFile {
            path: ".env".into(),
            text: text.into(),
        });
        self
    }

    fn environment(mut self, name: &str, value: &str) -> Self {
        self.0.environment.push((name.into(), value.into()));
        self
    }

    fn flag(mut self, key: &str, value: &str) -> Self {
        self.0.overrides.push((key.into(), value.into()));
        self
    }

    fn load(&self) -> Result<Loaded, Problems> {
        Config::from_inputs(&self.0)
    }

    fn good(&self) -> Loaded {
        self.load().unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// The problems as they are printed, without hints.
    fn problems(&self) -> Vec<String> {
        let problems = self.load().unwrap_err();
        problems
            .all()
            .iter()
            .map(|problem| format!("{}: {}", problem.source, problem.message))
            .collect()
    }
}

fn source_of(loaded: &Loaded, key: &str) -> String {
    loaded
        .settings
        .iter()
        .find(|setting| setting.key.name == key)
        .unwrap()
        .source
        .to_string()
}
