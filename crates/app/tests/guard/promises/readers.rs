//! Slow readers harm nobody: they cost next to no memory, and neither the answer nor quick readers wait for them.

use super::{asking, read_some, whole};
use crate::support::{options, with_vendor};
use chatai_testkit::{
    app::TestApp,
    events::{EventStream, Told},
    provider::{Gate, Reply},
};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{Duration, interval},
};

const READERS: usize = 1_000;
/// What all of them together may cost, in kilobytes.
const MOST_KB: u64 = 16 * 1024;
/// Bytes that each reads, one a second. Whoever reads at this pace for good takes less than the system sends at a time: its
/// connection is given up after a minute, as one that is left unread, and it comes back to where it was.
const BYTES_READ: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_of_a_byte_a_second() {
    let (app, provider) = with_vendor(options()).await;
    let user = app.register("ada@example.com").await;
    let text = "What is read slowly is kept once, however many read it. ".repeat(20_000);
    // Everything that any answer needs is there before it is measured.
    provider.push(Reply::text(&text).deltas(200));
    let mut events = EventStream::open(asking(&user, "warm", None)).await;
    let mut told = Told::default();
    read_some(&mut events, &mut told, 1).await.unwrap();
    events.read_to_end(&mut told).await;
    wait_for_index(&app).await;
    let (begun, middle) = (Gate::new(), Gate::new());
    provider.push(
        Reply::text(&text)
            .deltas(200)
            .gate_headers(&begun)
            .gate_after(100, &middle),
    );
    let mut events = EventStream::open(asking(&user, "slow", None)).await;
    let mut told = Told::default();
    read_some(&mut events, &mut told, 1).await.unwrap();
    let before = memory_kb(&app);
    let mut slow = JoinSet::new();
    let address: SocketAddr = app.address().parse().unwrap();
    for _ in 0..READERS {
        slow.spawn(begin(address, user.token.clone(), told.answer()));
    }
    let sockets = slow.join_all().await;
    begun.open();
    middle.reached().await;
    let mut reading = JoinSet::new();
    for socket in sockets {
        reading.spawn(read_slowly(socket));
    }
    middle.open();
    events.read_to_end(&mut told).await;
    assert_eq!((told.text.as_str(), told.status()), (text.trim(), "complete"));
    assert_eq!(
        whole(&user, told.answer()).await.text,
        told.text,
        "quick ones go on beside them"
    );
    let sockets = reading.join_all().await;
    wait_for_index(&app).await;
    let after = memory_kb(&app);
    println!("{} KB for {READERS} slow readers", after.saturating_sub(before));
    assert!(
        after.saturating_sub(before) <= MOST_KB,
        "{READERS} slow readers cost {} KB",
        after - before
    );
    assert_eq!(sockets.len(), READERS);
}

/// What an answer's words take on their way into the index is not the readers'. Nothing tells when they are there.
async fn wait_for_index(app: &TestApp) {
    let file = rusqlite::Connection::open(app.data_dir().join("chatai.db")).unwrap();
    let waits = || -> i64 {
        let sql = "select count(*) from search_new_messages";
        file.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let begun = std::time::Instant::now();
    let mut looks = interval(Duration::from_millis(5));
    while waits() > 0 {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "an answer waits for the index"
        );
        looks.tick().await;
    }
}

/// A reader with as little room for what it has not read as the system allows.
async fn begin(address: SocketAddr, token: String, answer: i64) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    let mut socket = socket.connect(address).await.unwrap();
    let request = format!(
        "GET /chat/messages/{answer}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(socket.read_u8().await.unwrap(), b'H');
    socket
}

async fn read_slowly(mut socket: TcpStream) -> TcpStream {
    let mut seconds = interval(Duration::from_secs(1));
    for _ in 0..BYTES_READ {
        seconds.tick().await;
        socket.read_u8().await.unwrap();
    }
    socket
}

/// What the program's process holds, in kilobytes.
fn memory_kb(app: &TestApp) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", app.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
}
