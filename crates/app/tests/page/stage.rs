//! Starts the program, the vendor and a script, and does what the script asks for.
//!
//! A line of the script that begins with `@` is a command as JSON, answered by one line of JSON; anything else is for
//! people. Commands: `push` (the vendor's next answer), `reached` and `open` (a gate in one), `kill`, `start`, `cut`
//! and `mend` (the network).

use crate::proxy::Proxy;
use chatai_testkit::{
    app::{AppOptions, TestApp},
    provider::{Gate, Reply, ScriptedProvider},
};
use serde_json::{Value, json};
use std::{collections::HashMap, path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::Command,
};

/// The script that is played without a vendor.
const ALONE: &str = "alone";

/// The program and what a script may do to it.
struct Stage {
    app: TestApp,
    proxy: Proxy,
    provider: ScriptedProvider,
    gates: HashMap<String, Gate>,
}

/// Runs `web/tests/NAME.test.mjs` in a window of this size.
pub(crate) async fn play(name: &str, size: &str) {
    let provider = ScriptedProvider::start().await;
    let options = AppOptions::new(env!("CARGO_BIN_EXE_chatai"));
    let app = match name {
        ALONE => options.start().await,
        _ => options.vendor(&provider).start().await,
    };
    let proxy = Proxy::start(app.address()).await;
    let mut stage = Stage {
        app,
        proxy,
        provider,
        gates: HashMap::new(),
    };
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/tests");
    let mut script = Command::new("node")
        .arg(tests.join(format!("{name}.test.mjs")))
        .env("CHATAI_PAGE", stage.proxy.url())
        .env("CHATAI_SIZE", size)
        .current_dir(&tests)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("`node` can be started; `cargo xtask test` installs what is missing");
    let mut input = script.stdin.take().unwrap();
    let mut lines = BufReader::new(script.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        let Some(command) = line.strip_prefix('@') else {
            println!("{line}");
            continue;
        };
        let command: Value = serde_json::from_str(command).unwrap();
        let answer = stage.act(&command).await;
        input.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
    }
    let ended = script.wait().await.unwrap();
    assert!(
        ended.success(),
        "`{name}.test.mjs` failed in size `{size}`: {ended}"
    );
}

impl Stage {
    async fn act(&mut self, command: &Value) -> Value {
        match command["do"].as_str().unwrap() {
            "push" => self.push(command),
            "reached" => self.gate(command).reached().await,
            "open" => self.gate(command).open(),
            "kill" => {
                self.app.kill();
                self.proxy.lead_to(None);
            }
            "start" => {
                self.app.start_again().await;
                self.proxy.lead_to(Some(self.app.address()));
            }
            "cut" => self.proxy.lead_to(None),
            "mend" => self.proxy.lead_to(Some(self.app.address())),
            other => panic!("no such command: {other}"),
        }
        json!({"done": command["do"], "calls": self.provider.answer_calls().len()})
    }

    fn gate(&mut self, command: &Value) -> Gate {
        let name = command["gate"].as_str().unwrap().to_owned();
        self.gates.entry(name).or_default().clone()
    }

    fn push(&mut self, command: &Value) {
        if let Some(status) = command["status"].as_u64() {
            let status = u16::try_from(status).unwrap();
            self.provider
                .push(Reply::error(status, "server_error", "", "The vendor is ill"));
            return;
        }
        let mut reply = match command["tool"].as_str() {
            Some(tool) => Reply::call_tool(tool, &command["arguments"]),
            None => Reply::text(command["text"].as_str().unwrap()),
        };
        if let Some(deltas) = command["deltas"].as_u64() {
            reply = reply.deltas(usize::try_from(deltas).unwrap());
        }
        if let Some(reasoning) = command["reasoning"].as_str() {
            reply = reply.reasoning(reasoning);
        }
        if let Some(usage) = command["usage"].as_array() {
            let count = |index: usize| usage[index].as_i64().unwrap();
            reply = reply.usage(count(0), count(1), count(2), count(3));
        }
        if let Some(after) = command["after"].as_u64() {
            let gate = self.gate(command);
            reply = reply.gate_after(usize::try_from(after).unwrap(), &gate);
        }
        self.provider.push(reply);
    }
}
