//! The port to IAM: who bears a name. Read only, and the only thing Entryway asks of IAM.

use std::future::Future;

use super::EksError;
use crate::domain::arn::PrincipalArn;
use crate::domain::cluster::Cluster;
use crate::domain::principal::KnownPrincipal;

/// What Entryway asks of IAM. As with [`super::Eks`], one call is one attempt.
pub trait Iam: Send + Sync + 'static {
    /// Who bears the name of `principal`, path left aside, in its account: `None` when IAM says that there is nobody. The
    /// credentials are those of `home`, a configured cluster in that account; nothing else is ever assumed.
    ///
    /// IAM is eventually consistent: a principal made or deleted seconds ago may be missing or still be there.
    ///
    /// Fails with [`EksError`], which [`EksError::explain_iam`] says to people. Where its class is [`super::Class::Denied`],
    /// it names the permission that is missing.
    fn look_up(
        &self,
        home: &Cluster,
        principal: &PrincipalArn,
    ) -> impl Future<Output = Result<Option<KnownPrincipal>, EksError>> + Send;
}
