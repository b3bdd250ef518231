//! Signing off, or turning down.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::WorkflowError;
use super::desk::{Desk, call_of};
use super::once::{Outcome, conclude, recall};
use super::standing::{Act, Details, event_by, own_event, save, sign_off, signed_off_event};
use crate::domain::event::{EventType, NewEvent};
use crate::domain::identity::Caller;
use crate::domain::request::Request;
use crate::domain::review::{Decision, Review};
use crate::domain::states::RequestState;
use crate::policy::{Action, PolicySet, Scene};
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
    let request = desk.open(&mut tx, &policies, act.caller, &act.target).await?;
    let reviews = match admit(desk, &mut tx, &policies, &act, &verdict, &request).await {
        Ok(given) => given,
        Err(error) => {
            tx.rollback().await?;
            let action = verdict.decision.as_str();
            return Err(desk.note_refusal(act.caller, action, Some(&request), error).await);
        }
    };
    let said = said(&act, &verdict, &request, tx.now());
    reviews::insert(&mut tx, &said).await.map_err(|error| match error {
        StoreError::Duplicate { .. } => WorkflowError::AlreadyReviewed,
        other => other.into(),
    })?;
    let from = request.state;
    let (mut details, events) = decide(desk, &policies, act.caller, request, reviews, said, tx.now());
    save(&mut tx, &mut details.request, from, events).await?;
    wake(&mut tx, &details.request).await?;
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
    let text = comment.unwrap_or_default();
    let invalid =
        |code, detail: &str| Err(WorkflowError::InvalidField { pointer: "/comment", code, detail: detail.to_owned() });
    if decision == Decision::Deny && text.trim().is_empty() {
        return invalid("comment-required", "say in the comment why, so that the requester knows what to do next");
    }
    if text.chars().count() > MAX_COMMENT {
        return invalid("comment-too-long", "a comment has at most 1000 characters");
    }
    Ok(())
}

/// What the reviewer says, as it is kept.
fn said(act: &Act<'_>, verdict: &Verdict, request: &Request, now: DateTime<Utc>) -> Review {
    Review {
        id: Uuid::now_v7(),
        request_id: request.id,
        reviewer: act.caller.user().to_owned(),
        decision: verdict.decision,
        comment: act.reason.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned),
        via: act.caller.via,
        submitted_by: act.caller.submitted_by.clone(),
        spec_digest: request.spec_digest.clone(),
        created_at: now,
    }
}

/// Sends the request where `review`, said after `reviews`, leads. Everything is asked in one scene: making that costs more than
/// the questions do.
fn decide(
    desk: &Desk,
    policies: &PolicySet,
    caller: &Caller,
    asked: Request,
    mut reviews: Vec<Review>,
    review: Review,
    now: DateTime<Utc>,
) -> (Details, Vec<NewEvent>) {
    let (case, call) = (desk.case(&asked), call_of(caller, now));
    let scene = Scene::new(&case.facts(&asked), now);
    reviews.push(review.clone());
    let standing = policies.standing_in(&scene, &reviews, &desk.directory, &call);
    let mut request = asked.clone();
    let data = json!({
        "reviewId": review.id,
        "decision": review.decision.as_str(),
        "comment": review.comment,
        "specDigest": review.spec_digest,
        "approvals": standing.quorum.approvals,
        "missing": standing.quorum.missing,
        "policyDigest": policies.digest(),
    });
    let mut events = vec![event_by(caller, EventType::RequestReviewed, &request, data)];
    policies.digest().clone_into(&mut request.policy_digest);
    if standing.denied {
        request.state = RequestState::Denied;
        events.push(event_by(caller, EventType::RequestDenied, &request, json!({ "comment": review.comment })));
    } else if standing.quorum.satisfied {
        sign_off(&mut request, now);
    }
    if let Some(event) = signed_off_event(&request) {
        let data = json!({ "approvals": standing.quorum.approvals, "deciding": standing.quorum.deciding, "policyDigest": policies.digest() });
        events.push(own_event(event, &request, data));
    }
    let allowed = desk.allowed(policies, caller, &scene, &call, &request, &reviews);
    (Details { request, reviews, standing, allowed, required_reads: desk.settings.tempo.reads }, events)
}

/// Has the worker take the request up when it is to begin.
pub(super) async fn wake(tx: &mut Tx, request: &Request) -> Result<(), WorkflowError> {
    let (cluster, principal) = (&request.spec.cluster_name, request.spec.principal.to_string());
    match (request.state, request.spec.start_at) {
        (RequestState::Applying, _) => entries::wake(tx, cluster, &principal, false).await?,
        (RequestState::Scheduled, Some(start)) => entries::wake_at(tx, cluster, &principal, start, false).await?,
        _ => {}
    }
    Ok(())
}
