//! One address for a program that is started several times: a browser knows a page by its address. Passes bytes on and
//! cuts all connections when told to, as a lost network does.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// The proxy; ends when dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    target: Arc<Mutex<Option<String>>>,
    cuts: watch::Sender<u64>,
    task: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = Arc::new(Mutex::new(Some(target.to_owned())));
        let cuts = watch::Sender::new(0);
        let (shared, cutting) = (Arc::clone(&target), cuts.clone());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let target = shared.lock().unwrap().clone();
                let mut cut = cutting.subscribe();
                tokio::spawn(async move {
                    let Some(target) = target else { return };
                    let Ok(server) = TcpStream::connect(target).await else {
                        return;
                    };
                    tokio::select! {
                        () = pass(client, server) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self {
            address,
            target,
            cuts,
            task,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Cuts all connections; new ones go to this address, or nowhere.
    pub(crate) fn lead_to(&self, target: Option<&str>) {
        *self.target.lock().unwrap() = target.map(str::to_owned);
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream) {
    // How a connection ends is seen by both of its ends.
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let _ = copy_bidirectional(&mut client, &mut server).await;
}
