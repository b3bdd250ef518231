//! A cluster that is gone, and its access entries with it: there is nothing left to take away, and its grants are over.

use serde_json::json;

use super::super::WorkflowError;
use super::super::desk::Desk;
use super::super::standing::{own_event, save};
use super::begin::Run;
use super::events::tell_failed;
use super::health::known;
use super::trouble::Failure;
use crate::domain::cluster::Cluster;
use crate::domain::event::EventType;
use crate::domain::plan::Step;
use crate::domain::request::Request;
use crate::domain::states::{EndReason, RequestState};
use crate::store::entries::Due;
use crate::store::{Tx, clusters, entries, requests};

/// What it means that EKS does not know a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// It is gone: everything on the entry has ended, and the lease is given back.
    Gone,
    /// It was there, and may be gone; that is being looked into.
    Unconfirmed,
    /// EKS never showed it where configuration looks for it.
    NeverShown,
}

/// Ends every grant on an entry, if it is certain that its cluster is gone, as the failed `write` said, or a look. Should EKS ever show the cluster again, with what
/// Entryway wrote still there, the entry is looked at again and that is taken away.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering.
pub async fn cluster_gone(
    desk: &Desk,
    run: &Run,
    cluster: &Cluster,
    write: Option<(&Step, &Failure)>,
) -> Result<Absence, WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let mut all = requests::lock_of_entry(&mut tx, &run.lease.cluster_name, &run.lease.principal_arn).await?;
    let mut record = entries::hold(&mut tx, &run.lease, desk.settings.lease).await?;
    let sightings = known(&mut tx, &cluster.name).await?.sightings;
    if !sightings.knows(&cluster.arn()) {
        return Ok(Absence::NeverShown);
    }
    if !sightings.is_gone(&cluster.arn()) {
        if sightings.gone_since.is_none() {
            let now = tx.now();
            clusters::check_at(&mut tx, &cluster.name, now).await?;
        }
        tx.commit().await?;
        return Ok(Absence::Unconfirmed);
    }
    if let Some((step, failure)) = write {
        tell_failed(&mut tx, run, &mut all, step, failure).await?;
        record.unheard.clone_from(&run.record.unheard);
    }
    for request in all.iter_mut().filter(|request| holds(request)) {
        end(&mut tx, request, cluster).await?;
    }
    record.attempts = 0;
    record.drifted = false;
    record.repair_asked_at = None;
    record.last_error = None;
    record.restart_proof();
    record.recheck_at = Some(tx.now());
    entries::save(&mut tx, &run.lease, &record).await?;
    entries::release(&mut tx, &run.lease, Due::default()).await?;
    tx.commit().await?;
    Ok(Absence::Gone)
}

fn holds(request: &Request) -> bool {
    request.state.is_granting() || matches!(request.state, RequestState::Scheduled | RequestState::Revoking)
}

/// What was being taken back already keeps its reason; its access is gone all the same.
async fn end(tx: &mut Tx, request: &mut Request, cluster: &Cluster) -> Result<(), WorkflowError> {
    let now = tx.now();
    let why = format!("EKS no longer has the cluster {}, and its access entries went with it", cluster.arn());
    request.last_error = None;
    let mut from = request.state;
    if from != RequestState::Revoking {
        request.state = RequestState::Revoking;
        request.end_reason = Some(EndReason::ClusterGone);
        let data = json!({ "endReason": EndReason::ClusterGone.as_str(), "why": why });
        let event = own_event(EventType::RequestRevoking, request, data);
        save(tx, request, from, vec![event]).await?;
        from = RequestState::Revoking;
    }
    request.state = RequestState::Ended;
    request.grant.ended_at = Some(now);
    let end_reason = request.end_reason.map(EndReason::as_str);
    let event = own_event(EventType::RequestEnded, request, json!({ "endReason": end_reason, "why": why }));
    save(tx, request, from, vec![event]).await
}
