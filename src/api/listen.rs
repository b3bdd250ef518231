//! The socket. axum's own server sets no limits on connections, so a caller that sends half a head, or nothing, or
//! reads nothing, would keep a connection for ever and hold up every shutdown. Here each of them is cut off.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How long the head of a call may take, from its first byte; and how long a new connection may say nothing.
const HEAD: Duration = Duration::from_secs(30);
/// How long a connection may rest between calls: longer than load balancers keep theirs (AWS's: 60 s), so that it is
/// they who close it, and never in the face of a call.
const REST: Duration = Duration::from_secs(75);
/// How long a peer may take nothing of an answer.
const STALL: Duration = Duration::from_secs(30);
/// How long a connection on which nothing is being answered stays open once the process stops.
const LEAVE: Duration = Duration::from_secs(1);

/// Serves `router` on `listener` until `stop`, then takes no new connection, lets calls that have arrived finish and
/// closes the rest. Whoever waits for it to return bounds the wait.
///
/// # Errors
/// None in practice: failures to accept are retried.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> io::Result<()> {
    let door = Door { listener, stop: stop.clone() };
    let router = router.layer(middleware::from_fn(mark_busy));
    let service = router.into_make_service_with_connect_info::<Peer>();
    axum::serve(door, service).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    address: SocketAddr,
    busy: Arc<AtomicBool>,
}

impl Peer {
    /// The address, with IPv4 as IPv4.
    pub(crate) fn ip(&self) -> IpAddr {
        self.address.ip().to_canonical()
    }
}

impl Connected<IncomingStream<'_, Door>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Self { address: *stream.remote_addr(), busy: stream.io().busy.clone() }
    }
}

/// Tells the connection that a call has arrived whole, until it is answered.
async fn mark_busy(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer.busy.clone());
    let _busy = peer.map(Busy::new);
    next.run(request).await
}

struct Busy(Arc<AtomicBool>);

impl Busy {
    fn new(flag: Arc<AtomicBool>) -> Self {
        flag.store(true, Ordering::Release);
        Self(flag)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[derive(Debug)]
struct Door {
    listener: TcpListener,
    stop: CancellationToken,
}

impl Listener for Door {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Answers are written whole; waiting for more to send only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        (Connection::new(stream, self.stop.clone()), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that is given up when its peer keeps it waiting.
#[derive(Debug)]
struct Connection<S = TcpStream> {
    stream: S,
    busy: Arc<AtomicBool>,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    stopping: bool,
    /// Whether bytes have come since the last answer.
    in_head: bool,
    /// Whether it was busy when it was last looked at.
    was_busy: bool,
    patience: Pin<Box<Sleep>>,
    stall: Option<Pin<Box<Sleep>>>,
}

impl<S> Connection<S> {
    fn new(stream: S, stop: CancellationToken) -> Self {
        Self {
            stream,
            busy: Arc::default(),
            stop: Box::pin(stop.cancelled_owned()),
            stopping: false,
            in_head: false,
            was_busy: false,
            patience: Box::pin(tokio::time::sleep(HEAD)),
            stall: None,
        }
    }

    fn wait(&mut self, time: Duration) {
        let time = if self.stopping { time.min(LEAVE) } else { time };
        self.patience.as_mut().reset(Instant::now() + time);
    }

    /// Ready when the peer has been waited for long enough.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.stopping && self.stop.as_mut().poll(cx).is_ready() {
            self.stopping = true;
            self.wait(LEAVE);
        }
        if self.busy.load(Ordering::Acquire) {
            self.was_busy = true;
            return Poll::Pending;
        }
        if std::mem::take(&mut self.was_busy) {
            self.in_head = false;
            self.wait(REST);
        }
        self.patience.as_mut().poll(cx)
    }

    fn poll_stalled<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stall = None;
            if !self.in_head {
                self.wait(REST);
            }
            return written;
        }
        let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(STALL)));
        ready!(stall.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not take its answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(cx, into) {
            let first = !self.in_head && into.filled().len() > before;
            if first {
                self.in_head = true;
                self.wait(HEAD);
            }
            // A head that trickles in never leaves the stream pending for long; its time is over all the same.
            if self.poll_patience(cx).is_pending() {
                return Poll::Ready(read);
            }
        }
        ready!(self.poll_patience(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer keeps us waiting")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.poll_stalled(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.poll_stalled(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.poll_stalled(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.poll_stalled(cx, ended)
    }
}
