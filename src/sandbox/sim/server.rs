//! The socket: accepts connections that can be cut, and takes each call through its stations.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::connect_info::Connected;
use axum::http::{HeaderMap, Method, Response, Uri};
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::call::{Ask, Call, struck};
use super::caller::Caller;
use super::entry::uuid;
use super::faults::Action;
use super::refusal::Refusal;
use super::sigv4;
use super::state::State;
use super::wire::{self, Protocol};

/// The simulator as its handlers share it.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    state: Arc<Mutex<State>>,
    /// Calls go on when their caller hangs up, as they do at AWS; shutdown waits for them here.
    pub(crate) calls: TaskTracker,
    /// Lets hanging calls go at shutdown.
    pub(crate) stop: CancellationToken,
    /// Tells hanging calls that faults have ended.
    healed: Arc<Notify>,
}

impl Shared {
    /// A simulator in this state.
    pub(crate) fn new(state: State) -> Self {
        Self {
            state: Arc::new(Mutex::new(state)),
            calls: TaskTracker::new(),
            stop: CancellationToken::new(),
            healed: Arc::default(),
        }
    }

    /// The state, for as long as the guard lives. A panic under the lock failed one call, not the simulator.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all faults, and lets go of the calls they hold.
    pub(crate) fn heal(&self) {
        self.lock().faults.clear();
        self.healed.notify_waiters();
    }

    /// Ends one fault, and lets go of the calls it holds; `false` when there is none of that id.
    pub(crate) fn heal_one(&self, id: u64) -> bool {
        let ended = self.lock().faults.remove(id);
        self.healed.notify_waiters();
        ended
    }

    /// Holds a call up for this long, or until its fault or the simulator ends.
    async fn hang(&self, fault: u64, ms: u64) {
        let ended = async {
            loop {
                // Made before the look, so that no ending in between is missed.
                let healed = self.healed.notified();
                if !self.lock().faults.has(fault) {
                    return;
                }
                healed.await;
            }
        };
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(ms)) => {}
            () = self.stop.cancelled() => {}
            () = ended => {}
        }
    }
}

/// A request as it came off the wire.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Answers one call, or cuts its connection. Runs to its end even when the caller has gone.
pub(crate) async fn serve(shared: Shared, connection: Connection, raw: Raw) -> Response<Body> {
    let work = shared.calls.spawn(handle(shared.clone(), connection, raw));
    work.await.unwrap_or_else(|failure| {
        tracing::error!(%failure, "a simulated call panicked");
        let refusal = Refusal::new(500, "InternalFailure", "the simulator failed; its log says how");
        wire::refuse(Protocol::RestJson, &refusal, "none")
    })
}

async fn handle(shared: Shared, connection: Connection, raw: Raw) -> Response<Body> {
    let ask = Call::ask(&raw.method, &raw.uri, &raw.headers, &raw.body);
    let arrival = arrive(&mut shared.lock(), ask, &raw);
    let Arrival { call, request_id, seq, fault, refused } = arrival;

    if let Some((id, Action::Hang { ms, applied: false })) = &fault {
        shared.hang(*id, *ms).await;
    }
    let outcome = {
        let mut state = shared.lock();
        let outcome = match refused {
            Some(refusal) => Some(Err(refusal)),
            None if fault.as_ref().is_none_or(|(_, action)| action.takes_effect()) => {
                Some(call.perform(&mut state.cx(&call.caller)))
            }
            None => None,
        };
        let now = state.clock.now();
        state.log.decide(seq, now, matches!(&outcome, Some(Ok(done)) if done.applied));
        outcome
    };
    if let Some((id, Action::Hang { ms, applied: true })) = &fault {
        shared.hang(*id, *ms).await;
    }

    let outcome = match &fault {
        Some((_, action)) => struck(action, outcome),
        None => outcome,
    };
    let mut state = shared.lock();
    let now = state.clock.now();
    match outcome {
        None => {
            state.log.finish(seq, now, None, Some("ConnectionReset"));
            connection.cut();
            Response::new(Body::empty())
        }
        Some(Ok(done)) => {
            state.log.finish(seq, now, Some(200), None);
            wire::answer(call.protocol(), call.op(), done, &request_id)
        }
        Some(Err(refusal)) => {
            state.log.finish(seq, now, Some(refusal.status), Some(&refusal.code));
            wire::refuse(call.protocol(), &refusal, &request_id)
        }
    }
}

/// A call that has been noted.
struct Arrival {
    call: Call,
    request_id: String,
    seq: u64,
    fault: Option<(u64, Action)>,
    /// What the front door says no to: bad credentials, too many calls.
    refused: Option<Refusal>,
}

fn arrive(state: &mut State, ask: Ask, raw: &Raw) -> Arrival {
    let now = state.clock.now();
    let request_id = uuid(&mut state.rng);
    let identified = state.keys.caller(&raw.headers, now).and_then(|caller| {
        if state.knobs.verify_signatures {
            sigv4::verify(&raw.method, &raw.uri, &raw.headers, &raw.body)?;
        }
        Ok(caller)
    });
    let (caller, mut refused) = match identified {
        Ok(caller) => (caller, None),
        Err(refusal) => (Caller::nobody(), Some(refusal)),
    };
    let call = Call { ask, caller };
    let seq = state.log.arrive(call.record(now, &request_id));
    if refused.is_none()
        && call.protocol() == Protocol::RestJson
        && let Some(limit) = &state.knobs.throttle
    {
        let place = (call.caller.account.as_str(), call.caller.region.as_str());
        refused = state.buckets.take(limit, call.op(), place, now).err();
    }
    let fault = if refused.is_none() { state.faults.strike(call.aim(), &mut state.rng) } else { None };
    if let Some((id, _)) = &fault {
        state.log.struck(seq, *id);
    }
    Arrival { call, request_id, seq, fault, refused }
}

/// A listener whose connections can be cut.
#[derive(Debug)]
pub(crate) struct Door(pub(crate) TcpListener);

impl Listener for Door {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, from) = Listener::accept(&mut self.0).await;
        // Small answers must not wait for the peer's delayed acknowledgement; without it they are merely slower.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        (Wire { stream, connection: Connection::default() }, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A handler's hold on the connection it answers on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection(Arc<AtomicBool>);

impl Connection {
    /// Resets the connection instead of writing to it.
    fn cut(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Connected<IncomingStream<'_, Door>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().connection.clone()
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    connection: Connection,
}

impl Wire {
    fn check(&self) -> io::Result<()> {
        if !self.connection.0.load(Ordering::Acquire) {
            return Ok(());
        }
        // Without lingering the close that follows is a TCP reset.
        self.stream.set_zero_linger()?;
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
