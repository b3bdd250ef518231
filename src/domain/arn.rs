//! IAM principals, parsed once at the door. What is not a role or a user ARN never gets any further.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Partitions that EKS serves (`EKS user guide, access entries`; `aws-iso*` for completeness).
const PARTITIONS: [&str; 7] = ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"];

/// IAM's limit for the path of a role or user, slashes included (`IAM user guide, name requirements`).
const MAX_PATH: usize = 512;

/// Whether the principal is a role or a user. EKS takes nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalKind {
    /// `arn:…:role/…`
    Role,
    /// `arn:…:user/…`
    User,
}

impl PrincipalKind {
    /// As it stands in the ARN: `role` or `user`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::User => "user",
        }
    }

    /// IAM's limit for the name, in characters: 64 for roles and users alike.
    const fn max_name(self) -> usize {
        64
    }
}

/// The ARN of an IAM role or user: `arn:<partition>:iam::<12 digits>:(role|user)/<path><name>`.
///
/// Only a well-formed ARN can be held by this type; it prints back exactly as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrincipalArn {
    partition: &'static str,
    account: String,
    kind: PrincipalKind,
    path: String,
    name: String,
}

/// Why a text is not the ARN of a principal EKS would take. Each variant says what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ArnError {
    /// An STS session (`assumed-role`, `federated-user`): the role behind it is what EKS wants.
    #[error("this is an STS session; give the IAM role itself{}", .role.as_ref().map(|role| format!(", such as {role}")).unwrap_or_default())]
    StsSession {
        /// The role behind the session, as far as the session's ARN tells (its path is not in there).
        role: Option<String>,
    },
    /// Anything else; the text says which part is wrong.
    #[error("{0}; expected arn:<partition>:iam::<12-digit account>:role/<path/name> or …:user/<path/name>")]
    Malformed(&'static str),
}

impl PrincipalArn {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    #[must_use]
    pub const fn partition(&self) -> &'static str {
        self.partition
    }

    /// The 12-digit account the principal lives in.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Role or user.
    #[must_use]
    pub const fn kind(&self) -> PrincipalKind {
        self.kind
    }

    /// The path with its slashes: `/` or `/dev/apps/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The name without the path.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is a service-linked role, which EKS refuses on the shape of the ARN alone
    /// (`EKS user guide, creating access entries`).
    #[must_use]
    pub fn is_service_linked_role(&self) -> bool {
        self.kind == PrincipalKind::Role && self.path.starts_with("/aws-service-role/")
    }
}

impl fmt::Display for PrincipalArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:{}:iam::{}:{}{}{}", self.partition, self.account, self.kind.as_str(), self.path, self.name)
    }
}

impl FromStr for PrincipalArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().unwrap_or_default();
        let (arn, partition, service, region, account, resource) = (next(), next(), next(), next(), next(), next());
        if arn != "arn" {
            return Err(ArnError::Malformed("this is not an ARN"));
        }
        let partition = PARTITIONS
            .into_iter()
            .find(|known| *known == partition)
            .ok_or(ArnError::Malformed("the partition is unknown"))?;
        let numeric_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        if service == "sts" {
            return Err(sts_session(partition, account, resource));
        }
        if service != "iam" {
            return Err(ArnError::Malformed("the service is not iam"));
        }
        if !region.is_empty() {
            return Err(ArnError::Malformed("IAM ARNs have no region"));
        }
        if !numeric_account {
            return Err(ArnError::Malformed("the account is not 12 digits"));
        }
        let (kind, rest) = if let Some(rest) = resource.strip_prefix("role/") {
            (PrincipalKind::Role, rest)
        } else if let Some(rest) = resource.strip_prefix("user/") {
            (PrincipalKind::User, rest)
        } else {
            return Err(ArnError::Malformed("this is neither a role nor a user"));
        };
        let (path, name) = match rest.rsplit_once('/') {
            Some((path, name)) => (format!("/{path}/"), name),
            None => ("/".to_owned(), rest),
        };
        check_name(kind, &path, name)?;
        Ok(Self { partition, account: account.to_owned(), kind, path, name: name.to_owned() })
    }
}

/// Names are `[\w+=,.@-]`, paths printable ASCII without empty segments (`IAM API reference, CreateRole`).
fn check_name(kind: PrincipalKind, path: &str, name: &str) -> Result<(), ArnError> {
    let name_char = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    if name.is_empty() {
        return Err(ArnError::Malformed("the name is missing"));
    }
    if name.len() > kind.max_name() || !name.bytes().all(name_char) {
        return Err(ArnError::Malformed("the name is not one IAM allows (1 to 64 of letters, digits and _+=,.@-)"));
    }
    if path.len() > MAX_PATH || path.contains("//") || !path.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
        return Err(ArnError::Malformed("the path is not one IAM allows"));
    }
    Ok(())
}

fn sts_session(partition: &str, account: &str, resource: &str) -> ArnError {
    let role = resource
        .strip_prefix("assumed-role/")
        .and_then(|rest| rest.split('/').next())
        .filter(|name| !name.is_empty())
        .map(|name| format!("arn:{partition}:iam::{account}:role/{name} (with its path, if it has one)"));
    ArnError::StsSession { role }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_every_partition_kind_and_path() {
        for text in [
            "arn:aws:iam::111122223333:role/my-role",
            "arn:aws:iam::111122223333:role/development/apps/my-role",
            "arn:aws-cn:iam::111122223333:user/my-user",
            "arn:aws-us-gov:iam::111122223333:role/a/access-policies/b",
            "arn:aws-iso-b:iam::111122223333:user/x/y@example.com",
        ] {
            let arn: PrincipalArn = text.parse().expect(text);
            assert_eq!(arn.to_string(), text);
        }
    }

    #[test]
    fn splits_path_and_name() {
        let arn: PrincipalArn = "arn:aws:iam::111122223333:role/dev/apps/my-role".parse().expect("a role with a path");
        assert_eq!((arn.path(), arn.name(), arn.account()), ("/dev/apps/", "my-role", "111122223333"));
    }

    #[test]
    fn refuses_everything_that_is_not_a_role_or_a_user() {
        for text in [
            "",
            "arn",
            "my-role",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:group/devs",
            "arn:aws:iam::11112222333:role/short-account",
            "arn:aws:iam::1111222233334:role/long-account",
            "arn:aws:iam::11112222333x:role/letters",
            "arn:aws:iam::١١١١٢٢٢٢٣٣٣٣:role/other-digits",
            "arn:aws:iam:eu-central-1:111122223333:role/region",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:role/trailing/",
            "arn:aws:iam::111122223333:role//double",
            "arn:aws:iam::111122223333:role/a//b",
            "arn:aws:iam::111122223333:role/name\n",
            "arn:aws:iam::111122223333:role/na me",
            "arn:aws:iam::111122223333:role/wild*",
            "arn:aws:iam::111122223333:role/a:b",
            "ARN:aws:iam::111122223333:role/x",
            "arn:amazon:iam::111122223333:role/x",
            "arn:aws:eks:eu-central-1:111122223333:access-entry/c/role/111122223333/r/0",
            " arn:aws:iam::111122223333:role/x",
        ] {
            assert!(matches!(text.parse::<PrincipalArn>(), Err(ArnError::Malformed(_))), "{text:?}");
        }
    }

    #[test]
    fn names_the_role_behind_a_session() {
        let error =
            "arn:aws:sts::111122223333:assumed-role/my-role/alice".parse::<PrincipalArn>().expect_err("a session");
        assert!(error.to_string().contains("arn:aws:iam::111122223333:role/my-role"), "{error}");
        let error = "arn:aws:sts::111122223333:federated-user/x".parse::<PrincipalArn>().expect_err("a session");
        assert_eq!(error, ArnError::StsSession { role: None });
    }

    proptest! {
        #[test]
        fn what_parses_prints_back(text in "arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:(role|user)/([a-zA-Z0-9!.]{1,9}/){0,4}[a-zA-Z0-9_+=,.@-]{1,64}") {
            prop_assert_eq!(text.parse::<PrincipalArn>().expect("well-formed").to_string(), text);
        }

        #[test]
        fn what_is_taken_is_taken_as_it_is_spelt(
            text in prop_oneof!["\\PC*", "arn:[a-z-]{0,9}:(iam|sts)?:[0-9]{0,2}:[0-9]{10,13}:[a-z/-]{0,9}/[ -~]{0,9}/?[ -~]{0,70}"],
        ) {
            if let Ok(arn) = text.parse::<PrincipalArn>() {
                prop_assert_eq!(arn.to_string(), text);
            }
        }
    }
}
