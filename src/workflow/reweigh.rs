//! What waits although it was signed off: policy kept it waiting when the last review was given (a freeze, hours of work, a group that
//! a reviewer was not in), and does so no more. Whoever has reviewed it cannot do so again, so that it is Entryway that
//! has to notice.

use std::collections::BTreeMap;

use serde_json::json;
use uuid::Uuid;

use super::WorkflowError;
use super::desk::{Desk, own_call};
use super::review::wake;
use super::standing::{own_event, save, sign_off, signed_off_event};
use crate::domain::review::Review;
use crate::domain::states::RequestState;
use crate::policy::Scene;
use crate::store::requests::{self, Passed, Stretch};
use crate::store::reviews;

/// The most requests that are weighed in one transaction.
const BATCH: i64 = 100;

/// Weighs requests anew that wait with an approval, a batch at a time, from after `passed` on, and sends those on their way
/// whose quorum stands by what policy says now; answers where to go on, `None` at the end.
///
/// # Errors
/// Those of the store.
pub async fn reweigh(desk: &Desk, passed: Option<Passed>) -> Result<Option<Passed>, WorkflowError> {
    let policies = desk.policies.current();
    let mut tx = desk.store.begin().await?;
    let Stretch { requests: waiting, passed } = requests::lock_approved(&mut tx, passed, BATCH).await?;
    let ids: Vec<_> = waiting.iter().map(|request| request.id).collect();
    let given = reviews::of_requests(&mut tx, &ids).await?;
    desk.recall(&mut tx, &waiting, &given).await?;
    let mut by_request: BTreeMap<Uuid, Vec<Review>> = BTreeMap::new();
    for review in given {
        by_request.entry(review.request_id).or_default().push(review);
    }
    for mut request in waiting {
        let (now, given) = (tx.now(), by_request.remove(&request.id).unwrap_or_default());
        let quorum = {
            let case = desk.case(&request);
            let scene = Scene::new(&case.facts(&request), now);
            policies.standing_in(&scene, &given, &desk.directory, &own_call(now)).quorum
        };
        if !quorum.satisfied {
            continue;
        }
        sign_off(&mut request, now);
        policies.digest().clone_into(&mut request.policy_digest);
        let data = json!({
            "why": "policy kept it waiting when it was signed off, and does so no more",
            "approvals": quorum.approvals, "deciding": quorum.deciding, "policyDigest": policies.digest(),
        });
        let events = signed_off_event(&request).map(|event| own_event(event, &request, data));
        save(&mut tx, &mut request, RequestState::Pending, events.into_iter().collect()).await?;
        wake(&mut tx, &request).await?;
    }
    tx.commit().await?;
    Ok(passed)
}
