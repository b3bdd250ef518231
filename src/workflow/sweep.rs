//! What time does to requests that no entry stands for: undecided ones lapse. And old answers are forgotten.

use serde_json::json;

use super::WorkflowError;
use super::desk::Desk;
use super::standing::{own_event, save};
use crate::domain::event::EventType;
use crate::domain::states::RequestState;
use crate::store::requests::{self, Passed, Stretch};
use crate::store::{allowance, entries, idempotency};

/// The most requests one sweep lets lapse in one transaction.
const BATCH: i64 = 100;

/// Lets requests lapse that nobody decided in time, a batch at a time, from after `passed` on; answers where to go on, `None` at
/// the end.
///
/// # Errors
/// Those of the store.
pub async fn lapse(desk: &Desk, passed: Option<Passed>) -> Result<Option<Passed>, WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let Stretch { requests, passed } = requests::lock_overdue(&mut tx, passed, BATCH).await?;
    for mut request in requests {
        request.state = RequestState::Lapsed;
        let event = own_event(EventType::RequestLapsed, &request, json!({ "lapsedAt": request.lapses_at }));
        save(&mut tx, &mut request, RequestState::Pending, vec![event]).await?;
    }
    tx.commit().await?;
    Ok(passed)
}

/// Forgets answers to calls with an `Idempotency-Key` that are older than promised, and callers who have not called lately.
///
/// # Errors
/// Those of the store.
pub async fn forget(desk: &Desk) -> Result<(), WorkflowError> {
    loop {
        let mut tx = desk.store.begin().await?;
        let forgotten = idempotency::forget_old(&mut tx).await?;
        tx.commit().await?;
        if forgotten < idempotency::BATCH {
            break;
        }
    }
    Ok(allowance::forget_idle(&desk.store).await?)
}

/// Sees to it that somebody looks at every request that is not done, whatever became of its entry's row.
///
/// # Errors
/// Those of the store.
pub async fn rescue(desk: &Desk) -> Result<(), WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let rescued = entries::rescue(&mut tx).await?;
    tx.commit().await?;
    if rescued > 0 {
        tracing::error!(entries = rescued, "entries with requests under way were gone or due never; they are due now");
    }
    Ok(())
}
