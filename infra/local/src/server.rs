//! The HTTP/1.1 server in front of the gateway and of each embedded service.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::error::{Cause, During, Error};

/// How long open requests may go on after the stop.
const GRACE: Duration = Duration::from_millis(1000);
/// How long a client may take to send a request's head.
const HEAD_LIMIT: Duration = Duration::from_secs(60);

/// Turns true when the server shall end.
pub type Stop = watch::Receiver<bool>;

/// Waits for the stop.
pub async fn stopped(stop: &mut Stop) {
    // An error says that the sender is gone: a stop as well.
    let _ = stop.wait_for(|stopped| *stopped).await;
}

/// Tasks that end together.
pub struct Layer {
    /// Where they listen.
    pub address: IpAddr,
    /// Tells them to.
    pub stop: watch::Sender<bool>,
    /// The tasks.
    pub tasks: JoinSet<()>,
}

/// On 127.0.0.1.
impl Default for Layer {
    fn default() -> Self {
        Self::at(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }
}

impl Layer {
    /// Nothing yet, at an address.
    #[must_use]
    pub fn at(address: IpAddr) -> Self {
        Self {
            address,
            stop: watch::Sender::new(false),
            tasks: JoinSet::new(),
        }
    }

    /// Lets the tasks end; those that take too long are cut off.
    pub async fn end(&mut self) {
        self.stop.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE * 3 / 2, all).await.is_err() {
            self.tasks.shutdown().await;
        }
    }
}

/// Serves a router on a port of the system's choice, at the layer's address, and returns its base URL.
///
/// # Errors
/// When no port can be had.
pub async fn on_any_port(router: Router, layer: &mut Layer) -> Result<String, Error> {
    let part = format!("a port of {}", layer.address);
    let listener = TcpListener::bind((layer.address, 0)).await.during(&part)?;
    let address = listener.local_addr().during(&part)?;
    let handler = move |request: Request<Incoming>, _| {
        let router = router.clone();
        async move {
            match router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    };
    layer.tasks.spawn(serve(handler, listener, layer.stop.subscribe()));
    Ok(format!("http://{address}"))
}

/// Serves until `stop` says so; then open requests have a moment to end.
pub async fn serve<H, F, B>(handler: H, listener: TcpListener, mut stop: Stop)
where
    H: Fn(Request<Incoming>, IpAddr) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Cause>,
{
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => {
                    open.spawn(connection(handler.clone(), socket, peer.ip(), stop.clone()));
                }
                Err(why) => {
                    // Out of file descriptors, mostly: some come free.
                    tracing::warn!(%why, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            },
            Some(_) = open.join_next(), if !open.is_empty() => {}
            () = stopped(&mut stop) => break,
        }
    }
    drop(listener);
    let all_closed = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all_closed).await.is_err() {
        tracing::debug!("requests were still open at the end");
    }
}

async fn connection<H, F, B>(handler: H, socket: TcpStream, peer: IpAddr, mut stop: Stop)
where
    H: Fn(Request<Incoming>, IpAddr) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Cause>,
{
    // A stream's pieces go out one by one; Nagle's algorithm would hold them back.
    if socket.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request| {
        let answer = handler(request, peer);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let server = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(socket), service);
    tokio::pin!(server);
    let ended = tokio::select! {
        ended = &mut server => ended,
        () = stopped(&mut stop) => {
            server.as_mut().graceful_shutdown();
            server.await
        }
    };
    if let Err(why) = ended {
        tracing::debug!(%why, "a connection ended early");
    }
}
