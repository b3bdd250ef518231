//! Where a request stands for the one who asks: its reviews, what quorum still wants, and what this caller may do.

use chrono::{DateTime, Utc};

use super::desk::{Desk, call_of};
use super::extend::is_extendable;
use super::{WorkflowError, once::Once};
use crate::domain::event::{EventType, NewEvent};
use crate::domain::identity::Caller;
use crate::domain::request::Request;
use crate::domain::review::{Decision, Review};
use crate::domain::states::RequestState;
use crate::policy::{Action, Builtin, Call, PolicySet, Scene, Standing};
use crate::store::{Cas, StoreError, Tx, events, requests, reviews};
use crate::telemetry::spans;

/// A request with everything an answer tells about it.
#[derive(Debug, Clone)]
pub struct Details {
    /// The request.
    pub request: Request,
    /// Its reviews, in the order given.
    pub reviews: Vec<Review>,
    /// Which of them count, and what is missing.
    pub standing: Standing,
    /// What this caller may do now.
    pub allowed: Vec<&'static str>,
    /// How many agreeing reads make a proof here.
    pub required_reads: i32,
}

impl Details {
    /// Whether this caller could review it now.
    #[must_use]
    pub fn is_reviewable(&self) -> bool {
        self.allowed.contains(&Action::Approve.as_str()) || self.allowed.contains(&Decision::Acknowledge.as_str())
    }
}

/// Asking for more time, which is a right of its own: that of whoever asked, where policy lets them ask again.
pub(super) const EXTEND: &str = "extend";

/// What can be done to a request in each state, and by which right.
const DOABLE: [(Action, &[RequestState]); 6] = [
    (Action::Approve, &[RequestState::Pending]),
    (Action::Deny, &[RequestState::Pending]),
    (Action::Withdraw, &[RequestState::Pending]),
    (Action::Revoke, ENDABLE),
    (Action::Relinquish, ENDABLE),
    (Action::Retry, &[RequestState::Failed]),
];

/// Where a grant can be ended from. What has failed may have left something behind, and could be retried.
pub(super) const ENDABLE: &[RequestState] = &[
    RequestState::Scheduled,
    RequestState::Applying,
    RequestState::Verifying,
    RequestState::Active,
    RequestState::Failed,
];

impl Desk {
    /// Everything about `request` as `caller` may know it, or `None` where they may not see it.
    pub(super) fn details(
        &self,
        policies: &PolicySet,
        caller: &Caller,
        request: Request,
        reviews: Vec<Review>,
        now: DateTime<Utc>,
    ) -> Option<Details> {
        let (case, call) = (self.case(&request), call_of(caller, now));
        let scene = Scene::new(&case.facts(&request), now);
        if !policies.authorize_in(&scene, &caller.identity, Action::View, &call).allowed {
            return None;
        }
        let (standing, allowed) = self.outlook(policies, caller, &scene, &call, &request, &reviews);
        Some(Details { request, reviews, standing, allowed, required_reads: self.settings.tempo.reads })
    }

    /// Everything about requests that this transaction has just changed; whoever changed them may know.
    pub(super) async fn after(
        &self,
        tx: &mut Tx,
        policies: &PolicySet,
        caller: &Caller,
        changed: Vec<Request>,
    ) -> Result<Vec<Details>, WorkflowError> {
        let ids: Vec<_> = changed.iter().map(|request| request.id).collect();
        let all = reviews::of_requests(tx, &ids).await?;
        let now = tx.now();
        let own = |id| all.iter().filter(|review| review.request_id == id).cloned().collect();
        Ok(changed
            .into_iter()
            .map(|request| {
                let reviews = own(request.id);
                self.details_for_actor(policies, caller, request, reviews, now)
            })
            .collect())
    }

    /// Everything about a request that the caller has just acted on: they know what they did, also where policy does
    /// not let them look at requests.
    pub(super) fn details_for_actor(
        &self,
        policies: &PolicySet,
        caller: &Caller,
        request: Request,
        reviews: Vec<Review>,
        now: DateTime<Utc>,
    ) -> Details {
        let (case, call) = (self.case(&request), call_of(caller, now));
        let scene = Scene::new(&case.facts(&request), now);
        let (standing, allowed) = self.outlook(policies, caller, &scene, &call, &request, &reviews);
        Details { request, reviews, standing, allowed, required_reads: self.settings.tempo.reads }
    }

    /// Where the request of `scene` stands, and what `caller` may do about it.
    fn outlook(
        &self,
        policies: &PolicySet,
        caller: &Caller,
        scene: &Scene<'_>,
        call: &Call,
        request: &Request,
        reviews: &[Review],
    ) -> (Standing, Vec<&'static str>) {
        let allowed = self.allowed(policies, caller, scene, call, request, reviews);
        (policies.standing_in(scene, reviews, &self.directory, call), allowed)
    }

    /// What `caller` may do about the request of `scene`, which `request` is now.
    pub(super) fn allowed(
        &self,
        policies: &PolicySet,
        caller: &Caller,
        scene: &Scene<'_>,
        call: &Call,
        request: &Request,
        reviews: &[Review],
    ) -> Vec<&'static str> {
        let has_reviewed = reviews.iter().any(|review| review.reviewer == caller.user());
        let is_review = |action| matches!(action, Action::Approve | Action::Deny);
        let ends = |action| matches!(action, Action::Revoke | Action::Relinquish);
        let removable = self.may_remove(policies, caller, request, call.now);
        let undecidable = has_reviewed || request.is_overdue(call.now);
        let may = |action| policies.authorize_in(scene, &caller.identity, action, call).allowed;
        let mut allowed: Vec<_> = DOABLE
            .into_iter()
            .filter(|(action, states)| states.contains(&request.state) && !(undecidable && is_review(*action)))
            .filter(|(action, _)| removable || !ends(*action))
            .filter(|(action, _)| may(*action))
            .map(|(action, _)| action.as_str())
            .collect();
        if request.owes_review && !has_reviewed && may(Action::Approve) {
            allowed.push(Decision::Acknowledge.as_str());
        }
        if request.requester == caller.user() && is_extendable(request, call.now) && may(Action::Request) {
            allowed.push(EXTEND);
        }
        allowed
    }

    /// Locks the request for changing, if it is there, the caller may see it, and it is what they think it is.
    pub(super) async fn open(
        &self,
        tx: &mut Tx,
        policies: &PolicySet,
        caller: &Caller,
        target: &Target,
    ) -> Result<Request, WorkflowError> {
        let request = requests::lock(tx, target.id).await?.ok_or(WorkflowError::NotFound)?;
        let case = self.case(&request);
        let visible =
            policies.authorize(&caller.identity, Action::View, &case.facts(&request), &call_of(caller, tx.now()));
        if !visible.allowed && !request.is_own_of(caller.user()) {
            return Err(WorkflowError::NotFound);
        }
        if target.version.is_some_and(|version| version != request.version) {
            return Err(WorkflowError::StaleView(format!(
                "the request is at version {}; read it again and decide on what it is now",
                request.version
            )));
        }
        spans::acts_on(request.id, request.trace_parent);
        Ok(request)
    }

    /// Whether policy lets `caller` do `action`; the refusal otherwise.
    pub(super) fn permit(
        &self,
        policies: &PolicySet,
        caller: &Caller,
        action: Action,
        request: &Request,
        now: DateTime<Utc>,
    ) -> Result<(), WorkflowError> {
        let case = self.case(request);
        let decision = policies.authorize(&caller.identity, action, &case.facts(request), &call_of(caller, now));
        match decision.builtin {
            _ if decision.allowed => Ok(()),
            Some(builtin) => Err(WorkflowError::Builtin(builtin)),
            None => Err(WorkflowError::Forbidden { action: action.as_str(), reasons: decision.reasons }),
        }
    }

    /// Puts a refusal on record. The work it refused is undone already; this is a transaction of its own.
    pub(super) async fn note_refusal(
        &self,
        caller: &Caller,
        action: &str,
        about: Option<&Request>,
        error: WorkflowError,
    ) -> WorkflowError {
        let Some(code) = error.refusal() else { return error };
        if matches!(error, WorkflowError::Builtin(Builtin::SelfApproval)) {
            metrics::counter!("entryway_self_approval_denied_total").increment(1);
        }
        let mut codes: Vec<_> = match &error {
            WorkflowError::Invalid(violations) => violations.iter().map(|v| v.code.as_str()).collect(),
            _ => vec![],
        };
        codes.dedup();
        let data = serde_json::json!({
            "action": action,
            "code": code,
            "violations": codes,
            "policyDigest": self.policies.current().digest(),
        });
        let recorded = match about {
            Some(request) => self.record_refusal(caller, request, data).await,
            None => {
                let event = NewEvent::by(caller, EventType::RequestRefused, data);
                self.record_alone(event).await.map_err(WorkflowError::from)
            }
        };
        match recorded {
            Ok(()) => error,
            // What cannot be put on record is not answered either: the caller tries again.
            Err(failure) => failure,
        }
    }

    /// Puts a refusal into the chain of the request it is about: whoever reads its story is to know who tried what.
    async fn record_refusal(
        &self,
        caller: &Caller,
        about: &Request,
        data: serde_json::Value,
    ) -> Result<(), WorkflowError> {
        let mut tx = self.store.begin().await?;
        let mut request = requests::lock(&mut tx, about.id).await?.ok_or(WorkflowError::NotFound)?;
        let event = event_by(caller, EventType::RequestRefused, &request, data);
        put_on_record(&mut tx, &mut request, vec![event]).await?;
        Ok(tx.commit().await?)
    }

    /// Puts on record what Entryway itself did that is about no request.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn record_own(&self, event: EventType, data: serde_json::Value) -> Result<(), WorkflowError> {
        Ok(self.record_alone(NewEvent::by_entryway(event, data)).await?)
    }

    /// Writes an event about no request, in a transaction of its own.
    pub(super) async fn record_alone(&self, event: NewEvent) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        events::append(&mut tx, vec![event]).await?;
        tx.commit().await
    }
}

/// Which request an action is about, and at which version the caller saw it.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The request.
    pub id: uuid::Uuid,
    /// `If-Match`, where sent.
    pub version: Option<i64>,
}

/// What an action on one request is given.
pub struct Act<'a> {
    /// Who acts.
    pub caller: &'a Caller,
    /// On what.
    pub target: Target,
    /// Why, where they say.
    pub reason: Option<String>,
    /// Whether to do it once.
    pub once: Option<Once<'a>>,
}

/// Quorum is reached: the request goes on its way, at once or when its start comes.
pub(super) fn sign_off(request: &mut Request, now: DateTime<Utc>) {
    if request.spec.start_at.is_some_and(|start| start > now) {
        request.state = RequestState::Scheduled;
    } else {
        request.state = RequestState::Applying;
        request.applying_since = Some(now);
    }
}

/// The event of a request that [`sign_off`] has just sent on its way; `None` for one that still waits.
pub(super) const fn signed_off_event(request: &Request) -> Option<EventType> {
    match request.state {
        RequestState::Scheduled => Some(EventType::RequestScheduled),
        RequestState::Applying => Some(EventType::RequestApplying),
        _ => None,
    }
}

/// An event of `caller` about `request`.
pub(super) fn event_by(caller: &Caller, event: EventType, request: &Request, data: serde_json::Value) -> NewEvent {
    NewEvent::by(caller, event, data).about(request.id, &request.spec.cluster_name, &request.spec.principal.to_string())
}

/// An event of Entryway's own about `request`.
pub(super) fn own_event(event: EventType, request: &Request, data: serde_json::Value) -> NewEvent {
    NewEvent::by_entryway(event, data).about(
        request.id,
        &request.spec.cluster_name,
        &request.spec.principal.to_string(),
    )
}

/// Saves a request that this transaction holds locked; anything but success means that somebody got round the lock.
pub(super) async fn save(
    tx: &mut Tx,
    request: &mut Request,
    from: RequestState,
    events: Vec<NewEvent>,
) -> Result<(), WorkflowError> {
    match requests::save(tx, request, from, events).await? {
        Cas::Done => Ok(()),
        Cas::Stale => Err(StoreError::Stale(request.id).into()),
        Cas::Gone => Err(WorkflowError::NotFound),
    }
}

/// Puts `events` on record about a request that this transaction holds locked, without changing it.
pub(super) async fn put_on_record(
    tx: &mut Tx,
    request: &mut Request,
    events: Vec<NewEvent>,
) -> Result<(), WorkflowError> {
    match requests::note(tx, request, events).await? {
        Cas::Done => Ok(()),
        Cas::Stale => Err(StoreError::Stale(request.id).into()),
        Cas::Gone => Err(WorkflowError::NotFound),
    }
}
