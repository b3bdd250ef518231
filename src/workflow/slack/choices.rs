//! What somebody could ask for, for a form to offer. Policy is asked about asks that nobody has filed, so this is a help and no
//! promise: what is filed is checked like any other ask.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use uuid::Uuid;

use super::super::WorkflowError;
use super::super::desk::{Desk, call_of};
use super::super::read::Filter;
use crate::domain::arn::PrincipalArn;
use crate::domain::catalogue::{PolicyKind, policy_arn};
use crate::domain::cluster::Cluster;
use crate::domain::duration;
use crate::domain::entry::{AccessScope, EntryContent, EntryType};
use crate::domain::identity::Caller;
use crate::domain::request::Spec;
use crate::policy::{Action, Facts};

/// What a form offers as the duration of access without an end.
pub const PERMANENT: &str = "permanent";

/// The durations a form offers, shortest first.
const DURATIONS: [&str; 9] = ["30m", "1h", "2h", "4h", "8h", "1d", "3d", "7d", PERMANENT];

/// What a form offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// The clusters that policy lets the caller ask for something on.
    pub clusters: Vec<String>,
    /// The one that the rest is about.
    pub cluster: Option<String>,
    /// The access policies that may be asked for there, by bare name.
    pub policies: Vec<String>,
    /// For how long.
    pub durations: Vec<&'static str>,
    /// The principal they last asked for.
    pub principal: Option<String>,
}

impl Desk {
    /// What `caller` could ask for, on `cluster` where they could there.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn choices(&self, caller: &Caller, cluster: Option<&str>) -> Result<Choices, WorkflowError> {
        let filter = Filter { requester: Some(caller.user().to_owned()), ..Filter::default() };
        let last = self.list(caller, filter, false, None, 1).await?.items;
        let last = last.first().map(|details| &details.request.spec);
        let catalogue = self.catalogue.current();
        let policies: Vec<_> =
            catalogue.iter().filter(|(_, kind)| *kind == PolicyKind::Customer).map(|(name, _)| name).collect();
        // Somewhere, something may be asked for shortly or not at all.
        let shortest = duration::parse(DURATIONS[0]).ok();
        let can = |cluster: &Cluster, policy: &str, duration| self.could_ask(caller, cluster, policy, duration);
        let open: Vec<_> = self
            .clusters
            .iter()
            .filter(|cluster| policies.iter().any(|policy| can(cluster, policy, shortest)))
            .collect();
        let wanted = cluster.or(last.map(|spec| spec.cluster_name.as_str()));
        let chosen = open.iter().find(|known| Some(known.name.as_str()) == wanted).or(open.first()).copied();
        let here: Vec<String> = chosen.map_or_else(Vec::new, |cluster| {
            policies.iter().filter(|policy| can(cluster, policy, shortest)).map(|name| (*name).to_owned()).collect()
        });
        let limits = &self.settings.limits;
        let durations = DURATIONS.into_iter().filter(|text| {
            let asked = duration::parse(text).ok();
            let within = asked.map_or(limits.allow_permanent, |asked| asked <= limits.max_duration);
            within && chosen.is_some_and(|cluster| here.iter().any(|policy| can(cluster, policy, asked)))
        });
        Ok(Choices {
            durations: durations.collect(),
            clusters: open.iter().map(|cluster| cluster.name.clone()).collect(),
            cluster: chosen.map(|cluster| cluster.name.clone()),
            policies: here,
            principal: last.map(|spec| spec.principal.to_string()),
        })
    }

    fn could_ask(&self, caller: &Caller, cluster: &Cluster, policy: &str, duration: Option<TimeDelta>) -> bool {
        let Ok(principal) =
            format!("arn:{}:iam::{}:role/somebody", cluster.partition(), cluster.account_id).parse::<PrincipalArn>()
        else {
            return false;
        };
        let scope = AccessScope::Namespace { namespaces: ["default".to_owned()].into() };
        let spec = Spec {
            cluster_name: cluster.name.clone(),
            content: EntryContent {
                entry_type: EntryType::Standard,
                username: None,
                kubernetes_groups: [].into(),
                access_policies: BTreeMap::from([(policy_arn(principal.partition(), policy), scope)]),
            },
            principal,
            tags: BTreeMap::new(),
            reason: String::new(),
            ticket: None,
            duration,
            start_at: None,
            break_glass: false,
            extends: None,
        };
        let facts = Facts {
            id: Uuid::nil(),
            spec: &spec,
            cluster,
            requester: &caller.identity,
            submitted_by: None,
            reach: None,
        };
        let call = call_of(caller, self.now());
        self.policies.current().authorize(&caller.identity, Action::Request, &facts, &call).allowed
    }
}
