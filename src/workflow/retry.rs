//! Another try for a request that failed, once whatever was in its way is mended.

use serde_json::json;

use super::WorkflowError;
use super::desk::{Desk, own_call};
use super::once::{Outcome, conclude, recall};
use super::standing::{Act, event_by, save};
use crate::domain::event::EventType;
use crate::domain::reminder;
use crate::domain::request::{Grant, Verification};
use crate::domain::states::RequestState;
use crate::policy::Action;
use crate::store::{entries, reviews};

/// Sends a failed request back to be applied, if quorum and policy still stand.
///
/// # Errors
/// [`WorkflowError::IllegalState`] when it has not failed, when its time is over, or when it is no longer signed off;
/// [`WorkflowError::Forbidden`].
pub async fn retry(desk: &Desk, act: Act<'_>) -> Result<Outcome, WorkflowError> {
    let policies = desk.policies.current();
    let mut tx = desk.store.begin().await?;
    if let Some(outcome) = recall(&mut tx, act.once.as_ref()).await? {
        return Ok(outcome);
    }
    let mut request = desk.open(&mut tx, &policies, act.caller, &act.target).await?;
    let now = tx.now();
    if let Err(error) = desk.permit(&policies, act.caller, Action::Retry, &request, now) {
        tx.rollback().await?;
        return Err(desk.note_refusal(act.caller, "retry", Some(&request), error).await);
    }
    let illegal = |advice: String| WorkflowError::IllegalState { state: request.state, advice };
    if request.state != RequestState::Failed {
        return Err(illegal("only what has failed can be tried again".to_owned()));
    }
    if request.grant.expires_at.is_some_and(|expiry| expiry <= now) {
        return Err(illegal("its time is over; file a new request".to_owned()));
    }
    let given = reviews::of_requests(&mut tx, &[request.id]).await?;
    desk.recall(&mut tx, std::slice::from_ref(&request), &given).await?;
    let case = desk.case(&request);
    let standing = policies.standing(&case.facts(&request), &given, &desk.directory, &own_call(now));
    if !standing.quorum.satisfied {
        let missing = standing.quorum.missing.join("; ");
        return Err(illegal(format!("it is no longer signed off ({missing}); file a new request")));
    }
    request.state = RequestState::Applying;
    request.applying_since = Some(now);
    request.last_error = None;
    request.policy_digest = policies.digest().to_owned();
    request.verification = Verification::default();
    // A clock that ran goes on: part of the access may have been there ever since. But it is to be applied anew, which
    // means that quorum is asked about again before each write.
    request.grant = Grant { applied_at: None, verified_at: None, ..request.grant };
    request.remind_at = reminder::next(&request.grant, now);
    let event = event_by(
        act.caller,
        EventType::RequestApplying,
        &request,
        json!({ "reason": act.reason, "retry": true, "policyDigest": policies.digest() }),
    );
    save(&mut tx, &mut request, RequestState::Failed, vec![event]).await?;
    entries::wake(&mut tx, &request.spec.cluster_name, &request.spec.principal.to_string(), false).await?;
    let details = desk.after(&mut tx, &policies, act.caller, vec![request]).await?;
    conclude(tx, act.once.as_ref(), details).await
}
