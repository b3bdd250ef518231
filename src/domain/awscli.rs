//! The calls of a plan as `aws eks` commands, for people who want to see what will be done or do it by hand.

use std::collections::BTreeMap;

use serde_json::json;

use super::arn::PrincipalArn;
use super::cluster::Cluster;
use super::entry::{AccessScope, EntryType, generated_username};
use super::plan::Step;

/// The commands for `steps` on the entry of `principal`, in order, ready for a POSIX shell. `tags` go on an entry that is
/// created (`AWS CLI command reference, eks`).
#[must_use]
pub fn commands(
    cluster: &Cluster,
    principal: &PrincipalArn,
    tags: &BTreeMap<String, String>,
    steps: &[Step],
) -> Vec<String> {
    steps.iter().map(|step| command(cluster, principal, tags, step)).collect()
}

fn command(cluster: &Cluster, principal: &PrincipalArn, tags: &BTreeMap<String, String>, step: &Step) -> String {
    let line = |subcommand| Line::new(subcommand, cluster, principal);
    match step {
        Step::Create(content) => {
            let mut line = line("create-access-entry").option("--type", content.entry_type.as_str());
            if !content.kubernetes_groups.is_empty() {
                line = line.list("--kubernetes-groups", content.kubernetes_groups.iter());
            }
            if let Some(username) = &content.username {
                line = line.username(username);
            }
            if !tags.is_empty() {
                line = line.option("--tags", &json!(tags).to_string());
            }
            line.0
        }
        Step::Update { username, groups } => {
            let derived = || generated_username(principal, EntryType::Standard);
            line("update-access-entry")
                .list("--kubernetes-groups", groups.iter())
                .username(&username.clone().unwrap_or_else(derived))
                .0
        }
        Step::Associate { policy_arn, scope } => {
            line("associate-access-policy")
                .option("--policy-arn", policy_arn)
                .option("--access-scope", &shorthand(scope))
                .0
        }
        Step::Disassociate { policy_arn } => line("disassociate-access-policy").option("--policy-arn", policy_arn).0,
        Step::Delete => line("delete-access-entry").0,
    }
}

/// A scope in the CLI's shorthand, as the user guide writes it.
fn shorthand(scope: &AccessScope) -> String {
    match scope {
        AccessScope::Cluster => "type=cluster".to_owned(),
        AccessScope::Namespace { namespaces } => {
            let names: Vec<_> = namespaces.iter().map(String::as_str).collect();
            format!("type=namespace,namespaces={}", names.join(","))
        }
    }
}

/// A command line in the making.
struct Line(String);

impl Line {
    fn new(subcommand: &str, cluster: &Cluster, principal: &PrincipalArn) -> Self {
        Self(format!("aws eks {subcommand}"))
            .option("--region", &cluster.region)
            .option("--cluster-name", &cluster.eks_name)
            .option("--principal-arn", &principal.to_string())
    }

    fn option(mut self, name: &str, value: &str) -> Self {
        self.0.push_str(&format!(" {name} {}", quoted(value)));
        self
    }

    /// A list as words, or as JSON where a word could be read as something else.
    fn list<'a>(mut self, name: &str, values: impl Iterator<Item = &'a String>) -> Self {
        let values: Vec<_> = values.map(String::as_str).collect();
        if values.is_empty() || !values.iter().all(|value| is_plain(value)) {
            return self.option(name, &json!(values).to_string());
        }
        let words: Vec<_> = values.into_iter().map(quoted).collect();
        self.0.push_str(&format!(" {name} {}", words.join(" ")));
        self
    }

    fn username(self, username: &str) -> Self {
        if is_plain(username) {
            self.option("--username", username)
        } else {
            self.option("--cli-input-json", &json!({ "username": username }).to_string())
        }
    }
}

/// Whether the CLI takes the word for what it is: not for an option, not for JSON, and not for the address of a file
/// whose content it should send instead (`AWS CLI user guide, loading a parameter from a file`).
fn is_plain(word: &str) -> bool {
    !word.starts_with(['-', '[', '{', '@']) && !word.contains("://")
}

/// `text` as one word of a POSIX shell.
pub(super) fn quoted(text: &str) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&b);
    if !text.is_empty() && text.bytes().all(safe) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entry::EntryContent;

    const ROLE: &str = "arn:aws:iam::111122223333:role/dev/apps/my-role";
    const VIEW: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
    const HEAD: &str = "--region eu-central-1 --cluster-name prod-eu-1 --principal-arn \
                        arn:aws:iam::111122223333:role/dev/apps/my-role";

    fn cluster() -> Cluster {
        Cluster {
            name: "prod".to_owned(),
            eks_name: "prod-eu-1".to_owned(),
            region: "eu-central-1".to_owned(),
            account_id: "111122223333".to_owned(),
            role_arn: None,
            external_id: None,
            environment: "prod".to_owned(),
            labels: BTreeMap::new(),
            existing_entries: Default::default(),
            drift: Default::default(),
            protected_principals: Default::default(),
            allowed_principal_accounts: Default::default(),
        }
    }

    fn line(step: &Step, tags: &[(&str, &str)]) -> String {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let principal = ROLE.parse().expect("a role");
        commands(&cluster(), &principal, &tags, std::slice::from_ref(step)).remove(0)
    }

    fn content(username: Option<&str>, groups: &[&str]) -> EntryContent {
        EntryContent {
            entry_type: EntryType::Standard,
            username: username.map(str::to_owned),
            kubernetes_groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            access_policies: BTreeMap::new(),
        }
    }

    #[test]
    fn creates_an_entry() {
        let create = Step::Create(content(Some("jo:{{SessionName}}"), &["viewers", "editors"]));
        assert_eq!(
            line(&create, &[("team", "pay ments")]),
            format!(
                "aws eks create-access-entry {HEAD} --type STANDARD --kubernetes-groups editors viewers --username \
                 'jo:{{{{SessionName}}}}' --tags '{{\"team\":\"pay ments\"}}'"
            )
        );
        let bare = Step::Create(content(None, &[]));
        assert_eq!(line(&bare, &[]), format!("aws eks create-access-entry {HEAD} --type STANDARD"));
    }

    #[test]
    fn an_update_sends_username_and_groups_even_when_they_go_back_to_nothing() {
        let update = Step::Update { username: None, groups: [].into() };
        assert_eq!(
            line(&update, &[]),
            format!(
                "aws eks update-access-entry {HEAD} --kubernetes-groups '[]' --username \
                 'arn:aws:sts::111122223333:assumed-role/my-role/{{{{SessionName}}}}'"
            )
        );
    }

    #[test]
    fn associates_disassociates_and_deletes() {
        let scope = AccessScope::Namespace { namespaces: ["payments".to_owned(), "payments-*".to_owned()].into() };
        let associate = Step::Associate { policy_arn: VIEW.to_owned(), scope };
        assert_eq!(
            line(&associate, &[]),
            format!(
                "aws eks associate-access-policy {HEAD} --policy-arn {VIEW} --access-scope \
                 'type=namespace,namespaces=payments,payments-*'"
            )
        );
        let everywhere = Step::Associate { policy_arn: VIEW.to_owned(), scope: AccessScope::Cluster };
        assert!(line(&everywhere, &[]).ends_with("--access-scope type=cluster"));
        let disassociate = Step::Disassociate { policy_arn: VIEW.to_owned() };
        assert_eq!(line(&disassociate, &[]), format!("aws eks disassociate-access-policy {HEAD} --policy-arn {VIEW}"));
        assert_eq!(line(&Step::Delete, &[]), format!("aws eks delete-access-entry {HEAD}"));
    }

    #[test]
    fn no_word_can_become_another_command_or_option_or_file() {
        for evil in ["a';reboot;'", "$(reboot)", "`reboot`", "a\nb", "a\\"] {
            let update = Step::Update { username: Some(evil.to_owned()), groups: [].into() };
            let expected = format!("--username '{}'", evil.replace('\'', r"'\''"));
            assert!(line(&update, &[]).ends_with(&expected), "{evil}");
        }
        for odd in ["-x", "file:///etc/passwd", "[x]"] {
            let update = Step::Update { username: Some(odd.to_owned()), groups: [odd.to_owned()].into() };
            let line = line(&update, &[]);
            assert!(line.contains(&format!("--kubernetes-groups '[\"{odd}\"]'")), "{line}");
            assert!(line.ends_with(&format!("--cli-input-json '{{\"username\":\"{odd}\"}}'")), "{line}");
        }
    }
}
