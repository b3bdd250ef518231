//! How many calls are worked on at once, and for how long. Each kind of call has a lane of its own, so that no flood of
//! one kind keeps out another: whoever takes access away gets through while lists are being drawn by the thousand.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

/// Calls that end access or decide on it.
const DECISIONS_AT_ONCE: usize = 128;
/// Calls that say that they are Slack's. Whether they are is known only once all of them has come, and until then whoever likes to
/// can make them last: so they are kept apart from decisions by people who have shown who they are.
const SLACK_AT_ONCE: usize = 192;
/// Everything else that is answered at once.
const OTHERS_AT_ONCE: usize = 256;
/// Calls that wait for something to happen, and cost nothing meanwhile; those that open a stream wait for the end of the log.
const WAITS_AT_ONCE: usize = 4096;

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest wait that can be asked for, and time to answer after it.
const LONG_PATIENCE: Duration = Duration::from_secs(75);

/// The lanes of one process.
#[derive(Debug, Clone)]
pub(super) struct Lanes {
    decisions: Arc<Semaphore>,
    slack: Arc<Semaphore>,
    others: Arc<Semaphore>,
    waits: Arc<Semaphore>,
}

impl Default for Lanes {
    fn default() -> Self {
        let lane = |width| Arc::new(Semaphore::new(width));
        Self {
            decisions: lane(DECISIONS_AT_ONCE),
            slack: lane(SLACK_AT_ONCE),
            others: lane(OTHERS_AT_ONCE),
            waits: lane(WAITS_AT_ONCE),
        }
    }
}

/// The place of a call in its lane.
#[derive(Debug, Clone)]
pub(super) struct Place {
    lane: Arc<Semaphore>,
    held: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
}

impl Place {
    fn take(lane: &Arc<Semaphore>) -> Result<Self, Problem> {
        let place = Self { lane: lane.clone(), held: Arc::default() };
        place.come_back()?;
        Ok(place)
    }

    /// Makes room while the call itself is waited for: whoever sends one a byte at a time keeps nobody else from getting through.
    pub(super) fn leave(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Takes a place again.
    ///
    /// # Errors
    /// `unavailable` when there is none.
    pub(super) fn come_back(&self) -> Result<(), Problem> {
        let full = |_| Problem::unavailable("more calls at once than the lane takes");
        let permit = self.lane.clone().try_acquire_owned().map_err(full)?;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
        Ok(())
    }
}

impl Lanes {
    /// The lane of this call, and how long it may take; probes have none, they must see how things are.
    fn of(&self, request: &Request) -> (Option<&Arc<Semaphore>>, Duration) {
        let path = request.uri().path();
        let decides = ends_access(request.method(), path) || path.ends_with("/reviews");
        match *request.method() {
            _ if matches!(path, "/livez" | "/readyz") => (None, PATIENCE),
            Method::POST if decides => (Some(&self.decisions), PATIENCE),
            // Slack gives up after three seconds, and what it brings is decisions.
            Method::POST if path.starts_with("/slack/") => (Some(&self.slack), PATIENCE),
            Method::GET if path == "/v1/events/stream" => (Some(&self.waits), PATIENCE),
            Method::GET if waits(request) => (Some(&self.waits), LONG_PATIENCE),
            _ => (Some(&self.others), PATIENCE),
        }
    }
}

/// Whether this call asks to be answered only once something has happened.
pub(super) fn waits(request: &Request) -> bool {
    let asks = || request.uri().query().is_some_and(|query| query.split('&').any(|p| p.starts_with("wait=")));
    *request.method() == Method::GET && asks()
}

/// Whether this call takes access away, or makes sure that there will be none. Nothing that guards granting stands in its way.
pub(super) fn ends_access(method: &Method, path: &str) -> bool {
    const ENDING: [&str; 4] = ["/revoke", "/relinquish", "/withdraw", "/revocations"];
    *method == Method::POST && ENDING.iter().any(|end| path.ends_with(end))
}

/// Lets the call in if there is room, and gives it up when it takes too long. What it was doing then is dropped at
/// its next await; what was committed stays.
pub(super) async fn admit(State(lanes): State<Lanes>, mut request: Request, next: Next) -> Response {
    let (lane, patience) = lanes.of(&request);
    let place = match lane.map(Place::take).transpose() {
        Ok(place) => place,
        Err(full) => return full.into_response(),
    };
    if let Some(place) = &place {
        request.extensions_mut().insert(place.clone());
    }
    let answer = tokio::time::timeout(patience, next.run(request)).await;
    drop(place);
    answer.unwrap_or_else(|_| Problem::unavailable("the call took too long and was given up").into_response())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn lane(method: Method, uri: &str) -> (Option<usize>, Duration) {
        let lanes = Lanes::default();
        let request = Request::builder().method(method).uri(uri).body(Body::empty()).expect("a request");
        let (lane, patience) = lanes.of(&request);
        (lane.map(|lane| lane.available_permits()), patience)
    }

    #[test]
    fn taking_access_away_has_a_lane_of_its_own() {
        for path in ["/v1/requests/x/revoke", "/v1/revocations", "/v1/requests/x/reviews"] {
            assert_eq!(lane(Method::POST, path).0, Some(DECISIONS_AT_ONCE), "{path}");
        }
        assert_eq!(lane(Method::POST, "/slack/interactions").0, Some(SLACK_AT_ONCE));
        assert_eq!(lane(Method::POST, "/v1/requests").0, Some(OTHERS_AT_ONCE));
        assert_eq!(lane(Method::GET, "/v1/requests").0, Some(OTHERS_AT_ONCE));
        assert_eq!(lane(Method::GET, "/readyz").0, None);
    }

    #[test]
    fn only_who_waits_may_take_long() {
        assert_eq!(lane(Method::GET, "/v1/requests/x?until=active&wait=60s"), (Some(WAITS_AT_ONCE), LONG_PATIENCE));
        assert_eq!(lane(Method::GET, "/v1/events/stream"), (Some(WAITS_AT_ONCE), PATIENCE), "it has begun by then");
        assert_eq!(lane(Method::GET, "/v1/requests?requester=wait=1").1, PATIENCE);
        assert_eq!(lane(Method::POST, "/v1/requests?wait=60s").1, PATIENCE);
    }
}
