//! Signing off, or turning down.

use serde_json::json;
use uuid::Uuid;

use super::WorkflowError;
use super::desk::{Desk, call_of};
use super::once::{Outcome, conclude, recall};
use super::standing::{Act, event_by, own_event, save, sign_off, signed_off_event};
use crate::domain::event::EventType;
use crate::domain::request::Request;
use crate::domain::review::{Decision, Review};
use crate::domain::states::RequestState;
use crate::policy::{Action, PolicySet};
use crate::store::{StoreError, Tx, entries, reviews};

/// What the reviewer says.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Approve or deny.
    pub decision: Decision,
    /// The digest of what they saw, where they say.
    pub spec_digest: Option<String>,
}

/// The longest comment, in characters.
pub const MAX_COMMENT: usize = 1000;

/// Records a review and, when it completes the quorum, sends the request on its way; a deny ends it.
///
/// # Errors
/// [`WorkflowError::Builtin`] for one's own request and for services; [`WorkflowError::NotPending`];
/// [`WorkflowError::AlreadyReviewed`]; [`WorkflowError::Forbidden`]; [`WorkflowError::StaleView`] when the digest is not
/// that of the request; [`WorkflowError::InvalidField`] for a deny without a comment.
pub async fn review(desk: &Desk, act: Act<'_>, verdict: Verdict) -> Result<Outcome, WorkflowError> {
    let policies = desk.policies.current();
    let mut tx = desk.store.begin().await?;
    if let Some(outcome) = recall(&mut tx, act.once.as_ref()).await? {
        return Ok(outcome);
    }
    let mut request = desk.open(&mut tx, &policies, act.caller, &act.target).await?;
    let mut reviews = match admit(desk, &mut tx, &policies, &act, &verdict, &request).await {
        Ok(given) => given,
        Err(error) => {
            tx.rollback().await?;
            let action = verdict.decision.as_str();
            return Err(desk.note_refusal(act.caller, action, Some(&request), error).await);
        }
    };
    record(desk, &mut tx, &policies, &act, &verdict, &mut request, &mut reviews).await?;
    let details = desk.details_for_actor(&policies, act.caller, request, reviews, tx.now());
    conclude(tx, act.once.as_ref(), vec![details]).await
}

/// Whether this person may say this about this request now; answers what has been said about it before. As long as the
/// request is locked, nobody says more.
async fn admit(
    desk: &Desk,
    tx: &mut Tx,
    policies: &PolicySet,
    act: &Act<'_>,
    verdict: &Verdict,
    request: &Request,
) -> Result<Vec<Review>, WorkflowError> {
    let action = if verdict.decision == Decision::Approve { Action::Approve } else { Action::Deny };
    desk.permit(policies, act.caller, action, request, tx.now())?;
    if request.state != RequestState::Pending {
        let advice = match request.owes_review {
            true => "it was applied without a sign-off; say that you have seen it with the decision acknowledge",
            false => "only pending requests can be reviewed",
        };
        return Err(WorkflowError::NotPending { state: request.state, advice });
    }
    if request.is_overdue(tx.now()) {
        let advice = "nobody decided in time; file a new request";
        return Err(WorkflowError::NotPending { state: RequestState::Lapsed, advice });
    }
    if verdict.spec_digest.as_ref().is_some_and(|digest| *digest != request.spec_digest) {
        return Err(is_other(request));
    }
    let given = reviews::of_requests(tx, &[request.id]).await?;
    desk.recall(tx, std::slice::from_ref(request), &given).await?;
    if given.iter().any(|review| review.reviewer == act.caller.user()) {
        return Err(WorkflowError::AlreadyReviewed);
    }
    check_comment(verdict.decision, act.reason.as_deref())?;
    Ok(given)
}

/// The refusal of a review of something else.
pub(super) fn is_other(request: &Request) -> WorkflowError {
    WorkflowError::StaleView(format!(
        "you reviewed something else; what was asked has the digest {}",
        request.spec_digest
    ))
}

pub(super) fn check_comment(decision: Decision, comment: Option<&str>) -> Result<(), WorkflowError> {
    let text = comment.unwrap_or_default().trim();
    let invalid =
        |code, detail: &str| Err(WorkflowError::InvalidField { pointer: "/comment", code, detail: detail.to_owned() });
    if decision == Decision::Deny && text.is_empty() {
        return invalid("comment-required", "say in the comment why, so that the requester knows what to do next");
    }
    if text.chars().count() > MAX_COMMENT {
        return invalid("comment-too-long", "a comment has at most 1000 characters");
    }
    Ok(())
}

/// Adds what is said now to `reviews`, and sends the request where that leads.
async fn record(
    desk: &Desk,
    tx: &mut Tx,
    policies: &PolicySet,
    act: &Act<'_>,
    verdict: &Verdict,
    request: &mut Request,
    reviews: &mut Vec<Review>,
) -> Result<(), WorkflowError> {
    let (caller, now) = (act.caller, tx.now());
    let review = Review {
        id: Uuid::now_v7(),
        request_id: request.id,
        reviewer: caller.user().to_owned(),
        decision: verdict.decision,
        comment: act.reason.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned),
        via: caller.via,
        submitted_by: caller.submitted_by.clone(),
        spec_digest: request.spec_digest.clone(),
        created_at: now,
    };
    reviews::insert(tx, &review).await.map_err(|error| match error {
        StoreError::Duplicate { .. } => WorkflowError::AlreadyReviewed,
        other => other.into(),
    })?;
    reviews.push(review.clone());
    let case = desk.case(request);
    let standing = policies.standing(&case.facts(request), reviews, &desk.directory, &call_of(caller, now));
    let data = json!({
        "reviewId": review.id,
        "decision": review.decision.as_str(),
        "comment": review.comment,
        "specDigest": review.spec_digest,
        "approvals": standing.quorum.approvals,
        "missing": standing.quorum.missing,
        "policyDigest": policies.digest(),
    });
    let mut events = vec![event_by(caller, EventType::RequestReviewed, request, data)];
    let from = request.state;
    request.policy_digest = policies.digest().to_owned();
    if standing.denied {
        request.state = RequestState::Denied;
        events.push(event_by(caller, EventType::RequestDenied, request, json!({ "comment": review.comment })));
    } else if standing.quorum.satisfied {
        sign_off(request, now);
    }
    if let Some(event) = signed_off_event(request) {
        let data = json!({ "approvals": standing.quorum.approvals, "deciding": standing.quorum.deciding });
        events.push(own_event(event, request, data));
    }
    save(tx, request, from, events).await?;
    let (cluster, principal) = (&request.spec.cluster_name, request.spec.principal.to_string());
    match (request.state, request.spec.start_at) {
        (RequestState::Applying, _) => entries::wake(tx, cluster, &principal, false).await?,
        (RequestState::Scheduled, Some(start)) => entries::wake_at(tx, cluster, &principal, start, false).await?,
        _ => {}
    }
    Ok(())
}
