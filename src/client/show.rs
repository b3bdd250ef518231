//! How things look to people.

use chrono::SubsecRound as _;

use super::spoken::spoken;
use super::table::{pairs, table};
use crate::api::wire::{AccessPolicyView, DryRun, EventView, RequestView, Time};
use crate::domain::duration::{parse, short};
use crate::domain::states::RequestState;

/// A request with all that a reviewer decides by; `ending` is how it ended, where it has.
pub(super) fn request(view: &RequestView, ending: Option<String>) -> String {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
    let grant = &view.grant;
    pairs(&[
        ("request", view.id.to_string()),
        ("state", state(view)),
        ("cluster", view.cluster_name.clone()),
        ("principal", view.principal_arn.clone()),
        ("type", view.entry_type.to_string()),
        ("username", or_none(&view.username)),
        ("groups", view.kubernetes_groups.join(", ")),
        ("policies", lines(view.access_policies.iter().map(policy))),
        ("tags", lines(view.tags.iter().map(|(key, value)| format!("{key}={value}")))),
        ("duration", duration(view)),
        ("starts", view.start_at.map(time).unwrap_or_default()),
        ("extends", view.extends.map(|id| id.to_string()).unwrap_or_default()),
        ("break glass", break_glass(view).to_owned()),
        ("reason", view.reason.clone()),
        ("ticket", or_none(&view.ticket)),
        ("requester", by(&view.requester, view.submitted_by.as_deref())),
        ("filed", time(view.created_at)),
        ("approval", approval(view)),
        ("reviews", reviews(view)),
        ("active since", grant.verified_at.map(time).unwrap_or_default()),
        ("ends", grant.expires_at.filter(|_| grant.ended_at.is_none()).map(time).unwrap_or_default()),
        ("ended", grant.ended_at.map(time).unwrap_or_default()),
        ("because", ending.unwrap_or_default()),
        ("trouble", trouble(view)),
        (
            "warnings",
            lines(view.warnings.iter().map(|warning| format!("{} ({})", spoken(&warning.detail), warning.code))),
        ),
        ("you may", view.allowed_actions.join(", ")),
        ("digest", view.spec_digest.clone()),
    ])
}

/// Requests that were filed, or with `quiet` their ids alone.
pub(super) fn filed(views: &[RequestView], quiet: bool) -> String {
    if quiet {
        return views.iter().map(|view| format!("{}\n", view.id)).collect();
    }
    views.iter().map(|view| request(view, None)).collect::<Vec<_>>().join("\n")
}

/// Where a request is, in a line: for progress, and after something was done to it.
pub(super) fn line(view: &RequestView) -> String {
    let missing = view.approval.missing.join("; ");
    match RequestState::parse(&view.state) {
        Some(RequestState::Pending) if !missing.is_empty() => format!("pending: {missing}"),
        Some(RequestState::Verifying) => {
            let proof = &view.verification;
            format!("verifying: {} of {} reads agree", proof.agreeing_reads, proof.required_reads)
        }
        Some(RequestState::Applying | RequestState::Failed | RequestState::Revoking) if view.last_error.is_some() => {
            format!("{}: {}", view.state, trouble(view))
        }
        Some(RequestState::Denied) => match view.reviews.iter().find(|review| review.decision == "deny") {
            Some(deny) => format!("denied by {}: {}", deny.reviewer, deny.comment.clone().unwrap_or_default()),
            None => format!("denied: {missing}"),
        },
        _ => state(view),
    }
}

/// What would come of an ask.
pub(super) fn dry_run(dry: &DryRun) -> String {
    let view = &dry.request;
    let approval = match &*dry.approval.status {
        "notNeeded" => "not needed".to_owned(),
        _ => dry.approval.missing.join("; "),
    };
    let by_hand = match dry.aws_cli.as_slice() {
        [] => "no command is needed: the entry holds all of this already".to_owned(),
        commands => commands.join("\n"),
    };
    pairs(&[
        ("dry run", "nothing is stored by a dry run; without --dry-run, this would be filed".to_owned()),
        ("cluster", view.cluster_name.clone()),
        ("principal", view.principal_arn.clone()),
        ("groups", view.kubernetes_groups.join(", ")),
        ("policies", lines(view.access_policies.iter().map(policy))),
        ("duration", duration(view)),
        ("approval", approval),
        ("could sign off", dry.could_sign_off.join(", ")),
        (
            "warnings",
            lines(dry.warnings.iter().map(|warning| format!("{} ({})", spoken(&warning.detail), warning.code))),
        ),
        ("by hand", by_hand),
    ])
}

/// Requests, a line each.
pub(super) fn requests(views: &[RequestView]) -> String {
    let row = |view: &RequestView| {
        [
            view.id.to_string(),
            view.state.to_string(),
            view.cluster_name.clone(),
            principal(&view.principal_arn),
            access(view),
            view.requester.clone(),
            ends(view),
        ]
    };
    let rows: Vec<_> = views.iter().map(row).collect();
    table(["REQUEST", "STATE", "CLUSTER", "PRINCIPAL", "ACCESS", "REQUESTER", "ENDS"], &rows)
}

/// A timeline.
pub(super) fn events(events: &[EventView]) -> String {
    let told = |data: &serde_json::Value, name: &str| data[name].as_str().map(str::to_owned);
    let rows: Vec<_> = events
        .iter()
        .map(|event| {
            let words = ["comment", "reason", "detail", "why"].iter().find_map(|name| told(&event.data, name));
            // A refusal names what was tried, and the code that the API explains.
            let refused = || Some(format!("{}: {}", told(&event.data, "action")?, told(&event.data, "code")?));
            let policy = told(&event.data, "policyArn").and_then(|arn| arn.rsplit('/').next().map(str::to_owned));
            let parts = [told(&event.data, "decision"), policy, words.or_else(refused)];
            let words = parts.into_iter().flatten().collect::<Vec<_>>().join(": ").replace('\n', " ");
            let who = by(&event.actor, event.submitted_by.as_deref());
            [time(event.at), event.event_type.to_string(), who, words]
        })
        .collect();
    table(["AT", "WHAT", "WHO", "WORDS"], &rows)
}

/// `2026-01-31 12:00:00 UTC`.
pub(super) fn time(time: Time) -> String {
    time.0.trunc_subsecs(0).format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn state(view: &RequestView) -> String {
    let meaning = RequestState::parse(&view.state).map(RequestState::meaning).unwrap_or_default();
    let because = view.end_reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    // What follows are fields of the API, which are shown further down by other names.
    match meaning.split_once("; `").map_or(meaning, |(first, _)| first) {
        "" => view.state.to_string(),
        meaning => format!("{}{because}: {}", view.state, meaning.replace('`', "").trim_end_matches('.')),
    }
}

/// `AmazonEKSViewPolicy in payments, payments-*`.
fn policy(policy: &AccessPolicyView) -> String {
    let name = policy.policy_arn.rsplit('/').next().unwrap_or_default();
    match &*policy.access_scope.scope_type {
        "cluster" => format!("{name} in the whole cluster"),
        _ => format!("{name} in {}", policy.access_scope.namespaces.join(", ")),
    }
}

/// What a request gives, short.
fn access(view: &RequestView) -> String {
    let policies = view.access_policies.iter().map(policy);
    let groups = view.kubernetes_groups.iter().map(|group| format!("group {group}"));
    let all: Vec<_> = policies.chain(groups).collect();
    if all.is_empty() { view.entry_type.to_string() } else { all.join("; ") }
}

/// `111122223333 role/dev/apps/my-role`: what tells principals apart.
pub(super) fn principal(arn: &str) -> String {
    let mut parts = arn.splitn(6, ':').skip(4);
    match (parts.next(), parts.next()) {
        (Some(account), Some(name)) => format!("{account} {name}"),
        _ => arn.to_owned(),
    }
}

/// `8h` for `PT8H`.
fn duration(view: &RequestView) -> String {
    let read = |iso: &String| parse(iso).map_or_else(|_| iso.clone(), short);
    view.duration.as_ref().map_or_else(|| "permanent".to_owned(), read)
}

fn break_glass(view: &RequestView) -> &'static str {
    match (view.break_glass, RequestState::parse(&view.state)) {
        (false, _) => "",
        (true, Some(RequestState::Pending)) => "asked for, and not permitted without a sign-off: it waits for one",
        (true, _) if view.approval.approvals > 0 => "asked for, and signed off before it was applied",
        (true, _) => "yes: applied before anybody signed off",
    }
}

/// When access is over, or how long it will be once there is any.
fn ends(view: &RequestView) -> String {
    match (view.grant.ended_at.or(view.grant.expires_at), &view.duration) {
        (Some(at), _) => time(at),
        (None, None) => "never".to_owned(),
        (None, Some(_)) if RequestState::parse(&view.state).is_some_and(RequestState::is_final) => "-".to_owned(),
        (None, Some(_)) => format!("{} once active", duration(view)),
    }
}

fn approval(view: &RequestView) -> String {
    let approval = &view.approval;
    match &*approval.status {
        "notNeeded" => "not needed".to_owned(),
        "waiting" => format!("{} so far; {}", approval.approvals, approval.missing.join("; ")),
        "denied" => "denied".to_owned(),
        status => format!("{status}, {}", counted(approval.approvals, "approval")),
    }
}

fn reviews(view: &RequestView) -> String {
    lines(view.reviews.iter().map(|review| {
        let comment = review.comment.as_ref().map(|comment| format!(": {comment}")).unwrap_or_default();
        let counts = if review.counts { "" } else { " (counts no more)" };
        let who = by(&review.reviewer, review.submitted_by.as_deref());
        format!("{who}, {}, {}{counts}{comment}", review.decision, time(review.created_at))
    }))
}

fn trouble(view: &RequestView) -> String {
    let Some(error) = &view.last_error else { return String::new() };
    let aws = error.aws_message.as_ref().map(|message| format!("\nEKS: {message}")).unwrap_or_default();
    let next = error.next_attempt_at.map(|at| format!("\ntried again at {}", time(at))).unwrap_or_default();
    format!("{} ({}){aws}{next}", spoken(&error.detail), error.code)
}

/// `alice`, or `alice (through portal)`.
pub(super) fn by(who: &str, through: Option<&str>) -> String {
    through.map_or_else(|| who.to_owned(), |service| format!("{who} (through {service})"))
}

/// `1 approval`, `2 approvals`.
pub(super) fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}
