//! The process between this program and a server that it starts: it passes on what the server is to read, and ends the
//! server, with everything that started in turn, once nothing can come any more. So no server outlives the program that
//! wanted it, however that program ended: its death closes the pipe that this one reads.
//!
//! What the server writes does not pass through here; it has the program's pipes themselves.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::{
    ffi::OsString,
    io::{Read, Write},
    os::unix::process::CommandExt as _,
    process::{ChildStdin, Command, ExitCode, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

/// The first argument of a program that is to be a guardian. Not for people.
pub const GUARDIAN_ARGUMENT: &str = "mcp-guardian";

/// How long a server may take to end once its input has ended, and how long once it was asked to.
const GRACE: Duration = Duration::from_secs(2);
const LAST_GRACE: Duration = Duration::from_secs(1);

/// What a guardian waits for.
enum Happened {
    /// Nothing more will come from the program.
    InputEnded,
    /// The server has ended; it is not reaped yet, so that its number is nobody else's.
    ServerEnded,
}

/// Whether this process was started as a guardian. A program's `main` asks before it does anything else.
pub fn guardian_requested() -> bool {
    std::env::args_os()
        .nth(1)
        .is_some_and(|argument| argument == GUARDIAN_ARGUMENT)
}

/// The `main` of a guardian: the server's command and its arguments follow the first argument. The exit code is the
/// server's.
pub fn guardian_main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(2);
    match arguments.next() {
        None => refused("no command was given"),
        Some(command) => match watch(&command, arguments) {
            Ok(code) => code,
            Err(error) => refused(&format!("`{}` cannot be run: {error}", command.to_string_lossy())),
        },
    }
}

fn refused(why: &str) -> ExitCode {
    // Who reads this may be gone, which changes nothing.
    let _ = writeln!(std::io::stderr(), "{why}");
    ExitCode::from(127)
}

fn watch(command: &OsString, arguments: impl Iterator<Item = OsString>) -> std::io::Result<ExitCode> {
    let mut server = Command::new(command)
        .args(arguments)
        .stdin(Stdio::piped())
        // A group of its own: whatever the server starts in turn ends with it.
        .process_group(0)
        .spawn()?;
    let group = Pid::from_child(&server);
    let input = server.stdin.take().expect("standard input is a pipe");
    let (tell, happened) = mpsc::channel();
    let tell_too = tell.clone();
    // Both end with the process at the latest. Who hears of it has gone only when that is about to happen.
    thread::Builder::new().spawn(move || {
        pass_on(input);
        let _ = tell.send(Happened::InputEnded);
    })?;
    thread::Builder::new().spawn(move || {
        let ended = waitid(WaitId::Pid(group), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        let _ = ended.map(|_| tell_too.send(Happened::ServerEnded));
    })?;
    if !matches!(happened.recv(), Ok(Happened::ServerEnded)) && !has_ended(&happened, GRACE) {
        let _ = kill_process_group(group, Signal::TERM);
        has_ended(&happened, LAST_GRACE);
    }
    // Those that it started, too; there may be none.
    let _ = kill_process_group(group, Signal::KILL);
    let code = server.wait()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}

fn has_ended(happened: &Receiver<Happened>, within: Duration) -> bool {
    matches!(happened.recv_timeout(within), Ok(Happened::ServerEnded))
}

/// Passes on what comes, as it comes, until nothing comes any more. Goes on reading when the server does not: the end
/// of the input is what matters here.
fn pass_on(input: ChildStdin) {
    let mut input = Some(input);
    let mut from = std::io::stdin().lock();
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0 {
            break;
        }
        if let Some(server) = &mut input
            && server.write_all(&buffer[..read]).is_err()
        {
            input = None;
        }
    }
}
