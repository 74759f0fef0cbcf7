//! The child process itself: what happens when it hangs, dies, lies or cannot be started. Shells stand in for
//! the worker where it has to misbehave.

use crate::fixtures::{office, pdf};
use crate::hostile_pdf::calling_forms;
use crate::{block_on, harness, patient};
use bytes::Bytes;
use chatai_files::{Content, ExtractError, Extractor, Kind, Limits, Worker};
use std::path::Path;
use std::time::Duration;

harness::tests![
    a_hanging_worker_is_killed,
    a_dropped_read_kills_its_worker,
    a_worker_has_nothing_but_its_file,
    deaths_are_told_apart,
    noise_is_no_answer,
    endless_output_is_bounded,
    an_answer_is_not_trusted,
    a_worker_that_reads_nothing_is_no_problem,
    a_missing_worker_is_reported,
    limits_that_cannot_hold_are_reported,
    children_and_waiting_files_are_bounded,
    many_reads_at_once_all_succeed,
    a_worker_without_its_limits_refuses,
];

fn shell(script: &str) -> Worker {
    Worker {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
    }
}

fn pdf_bytes() -> Bytes {
    pdf::pages(&[&pdf::line(b"words")]).into()
}

fn read_by(worker: Worker, limits: Limits) -> Result<Content, ExtractError> {
    block_on(Extractor::with_worker(worker, limits).read(Kind::Pdf, pdf_bytes()))
}

/// A script that leaves its process number in a file and then does nothing for long.
fn sleeper(file: &Path) -> Worker {
    shell(&format!(
        "echo $$ > '{0}.part'; mv '{0}.part' '{0}'; exec sleep 1000",
        file.display()
    ))
}

async fn eventually<T>(mut condition: impl FnMut() -> Option<T>) -> T {
    let check = async {
        loop {
            match condition() {
                Some(value) => return value,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), check)
        .await
        .expect("the condition comes true")
}

fn process_of(file: &Path) -> Option<String> {
    std::fs::read_to_string(file)
        .ok()
        .map(|number| number.trim().to_owned())
}

fn is_alive(process: &str) -> bool {
    Path::new("/proc").join(process).exists()
}

fn a_hanging_worker_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("process");
    // On a busy machine the time may be up before the worker has even begun.
    for seconds in [1, 10, 100] {
        let limits = Limits {
            wall_time: Duration::from_secs(seconds),
            ..patient()
        };
        assert_eq!(read_by(sleeper(&file), limits), Err(ExtractError::Timeout));
        if let Some(process) = process_of(&file) {
            assert!(!is_alive(&process));
            return;
        }
    }
    panic!("the worker never began");
}

fn a_dropped_read_kills_its_worker() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("process");
    block_on(async {
        let extractor = Extractor::with_worker(
            sleeper(&file),
            Limits {
                wall_time: Duration::from_secs(600),
                ..patient()
            },
        );
        let reading = tokio::spawn(async move { extractor.read(Kind::Pdf, pdf_bytes()).await });
        let process = eventually(|| process_of(&file)).await;
        assert!(is_alive(&process));
        reading.abort();
        eventually(|| (!is_alive(&process)).then_some(())).await;
    });
}

fn a_worker_has_nothing_but_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("process");
    // A shell leaves a handle open and then becomes the true worker.
    let program = std::env::current_exe().unwrap();
    let worker = shell(&format!(
        "echo $$ > '{0}.part'; mv '{0}.part' '{0}'; exec 7< /dev/null; exec '{1}' {2} \"$0\" \"$1\"",
        file.display(),
        program.display(),
        chatai_files::WORKER_ARGUMENT
    ));
    let limits = Limits {
        cpu_time: Duration::from_secs(600),
        wall_time: Duration::from_secs(600),
        ..patient()
    };
    block_on(async {
        let extractor = Extractor::with_worker(worker, limits);
        let reading = tokio::spawn(async move { extractor.read(Kind::Pdf, calling_forms().into()).await });
        let process = eventually(|| process_of(&file)).await;
        let of_process = |what: &str| Path::new("/proc").join(&process).join(what);
        // The second stage takes its last right when it begins to work.
        let limits = eventually(|| {
            let limits = std::fs::read_to_string(of_process("limits")).unwrap();
            let hard_limit = |name: &str| {
                let line = limits.lines().find(|line| line.starts_with(name))?;
                line[name.len()..].split_whitespace().nth(1).map(str::to_owned)
            };
            (hard_limit("Max open files")? == "0").then(|| {
                [
                    "Max address space",
                    "Max file size",
                    "Max core file size",
                    "Max cpu time",
                ]
                .map(|name| hard_limit(name).unwrap())
            })
        })
        .await;
        assert_eq!(limits, ["536870912", "0", "0", "601"]);
        let mut handles: Vec<_> = std::fs::read_dir(of_process("fd"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        handles.sort();
        assert_eq!(handles, ["0", "1", "2"]);
        assert_eq!(std::fs::read_link(of_process("cwd")).unwrap(), Path::new("/"));
        let environment = std::fs::read_to_string(of_process("environ")).unwrap();
        // The shell itself sets these; of the service's own variables there is none.
        let foreign: Vec<_> = environment
            .split_terminator('\0')
            .filter(|variable| {
                !["PWD=", "_=", "OLDPWD=", "SHLVL="]
                    .iter()
                    .any(|own| variable.starts_with(own))
            })
            .collect();
        assert!(foreign.is_empty(), "{foreign:?}");
        reading.abort();
        eventually(|| (!is_alive(&process)).then_some(())).await;
    });
}

fn deaths_are_told_apart() {
    for (script, error) in [
        ("kill -XCPU $$", ExtractError::Timeout),
        ("kill -KILL $$", ExtractError::OutOfMemory),
        (
            "echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$",
            ExtractError::OutOfMemory,
        ),
        (
            "echo 'has overflowed its stack' >&2; kill -ABRT $$",
            ExtractError::Crashed,
        ),
        ("kill -SEGV $$", ExtractError::Crashed),
        ("exit 0", ExtractError::Crashed),
        ("exit 3", ExtractError::Crashed),
    ] {
        // The whole input is read first, so that each death comes in the middle of the work.
        let script = format!("cat > /dev/null; {script}");
        assert_eq!(read_by(shell(&script), patient()), Err(error), "{script}");
    }
}

fn noise_is_no_answer() {
    for script in [
        "echo noise",
        "printf '\\377\\377\\377\\377{}'",
        "printf '\\002\\000\\000\\000{}'",
        "head -c 100 /dev/zero",
    ] {
        assert_eq!(
            read_by(shell(script), patient()),
            Err(ExtractError::Crashed),
            "{script}"
        );
    }
}

fn endless_output_is_bounded() {
    let limits = || Limits {
        text_bytes: 1000,
        ..patient()
    };
    for script in [
        "while :; do echo yyyyyyyyyyyyyyyy; done",
        "while :; do echo yyyyyyyyyyyyyyyy || exit 1; done",
    ] {
        assert_eq!(
            read_by(shell(script), limits()),
            Err(ExtractError::Crashed),
            "{script}"
        );
    }
    // Errors are read and dropped, however many.
    let script = "cat > /dev/null; head -c 10000000 /dev/zero >&2; exit 1";
    assert_eq!(read_by(shell(script), limits()), Err(ExtractError::Crashed));
}

fn an_answer_is_not_trusted() {
    let header = r#"{"outcome":"text","truncated":false,"note":"a\nb"}"#;
    let answer = |text: &str| {
        shell(&format!(
            "printf '\\{:03o}\\000\\000\\000%s{text}' '{header}'",
            header.len()
        ))
    };
    let limits = || Limits {
        text_bytes: 20,
        ..patient()
    };
    // `printf` of the shell takes the note's `\n` for what it is: two characters of JSON.
    let Ok(Content::Text(read)) = read_by(answer("a\\000b\\015\\012c"), limits()) else {
        panic!()
    };
    assert_eq!(
        (read.text.as_str(), read.truncated, read.note.as_deref()),
        ("ab\nc", false, Some("a b"))
    );
    let Ok(Content::Text(read)) = read_by(answer(&"x".repeat(30)), limits()) else {
        panic!()
    };
    assert_eq!((read.text.len(), read.truncated), (20, true));
    assert_eq!(read_by(answer("\\377"), limits()), Err(ExtractError::Crashed));
}

fn a_worker_that_reads_nothing_is_no_problem() {
    let extractor = Extractor::with_worker(shell("exit 0"), patient());
    let large = Bytes::from(vec![b'x'; 8 << 20]);
    assert_eq!(
        block_on(extractor.read(Kind::Pdf, large)),
        Err(ExtractError::Crashed)
    );
}

fn a_missing_worker_is_reported() {
    let worker = Worker {
        program: "/nonexistent/worker".into(),
        arguments: Vec::new(),
    };
    let result = read_by(worker, patient());
    assert!(
        matches!(&result, Err(ExtractError::Unavailable(reason)) if reason.contains("cannot be started")),
        "{result:?}"
    );
    assert!(!result.unwrap_err().is_the_files_fault());
}

fn limits_that_cannot_hold_are_reported() {
    // Too little memory for the program itself: it cannot even start again.
    let limits = Limits {
        memory_bytes: 1 << 20,
        ..patient()
    };
    let result = read_by(Worker::this_program(), limits);
    assert!(
        matches!(
            result,
            Err(ExtractError::Unavailable(_) | ExtractError::Crashed | ExtractError::OutOfMemory)
        ),
        "{result:?}"
    );
}

fn children_and_waiting_files_are_bounded() {
    let limits = Limits {
        children: 1,
        waiting: 1,
        wait: Duration::from_millis(200),
        wall_time: Duration::from_secs(1),
        ..patient()
    };
    let extractor = Extractor::with_worker(shell("exec sleep 1000"), limits);
    block_on(async {
        let read = || extractor.read(Kind::Pdf, pdf_bytes());
        let finished = std::cell::RefCell::new(Vec::new());
        let named = async |name, result: Result<Content, ExtractError>| {
            finished.borrow_mut().push(name);
            result
        };
        // Polled in this order: the first one runs, the second waits, the third finds no place.
        let (first, second, third) = tokio::join!(
            async { named("first", read().await).await },
            async { named("second", read().await).await },
            async { named("third", read().await).await },
        );
        assert_eq!(
            (first, second, third),
            (
                Err(ExtractError::Timeout),
                Err(ExtractError::Busy),
                Err(ExtractError::Busy)
            )
        );
        assert_eq!(*finished.borrow(), ["third", "second", "first"]);
        // Text needs no child, so it is read even then.
        assert!(
            extractor
                .read(Kind::PlainText, Bytes::from_static(b"x"))
                .await
                .is_ok()
        );
    });
}

fn many_reads_at_once_all_succeed() {
    let extractor = Extractor::new(Limits {
        wait: Duration::from_secs(300),
        ..patient()
    });
    block_on(async {
        let mut reads = tokio::task::JoinSet::new();
        for number in 0..20 {
            let extractor = extractor.clone();
            let file: Bytes = office::docx(&office::paragraph("", &format!("number {number}"))).into();
            reads.spawn(async move { (number, extractor.read(Kind::Docx, file).await) });
        }
        while let Some(result) = reads.join_next().await {
            let (number, result) = result.unwrap();
            let Ok(Content::Text(read)) = result else {
                panic!("{result:?}")
            };
            assert_eq!(read.text, format!("number {number}"));
        }
    });
}

fn a_worker_without_its_limits_refuses() {
    // Called as if the first stage had been there, which it was not.
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program)
        .args([chatai_files::WORKER_ARGUMENT, "536870912", "10", "limited"])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let answer = String::from_utf8_lossy(&output.stdout);
    assert!(
        answer.contains("unavailable") && answer.contains("not in force"),
        "{answer}"
    );
}
