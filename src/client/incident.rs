//! `incident`: everything that somebody has, that a principal has, or that there is on a cluster, ends at once.

use std::collections::BTreeSet;

use super::args::Incident;
use super::failure::Failure;
use super::http::{Answer, Service};
use super::show::{counted, principal};
use super::table::table;
use super::{Session, decide};
use crate::api::wire::{NewRevocation, Revocation, RevocationItem};

/// Shows what would end, and asks, unless that was said beforehand; then ends it.
pub(super) async fn incident(session: &Session<'_>, asked: Incident) -> Result<(), Failure> {
    let service = Service::of(session)?;
    let Incident { requester, principal, cluster, reason, dry_run, yes, .. } = asked;
    let matching = |dry_run| NewRevocation {
        requester: requester.clone(),
        principal_arn: principal.clone(),
        cluster_name: cluster.clone(),
        reason: Some(reason.clone()),
        dry_run,
    };
    if dry_run || !yes {
        let Answer { view: seen, json } = post(&service, &matching(true)).await?;
        if dry_run {
            session.out.result(&shown(&seen), &json);
            return Ok(());
        }
        if seen.revoked + seen.denied == 0 {
            session.out.result(&shown(&seen), &json);
            return verdict(&seen);
        }
        session.out.note(&shown(&seen));
        decide::confirm(session, "end all of this? [y/N] ", "--dry-run lists what would end, and --yes ends it")?;
    }
    let Answer { view: done, json } = post(&service, &matching(false)).await?;
    session.out.result(&shown(&done), &json);
    verdict(&done)
}

async fn post(service: &Service, body: &NewRevocation) -> Result<Answer<Revocation>, Failure> {
    service.post("/v1/revocations", body, None, None).await
}

/// What has not ended is a failure, however much has.
fn verdict(done: &Revocation) -> Result<(), Failure> {
    if !done.complete {
        let left = counted(done.left, "request");
        return Err(Failure::Left(format!(
            "{left} did not come to their turn; run the same again, and it goes on with them"
        )));
    }
    if done.refused > 0 {
        let kept = counted(done.refused, "request");
        return Err(Failure::Kept(format!(
            "not ended: {kept}, which you may not revoke; have somebody run it who may"
        )));
    }
    Ok(())
}

fn shown(revocation: &Revocation) -> String {
    let row = |item: &RevocationItem| {
        let RevocationItem { id, cluster_name, principal_arn, requester, state, outcome, .. } = item;
        // A dry run tells where it is, and what would become of it.
        [
            outcome.to_string(),
            id.to_string(),
            state.to_string(),
            cluster_name.clone(),
            principal(principal_arn),
            requester.clone(),
        ]
    };
    if revocation.items.is_empty() {
        return "nothing matches that you may see and that has not ended\n".to_owned();
    }
    let rows: Vec<_> = revocation.items.iter().map(row).collect();
    let mut text = table(["OUTCOME", "REQUEST", "STATE", "CLUSTER", "PRINCIPAL", "REQUESTER"], &rows);
    let refused = revocation.items.iter().filter(|item| item.outcome == "refused");
    let reasons: BTreeSet<_> = refused.filter_map(|item| item.detail.as_deref()).collect();
    text += &format!("\n{}\n", summary(revocation));
    reasons.iter().for_each(|reason| text += &format!("{reason}\n"));
    text
}

/// How many of each outcome.
fn summary(revocation: &Revocation) -> String {
    let Revocation { revoked, denied, refused, left, .. } = revocation;
    let would = if revocation.dry_run { "nothing has changed; of these would be" } else { "of these were" };
    let mut parts = vec![format!("{revoked} revoked"), format!("{denied} turned down undecided")];
    parts.extend((*refused > 0).then(|| format!("{refused} refused to you")));
    parts.extend((*left > 0).then(|| format!("{left} left")));
    let incident = if revocation.dry_run { String::new() } else { format!("; incident {}", revocation.id) };
    format!("{would}: {}{incident}", parts.join(", "))
}
