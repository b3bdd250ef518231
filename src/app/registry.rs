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
pub struct IamRegistry<I> {
    iam: I,
    unheard_of: Option<&'static str>,
}

impl<I> IamRegistry<I> {
    /// As `iam` has it.
    pub const fn new(iam: I) -> Self {
        Self { iam, unheard_of: None }
    }

    /// As `iam` has it, which is a simulated one: where it does not let anybody ask about a principal, it has not heard of them,
    /// and `unheard_of` says so instead of which permission is missing.
    pub const fn simulated(iam: I, unheard_of: &'static str) -> Self {
        Self { iam, unheard_of: Some(unheard_of) }
    }
}

impl<I: Iam + Debug> Registry for IamRegistry<I> {
    fn look_up<'a>(&'a self, home: &'a Cluster, principal: &'a PrincipalArn) -> LookingUp<'a> {
        Box::pin(async move {
            match self.iam.look_up(home, principal).await {
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
                    match self.unheard_of {
                        Some(words) if error.class == Class::Denied => Presence::NotChecked(words.to_owned()),
                        _ => Presence::NotChecked(error.explain_iam(home)),
                    }
                }
            }
        })
    }
}
