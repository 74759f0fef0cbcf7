//! `/v1` through the vendors' official SDKs. Each script of `tests/sdk` is a client as its users write one, and checks for
//! itself what it gets; here it is given a program, accounts, and a model that does what the user's words say.

use crate::support::{on_both, with_vendor};
use chatai_testkit::{
    app::{AppOptions, TestApp, User},
    provider::{Gate, RecordedRequest, Reply, ScriptedProvider},
};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
};

const MODEL: &str = "m";
const EMBEDDING_MODEL: &str = "e";
const PRICES: &str = r#"{"m": {"input": 1, "output": 1, "context_window": 100000},
    "e": {"input": 1, "output": 0, "capabilities": ["embedding"]}}"#;

/// Where `cargo xtask test` has put the SDKs.
fn sdks() -> PathBuf {
    let folder = std::env::var_os("CHATAI_TEST_SDKS").filter(|folder| !folder.is_empty());
    let folder = folder
        .expect("`CHATAI_TEST_SDKS` is not set: run `cargo xtask test`, which installs the SDKs and sets it");
    let folder = PathBuf::from(folder);
    assert!(
        folder.join("python/bin/python").exists() && folder.join("node/node_modules").exists(),
        "`{}` has no SDKs: run `cargo xtask test`, which installs them",
        folder.display()
    );
    folder
}

/// A program with a model behind it, and what a script needs to know of both.
struct Stage {
    app: TestApp,
    provider: ScriptedProvider,
    user: User,
    /// Where the model waits that was asked to.
    gate: Gate,
}

impl Stage {
    async fn set(options: AppOptions) -> Self {
        let options = options
            .env("OPENAI_EMBEDDING_MODEL", EMBEDDING_MODEL)
            .env("CHATAI__LIMITS__TURNS_PER_MINUTE", "0")
            .file("PRICING_FILE", "pricing_data.json", PRICES);
        let (app, provider) = with_vendor(options).await;
        let gate = Gate::new();
        let at = gate.clone();
        let broken_off = AtomicBool::new(false);
        provider.script(move |request| answer(request, &at, &broken_off));
        let user = app.register("ada@example.com").await;
        Self {
            app,
            provider,
            user,
            gate,
        }
    }

    /// A new key of the account.
    async fn key(&self, body: &serde_json::Value) -> String {
        let (status, made) = self.user.post("/keys", body).await;
        assert_eq!(status, 200, "{made}");
        made["key"].as_str().unwrap().to_owned()
    }

    /// Runs a script to its end. Where it says `open`, the gate is opened as soon as the model waits there.
    async fn run(&self, program: PathBuf, script: &str, more: &[(&str, String)]) {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
        let mut command = Command::new(program);
        command
            .arg(scripts.join(script))
            .env("BASE_URL", self.app.base_url())
            .env("API_KEY", self.key(&json!({"name": "sdk"})).await)
            .env("MODEL", MODEL)
            .env("EMBEDDING_MODEL", EMBEDDING_MODEL)
            .env("NODE_PATH", sdks().join("node/node_modules"))
            .env("NO_PROXY", "*")
            // The sources' folder stays as it is.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .envs(more.iter().map(|(name, value)| (name, value)))
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the script can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut errors = child.stderr.take().expect("piped");
        let complaint = tokio::spawn(async move {
            let mut text = String::new();
            errors.read_to_string(&mut text).await.map(|_| text)
        });
        let mut passed = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            if line == "open" {
                self.gate.reached().await;
                self.gate.open();
            }
            passed.push(line);
        }
        let complaint = complaint.await.unwrap().unwrap();
        assert!(
            child.wait().await.unwrap().success(),
            "{script} after {passed:?}:\n{complaint}"
        );
        assert!(!passed.is_empty(), "{script} did nothing");
    }

    async fn python(&self, script: &str, more: &[(&str, String)]) {
        self.run(sdks().join("python/bin/python"), script, more).await;
    }
}

/// What the model says.
fn answer(request: &RecordedRequest, gate: &Gate, broken_off: &AtomicBool) -> Reply {
    if let Some((_, output)) = request.tool_outputs().last() {
        return Reply::text(format!("In Oslo: {output}"));
    }
    match request.last_user_text().as_str() {
        "the weather, please" if request.tool_names() == ["get_weather"] => {
            Reply::call_tool("get_weather", &json!({"city": "Oslo"}))
        }
        "what is this?" => Reply::text(format!("An image of {}", image_type(request))),
        "what did I say before?" => Reply::text(format!("Before: {}", first_user_text(request))),
        "wait in the middle" => Reply::text("one two three four").deltas(4).gate_after(2, gate),
        "never end" => Reply::text("one two three four").deltas(4).hang_after(1),
        "break down" => Reply::server_error(),
        "break off once" if !broken_off.swap(true, Ordering::Relaxed) => {
            Reply::text("one").fails("server_error", "it broke")
        }
        _ => Reply::echo(request),
    }
}

/// The media type of the image in the last message.
fn image_type(request: &RecordedRequest) -> String {
    let parts = request.input().last().map(|message| message["content"].clone());
    let parts = parts
        .and_then(|parts| parts.as_array().cloned())
        .unwrap_or_default();
    let url = parts.iter().find_map(|part| part["image_url"].as_str());
    let data = url.and_then(|url| url.strip_prefix("data:"));
    data.and_then(|data| data.split(';').next())
        .unwrap_or("nothing")
        .to_owned()
}

fn first_user_text(request: &RecordedRequest) -> String {
    let first = request.input().iter().find(|item| item["role"] == "user");
    let content = first.map(|item| item["content"].clone()).unwrap_or_default();
    let text = content.as_str().or_else(|| content[0]["text"].as_str());
    text.unwrap_or_default().to_owned()
}

/// Those who are refused: a key whose budget no call fits, and an account that has used up its minute.
struct Refusing {
    poor_key: String,
    busy_key: String,
    busy: TestApp,
    _provider: ScriptedProvider,
}

impl Refusing {
    async fn start(stage: &Stage) -> Self {
        let busy = crate::support::options().env("CHATAI__LIMITS__TURNS_PER_MINUTE", "1");
        let (busy, provider) = with_vendor(busy.file("PRICING_FILE", "pricing_data.json", PRICES)).await;
        let caller = busy.register("bob@example.com").await;
        let turn = [("text", "the only turn of this minute"), ("model", MODEL)];
        assert_eq!(caller.chat(&turn).await.0, 200);
        let poor = json!({"name": "poor", "limit": "0.000001", "period": "day"});
        Self {
            poor_key: stage.key(&poor).await,
            busy_key: caller.token,
            busy,
            _provider: provider,
        }
    }

    /// What a script is told of them.
    fn variables(&self) -> [(&str, String); 3] {
        [
            ("POOR_KEY", self.poor_key.clone()),
            ("BUSY_KEY", self.busy_key.clone()),
            ("BUSY_URL", self.busy.base_url()),
        ]
    }
}

on_both! {
    async fn chat_completions_by_python(options) {
        let stage = Stage::set(options).await;
        stage.python("openai_chat.py", &[]).await;
        let once = stage.provider.calls();
        let once = once.iter().filter(|call| call.is_model_call() && call.last_user_text() == "once");
        assert_eq!(once.count(), 1, "the same key is one call");
    }

    async fn responses_by_python(options) {
        let stage = Stage::set(options).await;
        stage.python("openai_responses.py", &[]).await;
    }

    async fn errors_by_python(options) {
        let stage = Stage::set(options).await;
        let refusing = Refusing::start(&stage).await;
        stage.python("openai_errors.py", &refusing.variables()).await;
    }

    async fn messages_by_python(options) {
        let stage = Stage::set(options).await;
        let refusing = Refusing::start(&stage).await;
        stage.python("anthropic_messages.py", &refusing.variables()).await;
    }

    async fn all_faces_by_langchain(options) {
        let stage = Stage::set(options).await;
        stage.python("langchain_models.py", &[]).await;
    }

    async fn chat_and_responses_by_node(options) {
        let stage = Stage::set(options).await;
        let refusing = Refusing::start(&stage).await;
        stage.run("node".into(), "node/openai.cjs", &refusing.variables()).await;
    }
}
