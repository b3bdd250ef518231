//! What goes over the wire: the event stream format of the HTML standard, one frame for each event.

use std::fmt::Write as _;
use std::time::Duration;

use axum::body::Bytes;

use super::super::views::EventView;
use crate::domain::event::Event;

/// How long a reader waits before it connects again, when nothing is the matter with this process.
const RECONNECT: Duration = Duration::from_secs(2);

/// The most that it waits beside that when many have to connect again at once, so that they do not do so together.
const SPREAD_MS: u64 = 3000;

/// An event: its `seq` as the id, its type, and itself as the API answers it everywhere. JSON has no line breaks.
pub(super) fn event(event: Event) -> Bytes {
    let view = EventView::from(event);
    let data = serde_json::to_string(&view).expect("texts and numbers are JSON");
    format!("id: {}\nevent: {}\ndata: {data}\n\n", view.seq, view.event_type).into()
}

/// The first frame: where the stream starts, so that a reader who is cut off before the first event misses none.
pub(super) fn opening(place: i64) -> Bytes {
    format!("retry: {}\nid: {place}\n\n", RECONNECT.as_millis()).into()
}

/// Nothing happened; with the place that was reached if it is another than the reader knows. A frame without data is no event
/// to readers, but they remember its id.
pub(super) fn heartbeat(place: Option<i64>) -> Bytes {
    let mut text = String::from(":\n");
    if let Some(place) = place {
        let _ = writeln!(text, "id: {place}");
    }
    text.push('\n');
    text.into()
}

/// The last frame: why it ends here, where to go on, and when.
pub(super) fn farewell(why: &str, place: i64) -> Bytes {
    let wait = RECONNECT.as_millis() + u128::from(rand::random_range(0..=SPREAD_MS));
    format!(": {why}\nretry: {wait}\nid: {place}\n\n").into()
}
