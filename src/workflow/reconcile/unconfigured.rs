//! An entry on a cluster that configuration no longer names: nothing can be done about it, and everybody is told so.

use chrono::TimeDelta;

use super::super::WorkflowError;
use super::super::desk::Desk;
use super::begin::begin;
use super::trouble::{Failure, Finality, trouble};
use crate::store::entries::Lease;

/// Records what time has brought about all the same, fails what was still to be applied, and says of access that is to
/// end that it cannot be taken away from here. To be looked at again after `wait`: the cluster may come back.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering.
pub async fn unconfigured(desk: &Desk, lease: &Lease, wait: TimeDelta) -> Result<(), WorkflowError> {
    let run = begin(desk, lease).await?;
    let failure = Failure {
        code: "cluster-not-configured",
        detail: format!(
            "{} is no longer in Entryway's configuration, so nothing can be done to its access entries, and access that \
             was given there stays. Put the cluster back into the configuration, or delete the access entry by hand.",
            lease.cluster_name
        ),
        aws_code: None,
        aws_message: None,
        finality: Finality::UnlessApplied,
        is_snooze: true,
        is_ambiguous: false,
        wait,
    };
    trouble(desk, &run, None, &failure).await
}
