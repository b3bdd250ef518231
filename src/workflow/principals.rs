//! What IAM knows of principals, asked before a transaction is opened and never for long: an ask waits for IAM two seconds
//! at most, and is filed with a warning where IAM does not answer.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::desk::Desk;
use super::intake;
use crate::domain::arn::PrincipalArn;
use crate::domain::ask::Ask;
use crate::domain::cluster::Cluster;
use crate::domain::identity::Caller;
use crate::domain::principal::Presence;
use crate::policy::{PolicySet, Scene};
use crate::store::requests::Beside;

/// How long an ask waits for IAM.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it waits where IAM has just let somebody wait in vain: long enough for an IAM that is well, short enough that
/// one that hangs holds up nobody.
const LITTLE_PATIENCE: Duration = Duration::from_millis(250);

/// How long an account is in disgrace, unless it answers before.
const DISGRACE: Duration = Duration::from_secs(30);

/// What [`Registry::look_up`] gives back.
pub type LookingUp<'a> = Pin<Box<dyn Future<Output = Presence> + Send + 'a>>;

/// Whoever can tell which principals exist.
pub trait Registry: Debug + Send + Sync {
    /// Whether `principal` exists, asked with the credentials that `home`, a configured cluster in its account, is
    /// reached with.
    fn look_up<'a>(&'a self, home: &'a Cluster, principal: &'a PrincipalArn) -> LookingUp<'a>;
}

/// The registry, and how patient to be with it. Clones are the same.
#[derive(Debug, Clone)]
pub struct Principals {
    registry: Arc<dyn Registry>,
    /// Accounts that last let somebody wait in vain, and when.
    silent: Arc<Mutex<BTreeMap<String, Instant>>>,
}

impl Principals {
    /// Principals as `registry` knows them.
    #[must_use]
    pub fn new(registry: Arc<dyn Registry>) -> Self {
        Self { registry, silent: Arc::default() }
    }

    async fn look_up(&self, home: &Cluster, principal: &PrincipalArn) -> Presence {
        let account = &home.account_id;
        let answer = timeout(self.patience(account), self.registry.look_up(home, principal)).await;
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(presence) => {
                silent.remove(account);
                presence
            }
            Err(_) => {
                silent.insert(account.clone(), Instant::now());
                Presence::NotChecked(format!("IAM did not answer in time for account {account}"))
            }
        }
    }

    fn patience(&self, account: &str) -> Duration {
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        match silent.get(account) {
            Some(since) if since.elapsed() < DISGRACE => LITTLE_PATIENCE,
            _ => PATIENCE,
        }
    }
}

/// What became known of the principals of some asks.
#[derive(Debug, Default)]
pub(super) struct Presences(BTreeMap<String, Presence>);

impl Presences {
    /// Whether the principal of `ask` exists, as far as anybody asked.
    pub(super) fn of(&self, ask: &Ask) -> Presence {
        let known = self.0.get(&ask.principal_arn).cloned();
        known.unwrap_or_else(|| Presence::NotChecked("Entryway did not ask IAM".to_owned()))
    }
}

impl Desk {
    /// Looks up the principals of `asks` that `caller` may learn about; each once, however many clusters it is asked for
    /// on.
    ///
    /// That a role exists is nothing to tell everybody. IAM is only asked about a principal that this caller, by the rules
    /// and by policy, may ask access for on that cluster, so that nobody learns what they could not learn by asking for it.
    pub(super) async fn look_up(&self, policies: &PolicySet, caller: &Caller, asks: &[Ask]) -> Presences {
        let mut looked_up = BTreeMap::new();
        for ask in asks {
            if looked_up.contains_key(&ask.principal_arn) {
                continue;
            }
            let learnt = match ask.principal_arn.parse() {
                // Nobody is asked, so there is nothing that the caller could learn.
                Ok(principal) if self.home_of(&ask.cluster_name, &principal).is_none() => Some(principal),
                _ => self.may_learn_about(policies, caller, ask),
            };
            if let Some(principal) = learnt {
                let presence = self.presence_of(&ask.cluster_name, &principal).await;
                looked_up.insert(ask.principal_arn.clone(), presence);
            }
        }
        Presences(looked_up)
    }

    /// Whether `principal`, which has or may be given an entry on `cluster`, exists, and who it is. Never takes long.
    pub async fn presence_of(&self, cluster: &str, principal: &PrincipalArn) -> Presence {
        match self.home_of(cluster, principal) {
            Some(home) => self.principals.look_up(home, principal).await,
            None => Presence::NotChecked(format!(
                "no cluster is configured in account {}, so that Entryway has no credentials to ask IAM there",
                principal.account()
            )),
        }
    }

    /// The principal of `ask`, if this caller might ask for it. An ask that is wrong in other ways counts as the least that
    /// one can ask for instead, so that the answer to it still lists everything that is wrong.
    fn may_learn_about(&self, policies: &PolicySet, caller: &Caller, ask: &Ask) -> Option<PrincipalArn> {
        // Close enough to decide whether to look; what is decided by is the transaction's time.
        let now = self.store.clock().approximate();
        [ask, &least(ask)].into_iter().find_map(|ask| {
            let accepted = intake::check(self, ask, now, &Beside::default(), &Presences::default()).ok()?;
            let request = intake::draft(self, policies, caller, accepted, None, now);
            let case = self.case(&request);
            intake::permit(policies, caller, &Scene::new(&case.facts(&request), now), now).ok()?;
            Some(request.spec.principal)
        })
    }

    /// The cluster whose credentials see the account of `principal`: `cluster`, or the first other one.
    fn home_of(&self, cluster: &str, principal: &PrincipalArn) -> Option<&Cluster> {
        let at_home = |cluster: &&Cluster| {
            cluster.account_id == principal.account() && cluster.partition() == principal.partition()
        };
        let asked = self.clusters.get(cluster).filter(at_home);
        asked.or_else(|| self.clusters.iter().find(at_home))
    }
}

/// The least that can be asked for, for the same principal and type on the same cluster.
fn least(ask: &Ask) -> Ask {
    Ask {
        cluster_name: ask.cluster_name.clone(),
        principal_arn: ask.principal_arn.clone(),
        entry_type: ask.entry_type.clone(),
        reason: Some("to see whether anything may be asked for".to_owned()),
        duration: Some("1s".to_owned()),
        break_glass: ask.break_glass,
        ..Ask::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::desk::no_longer_configured;

    #[derive(Debug)]
    struct Prompt;

    impl Registry for Prompt {
        fn look_up<'a>(&'a self, _: &'a Cluster, _: &'a PrincipalArn) -> LookingUp<'a> {
            Box::pin(async { Presence::Missing })
        }
    }

    #[tokio::test]
    async fn whoever_was_silent_is_given_little_time_until_they_answer() {
        let principals = Principals::new(Arc::new(Prompt));
        let home = Cluster { account_id: "111122223333".into(), ..no_longer_configured("prod") };
        let principal = "arn:aws:iam::111122223333:role/x".parse().expect("a role");
        let silent_since = |when| principals.silent.lock().expect("no panic").insert(home.account_id.clone(), when);
        assert_eq!(principals.patience(&home.account_id), PATIENCE);

        silent_since(Instant::now());
        assert_eq!(principals.patience(&home.account_id), LITTLE_PATIENCE);
        assert_eq!(principals.patience("444455556666"), PATIENCE, "others are in no disgrace for it");
        assert_eq!(principals.look_up(&home, &principal).await, Presence::Missing);
        assert_eq!(principals.patience(&home.account_id), PATIENCE, "it has answered");

        silent_since(Instant::now() - DISGRACE);
        assert_eq!(principals.patience(&home.account_id), PATIENCE, "it has been long enough");
    }
}
