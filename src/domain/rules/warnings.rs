//! What is worth knowing about a sound ask. One function and one line in `WARNINGS` each.

use super::code::{Explanation, codes};
use super::username::SESSION_NAMES;
use crate::domain::arn::PrincipalKind;
use crate::domain::entry::{EntryType, generated_username};
use crate::domain::principal::Presence;
use crate::domain::request::{Spec, Warning};

codes! {
    /// What an ask is warned about and accepted all the same.
    WarningCode:

    IamUserDiscouraged = "iam-user-discouraged", "The principal is an IAM user.",
        "IAM users sign in with credentials that do not expire. AWS recommends roles, whose credentials do.",
        "Ask for a role that the person can assume.";
    NoPermissions = "no-permissions", "The entry grants nothing.",
        "Without a Kubernetes group or an access policy a principal may sign in and discover the API, and no more.",
        "Add a group that is bound in the cluster, or an access policy.";
    UsernameWithoutSessionName = "username-without-session-name", "Everybody who assumes the role will look the same.",
        "Without {{SessionName}} in the username, Kubernetes cannot tell the people behind a role apart.",
        "End the username with :{{SessionName}}, or leave it out: the one EKS derives has it.";
    CustomUsernameDiscouraged = "custom-username-discouraged", "The username is not the one EKS derives.",
        "AWS recommends leaving it out unless there is a reason not to. The derived one names the principal.",
        "Leave `username` out.";
    ManagedNodeRoleNotNeeded = "managed-node-role-not-needed", "Managed nodes need no entry of yours.",
        "For roles of managed node groups and Fargate profiles EKS makes the entry itself.",
        "Go on only if the nodes are self-managed.";
    GroupBindingNotChecked = "group-binding-not-checked", "Nobody checks that the groups are bound.",
        "EKS takes any group name. What a group may do is decided by RoleBindings and ClusterRoleBindings in the \
         cluster, today and whenever they change.",
        "Check the bindings in the cluster, or use an access policy.";
    NodeEntryRemovalIsDisruptive = "node-entry-removal-is-disruptive", "Nodes leave the cluster when this ends.",
        "Once the entry of a node role is removed, its nodes can no longer join or report to the cluster. People remove it \
         before its time only with the right to administer Entryway.",
        "Ask for it without a duration, or drain the nodes before it ends.";
    PrincipalNotChecked = "principal-not-checked", "Nobody checked that the principal exists.",
        "Entryway looks principals up in IAM with the credentials of a cluster in the principal's account. It has none \
         there, or may not ask, or IAM did not answer. If there is no such principal, EKS will say so when the request is \
         applied.",
        "Check the ARN with `aws iam get-role` or `aws iam get-user`, path included.";
}

/// Says what the warning means for this ask, if it applies.
type Check = fn(&Spec, &Presence) -> Option<String>;

/// Every warning, in the order of the answer.
const WARNINGS: &[(WarningCode, Check)] = &[
    (WarningCode::IamUserDiscouraged, iam_user),
    (WarningCode::NoPermissions, no_permissions),
    (WarningCode::UsernameWithoutSessionName, no_session_name),
    (WarningCode::CustomUsernameDiscouraged, custom_username),
    (WarningCode::ManagedNodeRoleNotNeeded, managed_nodes),
    (WarningCode::GroupBindingNotChecked, groups),
    (WarningCode::NodeEntryRemovalIsDisruptive, node_entry),
    (WarningCode::PrincipalNotChecked, not_checked),
];

/// The warnings that apply to `spec`.
pub(super) fn of(spec: &Spec, presence: &Presence) -> Vec<Warning> {
    WARNINGS
        .iter()
        .filter_map(|(code, check)| Some(Warning { code: code.as_str().to_owned(), detail: check(spec, presence)? }))
        .collect()
}

fn iam_user(spec: &Spec, _: &Presence) -> Option<String> {
    let user = spec.principal.kind() == PrincipalKind::User;
    user.then(|| format!("{} is an IAM user with lasting credentials; prefer a role", spec.principal.name()))
}

fn no_permissions(spec: &Spec, _: &Presence) -> Option<String> {
    let content = &spec.content;
    let empty = content.kubernetes_groups.is_empty() && content.access_policies.is_empty();
    match content.entry_type {
        EntryType::Standard if empty => {
            Some("there is no group and no access policy, so the principal may only discover the API".to_owned())
        }
        EntryType::Ec2 if empty => {
            Some("nodes of EKS Auto Mode cannot work without AmazonEKSAutoNodePolicy".to_owned())
        }
        _ => None,
    }
}

fn no_session_name(spec: &Spec, _: &Presence) -> Option<String> {
    let username = spec.content.username.as_deref()?;
    let blind =
        spec.principal.kind() == PrincipalKind::Role && !SESSION_NAMES.iter().any(|name| username.contains(name));
    blind.then(|| {
        format!(
            "everybody who assumes {} will be {username} to Kubernetes; end it with :{{{{SessionName}}}}",
            spec.principal.name()
        )
    })
}

fn custom_username(spec: &Spec, _: &Presence) -> Option<String> {
    let username = spec.content.username.as_deref()?;
    let derived = generated_username(&spec.principal, spec.content.entry_type);
    (username != derived)
        .then(|| format!("without a username of your own EKS would derive {derived}, which names the principal"))
}

fn managed_nodes(spec: &Spec, _: &Presence) -> Option<String> {
    match spec.content.entry_type {
        EntryType::Ec2Linux | EntryType::Ec2Windows => {
            Some("EKS makes the entry itself if this is the role of a managed node group".to_owned())
        }
        EntryType::FargateLinux => {
            Some("EKS makes the entry itself if this is the role of a Fargate profile".to_owned())
        }
        _ => None,
    }
}

fn groups(spec: &Spec, _: &Presence) -> Option<String> {
    const NAMED: usize = 5;
    let groups = &spec.content.kubernetes_groups;
    let named: Vec<_> = groups.iter().take(NAMED).map(String::as_str).collect();
    let more = groups.len() - named.len();
    let rest = if more > 0 { format!(" (and {more} more)") } else { String::new() };
    (!named.is_empty()).then(|| {
        format!("EKS does not check that {}{rest} is bound to any Role or ClusterRole in the cluster", named.join(", "))
    })
}

fn node_entry(spec: &Spec, _: &Presence) -> Option<String> {
    let ends = if spec.duration.is_some() { "when the duration is over" } else { "when this is revoked" };
    spec.content.entry_type.is_of_nodes().then(|| {
        format!(
            "the nodes of this role lose the cluster {ends} and the entry is removed; removing it before its time takes the \
             administer right besides"
        )
    })
}

fn not_checked(spec: &Spec, presence: &Presence) -> Option<String> {
    let Presence::NotChecked(why) = presence else { return None };
    Some(format!("whether {} exists was not checked: {why}", spec.principal))
}
