//! The channels through which others are told what happened. A channel says what it wants and delivers one event at a time;
//! what is to be delivered when, in which order and how often is the outbox's affair (`worker/deliver.rs`).

pub mod webhook;

use std::fmt::Debug;
use std::pin::Pin;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::delivery::Brief;
use crate::domain::event::Event;

/// What [`Channel::deliver`] gives back.
pub type Delivering<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// One destination that is told of events.
pub trait Channel: Debug + Send + Sync + 'static {
    /// Its name in the database, the metrics and the log: the kind and the name in the configuration, `webhook:siem`.
    fn destination(&self) -> &str;

    /// Something that is another once it leads elsewhere; nothing secret. A destination that was gone is tried again then.
    fn address(&self) -> &str;

    /// Whether it is to be told of `event`. Asked once, when the log is read, and again after a replay.
    fn wants(&self, event: &Brief) -> bool;

    /// Whether to deliver an event of a request is to show what that is now, whatever the event says. Then news does not wait for the
    /// next attempt at what has failed before: that may have failed in one place of several.
    fn shows_what_is(&self) -> bool {
        false
    }

    /// Tries to deliver `parcel`. The events of one request come one after the other, each until it is delivered or given up,
    /// from whichever replica; every one of them may come more than once. The future is dropped when it takes too long.
    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> Delivering<'a>;
}

/// An event on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Parcel {
    /// What happened.
    pub event: Event,
    /// When this attempt began.
    pub sent_at: DateTime<Utc>,
    /// The number of this attempt, from 1.
    pub attempt: i32,
}

/// How an attempt ended. Sentences are for operators, and hold nothing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It has arrived, or there is nothing to say about it.
    Delivered,
    /// It has not, or nobody knows; to be tried again.
    Again {
        /// Why not.
        why: String,
        /// How long the receiver asked to be left alone.
        after: Option<TimeDelta>,
    },
    /// It was not tried: it is not its turn yet. No failure, and no attempt.
    Later {
        /// How long until it may be.
        after: TimeDelta,
    },
    /// The receiver said that it is gone for good. It is told nothing more until it leads elsewhere or somebody replays.
    Gone {
        /// What it said.
        why: String,
    },
}

/// Scheme and host of `url`, which is as much of it as may be shown; what follows is often a secret.
#[must_use]
pub fn scheme_and_host(url: &str) -> String {
    let end = url.find("://").map_or(0, |start| start + 3);
    url[end..].find(['/', '?']).map_or(url, |length| &url[..end + length]).to_owned()
}

impl Verdict {
    /// To be tried again, at a time of our choosing.
    #[must_use]
    pub fn again(why: impl Into<String>) -> Self {
        Self::Again { why: why.into(), after: None }
    }
}
