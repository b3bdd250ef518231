//! A request in answers.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::parts::{
    AccessPolicyView, ApprovalView, EntryView, GrantView, LastErrorView, ReviewView, VerificationView, WarningView,
};
use super::time::Time;
use super::words::{AccessEntryType, EndedBecause, RequestAction, State};
use crate::domain::duration::to_iso8601;
use crate::domain::states::EndReason;
use crate::workflow::standing::Details;

/// A request, from the ask to the end of the access.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Request)]
pub(crate) struct RequestView {
    /// UUID v7. The nil UUID in a dry run.
    #[schema(example = "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1")]
    pub(crate) id: Uuid,
    /// Where it is in its life.
    #[schema(value_type = State)]
    pub(crate) state: Cow<'static, str>,
    /// Why access ended, once it is ending.
    #[schema(value_type = Option<EndedBecause>)]
    pub(crate) end_reason: Option<Cow<'static, str>>,
    /// Rises with every change; also the `ETag`.
    #[schema(example = 7, minimum = 1)]
    pub(crate) version: i64,
    /// Entryway's name for the cluster.
    #[schema(example = "prod")]
    pub(crate) cluster_name: String,
    /// Whose access entry it is.
    #[schema(example = "arn:aws:iam::111122223333:role/dev/apps/my-role")]
    pub(crate) principal_arn: String,
    /// The type of the entry.
    #[serde(rename = "type")]
    #[schema(value_type = AccessEntryType)]
    pub(crate) entry_type: Cow<'static, str>,
    /// The Kubernetes username asked for; null leaves it to EKS.
    #[schema(example = "settlement:{{SessionName}}")]
    pub(crate) username: Option<String>,
    /// Kubernetes groups asked for, sorted.
    #[schema(example = json!(["viewers"]))]
    pub(crate) kubernetes_groups: Vec<String>,
    /// Access policies asked for.
    pub(crate) access_policies: Vec<AccessPolicyView>,
    /// Tags for the entry.
    #[schema(example = json!({"team": "payments"}))]
    pub(crate) tags: BTreeMap<String, String>,
    /// Why it is needed.
    #[schema(example = "Look into the failed settlement run")]
    pub(crate) reason: String,
    /// The ticket it belongs to.
    #[schema(example = "PAY-1234")]
    pub(crate) ticket: Option<String>,
    /// How long access lasts from `grant.startsAt` (ISO 8601); null is permanent.
    #[schema(example = "PT8H")]
    pub(crate) duration: Option<String>,
    /// When to start; null is as soon as it is signed off.
    pub(crate) start_at: Option<Time>,
    /// Apply now, review afterwards.
    pub(crate) break_glass: bool,
    /// The request whose access this one prolongs.
    #[schema(example = json!(null))]
    pub(crate) extends: Option<Uuid>,
    /// The digest of everything that was asked. Reviews are bound to it.
    #[schema(example = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae")]
    pub(crate) spec_digest: String,
    /// Whose ask it is.
    #[schema(example = "alice")]
    pub(crate) requester: String,
    /// The service that filed it for them; null where they did so themselves.
    #[schema(example = "portal")]
    pub(crate) submitted_by: Option<String>,
    /// What is worth knowing about it.
    pub(crate) warnings: Vec<WarningView>,
    /// What the reviews amount to.
    pub(crate) approval: ApprovalView,
    /// The reviews, in the order given.
    pub(crate) reviews: Vec<ReviewView>,
    /// The times of the access.
    pub(crate) grant: GrantView,
    /// The proof.
    pub(crate) verification: VerificationView,
    /// Its latest trouble.
    pub(crate) last_error: Option<LastErrorView>,
    /// What this caller may do with it now.
    #[schema(value_type = Vec<RequestAction>)]
    pub(crate) allowed_actions: Vec<Cow<'static, str>>,
    /// When it was filed.
    pub(crate) created_at: Time,
    /// When it last changed.
    pub(crate) updated_at: Time,
}

impl From<&Details> for RequestView {
    fn from(details: &Details) -> Self {
        let Details { request, reviews, standing, allowed, required_reads: _ } = details;
        let spec = &request.spec;
        let entry = EntryView::from(&spec.content);
        Self {
            id: request.id,
            state: request.state.as_str().into(),
            end_reason: request.end_reason.map(|reason| EndReason::as_str(reason).into()),
            version: request.version,
            cluster_name: spec.cluster_name.clone(),
            principal_arn: spec.principal.to_string(),
            entry_type: entry.entry_type,
            username: entry.username,
            kubernetes_groups: entry.kubernetes_groups,
            access_policies: entry.access_policies,
            tags: spec.tags.clone(),
            reason: spec.reason.clone(),
            ticket: spec.ticket.clone(),
            duration: spec.duration.map(to_iso8601),
            start_at: spec.start_at.map(Time),
            break_glass: spec.break_glass,
            extends: spec.extends,
            spec_digest: request.spec_digest.clone(),
            requester: request.requester.clone(),
            submitted_by: request.submitted_by.clone(),
            warnings: request.warnings.iter().map(Into::into).chain(WarningView::of_open_review(request)).collect(),
            approval: details.into(),
            reviews: reviews.iter().map(|review| ReviewView::new(review, &standing.counting)).collect(),
            grant: (&request.grant).into(),
            verification: details.into(),
            last_error: request.last_error.as_ref().map(Into::into),
            allowed_actions: allowed.iter().copied().map(Cow::Borrowed).collect(),
            created_at: Time(request.created_at),
            updated_at: Time(request.updated_at),
        }
    }
}

/// A page of requests, newest first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestList {
    /// What the caller may see.
    pub(crate) items: Vec<RequestView>,
    /// Send it as `nextToken` for the next page; null at the end. A page may be short, even empty, before the end.
    #[schema(example = "AZgKG3w9fk-KW2x9jp-gsQ")]
    pub(crate) next_token: Option<String>,
}
