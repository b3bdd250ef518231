//! What went wrong, for people: what it means here and what to do next. EKS's own words are shown beside it.

use super::error::{Class, EksError};
use crate::domain::cluster::Cluster;
use crate::domain::trouble::Trouble;

impl EksError {
    /// A stable code for `lastError.code` and a sentence or two that say what is to be done, and by whom.
    #[must_use]
    pub fn explain(&self, cluster: &Cluster) -> (&'static str, String) {
        let (trouble, words) = self.trouble(cluster);
        (trouble.as_str(), words)
    }

    fn trouble(&self, cluster: &Cluster) -> (Trouble, String) {
        let name = &cluster.name;
        let says = |needle: &str| self.message.as_deref().is_some_and(|words| words.contains(needle));
        match self.class {
            Class::Throttled => {
                (Trouble::EksThrottled, format!("AWS limits the calls to EKS for {name}. Entryway slows down and goes on by itself."))
            }
            Class::Transient => (
                Trouble::EksUnavailable,
                format!("EKS did not answer properly for {name}. Entryway tries again by itself, more and more slowly."),
            ),
            Class::NotVisibleYet => (
                Trouble::EntryNotVisibleYet,
                format!("EKS does not show the entry on {name} yet, which takes some seconds. Entryway looks again by itself."),
            ),
            Class::InUse => (
                Trouble::EntryInUse,
                format!("{name} has an access entry for this principal already. Entryway looks whose it is and goes on from there."),
            ),
            Class::FreshPrincipal => (
                Trouble::PrincipalNotFound,
                "IAM does not know the principal. If it was created just now, Entryway tries again by itself; if not, \
                 check the ARN, its path included, and that the principal exists."
                    .to_owned(),
            ),
            Class::ClusterNotReady => (
                Trouble::ClusterNotActive,
                format!("{name} is being created, changed or deleted. Entryway tries again by itself once it is ACTIVE."),
            ),
            Class::ClusterGone => (Trouble::ClusterNotFound, cluster_gone(cluster)),
            Class::AuthMode => (Trouble::ClusterAuthMode, format!("{} Then retry the request.", auth_mode(cluster))),
            Class::Denied => self.denied(cluster),
            Class::Credentials => (Trouble::AwsCredentials, credentials(cluster)),
            Class::BadAnswer => (
                Trouble::EksBadAnswer,
                format!(
                    "What came back from EKS for {name} cannot be right, so nothing was concluded from it. Entryway \
                     tries again by itself; the log has the details for the operator."
                ),
            ),
            Class::Final if self.code.as_deref() == Some("ResourceLimitExceededException") => (
                Trouble::EntryQuotaReached,
                format!("{name} holds as many access entries as EKS allows (3,000). Delete some, then retry the request."),
            ),
            Class::Final if says("specified policyArn could not be found") => (
                Trouble::PolicyUnknown,
                "EKS has no access policy of this ARN. File a new request with a policy that GET /v1/access-policies lists."
                    .to_owned(),
            ),
            Class::Final => (
                Trouble::EksRefused,
                "EKS refused this for good; its own words say why. File a new request that takes them into account."
                    .to_owned(),
            ),
        }
    }

    /// Why IAM could not be asked about a principal with the credentials of `home`: what happened and, where somebody can
    /// mend it, how. Without a final stop.
    #[must_use]
    pub fn explain_iam(&self, home: &Cluster) -> String {
        let account = &home.account_id;
        match self.class {
            Class::Denied => {
                let mend = self.mend(home);
                let mend = mend.unwrap_or_else(|| format!("Allow {} iam:GetRole and iam:GetUser", who(home)));
                format!("Entryway may not ask IAM in account {account}. {mend}")
            }
            Class::Credentials => {
                format!(
                    "AWS did not take Entryway's credentials for account {account}, which its operators have to mend"
                )
            }
            Class::Throttled => format!("IAM takes no more calls in account {account} for the moment"),
            _ => format!("IAM did not answer properly for account {account}"),
        }
    }

    /// The permission that AWS refused, in words for whoever looks after permissions; `None` where it was not that, or AWS
    /// does not say which.
    #[must_use]
    pub fn lack(&self, cluster: &Cluster) -> Option<Lack> {
        let Missing { action, resource } = self.missing().filter(|_| self.class == Class::Denied)?;
        let on = resource.map(|resource| format!(" on {resource}")).unwrap_or_default();
        let words = format!("Entryway lacks {action}{on}. {}.", self.mend(cluster)?);
        let permission = match resource {
            Some(role) if action == PASS_ROLE => pass_role(role),
            Some(resource) if resource.contains(":access-entry/") && !resource.ends_with("////*") => {
                on_an_entry(action)
            }
            _ => action.to_owned(),
        };
        Some(Lack { permission, words })
    }

    fn denied(&self, cluster: &Cluster) -> (Trouble, String) {
        let who = who(cluster);
        if let Some((Missing { action: PASS_ROLE, .. }, mend)) = self.missing().zip(self.mend(cluster)) {
            let detail =
                format!("EKS needs {PASS_ROLE} to make an entry of this type. {mend}, then retry the request.");
            return (Trouble::PassRoleDenied, detail);
        }
        let detail = match self.mend(cluster) {
            Some(mend) => format!("{mend}, then retry the request."),
            None => format!(
                "AWS does not let {who} do this on {}. Check its permissions, then retry the request.",
                cluster.name
            ),
        };
        (Trouble::AwsAccessDenied, detail)
    }

    /// What whoever looks after permissions has to do; `None` where AWS does not say what is missing.
    fn mend(&self, cluster: &Cluster) -> Option<String> {
        let Missing { action, resource } = self.missing()?;
        let who = who(cluster);
        let on = resource.map(|resource| format!(" on {resource}")).unwrap_or_default();
        let explicit = self.message.as_deref().is_some_and(|words| words.contains("explicit deny"));
        Some(if explicit {
            format!("A policy explicitly denies {who} {action}{on}, which no permission overrides. Lift that deny")
        } else {
            format!("Allow {who} {action}{on}")
        })
    }

    fn missing(&self) -> Option<Missing<'_>> {
        self.message.as_deref().and_then(Missing::read)
    }
}

/// What EKS asks for on the role of nodes.
const PASS_ROLE: &str = "iam:PassRole";

/// A permission that AWS refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// Which; the name that [`used`] and [`tried`] have for it once it is granted.
    pub permission: String,
    /// What is missing and what to allow whom.
    pub words: String,
}

/// The permissions that a call of `action` (`eks:DescribeAccessEntry`) that went through has made use of: in general, and on
/// entries that exist, which IAM is told apart.
#[must_use]
pub fn used(action: &str) -> Vec<String> {
    vec![tried(action), on_an_entry(action)]
}

/// The permission that an attempt of `action` on nothing in particular has made use of.
#[must_use]
pub fn tried(action: &str) -> String {
    action.to_owned()
}

/// The permission to have the nodes of `role` an entry.
#[must_use]
pub fn pass_role(role: &str) -> String {
    format!("{PASS_ROLE} on {role}")
}

fn on_an_entry(action: &str) -> String {
    format!("{action} on an entry")
}

/// Whose permissions count on `cluster`.
fn who(cluster: &Cluster) -> String {
    match &cluster.role_arn {
        Some(role) => format!("the role {role}"),
        None => "the identity that Entryway runs as".to_owned(),
    }
}

fn cluster_gone(cluster: &Cluster) -> String {
    format!(
        "EKS knows no cluster {} in account {}, region {}. Check eks_name, region, account_id and role_arn of {} in the \
         configuration.",
        cluster.eks_name, cluster.account_id, cluster.region, cluster.name
    )
}

/// That a cluster takes no access entries, and the command that mends it.
///
/// The mode can only ever move towards `API`, and `API_AND_CONFIG_MAP` keeps `aws-auth` working
/// (`EKS user guide, change authentication mode`).
#[must_use]
pub fn auth_mode(cluster: &Cluster) -> String {
    format!(
        "The authentication mode of {} has no place for access entries. Run: aws eks update-cluster-config --region {} \
         --name {} --access-config authenticationMode=API_AND_CONFIG_MAP (it keeps aws-auth working and cannot be \
         undone).",
        cluster.name, cluster.region, cluster.eks_name
    )
}

fn credentials(cluster: &Cluster) -> String {
    let check = match &cluster.role_arn {
        Some(role) => format!("that Entryway may assume {role} (its trust policy, external_id)"),
        None => "that Entryway has AWS credentials and that they are in date".to_owned(),
    };
    format!(
        "AWS did not take Entryway's credentials for {}. Check {check}. Entryway tries again by itself.",
        cluster.name
    )
}

/// What an access denied answer says is missing (`IAM user guide, access denied error messages`): "… is not
/// authorized to perform: eks:CreateAccessEntry on resource: arn:… because …".
struct Missing<'a> {
    action: &'a str,
    resource: Option<&'a str>,
}

impl<'a> Missing<'a> {
    fn read(words: &'a str) -> Option<Self> {
        let (_, rest) = words.split_once("not authorized to perform: ")?;
        let action = rest.split_whitespace().next()?;
        let resource = rest.split_once("on resource: ").map(|(_, rest)| {
            // IAM's own actions say "role my-role", all others give an ARN.
            let words = if rest.starts_with("role ") || rest.starts_with("user ") { 2 } else { 1 };
            let end = rest.match_indices(' ').nth(words - 1).map_or(rest.len(), |(at, _)| at);
            rest[..end].trim_end_matches(['.', ','])
        });
        Some(Self { action, resource })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn cluster(role_arn: Option<&str>) -> Cluster {
        Cluster {
            name: "prod".into(),
            eks_name: "prod-eu-1".into(),
            region: "eu-central-1".into(),
            account_id: "111122223333".into(),
            role_arn: role_arn.map(str::to_owned),
            external_id: None,
            environment: "prod".into(),
            labels: BTreeMap::new(),
            existing_entries: Default::default(),
            drift: Default::default(),
            protected_principals: BTreeSet::new(),
            allowed_principal_accounts: BTreeSet::new(),
        }
    }

    fn explained(class: Class, code: &str, message: &str, role: Option<&str>) -> (&'static str, String) {
        EksError { code: Some(code.into()), message: Some(message.into()), ..EksError::of(class) }
            .explain(&cluster(role))
    }

    #[test]
    fn the_command_that_mends_the_authentication_mode_can_be_pasted() {
        let (code, detail) = explained(Class::AuthMode, "InvalidRequestException", "", None);
        assert_eq!(code, "cluster-auth-mode");
        let command = "aws eks update-cluster-config --region eu-central-1 --name prod-eu-1 --access-config \
                       authenticationMode=API_AND_CONFIG_MAP ";
        assert!(detail.contains(command), "{detail}");
    }

    #[test]
    fn denied_access_names_the_action_the_resource_and_who_lacks_it() {
        let words = "User: arn:aws:sts::111122223333:assumed-role/target/entryway is not authorized to perform: \
                     eks:CreateAccessEntry on resource: arn:aws:eks:eu-central-1:111122223333:cluster/prod-eu-1 because no \
                     identity-based policy allows the eks:CreateAccessEntry action";
        let role = "arn:aws:iam::111122223333:role/target";
        let (code, detail) = explained(Class::Denied, "AccessDeniedException", words, Some(role));
        assert_eq!(code, "aws-access-denied");
        assert_eq!(
            detail,
            "Allow the role arn:aws:iam::111122223333:role/target eks:CreateAccessEntry on \
             arn:aws:eks:eu-central-1:111122223333:cluster/prod-eu-1, then retry the request."
        );
    }

    #[test]
    fn an_explicit_deny_is_not_mended_by_a_permission() {
        let words = "User: x is not authorized to perform: eks:CreateAccessEntry on resource: arn:y with an explicit deny \
                     in a service control policy";
        let (_, detail) = explained(Class::Denied, "AccessDeniedException", words, None);
        assert!(
            detail.contains("explicitly denies the identity that Entryway runs as eks:CreateAccessEntry on arn:y,")
        );
    }

    #[test]
    fn a_missing_pass_role_names_the_node_role() {
        let words =
            "User: x is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/node.";
        let (code, detail) = explained(Class::Denied, "AccessDeniedException", words, None);
        assert_eq!(code, "pass-role-denied");
        assert!(detail.contains("iam:PassRole on arn:aws:iam::111122223333:role/node,"), "{detail}");
    }

    #[test]
    fn a_pass_role_that_is_denied_explicitly_says_so() {
        let words = "User: x is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/node with \
                     an explicit deny in a permissions boundary";
        let (code, detail) = explained(Class::Denied, "AccessDeniedException", words, None);
        assert_eq!(code, "pass-role-denied");
        assert!(detail.contains("explicitly denies the identity that Entryway runs as iam:PassRole on"), "{detail}");
    }

    #[test]
    fn what_is_lacking_goes_by_the_permission_and_is_told_with_the_resource() {
        let entry = "arn:aws:eks:eu-central-1:111122223333:access-entry/prod/role/111122223333/my-role/0-0";
        let node = "arn:aws:iam::111122223333:role/node";
        for (action, resource, permission) in [
            ("eks:CreateAccessEntry", "arn:aws:eks:eu-central-1:111122223333:cluster/prod", "eks:CreateAccessEntry"),
            (
                "eks:DescribeAccessEntry",
                "arn:aws:eks:eu-central-1:111122223333:access-entry/prod////*",
                "eks:DescribeAccessEntry",
            ),
            ("eks:DeleteAccessEntry", entry, "eks:DeleteAccessEntry on an entry"),
            ("iam:GetRole", "role my-role", "iam:GetRole"),
            ("iam:PassRole", node, "iam:PassRole on arn:aws:iam::111122223333:role/node"),
        ] {
            let message =
                format!("User: x is not authorized to perform: {action} on resource: {resource} because it is so");
            let error = EksError { message: Some(message), ..EksError::of(Class::Denied) };
            let lack = error.lack(&cluster(None)).expect("AWS says what");
            assert_eq!(lack.permission, permission);
            let allow = format!(
                "Entryway lacks {action} on {resource}. Allow the identity that Entryway runs as {action} on {resource}."
            );
            assert_eq!(lack.words, allow);
            assert!(used(action).contains(&lack.permission) || lack.permission == pass_role(resource));
            assert_eq!(EksError { class: Class::Credentials, ..error }.lack(&cluster(None)), None);
        }
    }

    #[test]
    fn denied_access_in_other_words_still_says_where_to_look() {
        let (code, detail) = explained(Class::Denied, "AccessDeniedException", "No.", None);
        assert_eq!(code, "aws-access-denied");
        assert!(detail.contains("the identity that Entryway runs as"), "{detail}");
    }

    #[test]
    fn final_answers_that_have_a_code_of_their_own_get_it() {
        let unknown =
            explained(Class::Final, "ResourceNotFoundException", "The specified policyArn could not be found.", None);
        assert_eq!(unknown.0, "policy-unknown");
        assert_eq!(explained(Class::Final, "ResourceLimitExceededException", "", None).0, "entry-quota-reached");
        assert_eq!(explained(Class::Final, "InvalidParameterException", "x", None).0, "eks-refused");
    }

    #[test]
    fn credentials_point_at_the_role_to_assume() {
        let role = "arn:aws:iam::111122223333:role/target";
        let (_, detail) = explained(Class::Credentials, "AccessDenied", "", Some(role));
        assert!(detail.contains(role) && detail.contains("external_id"), "{detail}");
    }

    #[test]
    fn what_iam_did_not_say_is_told_with_whose_trouble_it_is() {
        let denied = |message: &str| EksError { message: Some(message.into()), ..EksError::of(Class::Denied) };
        let words =
            "User: x is not authorized to perform: iam:GetRole on resource: role my-role because no policy allows it";
        assert_eq!(
            denied(words).explain_iam(&cluster(None)),
            "Entryway may not ask IAM in account 111122223333. Allow the identity that Entryway runs as iam:GetRole on role \
             my-role"
        );
        assert!(denied("No.").explain_iam(&cluster(None)).ends_with("iam:GetRole and iam:GetUser"));
        for class in Class::ALL {
            let told = EksError::of(class).explain_iam(&cluster(None));
            assert!(told.contains("account 111122223333") && !told.ends_with('.'), "{class:?}: {told}");
        }
    }
}
