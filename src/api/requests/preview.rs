//! What would come of an ask: the answer to `dryRun=true`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::views::{ApprovalView, EntryView, RequestView, WarningView};
use crate::domain::awscli;
use crate::domain::entry::{EntryContent, username_on};
use crate::workflow::Desk;
use crate::workflow::submit::Preview;

/// What would come of an ask.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DryRun {
    /// The request as it would be filed.
    pub(crate) request: RequestView,
    /// What is worth knowing about it.
    pub(crate) warnings: Vec<WarningView>,
    /// Whose sign-off it would need.
    pub(crate) approval: ApprovalView,
    /// People who could sign it off, as far as the directory knows.
    #[schema(example = json!(["bob", "carol"]))]
    pub(crate) could_sign_off: Vec<String>,
    /// The policies that decide about it.
    pub(crate) policies: Deciding,
    /// The access entry: what Entryway makes of it, and what somebody else does where it is theirs; with the username that EKS
    /// derives where none is asked for.
    pub(crate) entry: Change,
    /// The same by hand: the calls that lead from the one to the other.
    #[schema(example = json!([
        "aws eks create-access-entry --region eu-central-1 --cluster-name prod-eu-1 --principal-arn \
         arn:aws:iam::111122223333:role/dev/apps/my-role --type STANDARD --kubernetes-groups viewers"
    ]))]
    pub(crate) aws_cli: Vec<String>,
}

/// The policies that decide, by their ids.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Deciding {
    /// Those that let it be asked for.
    #[schema(example = json!(["engineers-ask"]))]
    pub(crate) request: Vec<String>,
    /// Those by which it has, or has not, been signed off enough. Empty where it waits and nothing forbids it: no policy permits
    /// it with the approvals there are, and `approval.missing` says what would.
    #[schema(example = json!(["prod-admin-needs-two"]))]
    pub(crate) quorum: Vec<String>,
}

/// An access entry before and after.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Change {
    /// What the live grants make it now, or what EKS shows where it is somebody else's; null where there is none.
    pub(crate) before: Option<EntryView>,
    /// What it would be with this one.
    pub(crate) after: Option<EntryView>,
}

/// What would come of several asks, in the order of `clusterNames`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct DryRuns {
    /// One for each cluster.
    pub(crate) items: Vec<DryRun>,
}

/// One or several, as it was asked for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum DryRunOneOrMany {
    /// For `clusterName`.
    One(Box<DryRun>),
    /// For `clusterNames`.
    Many(DryRuns),
}

impl DryRunOneOrMany {
    /// The answer to an ask that named its clusters as a list, or one.
    pub(super) fn new(mut items: Vec<DryRun>, many: bool) -> Self {
        match items.pop() {
            Some(only) if !many => Self::One(Box::new(only)),
            last => {
                items.extend(last);
                Self::Many(DryRuns { items })
            }
        }
    }
}

impl DryRun {
    /// What `preview` says. The request gets no id: there is none.
    pub(super) fn new(desk: &Desk, mut preview: Preview) -> Self {
        preview.details.request.id = Uuid::nil();
        let spec = &preview.details.request.spec;
        let as_eks_shows = |content: &EntryContent| EntryView {
            username: Some(username_on(&spec.principal, content)),
            ..EntryView::from(content)
        };
        let cluster = desk.clusters.get(&spec.cluster_name);
        let aws_cli = cluster.map(|cluster| awscli::commands(cluster, &spec.principal, &spec.tags, &preview.steps));
        Self {
            request: (&preview.details).into(),
            warnings: preview.details.request.warnings.iter().map(Into::into).collect(),
            approval: (&preview.details).into(),
            could_sign_off: preview.could_sign_off,
            policies: Deciding {
                request: preview.permitted_by,
                quorum: preview.details.standing.quorum.deciding.clone(),
            },
            entry: Change {
                before: preview.before.as_ref().map(as_eks_shows),
                after: preview.after.as_ref().map(as_eks_shows),
            },
            aws_cli: aws_cli.unwrap_or_default(),
        }
    }
}
