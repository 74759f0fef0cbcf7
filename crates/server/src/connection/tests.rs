//! Raw bytes over real sockets, against a handler that only echoes.

use super::*;
use axum::response::IntoResponse;
use http_body_util::BodyExt;
use std::net::SocketAddr;
use tokio::{sync::oneshot, task::JoinHandle};

const BOUNDS: Bounds = Bounds {
    connections: 2,
    header_timeout: Duration::from_millis(200),
};

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

async fn echo(request: Request<Body>, _peer: IpAddr) -> Response {
    let ambiguous = request.extensions().get::<AmbiguousLength>().is_some();
    if request.uri().path() == "/wait" {
        std::future::pending::<()>().await;
    }
    match request.into_body().collect().await {
        Ok(body) => format!("{ambiguous} {}", String::from_utf8_lossy(&body.to_bytes())).into_response(),
        Err(_) => http::StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn start() -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move {
        stopped.await.unwrap();
    };
    let server = tokio::spawn(accept(
        listener,
        BOUNDS,
        echo,
        shutdown,
        Duration::from_millis(100),
    ));
    Running {
        address,
        stop,
        server,
    }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Everything that comes back until the server closes.
    async fn exchange(&self, sent: &str) -> String {
        let mut socket = self.connect().await;
        socket.write_all(sent.as_bytes()).await.unwrap();
        read_to_end(&mut socket).await
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        self.server.await.unwrap();
    }
}

async fn read_to_end(socket: &mut TcpStream) -> String {
    let mut received = Vec::new();
    // A reset after the answer is an end, too.
    let _ended = socket.read_to_end(&mut received).await;
    String::from_utf8(received).unwrap()
}

fn statuses(received: &str) -> Vec<&str> {
    received
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| &answer[..3])
        .collect()
}

#[tokio::test]
async fn requests_follow_each_other_on_one_connection() {
    let server = start().await;
    let one = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    let last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let received = server.exchange(&format!("{one}{one}{last}")).await;
    assert_eq!(statuses(&received), ["200", "200", "200"], "{received}");
    assert_eq!(received.matches("false hi").count(), 2, "{received}");
    server.end().await;
}

#[tokio::test]
async fn smuggling_forms_are_refused_or_marked_and_end_the_connection() {
    let server = start().await;
    let behind = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for (head, body) in [
        ("Content-Length: 2\r\nContent-Length: 3", "hi"),
        ("Content-Length: 2, 3", "hi"),
        ("Content-Length: +2", "hi"),
        ("Content-Length: -1", ""),
        ("Content-Length: 99999999999999999999999", ""),
        ("Transfer-Encoding: gzip", ""),
        ("Transfer-Encoding: chunked, identity", "0\r\n\r\n"),
        ("X: a\r\n folded", ""),
        ("Content-Length : 2", "hi"),
        ("Transfer-Encoding : chunked", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "zz\r\nhi\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "2\r\nhixx\r\n0\r\n\r\n"),
        (
            "Transfer-Encoding: chunked",
            "fffffffffffffffff\r\nhi\r\n0\r\n\r\n",
        ),
    ] {
        let sent = format!("POST / HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n{body}{behind}");
        let received = server.exchange(&sent).await;
        assert_eq!(statuses(&received), ["400"], "{sent:?}: {received}");
    }
    for lengths in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "transfer-encoding: chunked\r\ncontent-length: 0",
    ] {
        let sent = format!("POST / HTTP/1.1\r\nHost: a\r\n{lengths}\r\n\r\n0\r\n\r\n{behind}");
        let received = server.exchange(&sent).await;
        assert_eq!(statuses(&received), ["200"], "{sent:?}: {received}");
        assert!(received.ends_with("true "), "{received}");
    }
    let sent = format!("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{behind}");
    let received = server.exchange(&sent).await;
    assert_eq!(statuses(&received), ["400"], "{received}");
    server.end().await;
}

#[tokio::test]
async fn slow_heads_are_closed() {
    let server = start().await;
    let begun = Instant::now();
    let received = server.exchange("GET / HTTP/1.1\r\nHost: a\r\nX: ").await;
    assert!(received.is_empty() || received.contains(" 408 "), "{received}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    server.end().await;
}

#[tokio::test]
async fn long_heads_are_refused() {
    let server = start().await;
    let sent = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(2 * BUFFER_BYTES)
    );
    let received = server.exchange(&sent).await;
    assert_eq!(statuses(&received), ["431"], "{received}");
    server.end().await;
}

#[tokio::test]
async fn connections_over_the_limit_are_told_to_come_back() {
    let server = start().await;
    let wait = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut waiting = Vec::new();
    for _ in 0..BOUNDS.connections {
        let mut socket = server.connect().await;
        socket.write_all(wait.as_bytes()).await.unwrap();
        waiting.push(socket);
    }
    let received = server.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(statuses(&received), ["503"], "{received}");
    assert!(received.contains("retry-after: 1"));
    // A place that becomes free is given again.
    waiting.pop();
    let last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    loop {
        match statuses(&server.exchange(last).await)[..] {
            ["200"] => break,
            ["503"] => tokio::task::yield_now().await,
            ref other => panic!("{other:?}"),
        }
    }
    server.end().await;
}

#[tokio::test]
async fn the_end_waits_for_requests_as_long_as_its_grace() {
    let server = start().await;
    let mut waiting = server.connect().await;
    waiting
        .write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut idle = server.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 8];
    idle.read_exact(&mut first).await.unwrap();
    let begun = Instant::now();
    server.end().await;
    assert!(
        begun.elapsed() >= Duration::from_millis(100),
        "the open request was not waited for"
    );
    assert_eq!(read_to_end(&mut waiting).await, "");
}
