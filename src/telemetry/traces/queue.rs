//! The room that spans wait in. OpenTelemetry's own queue drops what finds no room in it and tells nobody before the process ends;
//! this one stands before it, lets in no more than fit, and counts whom it turns away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

/// How many spans wait, and how many were turned away.
#[derive(Debug)]
pub(super) struct Room {
    most: usize,
    waiting: AtomicUsize,
    turned_away: AtomicUsize,
}

impl Room {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, waiting: AtomicUsize::new(0), turned_away: AtomicUsize::new(0) })
    }

    /// Whether there is room for one more, which is then taken.
    fn enter(&self) -> bool {
        let one_more = |waiting| (waiting < self.most).then_some(waiting + 1);
        let entered = self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).is_ok();
        if !entered {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
        }
        entered
    }

    /// So many are on their way.
    pub(super) fn leave(&self, spans: usize) {
        self.waiting.fetch_sub(spans, Ordering::AcqRel);
    }

    /// How many were turned away since this was last asked.
    pub(super) fn turned_away(&self) -> usize {
        self.turned_away.swap(0, Ordering::Relaxed)
    }
}

/// Lets spans into `room`, where `next` has them.
#[derive(Debug)]
pub(super) struct Queue<P> {
    pub(super) next: P,
    pub(super) room: Arc<Room>,
}

impl<P: SpanProcessor> SpanProcessor for Queue<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.next.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.room.enter() {
            self.next.on_end(span);
        } else {
            // Not the place to log: whoever logs may be in a span.
            metrics::counter!("entryway_spans_lost_total", "why" => "no_room").increment(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_wait_as_there_is_room_for_and_the_rest_is_counted() {
        let room = Room::new(2);
        assert_eq!([room.enter(), room.enter(), room.enter(), room.enter()], [true, true, false, false]);
        room.leave(1);
        assert_eq!([room.enter(), room.enter()], [true, false]);
        assert_eq!([room.turned_away(), room.turned_away()], [3, 0]);
    }
}
