//! IAM, as the use cases see it.

use std::fmt::Debug;

use crate::domain::arn::PrincipalArn;
use crate::domain::cluster::Cluster;
use crate::domain::principal::Presence;
use crate::eks::iam::Iam;
use crate::workflow::{LookingUp, Registry};

/// What IAM answers is what is known; what it does not, nobody knows.
#[derive(Debug)]
pub struct IamRegistry<I>(pub I);

impl<I: Iam + Debug> Registry for IamRegistry<I> {
    fn look_up<'a>(&'a self, home: &'a Cluster, principal: &'a PrincipalArn) -> LookingUp<'a> {
        Box::pin(async move {
            match self.0.look_up(home, principal).await {
                Ok(Some(known)) => Presence::Exists(known),
                Ok(None) => Presence::Missing,
                Err(error) => {
                    tracing::warn!(%principal, %error, class = error.class.as_str(), "IAM was asked in vain");
                    Presence::NotChecked(error.explain_iam(home))
                }
            }
        })
    }
}
