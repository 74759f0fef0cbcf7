//! What was acknowledged outlives the process, and a power cut: a child of this very program writes under
//! load and is killed at a random moment; what it had told is compared with what is there.
//!
//! For a power cut the parent then throws away what no sync had covered: the child records, whenever its
//! syncer has synced the log, how far the log went when that sync began.

use super::common::{Place, run};
use crate::{SqliteOptions, Store, StoreError, sqlite::SyncLog, tx::params};
use chatai_types::{Random, SeededRandom, SystemRandom};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

/// Set for the child: the database file.
const CHILD: &str = "CHATAI_STORE_CRASH_CHILD";
const SEED: &str = "CHATAI_STORE_CRASH_SEED";

const KILLS: u64 = 25;
const TASKS: u64 = 24;
const PAGE: usize = 4096;
const FRAME: usize = PAGE + 24;
const LOG_HEADER: usize = 32;

const TABLES: [&str; 3] = [
    "create table if not exists pairs (id integer primary key autoincrement, payload blob)",
    "create table if not exists halves (id integer primary key autoincrement, \
     pair integer not null references pairs (id), side integer not null, payload blob)",
    "create index halves_pair on halves (pair, side)",
];

/// What the child has told.
#[derive(Debug, Default)]
struct Told {
    written: Vec<i64>,
    synced: Vec<i64>,
}

#[test]
fn a_killed_process_loses_nothing_that_it_had_told() {
    if let Ok(path) = std::env::var(CHILD) {
        return run(child(path.into(), SyncLog::default()));
    }
    crash(
        "a_killed_process_loses_nothing_that_it_had_told",
        |_, _| {},
        |told| {
            // Death of the process alone: written is enough.
            told.written.extend_from_slice(&told.synced);
            std::mem::take(&mut told.written)
        },
    );
}

#[test]
fn a_power_cut_loses_nothing_that_was_synced() {
    if let Ok(path) = std::env::var(CHILD) {
        let path = PathBuf::from(path);
        let sync = recording(&path);
        return run(child(path, sync));
    }
    crash("a_power_cut_loses_nothing_that_was_synced", cut_power, |told| {
        std::mem::take(&mut told.synced)
    });
}

/// Kills children of the test `name`, one after the other, on one database.
fn crash(name: &str, cut: fn(&Path, &SeededRandom), promised: fn(&mut Told) -> Vec<i64>) {
    let seed = std::env::var(SEED)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| {
            let mut bytes = [0; 8];
            SystemRandom.fill(&mut bytes);
            u64::from_le_bytes(bytes)
        });
    // Shown when the test fails; the same seed gives the same moments, as far as the machine lets it.
    println!("{SEED}={seed}");
    let random = SeededRandom::new(seed);
    let place = Place::sqlite();
    run(async {
        let store = place.open().await;
        for table in TABLES {
            super::exec(&store, table).await;
        }
        store.close().await;
    });
    let mut all = Vec::new();
    for kill in 0..KILLS {
        let mut told = kill_one(name, &place.path(), &random);
        cut(&place.path(), &random);
        let promised = promised(&mut told);
        assert!(!promised.is_empty() || kill > 0, "the child did something");
        all.extend(promised);
        check(&place, &all, kill);
    }
    println!("{} acknowledgements, {KILLS} kills", all.len());
}

/// Lets a child work until it has told a random number of things, and a little longer, then kills it.
fn kill_one(name: &str, path: &Path, random: &SeededRandom) -> Told {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("tests::crash::{name}"),
            "--nocapture",
            "--test-threads=1",
        ])
        .env(CHILD, path)
        .env(SEED, random.next_u64().to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut told = Told::default();
    let enough = random.below(1500);
    let mut count = 0;
    while count < enough && read_line(&mut lines, &mut told, &mut child) {
        count += 1;
    }
    // Not always right after an acknowledgement.
    for _ in 0..random.below(2_000_000) {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    while read_line(&mut lines, &mut told, &mut child) {}
    told
}

/// False at the end. A line that the kill has cut off is no acknowledgement.
fn read_line(lines: &mut impl BufRead, told: &mut Told, child: &mut Child) -> bool {
    let mut line = String::new();
    if lines.read_line(&mut line).unwrap() == 0 {
        return false;
    }
    // The test harness tells things too, in front of the first line.
    let Some(line) = line.strip_suffix('\n') else {
        return false;
    };
    if let Some((_, id)) = line.rsplit_once("written ") {
        told.written.push(id.parse().unwrap());
    } else if let Some((_, id)) = line.rsplit_once("synced ") {
        told.synced.push(id.parse().unwrap());
    } else if line.contains("error ") {
        panic!("child {}: {line}", child.id());
    }
    true
}

/// Every promised pair is there, whole; nothing is there by half; the database is sound.
fn check(place: &Place, promised: &[i64], kill: u64) {
    run(async {
        let store = place.open().await;
        let pairs: Result<Vec<(i64, i64)>, StoreError> = store
            .read(|tx| {
                tx.query(
                    "select p.id, (select coalesce(sum(h.side), 0) from halves h where h.pair = p.id) \
                     from pairs p order by p.id",
                    &[],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
            })
            .await;
        let pairs = pairs.unwrap();
        assert!(
            pairs.iter().all(|(_, sides)| *sides == 3),
            "half a job, kill {kill}"
        );
        let lost: Vec<_> = promised
            .iter()
            .filter(|id| pairs.binary_search_by_key(id, |(id, _)| id).is_err())
            .collect();
        assert!(
            lost.is_empty(),
            "kill {kill}: {} of {} lost: {lost:?}",
            lost.len(),
            promised.len()
        );
        store.close().await;
    });
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    let verdict: String = connection
        .query_row("pragma integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok", "kill {kill}");
    let orphans: i64 = connection
        .query_row("select count(*) from pragma_foreign_key_check", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(orphans, 0, "kill {kill}");
}

/// Writes until it is killed, and tells each success in a line.
async fn child(path: PathBuf, sync: SyncLog) {
    let mut options = SqliteOptions::new(path);
    options.sync = sync;
    // Checkpoints and restarts of the log all the time.
    options.checkpoint_frames = 60;
    let store = Store::open_sqlite(options).await.unwrap();
    let seed: u64 = std::env::var(SEED).unwrap().parse().unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            tokio::spawn(write_for_ever(
                store.clone(),
                SeededRandom::new(seed.wrapping_add(task)),
            ))
        })
        .collect();
    for task in tasks {
        if let Err(error) = task.await.unwrap() {
            tell("error", &error.to_string());
        }
    }
}

async fn write_for_ever(store: Store, random: SeededRandom) -> Result<(), StoreError> {
    loop {
        let payload = vec![random.next_u64() as u8; random.below(6_000) as usize];
        let job = move |tx: &mut crate::Tx<'_>| {
            let id: i64 = tx.query_one(
                "insert into pairs (payload) values ($1) returning id",
                params![&payload],
                |row| row.get(0),
            )?;
            for side in [1_i64, 2] {
                tx.exec(
                    "insert into halves (pair, side, payload) values ($1, $2, $3)",
                    params![id, side, &payload],
                )?;
            }
            // What is overwritten must not come back either.
            tx.exec("update pairs set payload = null where id = $1", params![id - 100])?;
            Ok::<_, StoreError>(id)
        };
        if random.below(2) == 0 {
            let id = store.write(job).await?;
            tell("synced", &id.to_string());
        } else {
            let (id, synced) = store.write_staged(job).await?;
            tell("written", &id.to_string());
            synced.wait().await?;
            tell("synced", &id.to_string());
        }
    }
}

/// One line in one call, so that a kill cuts none in half but the last.
fn tell(what: &str, value: &str) {
    let line = format!("{what} {value}\n");
    if std::io::stdout()
        .write_all(line.as_bytes())
        .and_then(|()| std::io::stdout().flush())
        .is_err()
    {
        std::process::exit(1);
    }
}

/// How far the log went: the salt of its present generation, and its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    salt: [u8; 8],
    frames: u32,
    /// Frames that a checkpoint has begun to copy, after it had synced the log.
    checkpointed: u32,
}

/// From the log's index; see "WAL-Index Format" in SQLite's documentation of its file formats.
fn extent(index: &[u8; 136]) -> Extent {
    let word = |at: usize| u32::from_ne_bytes(index[at..at + 4].try_into().unwrap());
    Extent {
        salt: index[32..40].try_into().unwrap(),
        frames: word(16),
        checkpointed: word(128),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut text = path.as_os_str().to_owned();
    text.push(suffix);
    text.into()
}

/// Syncs, and writes down what the sync is sure to cover. Plain file contents survive the kill.
fn recording(path: &Path) -> SyncLog {
    let record = File::create(beside(path, "-recorded")).unwrap();
    let index_path = beside(path, "-shm");
    // Opened late, since SQLite makes it anew, and never closed: that would drop SQLite's locks.
    let index = std::sync::OnceLock::new();
    SyncLog(Arc::new(move |log| {
        let index: &File = index.get_or_init(|| File::open(&index_path).unwrap());
        let found = loop {
            let (mut once, mut twice) = ([0; 136], [0; 136]);
            index.read_exact_at(&mut once, 0)?;
            index.read_exact_at(&mut twice, 0)?;
            // The header is kept twice, to show when it is being written.
            if once == twice && once[..48] == once[48..96] {
                break extent(&once);
            }
        };
        log.sync_data()?;
        let mut line = found.salt.to_vec();
        line.extend_from_slice(&found.frames.to_le_bytes());
        record.write_all_at(&line, 0)
    }))
}

/// Throws away what was only written: of the log behind the recorded extent, an arbitrary half of the
/// sectors.
fn cut_power(path: &Path, random: &SeededRandom) {
    let log_path = beside(path, "-wal");
    let mut log = fs::read(&log_path).unwrap();
    let index = fs::read(beside(path, "-shm")).unwrap();
    let record = fs::read(beside(path, "-recorded")).unwrap();
    let (Some(index), true, true) = (index.first_chunk(), log.len() > LOG_HEADER, record.len() == 12) else {
        return;
    };
    let now = extent(index);
    let recorded = (
        <[u8; 8]>::try_from(&record[..8]).unwrap(),
        u32::from_le_bytes(record[8..].try_into().unwrap()),
    );
    if log[16..24] != now.salt {
        // The log is about to start again: a checkpoint had synced and copied all of it.
        return;
    }
    // SQLite itself syncs a new header, and the log before it copies from it.
    let safe = if recorded.0 == now.salt {
        recorded.1.max(now.checkpointed)
    } else {
        now.checkpointed
    };
    let safe = (LOG_HEADER + safe as usize * FRAME).min(log.len());
    for sector in log[safe..].chunks_mut(512) {
        if random.below(2) == 0 {
            sector.fill(0);
        }
    }
    fs::write(&log_path, &log).unwrap();
    fs::remove_file(beside(path, "-shm")).unwrap();
}

#[test]
fn a_second_process_is_refused() {
    if let Ok(path) = std::env::var(CHILD) {
        return run(async {
            let outcome = Store::open_sqlite(SqliteOptions::new(path)).await;
            tell(
                "outcome",
                &outcome
                    .map(|_| "opened".to_owned())
                    .unwrap_or_else(|error| error.to_string()),
            );
        });
    }
    run(async {
        let place = Place::sqlite();
        let store = place.open().await;
        let try_it = || {
            let output = Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "tests::crash::a_second_process_is_refused",
                    "--nocapture",
                ])
                .env(CHILD, place.path())
                .output()
                .unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let refused = try_it();
        assert!(
            refused.contains("outcome the database is in use by another process"),
            "{refused}"
        );
        store.close().await;
        let opened = try_it();
        assert!(opened.contains("outcome opened"), "{opened}");
    });
}
