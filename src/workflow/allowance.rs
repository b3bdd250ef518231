//! Telling all replicas how often somebody has called.

use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use super::WorkflowError;
use super::desk::Desk;
use crate::store::allowance;

impl Desk {
    /// Tells all replicas of calls of `caller` that take `cost` to be earned back; answers what all of them have told.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn tell_of_calls(&self, caller: &str, cost: TimeDelta) -> Result<TimeDelta, WorkflowError> {
        Ok(allowance::spend(&self.store, &Sha256::digest(caller).into(), cost).await?)
    }
}
