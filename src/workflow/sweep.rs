//! What time does to requests that no entry stands for: undecided ones lapse. And old answers are forgotten.

use serde_json::json;

use super::WorkflowError;
use super::desk::Desk;
use super::standing::{own_event, save};
use crate::domain::event::EventType;
use crate::domain::states::RequestState;
use crate::store::{allowance, entries, idempotency, requests};

/// The most requests one sweep lets lapse in one transaction.
const BATCH: i64 = 100;

/// Lets requests lapse that nobody decided in time, a batch at a time; answers whether there may be more.
///
/// # Errors
/// Those of the store.
pub async fn lapse(desk: &Desk) -> Result<bool, WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let overdue = requests::lock_overdue(&mut tx, BATCH).await?;
    let full = i64::try_from(overdue.len()).is_ok_and(|count| count == BATCH);
    for mut request in overdue {
        request.state = RequestState::Lapsed;
        let event = own_event(EventType::RequestLapsed, &request, json!({ "lapsedAt": request.lapses_at }));
        save(&mut tx, &mut request, RequestState::Pending, vec![event]).await?;
    }
    tx.commit().await?;
    Ok(full)
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
