//! Following instead of asking again and again: the log as it grows (`GET /v1/events/stream`), and requests until they change
//! (`?wait=`). However many follow, Postgres is asked once for all of them, by two tasks of this process; a follower holds
//! neither a connection to Postgres nor more than what its peer is about to take.

mod feed;
mod follower;
mod frame;
mod route;
mod seats;
mod watch;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::workflow::Desk;

pub(crate) use route::{__path_stream, stream};
pub(super) use watch::Watch;

use feed::Feed;
use seats::Seats;

/// How often things happen that nothing calls for.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    /// How long a stream says nothing. Proxies take a silent connection for a dead one, most of them after a minute.
    pub heartbeat: Duration,
    /// How often to look whether whoever reads a stream still may.
    pub check: Duration,
    /// How often to look into the log, and at requests that somebody waits for, without having heard anything: notices may be
    /// lost between replicas.
    pub look: Duration,
}

impl Default for Rhythm {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { heartbeat: seconds(15), check: seconds(5), look: seconds(1) }
    }
}

/// What all followers of one process share. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Live {
    pub(super) watch: Watch,
    feed: Feed,
    seats: Seats,
    rhythm: Rhythm,
}

impl Live {
    /// The same with another rhythm.
    pub(super) fn with_rhythm(self, rhythm: Rhythm) -> Self {
        Self { rhythm, ..self }
    }

    /// Looks on behalf of all followers, until `stop`.
    pub(super) async fn keep_looking(self, desk: Desk, stop: CancellationToken) {
        let look = self.rhythm.look;
        let both = async { tokio::join!(self.feed.keep_reading(&desk, look), self.watch.keep_looking(&desk, look)) };
        stop.run_until_cancelled(Box::pin(both)).await;
    }
}
