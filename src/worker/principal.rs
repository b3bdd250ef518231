//! Whether the principal of an entry is still the one that it was made for.

use super::Worker;
use crate::domain::arn::PrincipalArn;
use crate::domain::entry::ObservedEntry;
use crate::eks::Eks;
use crate::workflow::WorkflowError;
use crate::workflow::reconcile::{self, Run};

impl<E: Eks> Worker<E> {
    /// Asks IAM about the principal of `observed` when that is due, and puts on record what came of it; answers whether the
    /// entry is now to be made anew. Never while there is something to take away, which waits for nobody.
    pub(super) async fn has_condemned(
        &self,
        run: &mut Run,
        principal: &PrincipalArn,
        observed: Option<&ObservedEntry>,
    ) -> Result<bool, WorkflowError> {
        let settings = &self.desk.settings;
        let due = |entry: &&ObservedEntry| run.record.is_principal_due(entry, run.now, &settings.tempo);
        let wanted = run.desired.is_some() && !run.ending;
        let Some(entry) = observed.filter(|_| wanted).filter(due) else { return Ok(false) };
        let presence = self.desk.presence_of(&run.lease.cluster_name, principal).await;
        run.asked_iam = true;
        reconcile::weigh(&self.desk, run, entry, principal, &presence).await
    }
}
