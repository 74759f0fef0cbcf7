//! HTTP by the byte, for requests that no honest client sends.

use chatai_testkit::app::TestApp;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long a connection that should end may stay open.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to the program.
pub(crate) async fn connect(app: &TestApp) -> TcpStream {
    TcpStream::connect(app.address())
        .await
        .expect("the program listens")
}

/// Sends bytes on a connection of their own; everything the program says until it closes.
pub(crate) async fn exchange(app: &TestApp, bytes: &[u8]) -> String {
    let mut socket = connect(app).await;
    // The program may refuse and close before it has read all.
    let _sent = socket.write_all(bytes).await;
    rest(&mut socket).await
}

/// Everything that comes until the program closes the connection.
pub(crate) async fn rest(socket: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let mut buffer = [0; 4_096];
    let reading = async {
        // A reset is an end too.
        while let Ok(read @ 1..) = socket.read(&mut buffer).await {
            said.extend_from_slice(&buffer[..read]);
        }
    };
    timeout(PATIENCE, reading)
        .await
        .expect("the program closes the connection");
    String::from_utf8_lossy(&said).into_owned()
}
