//! People hear in time that access is about to end, each time once: the row says what has been said, whichever replica said
//! it.

use serde_json::json;

use super::WorkflowError;
use super::desk::Desk;
use super::standing::{own_event, put_on_record};
use crate::domain::duration::to_iso8601;
use crate::domain::event::EventType;
use crate::domain::reminder;
use crate::store::requests::{self, Passed, Stretch};

/// The most requests one transaction reminds of.
const BATCH: i64 = 100;

/// Puts the reminders on record that are due, a batch at a time, from after `passed` on; answers where to go on, `None` at the
/// end. What nobody said in time, because nothing ran, is not made up for: only the latest is said.
///
/// # Errors
/// Those of the store.
pub async fn remind(desk: &Desk, passed: Option<Passed>) -> Result<Option<Passed>, WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let now = tx.now();
    let Stretch { requests, passed } = requests::lock_to_remind(&mut tx, passed, BATCH).await?;
    for mut request in requests {
        let event = reminder::due(&request.grant, now).map(|ahead| {
            let data = json!({ "expiresAt": request.grant.expires_at, "ahead": to_iso8601(ahead) });
            own_event(EventType::RequestExpiring, &request, data)
        });
        request.remind_at = reminder::next(&request.grant, now);
        put_on_record(&mut tx, &mut request, event.into_iter().collect()).await?;
    }
    tx.commit().await?;
    Ok(passed)
}
