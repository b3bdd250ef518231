//! `[slack]` and `[[webhooks]]`: who is told.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::reader::Section;
use super::shapes::{safe_url, url, word};
use super::value::{flag, parsed};
use crate::domain::address::{Reach, reach};
use crate::domain::cluster::Cluster;
use crate::domain::delivery::{WebhookOptions, pattern_matches};
use crate::domain::event::EventType;

/// `[slack]`
#[derive(Debug, Clone)]
pub struct Slack {
    /// What Slack signs its calls with: one, or two while rotating.
    pub signing_secrets: Vec<SecretString>,
    /// The bot's token.
    pub bot_token: SecretString,
    /// The workspace; calls from any other are refused.
    pub team_id: String,
    /// Where Slack's API is.
    pub api_url: String,
    /// Which channels hear of what.
    pub routes: Vec<SlackRoute>,
}

/// `[[slack.routes]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackRoute {
    /// The channel's id.
    pub channel: String,
    /// Only of clusters of these environments; of all where empty.
    pub environments: Vec<String>,
    /// Only of these clusters; of all where empty.
    pub clusters: Vec<String>,
    /// Only of events that one of these patterns matches; of all where empty.
    pub events: Vec<String>,
}

/// `[[webhooks]]`, delivered as Standard Webhooks says.
pub type Webhook = WebhookOptions;

/// The names that routes and webhooks may use.
pub(super) struct Known {
    clusters: BTreeSet<String>,
    environments: BTreeSet<String>,
}

impl Known {
    pub(super) fn of(clusters: &[Cluster]) -> Self {
        Self {
            clusters: clusters.iter().map(|cluster| cluster.name.clone()).collect(),
            environments: clusters.iter().map(|cluster| cluster.environment.clone()).collect(),
        }
    }

    fn clusters(&self, s: &mut Section<'_>) -> Vec<String> {
        let one = |text: &str| known(&self.clusters, text, "name");
        s.list("clusters", parsed(one)).unwrap_or_default()
    }

    fn environments(&self, s: &mut Section<'_>) -> Vec<String> {
        let one = |text: &str| known(&self.environments, text, "environment");
        s.list("environments", parsed(one)).unwrap_or_default()
    }
}

fn known(names: &BTreeSet<String>, text: &str, what: &str) -> Result<String, String> {
    names
        .get(text)
        .cloned()
        .ok_or_else(|| format!("no [[clusters]] table has the {what} {text:?}; correct it or add the cluster"))
}

fn events(s: &mut Section<'_>) -> Vec<String> {
    s.list("events", parsed(event_pattern)).unwrap_or_default()
}

/// An event type, or `prefix.*`.
fn event_pattern(text: &str) -> Result<String, String> {
    let whole = text.strip_suffix('*').is_none_or(|prefix| prefix.is_empty() || prefix.ends_with('.'));
    if whole && EventType::ALL.iter().any(|kind| pattern_matches(text, kind.as_str())) {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} matches no event; write one, or \"request.*\", or \"*\""))
    }
}

/// Reads `[slack]`; `None` where there is none.
pub(super) fn read_slack(root: &mut Section<'_>, known: &Known) -> Option<Slack> {
    root.find("slack")?;
    Some(root.section("slack", |s| {
        let signing_secrets = s.secrets("signing_secrets", "signing_secrets_file").unwrap_or_default();
        if !s.was_written("signing_secrets") && !s.was_written("signing_secrets_file") {
            s.missing("signing_secrets", "add signing_secrets = [\"…\"] or signing_secrets_file (one to a line)");
        } else if signing_secrets.is_empty() || !signing_secrets.iter().all(is_signing_secret) {
            s.wrong(
                "signing_secrets",
                "needs one or two secrets; Slack shows them under Basic Information, App Credentials",
            );
        }
        Slack {
            signing_secrets,
            bot_token: s.required_secret("bot_token", "bot_token_file", "add bot_token or bot_token_file", bot_token),
            team_id: s.required("team_id", "\"T0123\"", parsed(word)),
            api_url: s.or("api_url", "https://slack.com/api".to_owned(), parsed(safe_url)),
            routes: s.sections("routes", |s| SlackRoute {
                channel: s.required("channel", "\"C0PROD\"", parsed(slack_channel)),
                environments: known.environments(s),
                clusters: known.clusters(s),
                events: events(s),
            }),
        }
    }))
}

/// Reads every webhook.
pub(super) fn read_webhooks(root: &mut Section<'_>, known: &Known) -> Vec<Webhook> {
    let mut names = BTreeMap::new();
    root.sections("webhooks", |s| {
        let allow_private = s.or("allow_private", false, flag);
        // Off the public internet an operator may do without TLS; on it a hook tells who gets access to what.
        let schemes: &[&str] = if allow_private { &["https://", "http://"] } else { &["https://"] };
        let webhook = Webhook {
            name: s.required("name", "\"siem\"", parsed(word)),
            url: s.required(
                "url",
                "\"https://siem.example.com/hook\"",
                parsed(|text| hook_url(text, schemes, allow_private)),
            ),
            secrets: webhook_secrets(s),
            events: events(s),
            clusters: known.clusters(s),
            allow_private,
            enabled: s.or("enabled", true, flag),
        };
        refuse_what_concerns_no_cluster(s, &webhook);
        if !webhook.name.is_empty()
            && let Some(first) = names.insert(webhook.name.clone(), s.path.clone())
        {
            s.wrong("name", format!("{:?} is the name of {first} too; names must differ", webhook.name));
        }
        webhook
    })
}

/// The id of a channel: names change, and are somebody else's then.
fn slack_channel(text: &str) -> Result<String, String> {
    if text.starts_with(['#', '@']) {
        return Err(format!(
            "{text:?} is a name; write the id (C0123), which Slack shows at the end of the channel's details"
        ));
    }
    word(text)
}

fn is_signing_secret(secret: &SecretString) -> bool {
    let text = secret.expose_secret();
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A URL, unless it says by itself that it leads where nothing may go. What its name leads to is seen when it is delivered to.
fn hook_url(text: &str, schemes: &[&str], allow_private: bool) -> Result<String, String> {
    let text = url(text, schemes)?;
    let parsed: reqwest::Url = text.parse().map_err(|_| "is no URL that can be called".to_owned())?;
    let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']).trim_end_matches('.');
    let place = match host.parse().map(reach) {
        Ok(place) => place,
        Err(_) if host == "localhost" || host.ends_with(".localhost") => Reach::Private,
        Err(_) => return Ok(text),
    };
    match place {
        Reach::Never => Err("leads to an address that nothing is ever sent to; correct it".to_owned()),
        Reach::Private if !allow_private => {
            Err("leads to a private address; set allow_private = true if that is meant".to_owned())
        }
        Reach::Public if text.starts_with("http://") => Err("leads out of private networks; make it https".to_owned()),
        Reach::Private | Reach::Public => Ok(text),
    }
}

/// Under `secret` or `secret_file` one, under `secrets` or `secrets_file` (one to a line) several.
fn webhook_secrets(s: &mut Section<'_>) -> Vec<SecretString> {
    let one = s.secret("secret", "secret_file", webhook_secret);
    let several = s.secrets("secrets", "secrets_file").unwrap_or_default();
    let written = ["secret", "secret_file", "secrets", "secrets_file"].map(|key| s.was_written(key));
    match written {
        [false, false, false, false] => s.missing("secret", "add secret or secret_file"),
        [true, ..] | [_, true, ..] if written[2] || written[3] => {
            s.wrong("secrets", "is there beside secret; put all of them under secrets");
        }
        _ => {}
    }
    for (place, secret) in several.iter().enumerate() {
        if let Err(message) = webhook_secret(secret.expose_secret()) {
            let key = if written[3] { "secrets_file" } else { "secrets" };
            s.wrong(key, format!("the {}. {message}", place + 1));
        }
    }
    if (written[2] || written[3]) && several.is_empty() {
        s.wrong(if written[3] { "secrets_file" } else { "secrets" }, "names none; add one");
    }
    one.into_iter().chain(several).collect()
}

/// What such events begin with; a webhook that is narrowed to clusters never hears of them.
const NO_CLUSTER: [&str; 4] = ["audit.", "auth.", "destination.", "policy."];

fn refuse_what_concerns_no_cluster(s: &Section<'_>, webhook: &Webhook) {
    let apart = |pattern: &&String| NO_CLUSTER.iter().any(|prefix| pattern.starts_with(prefix));
    if !webhook.clusters.is_empty()
        && let Some(pattern) = webhook.events.iter().find(apart)
    {
        let message = format!(
            "{pattern:?} concerns no cluster, so clusters leaves nothing of it; give it a [[webhooks]] of its own"
        );
        s.wrong("events", message);
    }
}

fn bot_token(text: &str) -> Result<(), String> {
    if text.starts_with("xoxb-") { Ok(()) } else { Err("is no bot token; those start with xoxb-".to_owned()) }
}

/// `whsec_` and 24 to 64 bytes in Base64 (`Standard Webhooks, signature scheme`).
fn webhook_secret(text: &str) -> Result<(), String> {
    let key = text.strip_prefix("whsec_").and_then(|key| BASE64_STANDARD.decode(key).ok());
    if key.is_some_and(|key| (24..=64).contains(&key.len())) {
        Ok(())
    } else {
        Err("is no Standard Webhooks secret; make one: echo whsec_$(openssl rand -base64 32)".to_owned())
    }
}
