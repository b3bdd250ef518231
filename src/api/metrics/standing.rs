//! How things stand: figures that come and go with what they are about, so that they are gathered anew each time they are read,
//! and never left over from one that is no longer there.

use chrono::TimeDelta;
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::domain::states::RequestState;
use crate::workflow::webhooks::Standing;
use crate::workflow::{Connections, Figures};

/// Everything to be told.
pub(super) struct Now<'a> {
    pub(super) figures: &'a Figures,
    pub(super) connections: Connections,
    pub(super) policies_refused: bool,
    pub(super) policy_digest: String,
    pub(super) clock_offset: TimeDelta,
    pub(super) destinations: &'a [Standing],
}

/// All of it, as Prometheus reads it.
pub(super) fn text(now: &Now<'_>) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || tell(now));
    recorder.handle().render()
}

fn tell(now: &Now<'_>) {
    let figures = now.figures;
    let of =
        |state: RequestState| figures.requests.iter().find(|(name, _)| name == state.as_str()).map_or(0, |(_, n)| *n);
    let by_state = RequestState::ALL.map(|state| (state.as_str().to_owned(), of(state)));
    let version = [(env!("CARGO_PKG_VERSION").to_owned(), 1)];
    each("entryway_build_info", "The build that answers.", "version", version);
    each("entryway_requests", "Requests by state.", "state", by_state);
    one("entryway_active_grants", "Grants that are proven.", of(RequestState::Active));
    let help = "Age of the oldest grant that is signed off and not applied yet.";
    one("entryway_oldest_unapplied_approval_seconds", help, figures.oldest_unapplied_seconds);
    let help = "How long the latest grant should have ended without being proven gone: over its time, or taken back.";
    one("entryway_expiry_overdue_seconds_max", help, figures.expiry_overdue_seconds);
    let help = "Whether this process decides by an older policy set than the files hold, because theirs is not sound.";
    one("entryway_policy_set_refused", help, now.policies_refused.into());
    let policies = [(now.policy_digest.clone(), 1)];
    each("entryway_policy_version", "The policy set that this process decides by.", "digest", policies);
    one("entryway_entries_waiting", "Entries that are due and that nobody works on.", figures.entries_waiting);
    let help = "Entries that somebody changed by hand and that are not put right.";
    one("entryway_entries_drifted", help, figures.entries_drifted);
    let help = "Grants whose entry was gone when EKS last showed it, and is not proven to be back.";
    one("entryway_grants_without_entry", help, figures.grants_without_entry);
    let help = "Entries that Entryway wrote, or may have written, and that no request is under way for any more.";
    one("entryway_entries_without_grant", help, figures.entries_without_grant);
    let help = "Entries that were tried twenty times in a row and more without getting through.";
    one("entryway_poison_targets", help, figures.poison_targets);
    one("entryway_audit_chain_head_seq", "The seq of the newest event of the audit log.", figures.audit_head);
    let help = "Age of the oldest event that no checkpoint over the audit log counts yet.";
    one("entryway_audit_anchor_age_seconds", help, figures.unanchored_seconds);
    let in_use = i64::try_from(now.connections.in_use).unwrap_or(i64::MAX);
    one("entryway_pool_in_use", "Connections to Postgres that this process is using.", in_use);
    one("entryway_pool_max", "Connections to Postgres that this process may have.", now.connections.most.into());
    let help = "By how much this process's clock is ahead of Postgres'.";
    set("entryway_db_clock_offset_seconds", help, now.clock_offset.as_seconds_f64());

    let clusters = |value: fn(&_) -> i64| figures.clusters.iter().map(move |one| (one.name.clone(), value(one)));
    let help = "How long ago EKS last answered about the cluster; since 1970 where it never has.";
    each("entryway_cluster_silent_seconds", help, "cluster", clusters(|cluster| cluster.silent_seconds));
    let help = "How long ago that of the cluster's active grants was read whose last read is the longest ago.";
    each("entryway_reconcile_age_seconds", help, "cluster", clusters(|cluster| cluster.reconcile_age_seconds));

    let told = |value: fn(&Standing) -> i64| now.destinations.iter().map(move |s| (s.destination.clone(), value(s)));
    let help = "Events that a destination is still to be told of.";
    each("entryway_deliveries_waiting", help, "destination", told(|s| s.waiting));
    let help = "Age of the oldest event that a destination has not been told of.";
    each("entryway_deliveries_oldest_seconds", help, "destination", told(|s| s.oldest_seconds));
    let help = "Requests whose next event could not be delivered yet.";
    each("entryway_deliveries_failing", help, "destination", told(|s| s.failing));
    let help = "Events that were tried for three days in vain.";
    each("entryway_deliveries_given_up", help, "destination", told(|s| s.given_up));
    let help = "Whether a destination has said that it is gone for good.";
    each("entryway_destination_gone", help, "destination", told(|s| s.gone_at.is_some().into()));
}

fn one(name: &'static str, help: &'static str, value: i64) {
    set(name, help, value as f64);
}

fn set(name: &'static str, help: &'static str, value: f64) {
    metrics::describe_gauge!(name, help);
    metrics::gauge!(name).set(value);
}

/// One figure for each of what `label` tells apart.
fn each(name: &'static str, help: &'static str, label: &'static str, values: impl IntoIterator<Item = (String, i64)>) {
    metrics::describe_gauge!(name, help);
    for (what, value) in values {
        metrics::gauge!(name, label => what).set(value as f64);
    }
}
