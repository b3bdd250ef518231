//! The parts of a request.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::time::Time;
use super::words::{AccessEntryType, ApprovalStatus, ProofLevel, ReviewDecision, Road, ScopeType};
use crate::domain::entry::{AccessScope, EntryContent};
use crate::domain::request::{Grant, LastError, Request, Warning};
use crate::domain::review::{Decision, Review};
use crate::domain::states::RequestState;
use crate::workflow::standing::Details;

/// What an access entry holds.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Entry)]
pub(crate) struct EntryView {
    /// The type of the entry.
    #[serde(rename = "type")]
    #[schema(value_type = AccessEntryType)]
    pub(crate) entry_type: Cow<'static, str>,
    /// The Kubernetes username; null leaves it to EKS, which derives it from the principal.
    #[schema(example = "settlement:{{SessionName}}", max_length = 256)]
    pub(crate) username: Option<String>,
    /// Kubernetes groups, sorted.
    #[schema(example = json!(["viewers"]))]
    pub(crate) kubernetes_groups: Vec<String>,
    /// EKS access policies with their scopes.
    pub(crate) access_policies: Vec<AccessPolicyView>,
}

/// An EKS access policy, and where it holds.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AccessPolicy)]
pub(crate) struct AccessPolicyView {
    /// The full ARN.
    #[schema(example = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy")]
    pub(crate) policy_arn: String,
    /// Where it holds.
    pub(crate) access_scope: AccessScopeView,
}

/// Where an access policy holds.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = AccessScope)]
pub(crate) struct AccessScopeView {
    /// The whole cluster, or single namespaces.
    #[serde(rename = "type")]
    #[schema(value_type = ScopeType)]
    pub(crate) scope_type: Cow<'static, str>,
    /// The namespaces, sorted; `*` stands for any run of characters. Empty for the whole cluster.
    #[schema(example = json!(["payments", "payments-*"]))]
    pub(crate) namespaces: Vec<String>,
}

impl From<&EntryContent> for EntryView {
    fn from(content: &EntryContent) -> Self {
        let policy = |(arn, scope): (&String, &AccessScope)| AccessPolicyView {
            policy_arn: arn.clone(),
            access_scope: scope.into(),
        };
        Self {
            entry_type: content.entry_type.as_str().into(),
            username: content.username.clone(),
            kubernetes_groups: content.kubernetes_groups.iter().cloned().collect(),
            access_policies: content.access_policies.iter().map(policy).collect(),
        }
    }
}

impl From<&AccessScope> for AccessScopeView {
    fn from(scope: &AccessScope) -> Self {
        match scope {
            AccessScope::Cluster => Self { scope_type: "cluster".into(), namespaces: vec![] },
            AccessScope::Namespace { namespaces } => {
                Self { scope_type: "namespace".into(), namespaces: namespaces.iter().cloned().collect() }
            }
        }
    }
}

/// Something worth knowing about a request that was accepted all the same.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Warning)]
pub(crate) struct WarningView {
    /// `GET /problems/{code}` explains it.
    #[schema(example = "group-binding-not-checked")]
    pub(crate) code: String,
    /// What it means here, and what to do about it.
    #[schema(example = "EKS does not check that viewers is bound to any Role or ClusterRole in the cluster")]
    pub(crate) detail: String,
}

impl From<&Warning> for WarningView {
    fn from(warning: &Warning) -> Self {
        Self { code: warning.code.clone(), detail: warning.detail.clone() }
    }
}

impl WarningView {
    /// That somebody broke the glass and nobody has looked at it since.
    pub(super) fn of_open_review(request: &Request) -> Option<Self> {
        request.owes_review.then(|| Self {
            code: "break-glass-unreviewed".to_owned(),
            detail: "it was applied without a sign-off; somebody who could have given one is to look at it and \
                     acknowledge it"
                .to_owned(),
        })
    }
}

/// What the reviews amount to, by the policies in force now.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Approval)]
pub(crate) struct ApprovalView {
    /// Whether that is enough.
    #[schema(value_type = ApprovalStatus)]
    pub(crate) status: Cow<'static, str>,
    /// How many people's approvals count.
    #[schema(example = 1, minimum = 0)]
    pub(crate) approvals: usize,
    /// What is missing, in sentences; empty when it is enough.
    #[schema(example = json!(["admin on production needs 2 approvals, one of them from security"]))]
    pub(crate) missing: Vec<String>,
    /// The digest of the policy set that the last decision was made by.
    #[schema(example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub(crate) policy_digest: String,
}

impl From<&Details> for ApprovalView {
    fn from(details: &Details) -> Self {
        let (standing, quorum) = (&details.standing, &details.standing.quorum);
        // What was ended in an incident, or with what it was to extend, has no review that says so.
        let denied = standing.denied || details.request.state == RequestState::Denied;
        let status = match (denied, quorum.satisfied, quorum.needed_none) {
            (true, ..) => "denied",
            (_, true, true) => "notNeeded",
            (_, true, false) => "satisfied",
            (_, false, _) => "waiting",
        };
        Self {
            status: status.into(),
            approvals: quorum.approvals,
            missing: if denied && !standing.denied {
                vec!["it was turned down, and that is final; its timeline says why".to_owned()]
            } else {
                quorum.missing.clone()
            },
            policy_digest: details.request.policy_digest.clone(),
        }
    }
}

/// One person's word.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Review)]
pub(crate) struct ReviewView {
    /// UUID v7.
    #[schema(example = "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1")]
    pub(crate) id: Uuid,
    /// Who.
    #[schema(example = "bob")]
    pub(crate) reviewer: String,
    /// What they say.
    #[schema(value_type = ReviewDecision)]
    pub(crate) decision: Cow<'static, str>,
    /// Why; always there on a deny.
    #[schema(example = "looks right to me")]
    pub(crate) comment: Option<String>,
    /// The road it came by.
    #[schema(value_type = Road)]
    pub(crate) via: Cow<'static, str>,
    /// The service that carried it; null where they reviewed it themselves.
    #[schema(example = "portal")]
    pub(crate) submitted_by: Option<String>,
    /// When it was recorded.
    pub(crate) created_at: Time,
    /// Whether it counts by the policies and the directory of now. Only an approval can cease to.
    pub(crate) counts: bool,
}

impl ReviewView {
    /// A review; `counting` are the approvals that count.
    pub(super) fn new(review: &Review, counting: &[Uuid]) -> Self {
        Self {
            id: review.id,
            reviewer: review.reviewer.clone(),
            decision: review.decision.as_str().into(),
            comment: review.comment.clone(),
            via: review.via.as_str().into(),
            submitted_by: review.submitted_by.clone(),
            created_at: Time(review.created_at),
            counts: review.decision != Decision::Approve || counting.contains(&review.id),
        }
    }
}

/// The times of the access; each null until it has happened.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Grant)]
pub(crate) struct GrantView {
    /// The first successful write, or the take-over of an extension. The duration counts from here.
    pub(crate) starts_at: Option<Time>,
    /// The last write that was needed.
    pub(crate) applied_at: Option<Time>,
    /// When enough reads agreed.
    pub(crate) verified_at: Option<Time>,
    /// When access ends by itself: after the duration, which an extension counts from the end of what it took over from.
    /// Null also for permanent access.
    pub(crate) expires_at: Option<Time>,
    /// When it was proven gone.
    pub(crate) ended_at: Option<Time>,
}

impl From<&Grant> for GrantView {
    fn from(grant: &Grant) -> Self {
        let Grant { starts_at, applied_at, verified_at, expires_at, ended_at } = *grant;
        Self {
            starts_at: starts_at.map(Time),
            applied_at: applied_at.map(Time),
            verified_at: verified_at.map(Time),
            expires_at: expires_at.map(Time),
            ended_at: ended_at.map(Time),
        }
    }
}

/// The proof that EKS holds what was asked for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Verification)]
pub(crate) struct VerificationView {
    /// How far it has come.
    #[schema(value_type = ProofLevel)]
    pub(crate) level: Cow<'static, str>,
    /// Consecutive reads that agree so far.
    #[schema(example = 3, minimum = 0)]
    pub(crate) agreeing_reads: i32,
    /// How many it takes.
    #[schema(example = 3, minimum = 1)]
    pub(crate) required_reads: i32,
    /// Milliseconds from the last write to the first read of the agreeing run.
    #[schema(example = 2150, minimum = 0)]
    pub(crate) lag_ms: Option<i64>,
}

impl From<&Details> for VerificationView {
    fn from(details: &Details) -> Self {
        let verification = details.request.verification;
        Self {
            level: verification.level.as_str().into(),
            agreeing_reads: verification.agreeing_reads,
            required_reads: details.required_reads,
            lag_ms: verification.lag_ms,
        }
    }
}

/// Why a request failed, or what keeps it waiting.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LastError)]
pub(crate) struct LastErrorView {
    /// A code of Entryway's.
    #[schema(example = "entry-not-owned")]
    pub(crate) code: String,
    /// What happened and what to do next.
    #[schema(example = "the cluster holds an entry for this principal that Entryway did not make")]
    pub(crate) detail: String,
    /// The error code EKS answered with.
    #[schema(example = "ResourceInUseException")]
    pub(crate) aws_code: Option<String>,
    /// EKS's own words.
    #[schema(example = "The specified access entry resource is already in use on this cluster.")]
    pub(crate) aws_message: Option<String>,
    /// When it happened.
    pub(crate) at: Time,
    /// How many times in a row the work has failed.
    #[schema(example = 1, minimum = 0)]
    pub(crate) attempts: i32,
    /// Whether Entryway goes on trying by itself.
    pub(crate) retrying: bool,
    /// When it tries next; null where it does not, or only waits for EKS to show something and looks all the time.
    pub(crate) next_attempt_at: Option<Time>,
}

impl From<&LastError> for LastErrorView {
    fn from(error: &LastError) -> Self {
        let LastError { code, detail, aws_code, aws_message, at, attempts, retrying, next_attempt_at } = error.clone();
        let next_attempt_at = next_attempt_at.map(Time);
        Self { code, detail, aws_code, aws_message, at: Time(at), attempts, retrying, next_attempt_at }
    }
}
