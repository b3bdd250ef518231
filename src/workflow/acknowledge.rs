//! The look afterwards at what was applied without a sign-off, because somebody broke the glass. It stays open until one of
//! those who could have signed it off has looked.

use serde_json::json;
use uuid::Uuid;

use super::WorkflowError;
use super::desk::Desk;
use super::once::{Outcome, conclude, recall};
use super::review::{check_comment, is_other};
use super::standing::{Act, event_by, save};
use crate::domain::event::EventType;
use crate::domain::identity::Caller;
use crate::domain::request::Request;
use crate::domain::review::{Decision, Review};
use crate::policy::{Action, PolicySet};
use crate::store::{StoreError, Tx, reviews};

/// Closes the review of a request that was applied without a sign-off, whatever has become of it since.
///
/// # Errors
/// [`WorkflowError::Builtin`] for one's own request and for services; [`WorkflowError::Forbidden`];
/// [`WorkflowError::IllegalState`] when there is nothing to acknowledge; [`WorkflowError::AlreadyReviewed`];
/// [`WorkflowError::StaleView`] when the digest is not that of the request.
pub async fn acknowledge(desk: &Desk, act: Act<'_>, spec_digest: Option<String>) -> Result<Outcome, WorkflowError> {
    let policies = desk.policies.current();
    let mut tx = desk.store.begin().await?;
    if let Some(outcome) = recall(&mut tx, act.once.as_ref()).await? {
        return Ok(outcome);
    }
    let mut request = desk.open(&mut tx, &policies, act.caller, &act.target).await?;
    // Whoever could have signed it off may say that they have seen it.
    if let Err(error) = desk.permit(&policies, act.caller, Action::Approve, &request, tx.now()) {
        tx.rollback().await?;
        return Err(desk.note_refusal(act.caller, Decision::Acknowledge.as_str(), Some(&request), error).await);
    }
    let mut given = reviews::of_requests(&mut tx, &[request.id]).await?;
    admit(act.caller, &request, &given)?;
    if spec_digest.as_ref().is_some_and(|digest| *digest != request.spec_digest) {
        return Err(is_other(&request));
    }
    check_comment(Decision::Acknowledge, act.reason.as_deref())?;
    given.push(record(&mut tx, &policies, &act, &mut request).await?);
    let details = desk.details_for_actor(&policies, act.caller, request, given, tx.now());
    conclude(tx, act.once.as_ref(), vec![details]).await
}

fn admit(caller: &Caller, request: &Request, given: &[Review]) -> Result<(), WorkflowError> {
    if given.iter().any(|review| review.reviewer == caller.user()) {
        return Err(WorkflowError::AlreadyReviewed);
    }
    if request.owes_review {
        return Ok(());
    }
    let advice = match given.iter().find(|review| review.decision == Decision::Acknowledge) {
        Some(review) => format!("{} has acknowledged it already", review.reviewer),
        None => "only what was applied without a sign-off, with breakGlass, is acknowledged".to_owned(),
    };
    Err(WorkflowError::IllegalState { state: request.state, advice })
}

async fn record(
    tx: &mut Tx,
    policies: &PolicySet,
    act: &Act<'_>,
    request: &mut Request,
) -> Result<Review, WorkflowError> {
    let caller = act.caller;
    let review = Review {
        id: Uuid::now_v7(),
        request_id: request.id,
        reviewer: caller.user().to_owned(),
        decision: Decision::Acknowledge,
        comment: act.reason.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned),
        via: caller.via,
        submitted_by: caller.submitted_by.clone(),
        spec_digest: request.spec_digest.clone(),
        created_at: tx.now(),
    };
    reviews::insert(tx, &review).await.map_err(|error| match error {
        StoreError::Duplicate { .. } => WorkflowError::AlreadyReviewed,
        other => other.into(),
    })?;
    request.owes_review = false;
    let data = json!({
        "reviewId": review.id,
        "decision": review.decision.as_str(),
        "comment": review.comment,
        "specDigest": review.spec_digest,
        "policyDigest": policies.digest(),
    });
    let event = event_by(caller, EventType::RequestReviewed, request, data);
    save(tx, request, request.state, vec![event]).await?;
    Ok(review)
}
