//! Starts the real program, with a database and a data folder of its own, and speaks HTTP to it.
//!
//! Nothing of the program is linked: what is tested is the binary a user runs. When a test lets go of it, it is
//! ended, and `chatai doctor` must find nothing amiss in what it leaves behind.

mod database;
mod user;

pub use database::TestDatabase;
pub use user::{User, json_body};

use crate::provider::{Dialect, ScriptedProvider};
use reqwest::Client;
use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long the program may take to listen, or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a program under test is started with.
pub struct AppOptions {
    binary: PathBuf,
    database: TestDatabase,
    environment: Vec<(String, String)>,
    files: Vec<OwnFile>,
}

/// A file that a variable names.
struct OwnFile {
    variable: String,
    name: String,
    content: String,
}

impl AppOptions {
    /// The program at `binary` (`env!("CARGO_BIN_EXE_chatai")` in its own tests), on an embedded database, without
    /// a key.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            database: TestDatabase::sqlite(),
            environment: Vec::new(),
            files: Vec::new(),
        }
    }

    /// On another database.
    #[must_use]
    pub fn on(mut self, database: TestDatabase) -> Self {
        self.database = database;
        self
    }

    /// The database it will run on.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// With a variable in its environment, which is otherwise empty.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// With a file beside the data folder, and a variable that names it.
    #[must_use]
    pub fn file(mut self, variable: &str, name: &str, content: impl Into<String>) -> Self {
        self.files.push(OwnFile {
            variable: variable.to_owned(),
            name: name.to_owned(),
            content: content.into(),
        });
        self
    }

    /// With a vendor that does what the test says.
    #[must_use]
    pub fn vendor(self, provider: &ScriptedProvider) -> Self {
        self.env("OPENAI_API_KEY", "sk-test-0123456789")
            .env("OPENAI_BASE_URL", provider.base_url())
    }

    /// With providers of the test's own in its `chatai.toml`, and more of that file behind them. All speak to
    /// `provider`, each in its dialect, which is also its name: `openai`, `openai-chat`, `anthropic`, `gemini`.
    #[must_use]
    pub fn vendors(self, vendors: &[(Dialect, &ScriptedProvider)], members: &str, rest: &str) -> Self {
        let entries = vendors.iter().map(|(dialect, provider)| {
            let kind = dialect.kind();
            let base_url = match dialect {
                Dialect::Gemini => format!("{}/v1beta", provider.root_url()),
                _ => provider.base_url(),
            };
            format!(
                "[[providers]]\nname = \"{kind}\"\nkind = \"{kind}\"\nbase_url = \"{base_url}\"\n\
                 api_key = \"sk-test-0123456789\"\ndiscover = false\n{members}\n"
            )
        });
        let file = entries.collect::<String>() + rest + "\n";
        // The program looks for it in its folder; nobody reads the variable.
        self.file("CHATAI_TOML_OF_THE_TEST", "chatai.toml", file)
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// When it does not; with what it wrote.
    pub async fn start(mut self) -> TestApp {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for file in std::mem::take(&mut self.files) {
            let path = folder.path().join(file.name);
            std::fs::write(&path, file.content).expect("a file can be written");
            self.environment.push((file.variable, path.display().to_string()));
        }
        let mut app = TestApp {
            options: self,
            folder,
            child: None,
            address: String::new(),
            client: client(),
        };
        app.start_again().await;
        app
    }
}

/// A running program.
pub struct TestApp {
    options: AppOptions,
    folder: TempDir,
    child: Option<Child>,
    address: String,
    client: Client,
}

impl TestApp {
    /// `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `127.0.0.1:PORT`, for tests that speak bytes.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url())
    }

    /// A client that keeps no cookies and follows no redirects.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The folder it runs in; its data folder and its own files are in there.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The database it runs on.
    pub fn database(&self) -> &TestDatabase {
        &self.options.database
    }

    /// The process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the program runs").id()
    }

    /// Registers an account.
    pub async fn register(&self, email: &str) -> User {
        User::register(&self.client, &self.base_url(), email, "secret").await
    }

    /// Signs in to an account.
    pub async fn login(&self, email: &str, password: &str) -> User {
        User::login(&self.client, &self.base_url(), email, password).await
    }

    /// Another instance of the program on the same database, with a data folder of its own. It must be dropped before
    /// this one, which owns the database.
    ///
    /// # Panics
    /// When the database is an embedded one, or the instance does not listen in time.
    pub async fn start_beside(&self) -> Self {
        let url = self.options.database.url();
        let options = AppOptions {
            binary: self.options.binary.clone(),
            database: TestDatabase::Shared {
                url: url.expect("a database that instances share"),
            },
            environment: self.options.environment.clone(),
            files: Vec::new(),
        };
        options.start().await
    }

    /// Starts it once more, on the same data; it must not be running.
    ///
    /// # Panics
    /// When it does not listen in time; with what it wrote.
    pub async fn start_again(&mut self) {
        assert!(self.child.is_none(), "the program is running");
        let log = File::create(self.log_path()).expect("the log file can be made");
        let mut child = self
            .command(&["serve", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the program can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let reading = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            let read = lines.read_line(&mut line);
            // What follows is read to its end, so that the program never waits for us.
            std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
            read.map(|_| line)
        });
        let line = tokio::time::timeout(PATIENCE, reading).await;
        self.child = Some(child);
        let line = line.map(|read| read.expect("reading does not panic"));
        match line {
            Ok(Ok(line)) if line.contains("http://") => {
                let address = line.split("http://").nth(1).unwrap_or_default();
                self.address = address.trim().to_owned();
            }
            other => panic!("the program does not listen: {other:?}\n{}", self.log()),
        }
    }

    /// A command of the program, with this one's environment and data folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.options.binary);
        command
            .args(arguments)
            .env_clear()
            .envs(self.options.environment.iter().map(|(name, value)| (name, value)))
            .env("CHATAI__SERVER__DATA_DIR", self.data_dir())
            .current_dir(self.folder.path());
        if let Some(url) = self.options.database.url() {
            command.env("DATABASE_URL", url);
        }
        command
    }

    /// Ends it at once, as a crash would.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("the program runs");
        child.kill().expect("our own child can be killed");
        child.wait().expect("a killed child ends");
    }

    /// Asks it to end.
    ///
    /// # Panics
    /// When it does not run.
    pub fn ask_to_end(&self) {
        let asked = Command::new("kill")
            .args(["-TERM", &self.pid().to_string()])
            .status()
            .expect("`kill` can be run");
        assert!(asked.success(), "the signal was not sent");
    }

    /// Asks it to end and waits until it has.
    ///
    /// # Panics
    /// When it does not end in time.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.ask_to_end();
        self.ended().await
    }

    /// Waits until it has ended by itself or been asked to.
    ///
    /// # Panics
    /// When it does not end in time.
    pub async fn ended(&mut self) -> ExitStatus {
        end_of(self.child.take().expect("the program runs")).await
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log.txt")
    }

    /// The embedded database's file.
    pub fn sqlite_path(&self) -> PathBuf {
        self.data_dir().join("chatai.db")
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let was_started = !self.address.is_empty();
        if let Some(mut child) = self.child.take() {
            // Fails only when it has ended by itself, which the check below would show.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- what the program logged\n{}", self.log());
            return;
        }
        if was_started {
            let checked = self
                // The test's providers are gone by now, or cannot answer while this waits: none is asked.
                .command(&["doctor", "--config", "/dev/null"])
                .env_remove("OPENAI_API_KEY")
                .env_remove("OPENAI_BASE_URL")
                .stdin(Stdio::null())
                .output()
                .expect("`doctor` can be run");
            let said = String::from_utf8_lossy(&checked.stdout);
            // A test may name models on purpose that cannot answer; nothing else may be amiss.
            let amiss = |line: &str| line.starts_with("FAIL") && !line.starts_with("FAIL  models: ");
            assert!(
                said.contains("ok    database: ") && !said.lines().any(amiss),
                "what the test left behind is not in order:\n{said}"
            );
            assert!(
                !self.log().contains("panicked at"),
                "the program panicked:\n{}",
                self.log()
            );
        }
    }
}

async fn end_of(child: Child) -> ExitStatus {
    let ending = tokio::task::spawn_blocking(move || wait(child));
    ending.await.expect("waiting does not panic")
}

/// Waits for a process, but not for ever.
fn wait(mut child: Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("our own child can be waited for") {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().expect("our own child can be killed");
            panic!("the program did not end in {PATIENCE:?}");
        }
        std::thread::yield_now();
    }
}

fn client() -> Client {
    // The HTTP library wants one even for plain HTTP; a second installation is refused, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .expect("a plain client can be built")
}

/// Runs the program once with these arguments in an empty environment and the given folder.
pub fn run_once(binary: &Path, folder: &Path, arguments: &[&str]) -> std::process::Output {
    Command::new(binary)
        .args(arguments)
        .env_clear()
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("the program can be run")
}
