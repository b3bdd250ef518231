//! Looking before filing: what would come of asks, for their entries, their approval and EKS. Nothing is stored.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::WorkflowError;
use super::desk::{Desk, call_of, own_call};
use super::standing::Details;
use super::submit::prepare;
use crate::domain::ask::Ask;
use crate::domain::baseline::can_be_layered_on;
use crate::domain::cluster::ExistingEntries;
use crate::domain::entry::{EntryContent, ObservedEntry};
use crate::domain::identity::Caller;
use crate::domain::merge::{Contribution, merge};
use crate::domain::plan::{Step, plan};
use crate::domain::request::{Request, Warning};
use crate::domain::states::RequestState;
use crate::domain::trouble::Trouble;
use crate::policy::Action;

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

/// Says what would come of `asks`. Nothing is stored.
///
/// # Errors
/// Those of [`super::submit::submit`].
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
