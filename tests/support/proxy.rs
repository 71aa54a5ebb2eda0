//! A TCP proxy that can cut connections at chosen moments.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
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

async fn serve(mut client: TcpStream, server: u16, faults: Arc<Faults>) {
    let mut cuts = faults.cuts.subscribe();
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else {
        return;
    };
    let (mut from_client, mut from_server) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut cut_next_reply = false;
    loop {
        tokio::select! {
            _ = cuts.changed() => return,
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
