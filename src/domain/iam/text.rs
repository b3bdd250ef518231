//! The rights as people read them: sections whose lines of prose start with `#`, so that what is left is one valid
//! JSON document after another; and, once the documents are in files, the commands that put them in place.

use std::fmt::Write as _;

use super::{MAX_INLINE, MAX_MANAGED, MAX_TRUST, Named, Policy, Rights, ServiceRole, TargetRole};
use crate::domain::arn::PrincipalArn;
use crate::domain::awscli::quoted;

/// How wide prose gets.
const WIDTH: usize = 110;

impl Rights {
    /// Everything, for people. With `folder`, which is where [`Policy::file`]s are, their names and the commands that
    /// put them in place; without it the documents themselves.
    #[must_use]
    pub fn to_text(&self, folder: Option<&str>) -> String {
        let mut page = Page { text: String::new(), folder };
        let clusters =
            self.target_roles.iter().map(|role| role.clusters.len()).sum::<usize>() + self.service_role.clusters.len();
        page.prose(&format!(
            "What Entryway needs in AWS for installation {:?}: {}, {}.",
            self.installation,
            counted(clusters, "cluster"),
            counted(self.target_roles.len(), "role to assume")
        ));
        page.prose("Made by `entryway config iam` from [[clusters]]; make it anew whenever they change. docs/AWS.md explains it.");
        if folder.is_none() {
            page.prose(
                "With --out DIR each document goes to a file, and the commands that put them in place are printed.",
            );
        }
        if !self.notes.is_empty() {
            page.gap();
            page.prose("Mind:");
            for note in &self.notes {
                page.item("-", note);
            }
        }
        page.service(&self.service_role);
        for role in &self.target_roles {
            page.target(role);
        }
        page.text
    }
}

fn counted(count: usize, what: &str) -> String {
    let (first, rest) = what.split_once(' ').unwrap_or((what, ""));
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {first}{plural} {rest}").trim_end().to_owned()
}

struct Page<'a> {
    text: String,
    folder: Option<&'a str>,
}

impl Page<'_> {
    fn service(&mut self, role: &ServiceRole) {
        match &role.arn {
            Some(arn) => self.heading(&format!("The service's role: {arn}")),
            None => self.heading("The service's role: the one that Entryway runs as"),
        }
        self.clusters(&role.clusters);
        for policy in &role.policies {
            self.policy(policy, &format!("Policy {}", policy.name), MAX_MANAGED);
        }
        let name = role.arn.as_deref().and_then(|arn| arn.parse::<PrincipalArn>().ok());
        self.put_in_place(name.as_ref(), &role.policies);
    }

    fn target(&mut self, role: &TargetRole) {
        self.heading(&format!("Account {}: {}", role.account_id, role.arn));
        self.clusters(&role.clusters);
        self.policy(&role.trust_policy, "Trust policy", MAX_TRUST);
        for policy in &role.policies {
            self.policy(policy, &format!("Policy {}", policy.name), MAX_MANAGED);
        }
        let Ok(arn) = role.arn.parse::<PrincipalArn>() else { return };
        self.make_role(&arn, &role.trust_policy);
        self.put_in_place(Some(&arn), &role.policies);
    }

    fn clusters(&mut self, clusters: &[Named]) {
        for cluster in clusters {
            self.prose(&format!("For cluster {}, {}", cluster.name, cluster.arn));
        }
    }

    fn policy(&mut self, policy: &Policy, what: &str, limit: usize) {
        self.gap();
        self.prose(&format!("{what} ({} of {limit} characters)", policy.characters));
        let statements = policy.document.statements();
        let widest = statements.iter().map(|statement| statement.sid.len()).max().unwrap_or_default();
        for statement in statements {
            self.item(&format!("{:widest$}", statement.sid), statement.why);
        }
        match self.folder {
            None => {
                self.text.push_str(&policy.document.json());
                self.text.push('\n');
            }
            Some(_) => self.prose(&format!("In {}", self.path(policy))),
        }
    }

    fn make_role(&mut self, arn: &PrincipalArn, trust: &Policy) {
        if self.folder.is_none() {
            return;
        }
        self.gap();
        let (name, file) = (quoted(arn.name()), self.file(trust));
        self.prose(&format!(
            "With credentials of account {} (where the role is there, the first fails and the second does it):",
            arn.account()
        ));
        let path = if arn.path() == "/" { String::new() } else { format!(" --path {}", quoted(arn.path())) };
        self.command(&format!("create-role --role-name {name}{path} --assume-role-policy-document {file}"));
        self.command(&format!("update-assume-role-policy --role-name {name} --policy-document {file}"));
    }

    /// Inline while IAM has room for it, because that is one command that can be repeated; else managed policies.
    fn put_in_place(&mut self, role: Option<&PrincipalArn>, policies: &[Policy]) {
        if self.folder.is_none() || policies.is_empty() {
            return;
        }
        if role.is_none() {
            self.gap();
            self.prose("Put the name of the service's role in place of ROLE:");
        }
        let name = role.map_or_else(|| "ROLE".to_owned(), |role| quoted(role.name()));
        let has_room = policies.iter().map(|policy| policy.characters).sum::<usize>() <= MAX_INLINE;
        for policy in policies {
            let file = self.file(policy);
            if has_room {
                self.command(&format!(
                    "put-role-policy --role-name {name} --policy-name {} --policy-document {file}",
                    policy.name
                ));
            } else {
                self.command(&format!("create-policy --policy-name {} --policy-document {file}", policy.name));
                let (partition, account) = role.map_or(("aws", "ACCOUNT"), |role| (role.partition(), role.account()));
                let arn = format!("arn:{partition}:iam::{account}:policy/{}", policy.name);
                self.command(&format!("attach-role-policy --role-name {name} --policy-arn {arn}"));
            }
        }
    }

    fn path(&self, policy: &Policy) -> String {
        match self.folder.map(|folder| folder.trim_end_matches('/')) {
            None => policy.file.clone(),
            Some("") => format!("/{}", policy.file),
            Some(folder) => format!("{folder}/{}", policy.file),
        }
    }

    fn file(&self, policy: &Policy) -> String {
        quoted(&format!("file://{}", self.path(policy)))
    }

    fn heading(&mut self, text: &str) {
        self.text.push('\n');
        let _ = writeln!(self.text, "# {}", "=".repeat(WIDTH - 2));
        self.prose(text);
    }

    fn gap(&mut self) {
        self.text.push('\n');
    }

    fn command(&mut self, text: &str) {
        let _ = writeln!(self.text, "aws iam {text}");
    }

    fn prose(&mut self, text: &str) {
        self.wrapped("# ", "# ", text);
    }

    fn item(&mut self, mark: &str, text: &str) {
        let first = format!("#   {mark}  ");
        let rest = format!("#{}", " ".repeat(first.chars().count() - 1));
        self.wrapped(&first, &rest, text);
    }

    fn wrapped(&mut self, first: &str, rest: &str, text: &str) {
        let mut line = first.to_owned();
        let mut is_empty = true;
        for word in text.split_whitespace() {
            if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.text.push_str(line.trim_end());
                self.text.push('\n');
                rest.clone_into(&mut line);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }
}
