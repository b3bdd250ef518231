//! Principals as EKS reads them. Written apart from the product's own parser on purpose: the simulator is the
//! witness, and a witness that shares the accused's memory proves nothing.

/// An IAM role or user ARN, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Principal {
    pub(crate) text: String,
    pub(crate) partition: String,
    pub(crate) account: String,
    pub(crate) is_role: bool,
    /// With its slashes: `/` or `/dev/apps/`.
    pub(crate) path: String,
    pub(crate) name: String,
}

impl Principal {
    /// Reads `arn:<partition>:iam::<12 digits>:(role|user)/<path><name>`; everything else is no principal.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, resource] = fields[..] else { return None };
        let known_partition = partition == "aws" || partition.starts_with("aws-");
        if !known_partition || account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let (kind, full_name) = resource.split_once('/')?;
        let is_role = match kind {
            "role" => true,
            "user" => false,
            _ => return None,
        };
        let (path, name) = match full_name.rsplit_once('/') {
            Some((path, name)) => (format!("/{path}/"), name),
            None => ("/".to_owned(), full_name),
        };
        let name_fits = (1..=64).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
        let path_fits = path.len() <= 512 && !path.contains("//") && path.bytes().all(|b| b.is_ascii_graphic());
        (name_fits && path_fits).then(|| Self {
            text: text.to_owned(),
            partition: partition.to_owned(),
            account: account.to_owned(),
            is_role,
            path,
            name: name.to_owned(),
        })
    }

    /// `role` or `user`.
    pub(crate) const fn kind(&self) -> &'static str {
        if self.is_role { "role" } else { "user" }
    }

    /// Roles that AWS itself made; customers may not touch their entries.
    pub(crate) fn is_service_linked(&self) -> bool {
        self.is_role && self.path.starts_with("/aws-service-role/")
    }

    /// The ARN of a role with this path and name.
    pub(crate) fn role(partition: &str, account: &str, path: &str, name: &str) -> String {
        format!("arn:{partition}:iam::{account}:role{path}{name}")
    }
}

/// The partition of a region (`AWS General Reference, partitions`).
pub(crate) fn partition_of(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_roles_and_users_only() {
        let role = Principal::parse("arn:aws:iam::111122223333:role/dev/apps/my-role").expect("a role");
        assert_eq!((role.kind(), &*role.path, &*role.name), ("role", "/dev/apps/", "my-role"));
        for text in [
            "",
            "my-role",
            "arn:aws:sts::111122223333:assumed-role/my-role/me",
            "arn:aws:sts::111122223333:federated-user/me",
            "arn:aws:iam::11112222333:role/short",
            "arn:aws:iam::111122223333:role/trailing/",
            "arn:aws:iam::111122223333:role//twice",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:group/g",
            "arn:aws:iam:eu-central-1:111122223333:role/r",
            "arn:aws:eks:eu-central-1:111122223333:access-entry/c/role/111122223333/r/0",
        ] {
            assert_eq!(Principal::parse(text), None, "{text}");
        }
    }
}
