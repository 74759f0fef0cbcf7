//! Sockets: accepting them, bounding them, ending them.
//!
//! Our own loop over the HTTP library, because each connection is watched, counted and told when the service ends.

mod framing;
mod wire;

use crate::service::Service;
use axum::{body::Body, response::Response};
use framing::{FramingWatch, Verdict};
use http::{HeaderValue, Request, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    future::Future,
    net::IpAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wire::Wire;

/// The longest head of a request, and what is read of a body at once.
const BUFFER_BYTES: usize = 64 << 10;
/// Connections over the limit that are being told so; until they are, no further one is accepted.
const REFUSALS: usize = 32;
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// How long to wait when no connection can be accepted, as when the process has no free file handle.
const BACK_OFF: Duration = Duration::from_millis(50);
/// How often the log may say so.
const COMPLAINT_EVERY: Duration = Duration::from_secs(10);

/// A request whose length is announced in two ways, to be refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AmbiguousLength;

/// Bounds of connections.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    connections: usize,
    header_timeout: Duration,
}

/// Serves until `shutdown`, then lets open requests finish for `grace` and ends the rest.
///
/// Never fails: what goes wrong with one connection ends that one, and a lack of file handles is waited out.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    shutdown: impl Future<Output = ()>,
    grace: Duration,
) {
    let settings = service.settings();
    let bounds = Bounds {
        connections: settings.connections,
        header_timeout: settings.header_timeout,
    };
    let handler = service.clone();
    let respond = move |request, peer| {
        let service = handler.clone();
        async move { service.respond(request, peer).await }
    };
    accept(listener, bounds, respond, shutdown, grace).await;
    service.finish().await;
}

/// What answers a request.
trait Respond: Clone + Send + 'static {
    fn respond(&self, request: Request<Body>, peer: IpAddr) -> impl Future<Output = Response> + Send;
}

impl<F, A> Respond for F
where
    F: Fn(Request<Body>, IpAddr) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response> + Send,
{
    fn respond(&self, request: Request<Body>, peer: IpAddr) -> impl Future<Output = Response> + Send {
        self(request, peer)
    }
}

async fn accept(
    listener: TcpListener,
    bounds: Bounds,
    respond: impl Respond,
    shutdown: impl Future<Output = ()>,
    grace: Duration,
) {
    let places = Arc::new(Semaphore::new(bounds.connections));
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    let tasks = TaskTracker::new();
    let (ending, ended) = (CancellationToken::new(), CancellationToken::new());
    let mut complained: Option<Instant> = None;
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let (socket, peer) = match accepted {
            Ok((socket, peer)) => (socket, peer.ip()),
            Err(error) => {
                if complained.is_none_or(|last| last.elapsed() > COMPLAINT_EVERY) {
                    complained = Some(Instant::now());
                    tracing::warn!(
                        error = error.to_string(),
                        "no connection can be accepted just now"
                    );
                }
                tokio::time::sleep(BACK_OFF).await;
                continue;
            }
        };
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            let (respond, ending, ended) = (respond.clone(), ending.clone(), ended.clone());
            tasks.spawn(async move {
                connection(socket, peer, bounds, respond, ending, ended).await;
                drop(place);
            });
            continue;
        }
        let place = tokio::select! {
            biased;
            () = &mut shutdown => break,
            place = Arc::clone(&refusals).acquire_owned() => place,
        };
        tasks.spawn(async move {
            // Told in time or not, the connection ends.
            let _told = tokio::time::timeout(REFUSAL_TIME, refuse(socket)).await;
            drop(place);
        });
    }
    drop(listener);
    ending.cancel();
    tasks.close();
    if tokio::time::timeout(grace, tasks.wait()).await.is_err() {
        tracing::warn!(
            open = tasks.len(),
            "connections were cut: their requests did not finish in time"
        );
        ended.cancel();
        tasks.wait().await;
    }
}

async fn connection(
    socket: TcpStream,
    peer: IpAddr,
    bounds: Bounds,
    respond: impl Respond,
    ending: CancellationToken,
    ended: CancellationToken,
) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(error = error.to_string(), "a connection is gone already");
        return;
    }
    let verdict = Verdict::default();
    let io = TokioIo::new(Wire::new(socket, FramingWatch::new(verdict.clone())));
    let answer = service_fn(move |request| answer(request, peer, respond.clone(), verdict.clone()));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.header_timeout)
            .max_buf_size(BUFFER_BYTES)
            .serve_connection(io, answer)
    );
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = ending.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                result = connection => result,
                () = ended.cancelled() => Ok(()),
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(error = error.to_string(), "a connection ended early");
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: IpAddr,
    respond: impl Respond,
    verdict: Verdict,
) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    if chunked && verdict.is_ambiguous() {
        request.extensions_mut().insert(AmbiguousLength);
    }
    let mut response = respond.respond(request, peer).await;
    if chunked {
        // The watch does not follow chunks: this is the connection's last request.
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// Tells a client over the limit to come back.
async fn refuse(mut socket: TcpStream) -> std::io::Result<()> {
    const BODY: &str =
        r#"{"detail":"Too many connections; try again shortly","code":"overloaded","request_id":""}"#;
    // Read first: closing on unread bytes would reset the connection before the client has read the answer.
    let mut ignored = [0; 4_096];
    let _length = socket.read(&mut ignored).await?;
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         retry-after: 1\r\nconnection: close\r\n\r\n",
        BODY.len()
    );
    socket.write_all((head + BODY).as_bytes()).await?;
    socket.shutdown().await?;
    while socket.read(&mut ignored).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests;
