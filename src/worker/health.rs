//! The health of clusters, asked in the background, so that a submit to one that cannot take entries is refused at once.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::Worker;
use super::rights::of_gate;
use super::turns::{Turn, Urgency};
use crate::domain::cluster::Cluster;
use crate::eks::{Class, ClusterGate, Eks, EksError, auth_mode};
use crate::store::clusters::Health;
use crate::telemetry::spans;
use crate::workflow::WorkflowError;
use crate::workflow::reconcile::{self, Sighting};

impl<E: Eks> Worker<E> {
    /// Asks about every cluster whose check is due, all at once.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn check_clusters(&self) -> Result<(), WorkflowError> {
        let mut checks = JoinSet::new();
        self.start_checks(&mut checks).await?;
        checks.join_all().await;
        Ok(())
    }

    async fn start_checks(&self, checks: &mut JoinSet<()>) -> Result<(), WorkflowError> {
        self.lacking.replace(reconcile::missing_rights(&self.desk).await?);
        for name in reconcile::claim_checks(&self.desk).await? {
            let worker = self.clone();
            checks.spawn(async move {
                let check = worker.check_cluster(&name).instrument(spans::look("check cluster", &name));
                if let Err(error) = check.await {
                    tracing::warn!(cluster = name, %error, "the health of a cluster could not be recorded");
                }
            });
        }
        Ok(())
    }

    async fn check_cluster(&self, name: &str) -> Result<(), WorkflowError> {
        let Some(cluster) = self.desk.clusters.get(name) else { return Ok(()) };
        if self.turns.wait(cluster, Urgency::CanWait).await? != Turn::Come {
            // Others need the turns more; what is known stays known until the next check.
            return Ok(());
        }
        let mut answer = self.heed(cluster, of_gate, self.eks.describe_cluster(cluster).await).await?;
        if answer.as_ref().is_err_and(EksError::says_no_cluster)
            && let Err(error) = self.eks.check_account(cluster).await
        {
            // Then it was said of another place.
            answer = Err(error);
        }
        let sighting = match &answer {
            Ok(_) => Sighting::Shown,
            Err(error) if error.says_no_cluster() => Sighting::Missing,
            Err(_) => Sighting::Unsaid,
        };
        let health = Health {
            cluster_name: cluster.name.clone(),
            status: answer.as_ref().ok().map(|gate| gate.status.clone()),
            authentication_mode: answer.as_ref().ok().and_then(|gate| gate.authentication_mode.clone()),
            platform_version: answer.as_ref().ok().and_then(|gate| gate.platform_version.clone()),
            problems: problems(cluster, &answer),
            ..Health::default()
        };
        reconcile::record_health(&self.desk, cluster, health, sighting).await?;
        let reachable = match &answer {
            Ok(gate) => gate.takes_access_entries(),
            Err(error) => error.class == Class::Denied,
        };
        if reachable { self.probe(cluster).await } else { Ok(()) }
    }

    /// Checks clusters every `every` until `stop`.
    pub async fn watch_clusters(self, every: Duration, stop: CancellationToken) {
        // A cluster that hangs holds up none of the others.
        let mut checks = JoinSet::new();
        loop {
            while checks.try_join_next().is_some() {}
            if let Err(error) = self.start_checks(&mut checks).await {
                tracing::warn!(%error, "cannot check the clusters; trying again");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
        }
    }
}

fn problems(cluster: &Cluster, answer: &Result<ClusterGate, EksError>) -> Vec<String> {
    match answer {
        // That is told among the permissions.
        Err(error) if error.lack(cluster).is_some() => vec![],
        Err(error) => vec![error.explain(cluster).1],
        Ok(gate) => {
            let mut problems = vec![];
            if gate.status != "ACTIVE" {
                problems.push(format!("EKS says that the cluster is {}; grants wait until it is ACTIVE", gate.status));
            }
            if !gate.takes_access_entries() {
                problems.push(auth_mode(cluster));
            }
            problems
        }
    }
}
