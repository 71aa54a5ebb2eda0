//! A TCP proxy that can cut, freeze or slow connections.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::Instant,
};

/// Stands between a client and a server.
pub struct Proxy {
    pub address: SocketAddr,
    faults: Arc<Faults>,
}

#[derive(Default)]
struct Faults {
    /// The next reply after a request that contains this text is thrown away, with its connection.
    cut_reply_to: std::sync::Mutex<Option<Vec<u8>>>,
    was_cut: AtomicBool,
    /// Counts the times all connections were cut.
    cuts: watch::Sender<u32>,
    refuse: AtomicBool,
    /// Counts the times all connections were frozen.
    freezes: watch::Sender<u32>,
}

impl Proxy {
    pub async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let faults = Arc::new(Faults::default());
        let shared = Arc::clone(&faults);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if shared.refuse.load(Ordering::SeqCst) {
                    continue;
                }
                tokio::spawn(serve(client, server, Arc::clone(&shared)));
            }
        });
        Self { address, faults }
    }

    /// One that holds every byte back for this long, in both directions.
    pub async fn start_slow(server: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(carry(from_client, to_server, delay));
                tokio::spawn(carry(from_server, to_client, delay));
            }
        });
        Self {
            address,
            faults: Arc::default(),
        }
    }

    /// Carries nothing any more over the connections that there are, and closes none: they are
    /// half-open. New ones work.
    pub fn freeze_all(&self) {
        self.faults.freezes.send_modify(|freezes| *freezes += 1);
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Cuts the connection instead of delivering the reply to the next request with this text.
    pub fn cut_reply_to(&self, text: &str) {
        self.faults.was_cut.store(false, Ordering::SeqCst);
        *self.faults.cut_reply_to.lock().unwrap() = Some(text.into());
    }

    pub fn was_cut(&self) -> bool {
        self.faults.was_cut.load(Ordering::SeqCst)
    }

    /// Cuts every connection and, while `refuse`, every new one.
    pub fn cut_all(&self, refuse: bool) {
        self.faults.refuse.store(refuse, Ordering::SeqCst);
        self.faults.cuts.send_modify(|cuts| *cuts += 1);
    }
}

/// Carries bytes one way, each `delay` after it came; many may be on the way at once.
async fn carry(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin + Send + 'static,
    delay: Duration,
) {
    let (sender, mut arrived) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((at, bytes)) = arrived.recv().await {
            tokio::time::sleep_until(at + delay).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if sender
            .send((Instant::now(), buffer[..count].to_vec()))
            .is_err()
        {
            return;
        }
    }
}

async fn serve(mut client: TcpStream, server: u16, faults: Arc<Faults>) {
    let mut cuts = faults.cuts.subscribe();
    let mut freezes = faults.freezes.subscribe();
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else {
        return;
    };
    let (mut from_client, mut from_server) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut cut_next_reply = false;
    loop {
        tokio::select! {
            _ = cuts.changed() => return,
            _ = freezes.changed() => {
                let _cut = cuts.changed().await;
                return;
            }
            read = client.read(&mut from_client) => {
                let Ok(count @ 1..) = read else { return };
                let request = &from_client[..count];
                let mut wanted = faults.cut_reply_to.lock().unwrap().take();
                if let Some(text) = wanted.take() {
                    if request.windows(text.len()).any(|window| window == text) {
                        cut_next_reply = true;
                    } else {
                        *faults.cut_reply_to.lock().unwrap() = Some(text);
                    }
                }
                if server.write_all(request).await.is_err() { return }
            }
            read = server.read(&mut from_server) => {
                let Ok(count @ 1..) = read else { return };
                if cut_next_reply {
                    faults.was_cut.store(true, Ordering::SeqCst);
                    return;
                }
                if client.write_all(&from_server[..count]).await.is_err() { return }
            }
        }
    }
}
