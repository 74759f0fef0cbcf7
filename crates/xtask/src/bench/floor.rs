//! The floor: a server that answers whatever it is asked with one fixed reply, over the same loopback.
//!
//! It does what no service can do without (take bytes, find a request's end, write bytes) and nothing else, on as
//! many threads as the service has. What a measurement costs beyond it is the service's doing.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::http;

/// A running floor; it ends when dropped.
#[derive(Debug)]
pub(super) struct Floor {
    /// Where it listens.
    pub(super) address: SocketAddr,
    _runtime: Runtime,
}

impl Floor {
    /// Starts a server that answers with JSON of this many bytes.
    pub(super) fn start(body_bytes: usize) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("cannot start the floor: {error}");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let body = format!("\"{}\"", "a".repeat(body_bytes.saturating_sub(2)));
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let reply: Arc<[u8]> = [head, body].concat().into_bytes().into();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let reply = Arc::clone(&reply);
                tokio::spawn(async move {
                    // A client that leaves ends its connection, nothing else.
                    let _ = serve(stream, &reply).await;
                });
            }
        });
        Ok(Self {
            address,
            _runtime: runtime,
        })
    }
}

async fn serve(mut stream: TcpStream, reply: &[u8]) -> Result<(), String> {
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        match http::frame(&buffer)? {
            Some(frame) if frame.is_whole(&buffer) => {
                buffer.drain(..frame.head + frame.body.unwrap_or(0));
                stream.write_all(reply).await.map_err(|error| error.to_string())?;
            }
            _ => {
                let read = stream.read_buf(&mut buffer).await;
                if read.map_err(|error| error.to_string())? == 0 {
                    return Ok(());
                }
            }
        }
    }
}
