//! Filing requests: ask IAM, check every rule, ask the policy, store. All of them or none.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::desk::{Desk, call_of, own_call};
use super::intake;
use super::once::{Once, Outcome, conclude, recall};
use super::principals::Presences;
use super::standing::Details;
use super::{WorkflowError, standing};
use crate::domain::ask::Ask;
use crate::domain::baseline::can_be_layered_on;
use crate::domain::cluster::ExistingEntries;
use crate::domain::entry::{EntryContent, ObservedEntry};
use crate::domain::event::{EventType, NewEvent};
use crate::domain::identity::Caller;
use crate::domain::merge::{Contribution, merge};
use crate::domain::plan::{Step, plan};
use crate::domain::request::{Request, Warning};
use crate::domain::rules::{Accepted, Violation};
use crate::domain::states::RequestState;
use crate::domain::trouble::Trouble;
use crate::policy::{Action, PolicySet, Scene};
use crate::store::{Tx, requests};
use crate::telemetry::spans;

/// How long a preview waits for EKS to show what is there.
const PATIENCE: Duration = Duration::from_secs(2);

const NOT_OWNED: &str = "this principal has an access entry on the cluster that Entryway did not create, and would leave as it \
                         is: the request would fail. Have that entry deleted first";

/// What would come of an ask, without filing it.
#[derive(Debug)]
pub struct Preview {
    /// The request as it would be filed.
    pub details: Details,
    /// Who could sign it off, as far as the directory knows.
    pub could_sign_off: Vec<String>,
    /// The policies that let it be asked for.
    pub permitted_by: Vec<String>,
    /// What the entry is made up of now.
    pub before: Option<EntryContent>,
    /// What it would be.
    pub after: Option<EntryContent>,
    /// The calls from one to the other.
    pub steps: Vec<Step>,
}

/// Files one request for each ask.
///
/// # Errors
/// [`WorkflowError::Invalid`] with everything that is wrong with any of them; [`WorkflowError::RequestNotPermitted`];
/// [`WorkflowError::TooManyPending`]; those of idempotency and of the store.
pub async fn submit(
    desk: &Desk,
    caller: &Caller,
    asks: Vec<Ask>,
    once: Option<Once<'_>>,
) -> Result<Outcome, WorkflowError> {
    let policies = desk.policies.current();
    match file(desk, &policies, caller, asks, once.as_ref()).await {
        Ok(outcome) => Ok(outcome),
        Err(error) => Err(desk.note_refusal(caller, "request", None, error).await),
    }
}

async fn file(
    desk: &Desk,
    policies: &PolicySet,
    caller: &Caller,
    asks: Vec<Ask>,
    once: Option<&Once<'_>>,
) -> Result<Outcome, WorkflowError> {
    desk.learn_policies(&asks).await;
    let presences = desk.look_up(policies, caller, &asks).await;
    let mut tx = desk.store.begin().await?;
    if let Some(outcome) = recall(&mut tx, once).await? {
        return Ok(outcome);
    }
    let (mut filed, _) = match prepare(desk, &mut tx, policies, caller, &asks, &presences).await {
        Ok(prepared) => prepared,
        Err(refusal) => {
            // Before the answer, so that the corrected call finds its Idempotency-Key free.
            tx.rollback().await?;
            return Err(refusal);
        }
    };
    store(desk, &mut tx, policies, caller, &mut filed).await?;
    conclude(tx, once, filed).await
}

/// Stores requests that are checked, with what is told of their filing.
pub(super) async fn store(
    desk: &Desk,
    tx: &mut Tx,
    policies: &PolicySet,
    caller: &Caller,
    filed: &mut [Details],
) -> Result<(), WorkflowError> {
    spans::files(&filed.iter().map(|details| details.request.id).collect::<Vec<_>>());
    // Each insert holds its entry's row until the commit: in one order, so that two submits never wait for each other.
    let mut in_order: Vec<_> = filed.iter_mut().map(|details| &mut details.request).collect();
    in_order.sort_by_key(|request| (request.spec.cluster_name.clone(), request.spec.principal.to_string()));
    for request in in_order {
        let events = first_events(desk, policies, caller, request, tx.now());
        requests::insert(tx, request, events).await?;
    }
    Ok(())
}

/// Says what would come of `asks`. Nothing is stored.
///
/// # Errors
/// As [`submit`].
pub async fn dry_run(desk: &Desk, caller: &Caller, asks: Vec<Ask>) -> Result<Vec<Preview>, WorkflowError> {
    let policies = desk.policies.current();
    desk.learn_policies(&asks).await;
    let presences = desk.look_up(&policies, caller, &asks).await;
    let mut tx = desk.store.begin().await?;
    let (drafts, live) = prepare(desk, &mut tx, &policies, caller, &asks, &presences).await?;
    let now = tx.now();
    tx.rollback().await?;
    let theirs = look_at_theirs(desk, &drafts).await?;
    let previews = drafts.into_iter().zip(theirs).map(|(mut details, theirs)| {
        let request = &mut details.request;
        let beside = of_entry(&live, request);
        let mut contents: Vec<_> = beside.iter().map(|r| (r.id, r.spec.content.clone())).collect();
        let mut change = Change::of(&mut contents, request);
        request.warnings.extend(match theirs {
            Theirs::Nothing => None,
            Theirs::Entry(entry) => {
                let layers = desk.clusters.get(&request.spec.cluster_name).is_some_and(|cluster| {
                    cluster.existing_entries == ExistingEntries::Layer && can_be_layered_on(&entry.content)
                });
                change = Change::beside(entry.content, &contents, layers);
                (!layers).then(|| warning(Trouble::EntryNotOwned, NOT_OWNED.to_owned()))
            }
            Theirs::Unknown(why) => Some(warning(
                Trouble::EksUnavailable,
                format!("whether there is an entry of somebody else's was not checked: {why}"),
            )),
        });
        let Change { before, after } = change;
        let steps = plan(before.as_ref(), after.as_ref());
        let case = desk.case(request);
        let could_sign_off = policies.could_sign_off(&case.facts(request), &desk.directory, &own_call(now));
        let ask = policies.authorize(&caller.identity, Action::Request, &case.facts(request), &call_of(caller, now));
        let permitted_by = ask.deciding;
        Preview { details, could_sign_off, permitted_by, before, after, steps }
    });
    Ok(previews.collect())
}

/// What is there already that is not of Entryway's making.
enum Theirs {
    Nothing,
    Entry(ObservedEntry),
    /// Why that is not known, for people.
    Unknown(String),
}

/// What the entries of `drafts` hold that is not of Entryway's making. Never waits for long.
async fn look_at_theirs(desk: &Desk, drafts: &[Details]) -> Result<Vec<Theirs>, WorkflowError> {
    let until = Instant::now() + PATIENCE;
    let mut looks = JoinSet::new();
    for (place, draft) in drafts.iter().enumerate() {
        let (desk, spec) = (desk.clone(), draft.request.spec.clone());
        looks.spawn(async move {
            let Some(cluster) = desk.clusters.get(&spec.cluster_name) else { return (place, Ok(None)) };
            (place, desk.theirs(cluster, &spec.principal, until).await)
        });
    }
    let mut theirs: Vec<_> = drafts.iter().map(|_| Theirs::Nothing).collect();
    while let Some(look) = looks.join_next().await {
        let Ok((place, look)) = look else { continue };
        theirs[place] = match look {
            Ok(entry) => entry.map_or(Theirs::Nothing, Theirs::Entry),
            Err(WorkflowError::Blind(why) | WorkflowError::NoEntries(why)) => Theirs::Unknown(why),
            Err(error) => return Err(error),
        };
    }
    Ok(theirs)
}

/// An entry before and after a request.
struct Change {
    before: Option<EntryContent>,
    after: Option<EntryContent>,
}

impl Change {
    /// What `live` grants make of it, and what they make of it with `request`, which joins them.
    fn of(live: &mut Vec<(Uuid, EntryContent)>, request: &Request) -> Self {
        let before = union(None, live);
        live.push((request.id, request.spec.content.clone()));
        Self { before, after: union(None, live) }
    }

    /// The entry is somebody else's: what it holds stays, and `grants` come on top where that is allowed.
    fn beside(theirs: EntryContent, grants: &[(Uuid, EntryContent)], layers: bool) -> Self {
        let after = if layers { union(Some(&theirs), grants) } else { Some(theirs.clone()) };
        Self { before: Some(theirs), after }
    }
}

fn warning(code: Trouble, detail: String) -> Warning {
    Warning { code: code.as_str().to_owned(), detail }
}

fn union(base: Option<&EntryContent>, contents: &[(Uuid, EntryContent)]) -> Option<EntryContent> {
    let grants: Vec<_> = contents.iter().map(|(id, content)| Contribution { id: *id, content }).collect();
    merge(base, &grants).desired
}

/// Live requests on the same entry as `request`.
fn of_entry<'a>(live: &'a [Request], request: &Request) -> Vec<&'a Request> {
    let same = |other: &&Request| {
        other.spec.cluster_name == request.spec.cluster_name
            && other.spec.principal == request.spec.principal
            && other.state != RequestState::Revoking
    };
    live.iter().filter(same).collect()
}

/// Checks everything about `asks` and answers the requests to be, with all that is told of them, and what is live beside them.
pub(super) async fn prepare(
    desk: &Desk,
    tx: &mut Tx,
    policies: &PolicySet,
    caller: &Caller,
    asks: &[Ask],
    presences: &Presences,
) -> Result<(Vec<Details>, Vec<Request>), WorkflowError> {
    let names: Vec<_> = asks.iter().map(|ask| ask.cluster_name.clone()).collect();
    let principals: Vec<_> = asks.iter().map(|ask| ask.principal_arn.clone()).collect();
    let most = desk.settings.max_pending_per_requester;
    let beside = requests::beside(tx, caller.user(), most, &names, &principals).await?;
    let mut violations: Vec<Violation> = Vec::new();
    let mut specs = Vec::new();
    for (place, ask) in asks.iter().enumerate() {
        match intake::check(desk, ask, tx.now(), &beside, presences) {
            Ok(accepted) => specs.push(accepted),
            Err(found) => {
                for mut violation in found {
                    if asks.len() > 1 && violation.pointer == "/clusterName" {
                        violation.pointer = format!("/clusterNames/{place}");
                    }
                    if !violations.contains(&violation) {
                        violations.push(violation);
                    }
                }
            }
        }
    }
    if !violations.is_empty() {
        return Err(WorkflowError::Invalid(violations));
    }
    let reach = |accepted: &Accepted| {
        let extended = beside.live.iter().find(|live| Some(live.id) == accepted.spec.extends)?;
        let left = (extended.grant.expires_at? - tx.now()).max(TimeDelta::zero());
        Some(left + accepted.spec.duration?)
    };
    let drafts = specs
        .into_iter()
        .map(|accepted| decide(desk, tx, policies, caller, (reach(&accepted), accepted)))
        .collect::<Result<Vec<_>, _>>()?;
    keep_to_limit(desk, tx, caller, &drafts, beside.pending).await?;
    Ok((drafts, beside.live))
}

/// How many asks of one person may be under way at once, on all replicas together.
const AT_ONCE: i64 = 100;

/// Whether `drafts` are within what one person may have undecided, `pending` of which were counted before. Near the limit
/// the asks of one person wait for each other, so that many at once do not all count the same.
async fn keep_to_limit(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    drafts: &[Details],
    pending: i64,
) -> Result<(), WorkflowError> {
    let undecided = drafts.iter().filter(|draft| draft.request.state == RequestState::Pending).count();
    let undecided = i64::try_from(undecided).unwrap_or(i64::MAX);
    let limit = desk.settings.max_pending_per_requester;
    let room = |pending: i64| limit.saturating_sub(pending.saturating_add(undecided));
    if undecided == 0 || room(pending) >= AT_ONCE {
        return Ok(());
    }
    requests::one_at_a_time(tx, caller.user()).await?;
    if room(requests::pending_of(tx, caller.user(), limit).await?) < 0 {
        return Err(WorkflowError::TooManyPending { requester: caller.user().to_owned(), limit });
    }
    Ok(())
}

/// Asks the policy, and puts the request where it belongs: waiting for people, or on its way. Everything is asked in one scene:
/// making that costs more than the questions do.
fn decide(
    desk: &Desk,
    tx: &Tx,
    policies: &PolicySet,
    caller: &Caller,
    (reach, accepted): (Option<TimeDelta>, Accepted),
) -> Result<Details, WorkflowError> {
    let (now, call) = (tx.now(), call_of(caller, tx.now()));
    let asked = intake::draft(desk, policies, caller, accepted, reach, now);
    let case = desk.case(&asked);
    let scene = Scene::new(&case.facts(&asked), now);
    intake::permit(policies, caller, &scene, now)?;
    let standing = policies.standing_in(&scene, &[], &desk.directory, &call);
    let mut request = asked.clone();
    if standing.quorum.satisfied {
        standing::sign_off(&mut request, now);
        request.owes_review = request.spec.break_glass;
    } else if request.spec.break_glass {
        request.warnings.push(Warning {
            code: "break-glass-waits".to_owned(),
            detail: "policy does not let this be applied without a sign-off; it waits for one like any other"
                .to_owned(),
        });
    }
    let allowed = desk.allowed(policies, caller, &scene, &call, &request, &[]);
    Ok(Details { request, reviews: vec![], standing, allowed, required_reads: desk.settings.tempo.reads })
}

fn first_events(
    desk: &Desk,
    policies: &PolicySet,
    caller: &Caller,
    request: &Request,
    now: DateTime<Utc>,
) -> Vec<NewEvent> {
    let submitted = json!({
        "specDigest": request.spec_digest,
        "entry": request.spec.content,
        "reason": request.spec.reason,
        "ticket": request.spec.ticket,
        "durationMs": request.spec.duration.map(|duration| duration.num_milliseconds()),
        "startAt": request.spec.start_at,
        "extends": request.spec.extends,
        "reachMs": request.reach.map(|reach| reach.num_milliseconds()),
        "policyDigest": request.policy_digest,
    });
    let mut events = vec![standing::event_by(caller, EventType::RequestSubmitted, request, submitted)];
    if request.owes_review {
        // Loud, and by name: all of those who could have been asked are to know, and one of them is to look at it.
        let case = desk.case(request);
        let reviewers = policies.could_sign_off(&case.facts(request), &desk.directory, &own_call(now));
        let data = json!({ "reason": request.spec.reason, "ticket": request.spec.ticket, "reviewers": reviewers });
        events.push(standing::event_by(caller, EventType::RequestBreakGlass, request, data));
    }
    if let Some(event) = standing::signed_off_event(request) {
        let data = json!({ "why": "policy asks for nobody's approval" });
        events.push(standing::own_event(event, request, data));
    }
    events
}
