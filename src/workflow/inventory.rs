//! What is on a cluster, live from EKS, beside what Entryway knows of it: who holds what, and through which request.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::WorkflowError;
use super::desk::Desk;
use super::lookout::Blind;
use crate::domain::arn::PrincipalArn;
use crate::domain::ask::{Ask, AskedPolicy};
use crate::domain::catalogue::{Catalogue, bare_name, is_policy_name};
use crate::domain::cluster::Cluster;
use crate::domain::entry::{EntryContent, EntryType, ObservedEntry};
use crate::domain::identity::Caller;
use crate::domain::inventory::{self, Managed, Place, Protection};
use crate::domain::principal::{Binding, Presence, Standing};
use crate::domain::record::EntryRecord;
use crate::domain::request::Request;
use crate::policy::ServiceAction;
use crate::store::{StoreError, entries, requests};

/// How long somebody waits for EKS. Far below what a call to the API may take.
const PATIENCE: Duration = Duration::from_secs(12);

/// One entry of the list.
#[derive(Debug, Clone)]
pub struct Held {
    /// Whose it is.
    pub principal_arn: String,
    /// Its type; `None` when it, or the principal, is of a kind that Entryway does not know.
    pub entry_type: Option<EntryType>,
    /// Who made it.
    pub managed: Managed,
    /// Why Entryway never touches it, if it does not.
    pub protection: Option<Protection>,
    /// The requests that make it up or are being taken off it, oldest first.
    pub requests: Vec<Request>,
    /// What is not as it should be.
    pub drift: Vec<String>,
}

/// One entry with everything that is known of it.
#[derive(Debug, Clone)]
pub struct Examined {
    /// The same as in the list.
    pub held: Held,
    /// What it should hold.
    pub desired: Option<EntryContent>,
    /// What it holds.
    pub observed: Option<ObservedEntry>,
    /// What it holds without Entryway, where grants are layered on it.
    pub baseline: Option<EntryContent>,
    /// What IAM says of the principal.
    pub presence: Presence,
    /// Whether the principal is still who the entry was made for.
    pub standing: Standing,
}

/// A page of the list.
#[derive(Debug)]
pub struct Shelf {
    /// The entries, in EKS's order.
    pub items: Vec<Held>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<Place>,
}

/// What Entryway knows of some entries.
#[derive(Debug, Default)]
struct Known {
    records: BTreeMap<String, EntryRecord>,
    requests: BTreeMap<String, Vec<Request>>,
}

/// What a look at an entry showed: an entry, none, or one of an unknown kind.
type Looked = Result<Option<ObservedEntry>, Blind>;

impl Desk {
    /// Whether policy lets `caller` see who holds what on the clusters.
    #[must_use]
    pub fn may_take_stock(&self, caller: &Caller) -> bool {
        self.may(caller, ServiceAction::Audit) || self.may(caller, ServiceAction::Administer)
    }

    /// A page of at most `most` entries of `cluster`, from `place` on. Each of them is looked at, since the list of EKS holds
    /// names alone; where EKS is too slow for all of them, the page ends early.
    ///
    /// # Errors
    /// [`WorkflowError::Blind`] when EKS shows nothing at all, [`WorkflowError::NoEntries`], [`WorkflowError::PageGone`]; those of
    /// the store.
    pub async fn shelf(&self, cluster: &Cluster, place: Place, most: u8) -> Result<Shelf, WorkflowError> {
        let until = Instant::now() + PATIENCE;
        let page = self.inventory.page(cluster, place.token.as_deref(), most, until).await;
        let page = page.map_err(|blind| blind.into_error(cluster))?;
        let names = place.rest_of(&page.principals).to_vec();
        let ours = self.known(cluster, &names).await?;
        let looks = self.look_at_all(cluster, &names, &ours, until).await;
        let known = self.known(cluster, &names).await?;
        let mut items = Vec::new();
        for (principal, look) in names.iter().zip(looks) {
            match look {
                Ok(None) => {}
                Ok(Some(entry)) => items.push(self.held(cluster, principal, Some(&entry), &known)),
                // That it cannot be read says nothing about how it is.
                Err(Blind::Strange | Blind::Token) => {
                    items.push(Held { drift: vec![], ..self.held(cluster, principal, None, &known) });
                }
                Err(silent) if items.is_empty() => return Err(silent.into_error(cluster)),
                Err(_) => {
                    let after = items.last().map(|held| held.principal_arn.clone());
                    return Ok(Shelf { items, next: Some(Place { after, ..place }) });
                }
            }
        }
        Ok(Shelf { items, next: page.next.map(|token| Place { token: Some(token), after: None }) })
    }

    /// Everything about the entry of `principal`; `None` where EKS has none and nobody is to have one.
    ///
    /// # Errors
    /// [`WorkflowError::Blind`], [`WorkflowError::NoEntries`]; those of the store.
    pub async fn examine(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
    ) -> Result<Option<Examined>, WorkflowError> {
        let name = principal.to_string();
        let until = Instant::now() + PATIENCE;
        let (looked, presence) = tokio::join!(
            self.inventory.entry(cluster, principal, true, until),
            self.presence_of(&cluster.name, principal)
        );
        let observed = looked.map_err(|blind| blind.into_error(cluster))?;
        let known = self.known(cluster, std::slice::from_ref(&name)).await?;
        let record = known.records.get(&name);
        let held = self.held(cluster, &name, observed.as_ref(), &known);
        let desired = inventory::desired(record, &held.requests, self.now());
        if observed.is_none() && desired.is_none() && held.requests.is_empty() {
            return Ok(None);
        }
        let baseline = record.and_then(EntryRecord::layered_on).map(|baseline| baseline.content.clone());
        let standing = self.standing_of(record, observed.as_ref(), principal, &presence);
        Ok(Some(Examined { held, desired, observed, baseline, presence, standing }))
    }

    /// Whether `principal` is still who the entry was made for.
    fn standing_of(
        &self,
        record: Option<&EntryRecord>,
        observed: Option<&ObservedEntry>,
        principal: &PrincipalArn,
        presence: &Presence,
    ) -> Standing {
        let bound = record.and_then(|record| record.binding.as_ref());
        let weighed = |entry| Binding::weighed(bound, entry, principal, presence, self.now());
        match (observed, presence) {
            (Some(entry), _) => weighed(entry).map(|binding| binding.standing).unwrap_or_default(),
            (None, Presence::Exists(_)) => Standing::Ok,
            (None, Presence::Missing) => Standing::Missing,
            (None, Presence::NotChecked(_)) => Standing::Unknown,
        }
    }

    /// What EKS holds for `principal` that is not of Entryway's making, for a preview of what would become of it.
    pub(super) async fn theirs(
        &self,
        cluster: &Cluster,
        principal: &PrincipalArn,
        until: Instant,
    ) -> Result<Option<ObservedEntry>, WorkflowError> {
        let look = self.inventory.entry(cluster, principal, true, until).await;
        let Some(entry) = look.map_err(|blind| blind.into_error(cluster))? else { return Ok(None) };
        let record = entries::of(&self.store, &cluster.name, &[principal.to_string()]).await?.pop();
        let managed = Managed::of(&entry, record.as_ref(), &self.settings.installation);
        Ok(Some(entry).filter(|_| managed != Managed::Ours))
    }

    /// The access policies that EKS lists where `cluster` is, or in the region of the first cluster; those known when this
    /// was written where EKS has never answered. Whether EKS was heard is said with it.
    pub async fn access_policies(&self, cluster: Option<&Cluster>) -> (Catalogue, bool) {
        let Some(cluster) = cluster.or_else(|| self.clusters.iter().next()) else {
            return (Catalogue::built_in(), false);
        };
        match self.inventory.policies(cluster).await {
            Some(names) => {
                self.catalogue.learn(&names);
                (Catalogue::from_names(names), true)
            }
            None => (Catalogue::built_in(), false),
        }
    }

    /// Asks EKS about access policies that `asks` name and nobody here has heard of: AWS may have made them since.
    pub(super) async fn learn_policies(&self, asks: &[Ask]) {
        let known = self.catalogue.current();
        let is_new = |policy: &AskedPolicy| {
            let name = bare_name(&policy.policy_arn);
            is_policy_name(name) && known.kind(name).is_none()
        };
        // Regions of a partition differ in this for some days at most: one of them is enough to ask.
        let ask = asks.iter().find(|ask| ask.access_policies.iter().any(is_new));
        if let Some(cluster) = ask.and_then(|ask| self.clusters.get(&ask.cluster_name)) {
            self.access_policies(Some(cluster)).await;
        }
    }

    /// Looks at the entries of `names` in that order, some at once. Only those that Entryway has to do with are looked at
    /// whole: of the others the list shows nothing that takes a second call.
    async fn look_at_all(&self, cluster: &Cluster, names: &[String], ours: &Known, until: Instant) -> Vec<Looked> {
        let mut looks = JoinSet::new();
        for (place, name) in names.iter().enumerate() {
            let Ok(principal) = name.parse::<PrincipalArn>() else { continue };
            let (inventory, cluster) = (self.inventory.clone(), cluster.clone());
            let whole = ours.is_about(name);
            looks.spawn(async move { (place, inventory.entry(&cluster, &principal, whole, until).await) });
        }
        let mut seen: Vec<Looked> = names.iter().map(|_| Err(Blind::Strange)).collect();
        while let Some(look) = looks.join_next().await {
            if let Ok((place, look)) = look {
                seen[place] = look;
            }
        }
        seen
    }

    async fn known(&self, cluster: &Cluster, principals: &[String]) -> Result<Known, StoreError> {
        let mut known = Known::default();
        for request in requests::of_entries(&self.store, &cluster.name, principals).await? {
            known.requests.entry(request.spec.principal.to_string()).or_default().push(request);
        }
        let records = entries::of(&self.store, &cluster.name, principals).await?;
        known.records = records.into_iter().map(|record| (record.principal_arn.clone(), record)).collect();
        Ok(known)
    }

    fn held(&self, cluster: &Cluster, name: &str, observed: Option<&ObservedEntry>, known: &Known) -> Held {
        let installation = &self.settings.installation;
        let record = known.records.get(name);
        let requests = known.requests.get(name).cloned().unwrap_or_default();
        let managed = match observed {
            Some(entry) => Managed::of(entry, record, installation),
            None if record.and_then(EntryRecord::layered_on).is_some() => Managed::Layered,
            None if requests.is_empty() => Managed::Foreign,
            None => Managed::Ours,
        };
        let desired = inventory::desired(record, &requests, self.now());
        let entry_type = observed.map(|entry| entry.content.entry_type);
        let drift = name.parse::<PrincipalArn>().map(|principal| {
            let terms = (installation.as_str(), &self.settings.tempo);
            inventory::drift(record, desired.as_ref(), observed, &principal, terms)
        });
        Held {
            principal_arn: name.to_owned(),
            entry_type: entry_type.or(desired.map(|content| content.entry_type)),
            managed,
            protection: Protection::of(cluster, name, entry_type, managed),
            requests,
            drift: drift.unwrap_or_default(),
        }
    }
}

impl Known {
    fn is_about(&self, principal: &str) -> bool {
        let wrote = |record: &EntryRecord| record.written.is_some() || record.access_entry_arn.is_some();
        self.requests.contains_key(principal) || self.records.get(principal).is_some_and(wrote)
    }
}
