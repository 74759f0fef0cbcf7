//! Many clients at once, each waiting for its reply before it asks again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::http;

/// Latencies above this are counted as this; in nanoseconds.
const LONGEST_NS: u64 = 120_000_000_000;

/// What one client sends: its requests in order, from the beginning again after the last.
#[derive(Clone, Debug)]
pub(super) struct Script {
    /// The requests as bytes.
    pub(super) requests: Arc<[Vec<u8>]>,
    /// How many times in a row each is sent.
    pub(super) repeats: usize,
}

impl Script {
    /// The same request for ever.
    pub(super) fn one(request: Vec<u8>) -> Self {
        Self {
            requests: [request].into(),
            repeats: 1,
        }
    }
}

/// What came of a load.
#[derive(Debug)]
pub(super) struct Load {
    /// Replies within the time.
    pub(super) replies: u64,
    /// How long it took.
    pub(super) elapsed: Duration,
    /// Nanoseconds from the first byte out to the last byte in.
    pub(super) latency: Histogram<u64>,
}

impl Load {
    /// Replies per second.
    pub(super) fn per_second(&self) -> f64 {
        self.replies as f64 / self.elapsed.as_secs_f64()
    }

    /// A latency's quantile in microseconds.
    pub(super) fn quantile_us(&self, quantile: f64) -> f64 {
        quantile_us(&self.latency, quantile)
    }
}

/// A histogram of nanoseconds.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("three digits within these bounds are possible")
}

/// A quantile of nanoseconds, in microseconds.
pub(super) fn quantile_us(latency: &Histogram<u64>, quantile: f64) -> f64 {
    latency.value_at_quantile(quantile) as f64 / 1_000.0
}

/// Puts a duration into a histogram.
pub(super) fn record(latency: &mut Histogram<u64>, duration: Duration) {
    let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(LONGEST_NS);
    latency.saturating_record(nanoseconds.max(1));
}

/// The median and the 99th percentile, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quantiles {
    /// Half of all take no longer.
    pub(super) p50: f64,
    /// All but one of a hundred take no longer.
    pub(super) p99: f64,
}

impl From<&Histogram<u64>> for Quantiles {
    fn from(latency: &Histogram<u64>) -> Self {
        Self {
            p50: quantile_us(latency, 0.5),
            p99: quantile_us(latency, 0.99),
        }
    }
}

/// Lets one client per script run for `duration`, all on one thread. Any reply other than 200 ends it.
pub(super) fn saturate(address: SocketAddr, scripts: &[Script], duration: Duration) -> Result<Load, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the clients: {error}"))?;
    runtime.block_on(async {
        let mut streams = Vec::with_capacity(scripts.len());
        for _ in scripts {
            let stream = TcpStream::connect(address).await;
            let stream = stream.map_err(|error| format!("cannot connect to {address}: {error}"))?;
            stream
                .set_nodelay(true)
                .map_err(|error| format!("cannot connect to {address}: {error}"))?;
            streams.push(stream);
        }
        let start = Instant::now();
        let clients: Vec<_> = streams
            .into_iter()
            .zip(scripts)
            .map(|(stream, script)| tokio::spawn(client(stream, script.clone(), start + duration)))
            .collect();
        let mut load = Load {
            replies: 0,
            elapsed: duration,
            latency: histogram(),
        };
        for client in clients {
            let durations = client
                .await
                .map_err(|error| format!("a client broke: {error}"))??;
            load.replies += durations.len() as u64;
            for duration in durations {
                record(&mut load.latency, duration);
            }
        }
        Ok(load)
    })
}

/// The latencies of those replies that came before the end.
async fn client(mut stream: TcpStream, script: Script, end: Instant) -> Result<Vec<Duration>, String> {
    let failed = |error: std::io::Error| format!("an exchange failed: {error}");
    let mut buffer = Vec::with_capacity(16 * 1024);
    let mut durations = Vec::with_capacity(4_096);
    for number in 0_usize.. {
        let request = &script.requests[number / script.repeats % script.requests.len()];
        let start = Instant::now();
        if start >= end {
            break;
        }
        buffer.clear();
        stream.write_all(request).await.map_err(failed)?;
        let mut found = None;
        let status = loop {
            if found.is_none() {
                found = http::frame(&buffer)?;
            }
            if let Some(frame) = found.filter(|frame| frame.is_whole(&buffer)) {
                break frame.status;
            }
            if stream.read_buf(&mut buffer).await.map_err(failed)? == 0 {
                return Err("the connection was closed".to_owned());
            }
        };
        if status != 200 {
            return Err(format!("status {status}: {}", String::from_utf8_lossy(&buffer)));
        }
        let now = Instant::now();
        if now <= end {
            durations.push(now - start);
        }
    }
    Ok(durations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::floor::Floor;

    #[test]
    fn clients_count_replies_and_their_latencies() {
        let floor = Floor::start(100).unwrap();
        let scripts = vec![Script::one(http::get("/", "")); 3];
        let load = saturate(floor.address, &scripts, Duration::from_millis(50)).unwrap();
        assert!(load.replies >= 3, "{load:?}");
        assert_eq!(load.latency.len(), load.replies);
        assert!(load.quantile_us(0.5) <= load.quantile_us(0.99));
    }
}
