//! The entries on a cluster in answers.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::parts::EntryView;
use super::time::Time;
use super::words::{AccessEntryType, LeftAlone, ManagedBy, PrincipalStatus, State};
use crate::domain::entry::ObservedEntry;
use crate::domain::principal::{Presence, Standing};
use crate::domain::request::Request;
use crate::workflow::inventory::{Examined, Held};

/// An entry on a cluster.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InventoryEntry)]
pub(crate) struct HeldView {
    /// Whose it is.
    #[schema(example = "arn:aws:iam::111122223333:role/dev/apps/my-role")]
    principal_arn: String,
    /// Its type; null where it is of a kind that Entryway does not know.
    #[serde(rename = "type")]
    #[schema(value_type = Option<AccessEntryType>)]
    entry_type: Option<&'static str>,
    /// Who made it.
    #[schema(value_type = ManagedBy)]
    managed: &'static str,
    /// Why Entryway never touches it; null where it would.
    #[schema(value_type = Option<LeftAlone>)]
    protected: Option<&'static str>,
    /// The requests that make it up, and those that are being taken off it, oldest first.
    requests: Vec<ShareView>,
    /// How it differs from what it should be; null where it does not, and while Entryway is at work on it.
    drift: Option<DriftView>,
}

/// What one request has to do with an entry.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EntryShare)]
pub(crate) struct ShareView {
    /// The request.
    #[schema(example = "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1")]
    id: Uuid,
    /// Where it is in its life.
    #[schema(value_type = State)]
    state: &'static str,
    /// Whose ask it is.
    #[schema(example = "alice")]
    requester: String,
    /// Why it is needed.
    #[schema(example = "Look into the failed settlement run")]
    reason: String,
    /// What it gives.
    entry: EntryView,
    /// When access ends by itself; null for permanent access, and until it has begun.
    expires_at: Option<Time>,
}

/// How an entry differs from what it should be.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Drift)]
pub(crate) struct DriftView {
    /// Every difference, in words.
    #[schema(example = json!(["the group sneaked-in is there and should not be"]))]
    differences: Vec<String>,
}

/// A page of the entries on a cluster, as EKS orders them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InventoryList)]
pub(crate) struct HeldList {
    /// The entries.
    pub(crate) items: Vec<HeldView>,
    /// Send it as `nextToken` for the next page; null at the end. A page may be short, even empty, before the end.
    #[schema(example = "AZgKG3w9fk-KW2x9jp-gsQ")]
    pub(crate) next_token: Option<String>,
}

/// An entry with everything that is known of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InventoryEntryDetails)]
pub(crate) struct ExaminedView {
    #[serde(flatten)]
    held: HeldView,
    /// What it should hold by the live requests, and by the entry they are layered on; null where nothing is live.
    desired: Option<EntryView>,
    /// What EKS shows; null where it has no entry.
    observed: Option<ObservedView>,
    /// What it holds without Entryway, where grants are layered on it.
    baseline: Option<EntryView>,
    /// The principal, as IAM knows it.
    principal: PrincipalView,
}

/// What EKS shows of an entry.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ObservedEntry)]
pub(crate) struct ObservedView {
    #[serde(flatten)]
    entry: EntryView,
    /// All its tags.
    #[schema(example = json!({"entryway/installation": "acme-platform"}))]
    tags: BTreeMap<String, String>,
    /// EKS's name for it; an entry that is deleted and made anew has another one.
    #[schema(
        example = "arn:aws:eks:eu-central-1:111122223333:access-entry/prod-eu-1/role/111122223333/my-role/2ec6e1c4-6a5b-4b8f-9f0e-0a1b2c3d4e5f"
    )]
    access_entry_arn: String,
}

/// A principal, as IAM knows it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = InventoryPrincipal)]
pub(crate) struct PrincipalView {
    /// Its unique id, which no other principal ever has; null where IAM does not tell.
    #[schema(example = "AROAEXAMPLEEXAMPLEEX")]
    unique_id: Option<String>,
    /// Whether it is there, and still who the entry was made for: EKS lets nobody in by the entry of one that was deleted and made
    /// anew (`recreated`).
    #[schema(value_type = PrincipalStatus)]
    status: &'static str,
}

impl From<&Held> for HeldView {
    fn from(held: &Held) -> Self {
        let drift = Some(&held.drift).filter(|drift| !drift.is_empty());
        Self {
            principal_arn: held.principal_arn.clone(),
            entry_type: held.entry_type.map(|kind| kind.as_str()),
            managed: held.managed.as_str(),
            protected: held.protection.map(|why| why.as_str()),
            requests: held.requests.iter().map(Into::into).collect(),
            drift: drift.map(|drift| DriftView { differences: drift.clone() }),
        }
    }
}

impl From<&Request> for ShareView {
    fn from(request: &Request) -> Self {
        Self {
            id: request.id,
            state: request.state.as_str(),
            requester: request.requester.clone(),
            reason: request.spec.reason.clone(),
            entry: (&request.spec.content).into(),
            expires_at: request.grant.expires_at.map(Time),
        }
    }
}

impl From<&Examined> for ExaminedView {
    fn from(examined: &Examined) -> Self {
        let Examined { held, desired, observed, baseline, presence, standing } = examined;
        Self {
            held: held.into(),
            desired: desired.as_ref().map(Into::into),
            observed: observed.as_ref().map(Into::into),
            baseline: baseline.as_ref().map(Into::into),
            principal: PrincipalView::of(presence, *standing),
        }
    }
}

impl From<&ObservedEntry> for ObservedView {
    fn from(entry: &ObservedEntry) -> Self {
        Self {
            entry: (&entry.content).into(),
            tags: entry.tags.clone(),
            access_entry_arn: entry.access_entry_arn.clone(),
        }
    }
}

impl PrincipalView {
    fn of(presence: &Presence, standing: Standing) -> Self {
        let unique_id = match presence {
            Presence::Exists(known) => Some(known.unique_id.clone()),
            Presence::Missing | Presence::NotChecked(_) => None,
        };
        Self { unique_id, status: standing.as_str() }
    }
}
