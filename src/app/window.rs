//! EKS, as those see it who ask what is there.

use std::fmt::Debug;
use std::sync::Arc;

use crate::domain::arn::PrincipalArn;
use crate::domain::cluster::Cluster;
use crate::domain::entry::ObservedEntry;
use crate::domain::inventory::EntryPage;
use crate::eks::{Class, Eks, EksError};
use crate::worker::{Turn, Turns, Urgency};
use crate::workflow::{Blind, Looking, Lookout};

/// Looks at EKS when it is nobody else's turn to call: what the worker has to do goes before what somebody wants to see.
#[derive(Debug)]
pub struct Window<E> {
    eks: Arc<E>,
    turns: Turns,
}

impl<E: Eks + Debug> Window<E> {
    /// Sees what `eks` shows, at the pace of `turns`.
    pub const fn new(eks: Arc<E>, turns: Turns) -> Self {
        Self { eks, turns }
    }

    async fn turn(&self, cluster: &Cluster) -> Result<(), Blind> {
        loop {
            match self.turns.wait(cluster, Urgency::Idle).await {
                Ok(Turn::Come) => return Ok(()),
                // Whoever waits for this gives it up in time.
                Ok(Turn::Queue(wait)) => tokio::time::sleep(wait.to_std().unwrap_or_default()).await,
                Err(error) => {
                    tracing::warn!(%error, "there is no asking for a turn to call EKS");
                    return Err(Blind::Silent("Entryway cannot ask EKS just now; try again in a while".to_owned()));
                }
            }
        }
    }

    async fn heed<T>(&self, cluster: &Cluster, answer: Result<T, EksError>) -> Result<T, Blind> {
        let error = match answer {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        tracing::warn!(cluster = cluster.name, %error, class = error.class.as_str(), "EKS was looked at in vain");
        if error.class == Class::Throttled
            && let Err(error) = self.turns.slow_down(cluster).await
        {
            tracing::warn!(%error, "the pace could not be slowed down");
        }
        match error.class {
            Class::BadAnswer => Err(Blind::Strange),
            Class::Final if error.message.as_deref().is_some_and(|words| words.contains("nextToken")) => {
                Err(Blind::Token)
            }
            // Roles and permissions are the operators' affair: they find them with the cluster and in the log.
            Class::Denied | Class::Credentials | Class::Final => Err(Blind::Silent(format!(
                "EKS does not show Entryway the entries of {0}; GET /v1/clusters/{0} says in health.problems what is in the way",
                cluster.name
            ))),
            // Until somebody changes the cluster it stays so, however often it is asked.
            Class::AuthMode => Err(Blind::Without(error.explain(cluster).1)),
            _ => Err(Blind::Silent(error.explain(cluster).1)),
        }
    }
}

impl<E: Eks + Debug> Lookout for Window<E> {
    fn page<'a>(&'a self, cluster: &'a Cluster, token: Option<&'a str>, most: u8) -> Looking<'a, EntryPage> {
        Box::pin(async move {
            self.turn(cluster).await?;
            self.heed(cluster, self.eks.list_page(cluster, None, token, most).await).await
        })
    }

    fn entry<'a>(
        &'a self,
        cluster: &'a Cluster,
        principal: &'a PrincipalArn,
        with_policies: bool,
    ) -> Looking<'a, Option<ObservedEntry>> {
        Box::pin(async move {
            self.turn(cluster).await?;
            let Some(mut entry) = self.heed(cluster, self.eks.glance(cluster, principal).await).await? else {
                return Ok(None);
            };
            if with_policies && entry.content.entry_type.takes_policies() {
                self.turn(cluster).await?;
                let policies = self.heed(cluster, self.eks.policies(cluster, principal).await).await?;
                let Some(policies) = policies else { return Ok(None) };
                entry.content.access_policies = policies;
            }
            Ok(Some(entry))
        })
    }

    fn policies<'a>(&'a self, cluster: &'a Cluster) -> Looking<'a, Vec<String>> {
        Box::pin(async move {
            self.turn(cluster).await?;
            let listed = self.heed(cluster, self.eks.list_access_policies(cluster).await).await?;
            Ok(listed.into_iter().map(|policy| policy.name).collect())
        })
    }
}
