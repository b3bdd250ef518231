//! IAM, as the use cases see it.

use std::fmt::Debug;

use crate::domain::arn::PrincipalArn;
use crate::domain::cluster::Cluster;
use crate::domain::principal::Presence;
use crate::eks::Class;
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
                    let class = error.class.as_str();
                    if error.class == Class::Denied {
                        // Asked with every look for drift, which would fill the log of whoever does not want IAM asked.
                        tracing::debug!(%principal, %error, class, "IAM does not let Entryway ask");
                    } else {
                        tracing::warn!(%principal, %error, class, "IAM was asked in vain");
                    }
                    Presence::NotChecked(error.explain_iam(home))
                }
            }
        })
    }
}
