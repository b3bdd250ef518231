//! An entry on a cluster that configuration no longer names: nothing can be done about it, and everybody is told so.

use chrono::TimeDelta;

use super::super::WorkflowError;
use super::super::desk::Desk;
use super::super::standing::save;
use super::begin::begin;
use crate::domain::request::LastError;
use crate::domain::states::RequestState;
use crate::domain::trouble::Trouble;
use crate::store::entries::{self, Lease};
use crate::store::requests;

/// Records the expiries that are due all the same, and tells whoever waits for something to be written why it is not. To be
/// looked at again after `wait`: the cluster may come back, and then everything goes on where it stood.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering.
pub async fn unconfigured(desk: &Desk, lease: &Lease, wait: TimeDelta) -> Result<(), WorkflowError> {
    begin(desk, lease).await?;
    let mut tx = desk.store.begin().await?;
    let now = tx.now();
    let mut all = requests::lock_of_entry(&mut tx, &lease.cluster_name, &lease.principal_arn).await?;
    let mut record = entries::hold(&mut tx, lease, desk.settings.lease).await?;
    record.attempts = 0;
    let error = LastError {
        code: Trouble::ClusterNotConfigured.as_str().to_owned(),
        detail: format!(
            "{} is no longer in Entryway's configuration, so nothing can be done to its access entries, and access that \
             was given there stays. Put the cluster back into the configuration, or delete the access entry by hand.",
            lease.cluster_name
        ),
        aws_code: None,
        aws_message: None,
        at: now,
        attempts: 0,
        retrying: true,
        next_attempt_at: None,
    };
    let told = |known: &Option<LastError>| known.as_ref().is_some_and(|known| known.code == error.code);
    let waits = |state| matches!(state, RequestState::Applying | RequestState::Verifying | RequestState::Revoking);
    for request in all.iter_mut().filter(|request| waits(request.state) && !told(&request.last_error)) {
        let from = request.state;
        request.last_error = Some(error.clone());
        save(&mut tx, request, from, vec![]).await?;
    }
    record.last_error = Some(error.clone());
    entries::save(&mut tx, lease, &record).await?;
    let expiries =
        all.iter().filter(|request| request.state.is_granting()).filter_map(|request| request.grant.expires_at);
    let at = expiries.min().map_or(now + wait, |expiry| expiry.min(now + wait));
    entries::postpone(&mut tx, lease, at).await?;
    Ok(tx.commit().await?)
}
