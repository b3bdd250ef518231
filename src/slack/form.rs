//! The views people fill in: asking for access, and denying it. Every field has a block of its own, named after what it asks for, so
//! that whatever is wrong is said where it is.

use slack_morphism::blocks::{
    SlackBlock, SlackBlockMultiStaticSelectElement, SlackBlockPlainTextInputElement, SlackBlockStaticSelectElement,
    SlackInputBlock, SlackInputBlockElement, SlackModalView, SlackView, SlackViewState, SlackViewStateValue,
};
use uuid::Uuid;

use super::kit::{INPUT, OPTION, choice, paragraph, plain};
use crate::domain::ask::{Ask, AskedPolicy};

/// Marks the view that asks for access.
pub const ASK: &str = "ask";
/// Marks the view that denies a request.
pub const DENY: &str = "deny";
/// The field with the cluster, which others depend on.
pub const CLUSTER: &str = "cluster";
/// The field of the view that denies.
pub const DENY_FIELD: &str = "comment";

const PRINCIPAL: &str = "principal";
const POLICIES: &str = "policies";
const SCOPE: &str = "scope";
const NAMESPACES: &str = "namespaces";
const DURATION: &str = "duration";
const REASON: &str = "reason";

/// The most options a menu may have (`Block Kit reference, select menus`).
const MOST_OPTIONS: usize = 100;
/// Characters in the title of a view and in its buttons.
const TITLE: usize = 24;

/// What has been filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asking {
    /// The cluster.
    pub cluster: Option<String>,
    /// Whose entry.
    pub principal: Option<String>,
    /// Access policies, by bare name.
    pub policies: Vec<String>,
    /// `namespace` or `cluster`.
    pub scope: Option<String>,
    /// Namespaces, as typed.
    pub namespaces: Option<String>,
    /// One of the durations that were offered.
    pub duration: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

impl Asking {
    /// The same as an ask; `permanent` is what stands for no end among the durations.
    #[must_use]
    pub fn ask(&self, permanent: &str) -> Ask {
        let names = self.namespaces.as_deref().unwrap_or_default().split([',', ' ', '\n']);
        let names: Vec<_> = names.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let of_namespaces = self.scope.as_deref() != Some("cluster");
        // What was typed beside "the whole cluster" is not dropped: the rules say that the two do not go together.
        let namespaces = (of_namespaces || !names.is_empty()).then_some(names);
        let policy = |name: &String| AskedPolicy {
            policy_arn: name.clone(),
            scope_type: self.scope.clone(),
            namespaces: namespaces.clone(),
        };
        Ask {
            cluster_name: self.cluster.clone().unwrap_or_default(),
            principal_arn: self.principal.as_deref().unwrap_or_default().trim().to_owned(),
            access_policies: self.policies.iter().map(policy).collect(),
            reason: self.reason.clone(),
            duration: self.duration.clone().filter(|text| text != permanent),
            ..Ask::default()
        }
    }
}

/// What a request is denied by, carried from the button through the view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The request.
    pub id: Uuid,
    /// The digest of what they saw.
    pub digest: String,
}

impl Denial {
    /// Reads what [`Denial::value`] writes.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (id, digest) = value.split_once(' ')?;
        Some(Self { id: id.parse().ok()?, digest: digest.to_owned() })
    }

    /// As buttons and views carry it. Who has it has no right by it.
    #[must_use]
    pub fn value(&self) -> String {
        format!("{} {}", self.id, self.digest)
    }
}

/// The view that asks for access: with the clusters, policies and durations there are to choose from, what has been filled in, and
/// what is wrong with it as a whole.
#[must_use]
pub fn ask_view(
    (clusters, policies, durations): (&[String], &[String], &[&str]),
    filled: &Asking,
    wrong: Option<&str>,
) -> SlackView {
    let durations: Vec<String> = durations.iter().map(|text| (*text).to_owned()).collect();
    let scopes = ["namespace".to_owned(), "cluster".to_owned()];
    let mut blocks: Vec<SlackBlock> = wrong.map(paragraph).into_iter().collect();
    let mut cluster = input(CLUSTER, "Cluster", menu(CLUSTER, clusters, filled.cluster.as_deref()));
    cluster.dispatch_action = Some(true);
    let mut namespaces =
        input(NAMESPACES, "Namespaces", field(NAMESPACES, filled.namespaces.as_deref(), "payments, payments-*"));
    namespaces.optional = Some(true);
    namespaces.hint =
        Some(plain("Separated by commas; * stands for any run of characters. Only with the scope namespace.", 2000));
    let principal = field(PRINCIPAL, filled.principal.as_deref(), "arn:aws:iam::111122223333:role/my-role");
    let mut reason = SlackBlockPlainTextInputElement::new();
    reason.action_id = Some(REASON.into());
    reason.multiline = Some(true);
    reason.initial_value = initial(filled.reason.as_deref());
    let scope = filled.scope.as_deref().or(Some("namespace"));
    blocks.extend(
        [
            cluster,
            input(PRINCIPAL, "IAM role or user", principal),
            input(POLICIES, "Access policies", menus(POLICIES, policies, &filled.policies)),
            input(SCOPE, "Scope", menu(SCOPE, &scopes, scope)),
            namespaces,
            input(DURATION, "Duration", menu(DURATION, &durations, filled.duration.as_deref())),
            input(REASON, "Reason", reason.into()),
        ]
        .map(SlackBlock::from),
    );
    modal(ASK, "Access to EKS", Some("Ask"), blocks, None)
}

/// The view that asks why a request is denied.
#[must_use]
pub fn deny_view(denial: &Denial, about: &str) -> SlackView {
    let mut comment = SlackBlockPlainTextInputElement::new();
    comment.action_id = Some(DENY_FIELD.into());
    comment.multiline = Some(true);
    let blocks = vec![paragraph(about), input(DENY_FIELD, "Why? The requester will read it", comment.into()).into()];
    modal(DENY, "Deny access", Some("Deny"), blocks, Some(denial.value()))
}

/// A view that tells something.
#[must_use]
pub fn told_view(told: &str) -> SlackView {
    modal("told", "Access to EKS", None, vec![paragraph(told)], None)
}

/// What has been filled into the view that asks.
#[must_use]
pub fn read(state: &SlackViewState) -> Asking {
    let text = |block| said_in(state, block);
    let picked = |block| value(state, block).and_then(|value| value.selected_option.as_ref()).map(|o| o.value.clone());
    let policies = value(state, POLICIES).and_then(|value| value.selected_options.as_ref());
    Asking {
        cluster: picked(CLUSTER),
        principal: text(PRINCIPAL),
        policies: policies.into_iter().flatten().map(|option| option.value.clone()).collect(),
        scope: picked(SCOPE),
        namespaces: text(NAMESPACES),
        duration: picked(DURATION),
        reason: text(REASON),
    }
}

/// What was typed into a field.
#[must_use]
pub fn said_in(state: &SlackViewState, block: &str) -> Option<String> {
    value(state, block).and_then(|value| value.value.clone())
}

/// The field that a place in the body of a request stands in; `None` where the form has none for it.
#[must_use]
pub fn field_of(pointer: &str) -> Option<&'static str> {
    match pointer {
        "/clusterName" => Some(CLUSTER),
        "/principalArn" => Some(PRINCIPAL),
        "/duration" => Some(DURATION),
        "/reason" => Some(REASON),
        "/comment" => Some(DENY_FIELD),
        _ if pointer.contains("/accessScope/namespaces") => Some(NAMESPACES),
        _ if pointer.contains("/accessScope") => Some(SCOPE),
        _ if pointer.starts_with("/accessPolicies") => Some(POLICIES),
        _ => None,
    }
}

fn value<'s>(state: &'s SlackViewState, block: &str) -> Option<&'s SlackViewStateValue> {
    state.values.get(&block.into())?.get(&block.into())
}

fn modal(
    callback: &str,
    title: &str,
    submit: Option<&str>,
    blocks: Vec<SlackBlock>,
    metadata: Option<String>,
) -> SlackView {
    let mut view = SlackModalView::new(plain(title, TITLE), blocks);
    view.callback_id = Some(callback.into());
    view.submit = submit.map(|text| plain(text, TITLE));
    view.close = Some(plain(if submit.is_some() { "Cancel" } else { "Close" }, TITLE));
    view.private_metadata = metadata;
    SlackView::Modal(view)
}

fn input(name: &str, label: &str, element: SlackInputBlockElement) -> SlackInputBlock {
    let mut block = SlackInputBlock::new(plain(label, 2000), element);
    block.block_id = Some(name.into());
    block
}

/// Slack takes no more than so much as what a field begins with.
fn initial(filled: Option<&str>) -> Option<String> {
    filled.map(|text| text.chars().take(INPUT).collect::<String>()).filter(|text| !text.is_empty())
}

fn field(name: &str, filled: Option<&str>, example: &str) -> SlackInputBlockElement {
    let mut element = SlackBlockPlainTextInputElement::new();
    element.action_id = Some(name.into());
    element.placeholder = Some(plain(example, 150));
    element.initial_value = initial(filled);
    element.into()
}

fn menu(name: &str, options: &[String], filled: Option<&str>) -> SlackInputBlockElement {
    let offered = || options.iter().filter(|value| value.len() <= OPTION).take(MOST_OPTIONS);
    let mut element = SlackBlockStaticSelectElement::new();
    element.action_id = Some(name.into());
    element.options = Some(offered().map(|value| choice(value)).collect());
    element.initial_option = offered().find(|value| Some(value.as_str()) == filled).map(|value| choice(value));
    element.into()
}

fn menus(name: &str, options: &[String], filled: &[String]) -> SlackInputBlockElement {
    let offered = || options.iter().filter(|value| value.len() <= OPTION).take(MOST_OPTIONS);
    let chosen: Vec<_> = offered().filter(|value| filled.contains(value)).map(|value| choice(value)).collect();
    let mut element = SlackBlockMultiStaticSelectElement::new();
    element.action_id = Some(name.into());
    element.options = Some(offered().map(|value| choice(value)).collect());
    element.initial_options = Some(chosen).filter(|chosen| !chosen.is_empty());
    element.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_an_ask_has_its_field() {
        for (pointer, field) in [
            ("/clusterName", CLUSTER),
            ("/principalArn", PRINCIPAL),
            ("/accessPolicies", POLICIES),
            ("/accessPolicies/0/policyArn", POLICIES),
            ("/accessPolicies/1/accessScope", SCOPE),
            ("/accessPolicies/1/accessScope/type", SCOPE),
            ("/accessPolicies/0/accessScope/namespaces/2", NAMESPACES),
            ("/duration", DURATION),
            ("/reason", REASON),
        ] {
            assert_eq!(field_of(pointer), Some(field), "{pointer}");
        }
        assert_eq!(field_of("/tags/x"), None);
    }

    #[test]
    fn what_is_typed_becomes_an_ask() {
        let asking = Asking {
            cluster: Some("prod".to_owned()),
            principal: Some(" arn ".to_owned()),
            policies: vec!["AmazonEKSViewPolicy".to_owned()],
            scope: Some("namespace".to_owned()),
            namespaces: Some("payments, payments-*\nx".to_owned()),
            duration: Some("permanent".to_owned()),
            reason: Some("why".to_owned()),
        };
        let ask = asking.ask("permanent");
        assert_eq!((ask.principal_arn.as_str(), ask.duration), ("arn", None));
        let names = ask.access_policies[0].namespaces.clone().unwrap_or_default();
        assert_eq!(names, ["payments", "payments-*", "x"]);
        let whole = Asking { scope: Some("cluster".to_owned()), namespaces: None, ..asking.clone() };
        assert_eq!(whole.ask("permanent").access_policies[0].namespaces, None);
        let both = Asking { scope: Some("cluster".to_owned()), ..asking };
        assert!(both.ask("permanent").access_policies[0].namespaces.is_some(), "which the rules refuse");
    }

    #[test]
    fn a_button_carries_what_was_seen() {
        let denial = Denial { id: Uuid::nil(), digest: "sha256:00".to_owned() };
        assert_eq!(Denial::parse(&denial.value()), Some(denial));
        assert!(Denial::parse("x sha256:00").is_none() && Denial::parse("").is_none());
    }
}
