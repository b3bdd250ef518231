//! The socket. hyper cuts off who sends half a head or nothing; what it leaves open is done here: who takes nothing of
//! its answer is cut off too, and none of them holds up a process that stops. axum's own server sets no limits at all.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::stream::Outgoing;

/// How long peers are waited for.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// How long a new connection may take to bring the head of its first call. Nobody has a reason to be slow with it.
    first: Duration,
    /// How long a connection may rest between calls, the head of the next call included.
    rest: Duration,
    /// How long a peer may take nothing of an answer.
    stall: Duration,
    /// How long a connection on which nothing is being answered stays open once the process stops.
    leave: Duration,
}

/// The rest is longer than load balancers keep their connections (AWS's: 60 s), so that it is they who close them, and
/// never we in the face of a call.
const PATIENCE: Patience = Patience {
    first: Duration::from_secs(30),
    rest: Duration::from_secs(75),
    stall: Duration::from_secs(30),
    leave: Duration::from_secs(2),
};

/// The most that is held of a call before somebody takes it, in bytes. A head that is longer is refused.
const BUFFER: usize = 64 * 1024;

/// Serves `router` on `listener` until `stop`, then takes no new connection, lets calls that have arrived finish and
/// closes the rest. Dropped, it drops every connection.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    attend_all(listener, router, stop, PATIENCE).await;
}

async fn attend_all(mut listener: TcpListener, router: Router, stop: CancellationToken, patience: Patience) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            (stream, address) = Listener::accept(&mut listener) => {
                // Answers are written whole; waiting for more to send only delays them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "no TCP_NODELAY");
                }
                connections.spawn(attend(stream, Peer(address), router.clone(), stop.clone(), patience));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(SocketAddr);

impl Peer {
    /// The address, with IPv4 as IPv4.
    pub(crate) fn ip(self) -> IpAddr {
        self.0.ip().to_canonical()
    }
}

/// Answers the calls of one connection until it ends, or until the process stops and nothing is being answered on it.
async fn attend<S>(stream: S, peer: Peer, router: Router, stop: CancellationToken, patience: Patience)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (busy, at_work) = watch::channel(false);
    let (busy, first_call) = (Arc::new(busy), at_work.clone());
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let (answer, answering) = (router.clone().oneshot(request), Answering::new(busy.clone()));
        async move {
            let _until_answered = answering;
            answer.await
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.rest)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(Outgoing::new(stream, patience.stall)), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = nothing_comes(first_call, patience.first) => Ok(()),
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = quiet(at_work, patience.leave) => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, ?peer, "a connection was given up");
    }
}

/// Says that a call is being answered, for as long as it lives.
struct Answering(Arc<watch::Sender<bool>>);

impl Answering {
    fn new(busy: Arc<watch::Sender<bool>>) -> Self {
        busy.send_replace(true);
        Self(busy)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}

/// Waits until `time` is over, if no call has come by then; for ever otherwise.
async fn nothing_comes(mut at_work: watch::Receiver<bool>, time: Duration) {
    // A call may be over before this looks: that it came is a change all the same.
    if timeout(time, at_work.changed()).await.is_ok() {
        std::future::pending().await
    }
}

/// Waits until nothing has been answered for `time`.
async fn quiet(mut at_work: watch::Receiver<bool>, time: Duration) {
    while at_work.wait_for(|busy| !busy).await.is_ok() {
        if timeout(time, at_work.wait_for(|busy| *busy)).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use axum::extract::Path;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::task::JoinHandle;

    use super::*;

    /// Long enough that a test which waits for it has failed.
    const NEVER: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(100);

    fn patience() -> Patience {
        Patience { first: NEVER, rest: NEVER, stall: NEVER, leave: NEVER }
    }

    /// A connection to a server of `/{n}`, which answers with n bytes.
    fn connect(patience: Patience, room: usize) -> (DuplexStream, CancellationToken, JoinHandle<()>) {
        let (ours, theirs) = tokio::io::duplex(room);
        let router = Router::new().route("/{n}", get(async |Path(n): Path<usize>| "x".repeat(n)));
        let (stop, peer) = (CancellationToken::new(), Peer(SocketAddr::from(([127, 0, 0, 1], 1))));
        #[expect(clippy::disallowed_methods, reason = "a test has no lifecycle")]
        let served = tokio::spawn(attend(theirs, peer, router, stop.clone(), patience));
        (ours, stop, served)
    }

    async fn call(connection: &mut DuplexStream) -> String {
        connection.write_all(b"GET /2 HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("it is open");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nxx") {
            assert!(connection.read_buf(&mut answer).await.expect("an answer") > 0, "it was closed");
        }
        String::from_utf8(answer).expect("text")
    }

    async fn is_closed(connection: &mut DuplexStream) -> bool {
        let mut rest = Vec::new();
        timeout(NEVER / 2, connection.read_to_end(&mut rest)).await.is_ok() && rest.is_empty()
    }

    async fn is_over(served: JoinHandle<()>) -> bool {
        timeout(NEVER / 2, served).await.is_ok()
    }

    #[test]
    fn load_balancers_close_first() {
        assert!(PATIENCE.rest > Duration::from_secs(60));
    }

    #[tokio::test]
    async fn a_connection_may_rest_between_calls_for_as_long_as_is_said_and_no_longer() {
        let (mut connection, _stop, served) = connect(Patience { rest: SHORT * 3, ..patience() }, 4096);
        call(&mut connection).await;
        let last = Instant::now();
        call(&mut connection).await;
        assert!(is_closed(&mut connection).await && is_over(served).await);
        assert!(last.elapsed() >= SHORT * 3, "it was cut while it might rest");
    }

    #[tokio::test]
    async fn who_does_not_begin_soon_is_cut_off_and_who_has_begun_may_rest() {
        let hurried = Patience { first: SHORT, ..patience() };
        for sent in [&b""[..], b"GET /2 HT", b"GET /2 HTTP/1.1\r\nHost: x\r\n"] {
            let (mut connection, _stop, served) = connect(hurried, 4096);
            connection.write_all(sent).await.expect("it is open");
            assert!(is_over(served).await, "{:?}", String::from_utf8_lossy(sent));
        }
        let (mut connection, _stop, served) = connect(hurried, 4096);
        call(&mut connection).await;
        let rested = timeout(SHORT * 3, connection.read_u8()).await;
        assert!(rested.is_err(), "it was cut while it might rest: {rested:?}");
        call(&mut connection).await;
        drop(connection);
        assert!(is_over(served).await);
    }

    #[tokio::test]
    async fn a_head_that_trickles_in_is_cut_off() {
        let (mut connection, _stop, served) = connect(Patience { rest: SHORT, ..patience() }, 4096);
        connection.write_all(b"GET /2 HTTP/1.1\r\n").await.expect("it is open");
        let trickle = async {
            while connection.write_all(b"x").await.is_ok() {
                tokio::time::sleep(SHORT / 50).await;
            }
        };
        assert!(timeout(NEVER / 2, trickle).await.is_ok() && is_over(served).await);
    }

    #[tokio::test]
    async fn who_takes_nothing_of_an_answer_is_cut_off() {
        let (mut connection, _stop, served) = connect(Patience { stall: SHORT, ..patience() }, 64);
        connection.write_all(b"GET /1000000 HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("it is open");
        assert!(is_over(served).await);
    }

    #[tokio::test]
    async fn who_takes_nothing_of_an_endless_answer_is_cut_off() {
        let (mut connection, theirs) = tokio::io::duplex(64);
        let frame = || Ok::<_, std::convert::Infallible>("data: x\n\n");
        let endless = async move || Body::from_stream(futures_util::stream::repeat_with(frame));
        let router = Router::new().route("/", get(endless));
        let peer = Peer(SocketAddr::from(([127, 0, 0, 1], 1)));
        let stalled = Patience { stall: SHORT, ..patience() };
        connection.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("it is open");
        let served = attend(theirs, peer, router, CancellationToken::new(), stalled);
        assert!(timeout(NEVER / 2, served).await.is_ok());
    }

    #[tokio::test]
    async fn nobody_who_is_slow_holds_up_a_stop() {
        let hurried = Patience { leave: SHORT, ..patience() };
        let slow: [&[u8]; 4] =
            [b"", b"G", b"GET /2 HTTP/1.1\r\nHost: x\r\n", b"GET /1000000 HTTP/1.1\r\nHost: x\r\n\r\n"];
        for sent in slow {
            let (mut connection, stop, served) = connect(hurried, 64);
            connection.write_all(sent).await.expect("it is open");
            stop.cancel();
            assert!(is_over(served).await, "{:?}", String::from_utf8_lossy(sent));
        }
        let (mut connection, stop, served) = connect(hurried, 4096);
        call(&mut connection).await;
        stop.cancel();
        assert!(is_over(served).await, "one that rests is closed");
    }

    #[tokio::test]
    async fn a_call_that_has_arrived_is_answered_although_the_process_stops() {
        let (mut connection, theirs) = tokio::io::duplex(4096);
        let ((here, mut arrived), (let_go, held)) = (watch::channel(false), watch::channel(false));
        let answer = async move || {
            here.send_replace(true);
            held.clone().wait_for(|free| *free).await.map(|_| "xx").unwrap_or_default()
        };
        let router = Router::new().route("/2", get(answer));
        let (stop, peer) = (CancellationToken::new(), Peer(SocketAddr::from(([127, 0, 0, 1], 1))));
        let served = attend(theirs, peer, router, stop.clone(), Patience { leave: Duration::ZERO, ..patience() });
        let stopping = async {
            arrived.wait_for(|here| *here).await.expect("the call arrives");
            stop.cancel();
            // The server sees that before the call is answered.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            let_go.send_replace(true);
        };
        let (answer, (), ()) = tokio::join!(call(&mut connection), stopping, served);
        assert!(answer.contains("connection: close"), "{answer}");
    }
}
