//! A request as a message shows it: what it gives first, whom to and for how long, then who asks and why, then how far it has come.

use sha2::{Digest, Sha256};
use slack_morphism::blocks::{
    SlackActionBlockElement, SlackActionsBlock, SlackBlock, SlackBlockButtonElement, SlackBlockButtonStyle,
    SlackBlockMarkDownText, SlackBlockText, SlackContextBlock, SlackSectionBlock,
};

use super::form::Denial;
use super::kit::{FIELD, SECTION, code, fits, formatted, paragraph, plain};
use crate::domain::catalogue::bare_name;
use crate::domain::duration;
use crate::domain::entry::AccessScope;
use crate::domain::request::{Request, TakenBack, hex};
use crate::domain::review::{Decision, Review};
use crate::domain::states::{EndReason, RequestState};

/// Characters that a name may take.
const NAME: usize = 300;

/// What a message shows.
#[derive(Debug, Clone, Copy)]
pub struct Card<'a> {
    /// The request.
    pub request: &'a Request,
    /// Its reviews.
    pub reviews: &'a [Review],
    /// How many people's approvals count.
    pub approvals: usize,
    /// What quorum still wants, in sentences.
    pub missing: &'a [String],
    /// Who takes access back, where somebody does.
    pub taken_back: Option<&'a TakenBack>,
    /// Where people reach Entryway.
    pub public_url: &'a str,
}

impl Card<'_> {
    /// What notifications say.
    #[must_use]
    pub fn said(&self) -> String {
        let spec = &self.request.spec;
        let (who, where_to) = (&self.request.requester, &spec.cluster_name);
        format!("{}: access to {where_to} for {}, asked by {who}", self.request.state.as_str(), spec.principal)
    }

    /// The message. Buttons only where there is something to decide, and all of it is shown.
    #[must_use]
    pub fn blocks(&self) -> Vec<SlackBlock> {
        let (what, whole) = self.what();
        let mut blocks = vec![what];
        let why = self.why();
        let whole = whole && fits(&why, SECTION);
        if !why.is_empty() {
            blocks.push(paragraph(&why));
        }
        blocks.push(self.headline());
        blocks.extend(self.progress());
        if self.request.state == RequestState::Pending && whole {
            blocks.push(self.buttons());
        } else if self.request.state == RequestState::Pending {
            blocks.push(paragraph("This is more than a message can show, so it cannot be decided here: read and review it through the API."));
        }
        let told = format!("{}/v1/requests/{}", self.public_url, self.request.id);
        let context = format!("{} · {}", code(&told, FIELD), code(&self.request.spec_digest, 100));
        let context = SlackBlockMarkDownText { text: context, verbatim: Some(true) };
        blocks.push(SlackContextBlock::new(vec![context.into()]).into());
        blocks
    }

    /// A hash of what `said` and `blocks` show.
    #[must_use]
    pub fn shows(&self) -> String {
        let blocks = serde_json::to_vec(&self.blocks()).unwrap_or_default();
        hex(&Sha256::new().chain_update(self.said()).chain_update([0]).chain_update(blocks).finalize())
    }

    /// What was said for it, and how the entry is to be tagged.
    fn why(&self) -> String {
        let spec = &self.request.spec;
        let reason = (!spec.reason.is_empty()).then(|| format!("Reason: {}", spec.reason));
        let ticket = spec.ticket.as_ref().map(|ticket| format!("Ticket: {ticket}"));
        let tags: Vec<_> = spec.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let tags = (!tags.is_empty()).then(|| format!("Tags: {}", tags.join(", ")));
        [reason, ticket, tags].into_iter().flatten().collect::<Vec<_>>().join("\n")
    }

    /// For how long; of an extension, how much longer, and until when access lasts with it.
    fn lasts(&self) -> String {
        let spec = &self.request.spec;
        let Some(duration) = spec.duration.map(duration::short) else { return "`permanent`".to_owned() };
        match (self.request.reach.filter(|_| spec.extends.is_some()), spec.start_at) {
            (Some(reach), _) => {
                format!("`{duration}` more, until {}", moment(self.request.created_at + reach))
            }
            (None, Some(start)) => format!("`{duration}` from {}", moment(start)),
            (None, None) => format!("`{duration}`"),
        }
    }

    /// Principal, cluster, scope and duration, and whether they are shown whole.
    fn what(&self) -> (SlackBlock, bool) {
        let spec = &self.request.spec;
        let mut policies: Vec<_> = spec.content.access_policies.iter().collect();
        // What reaches farthest first.
        policies.sort_by_key(|(arn, scope)| (**scope != AccessScope::Cluster, (*arn).clone()));
        let mut lines: Vec<String> = policies.into_iter().map(|(arn, scope)| held(bare_name(arn), scope)).collect();
        if !spec.content.kubernetes_groups.is_empty() {
            let groups: Vec<_> = spec.content.kubernetes_groups.iter().map(String::as_str).collect();
            lines.push(format!("Kubernetes groups {}", groups.join(", ")));
        }
        if let Some(username) = &spec.content.username {
            lines.push(format!("as Kubernetes user {username}"));
        }
        if lines.is_empty() {
            lines.push(format!("an entry of type {} without permissions", spec.content.entry_type.as_str()));
        }
        let scope = lines.join("\n");
        let principal = spec.principal.to_string();
        let room = FIELD - 20;
        let whole = [&principal, &spec.cluster_name, &scope].into_iter().all(|value| fits(value, room - 20));
        let named = |name: &str, value: &str| formatted(format!("*{name}*\n{value}"));
        let mut block = SlackSectionBlock::new();
        block.fields = Some(vec![
            named("Principal", &code(&principal, room)),
            named("Cluster", &code(&spec.cluster_name, room)),
            // Two patterns of namespaces in a line would be bold, and lose their stars.
            SlackBlockText::from(plain(&format!("Scope\n{scope}"), FIELD)),
            named("Duration", &self.lasts()),
        ]);
        (block.into(), whole)
    }

    /// How far it has come, in a line.
    fn headline(&self) -> SlackBlock {
        let Request { requester, submitted_by, .. } = self.request;
        let through =
            submitted_by.as_ref().map_or_else(String::new, |service| format!(" through {}", code(service, NAME)));
        let mut block = SlackSectionBlock::new();
        let extends = self.request.spec.extends.map_or_else(String::new, |id| format!(" · extends `{id}`"));
        let headline = format!("*{}* · asked by {}{through}{extends}", standing(self.request), code(requester, NAME));
        block.text = Some(formatted(headline));
        block.into()
    }

    /// What is missing, what went wrong, and what people have said. Their words format nothing.
    fn progress(&self) -> Option<SlackBlock> {
        let mut lines = vec![];
        if self.request.state == RequestState::Pending {
            let missing = if self.missing.is_empty() { "nothing".to_owned() } else { self.missing.join("; ") };
            lines.push(format!("approvals so far: {}; still wanted: {missing}", self.approvals));
        }
        if self.request.owes_review {
            lines.push(
                "applied without a sign-off; somebody who could have signed it off has yet to acknowledge it"
                    .to_owned(),
            );
        }
        lines.extend(self.ending());
        lines.extend(self.request.last_error.as_ref().map(|trouble| trouble.detail.clone()));
        lines.extend(self.reviews.iter().map(said_by));
        (!lines.is_empty()).then(|| paragraph(&lines.join("\n")))
    }

    /// Who took access back, and why; nothing where nobody did but time and policy.
    fn ending(&self) -> Option<String> {
        let did = match self.request.end_reason? {
            EndReason::Revoked => "revoked by",
            EndReason::Relinquished => "given back by",
            EndReason::Expired | EndReason::Superseded | EndReason::Policy | EndReason::ClusterGone => return None,
        };
        let TakenBack { actor, reason } = self.taken_back?;
        let reason = reason.as_ref().map_or_else(String::new, |reason| format!(": {}", reason.replace('\n', " ")));
        Some(format!("{did} {actor}{reason}"))
    }

    fn buttons(&self) -> SlackBlock {
        let value = Denial { id: self.request.id, digest: self.request.spec_digest.clone() }.value();
        let button = |name: &str, label: &str, style| {
            let mut button = SlackBlockButtonElement::new(plain(label, 75));
            button.action_id = Some(name.into());
            button.value = Some(value.clone());
            button.style = Some(style);
            SlackActionBlockElement::Button(button)
        };
        SlackActionsBlock::new(vec![
            button("approve", "Approve", SlackBlockButtonStyle::Primary),
            button("deny", "Deny", SlackBlockButtonStyle::Danger),
        ])
        .into()
    }
}

fn held(policy: &str, scope: &AccessScope) -> String {
    match scope {
        AccessScope::Cluster => format!("{policy} on the whole cluster"),
        AccessScope::Namespace { namespaces } => {
            let names: Vec<_> = namespaces.iter().map(String::as_str).collect();
            format!("{policy} in {}", names.join(", "))
        }
    }
}

fn standing(request: &Request) -> String {
    let word = request.state.as_str();
    match request.state {
        RequestState::Active => match request.grant.expires_at {
            Some(end) => format!("{word} until {}", moment(end)),
            None => word.to_owned(),
        },
        RequestState::Scheduled => match request.spec.start_at {
            Some(start) => format!("{word} for {}", moment(start)),
            None => word.to_owned(),
        },
        RequestState::Revoking | RequestState::Ended => match request.end_reason {
            Some(reason) => format!("{word}: {}", reason.as_str()),
            None => word.to_owned(),
        },
        _ => word.to_owned(),
    }
}

/// A time as Slack shows it, in everybody's own zone.
fn moment(at: chrono::DateTime<chrono::Utc>) -> String {
    format!("<!date^{}^{{date_short_pretty}} {{time}}|{}>", at.timestamp(), at.format("%Y-%m-%d %H:%M UTC"))
}

fn said_by(review: &Review) -> String {
    let did = match review.decision {
        Decision::Approve => "approved by",
        Decision::Deny => "denied by",
        Decision::Acknowledge => "acknowledged by",
    };
    let comment =
        review.comment.as_ref().map_or_else(String::new, |comment| format!(": {}", comment.replace('\n', " ")));
    format!("{did} {}{comment}", review.reviewer)
}
