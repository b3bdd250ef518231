//! What the database says: who asked for what, who signed it off and when, and from when until when it was live. Taken from
//! the requests' own terms, the review rows and the timeline; the `state` column is only reported.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::{Connection, PgConnection};

use super::{Fact, Facts};

/// A cluster, and a principal on it.
pub(crate) type Place = (String, String);

/// From the first moment to before the second; without one, until now.
pub(crate) type Span = (DateTime<Utc>, Option<DateTime<Utc>>);

#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) id: String,
    pub(crate) place: Place,
    pub(crate) facts: Facts,
    pub(crate) state: String,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    /// As the timeline tells it: from `applying` to `revoking` or `failed`.
    pub(crate) live: Vec<Span>,
    /// From `active` to whatever came after it.
    pub(crate) proven: Vec<Span>,
    start_at: Option<DateTime<Utc>>,
    requester: String,
    digest: String,
    free: bool,
    reviews: Vec<Value>,
}

impl Grant {
    /// Whether it may be on the cluster at `at`, give or take `slack`.
    pub(crate) fn may_be_written(&self, at: DateTime<Utc>, slack: TimeDelta) -> bool {
        let live = self.live.iter().any(|(from, to)| *from <= at + slack && to.is_none_or(|to| at - slack <= to));
        live && self.is_approved(at + slack)
            && self.start_at.is_none_or(|start| start <= at + slack)
            && self.expires_at.is_none_or(|end| at - slack < end)
    }

    /// Whether somebody who holds it at `at` must not lose it: live well before and well after.
    pub(crate) fn must_stay(&self, at: DateTime<Utc>, slack: TimeDelta) -> bool {
        self.live.iter().any(|(from, to)| *from + slack < at && to.is_none_or(|to| at + slack < to))
            && self.expires_at.is_none_or(|end| at + slack < end)
    }

    pub(crate) fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.live.iter().any(|(from, to)| *from <= now && to.is_none()) && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it was live at `at`, however long ago that is.
    pub(crate) fn was_live(&self, at: DateTime<Utc>) -> bool {
        self.ends_until(at).any(|end| end.is_none_or(|end| at < end))
    }

    /// When it was last over before `at`; `None` where it had not been live until then.
    pub(crate) fn over_since(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.ends_until(at).flatten().filter(|end| *end <= at).max()
    }

    /// The ends of what had begun by `at`.
    fn ends_until(&self, at: DateTime<Utc>) -> impl Iterator<Item = Option<DateTime<Utc>>> {
        let begun = self.live.iter().filter(move |(from, _)| *from <= at);
        begun.map(|(_, to)| to.iter().copied().chain(self.expires_at).min())
    }

    /// The quorum of the starter policies, once more: one reviewer other than the requester; two, carol among them, for an
    /// administrator of prod; nobody for a view of dev for a working day.
    fn is_approved(&self, at: DateTime<Utc>) -> bool {
        let given = |decision: &str| {
            let given = self.reviews.iter().filter(move |review| review["decision"] == decision);
            given.filter(|review| time(&review["created_at"]).unwrap() <= at).collect::<Vec<_>>()
        };
        let mut approvals = given("approve");
        approvals.retain(|review| {
            review["reviewer"] != self.requester.as_str()
                && review["spec_digest"] == self.digest.as_str()
                && (review["reviewer"] == "bob" || review["reviewer"] == "carol")
        });
        let admin = self.facts.0.iter().any(|fact| match fact {
            Fact::Everywhere(policy) | Fact::In(policy, _) => {
                policy.ends_with("/AmazonEKSAdminPolicy") || policy.ends_with("/AmazonEKSClusterAdminPolicy")
            }
            Fact::Group(_) => false,
        });
        let needed = match (self.free, self.place.0 == "prod" && admin) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        };
        given("deny").is_empty()
            && approvals.len() >= needed
            && (needed < 2 || approvals.iter().any(|review| review["reviewer"] == "carol"))
    }
}

/// Every request there is.
pub(crate) async fn read(url: &str) -> Vec<Grant> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let requests = rows(&mut connection, "SELECT to_jsonb(r) AS row FROM request r ORDER BY id").await;
    let reviews = rows(&mut connection, "SELECT to_jsonb(r) AS row FROM review r ORDER BY id").await;
    let events = "SELECT jsonb_build_object('request', request_id, 'type', type, 'at', at) AS row FROM event
                   WHERE type LIKE 'request.%' AND request_id IS NOT NULL ORDER BY seq";
    let events = rows(&mut connection, events).await;
    connection.close().await.unwrap();
    let mut reviews_of: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for review in reviews {
        reviews_of.entry(text(&review["request_id"])).or_default().push(review);
    }
    let mut events_of: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in events {
        events_of.entry(text(&event["request"])).or_default().push(event);
    }
    let grant = |row: Value| {
        let id = text(&row["id"]);
        let events = events_of.remove(&id).unwrap_or_default();
        let facts = Facts::of_content(&row["content"]);
        let only_views = facts.0.iter().all(|fact| match fact {
            Fact::Everywhere(policy) | Fact::In(policy, _) => policy.ends_with("/AmazonEKSViewPolicy"),
            Fact::Group(_) => false,
        });
        let working_day = row["duration_ms"].as_i64().is_some_and(|ms| ms <= 8 * 3_600_000);
        let cluster = text(&row["cluster_name"]);
        Grant {
            free: cluster == "dev" && only_views && working_day,
            place: (cluster, text(&row["principal_arn"])),
            facts,
            state: text(&row["state"]),
            expires_at: time(&row["expires_at"]),
            live: spans(&events, &["request.applying"], &["request.revoking", "request.failed"]),
            proven: spans(
                &events,
                &["request.active"],
                &["request.applying", "request.verifying", "request.revoking", "request.failed"],
            ),
            start_at: time(&row["start_at"]),
            requester: text(&row["requester"]),
            digest: text(&row["spec_digest"]),
            reviews: reviews_of.remove(&id).unwrap_or_default(),
            id,
        }
    };
    requests.into_iter().map(grant).collect()
}

fn spans(events: &[Value], open: &[&str], close: &[&str]) -> Vec<Span> {
    let mut spans: Vec<Span> = vec![];
    for event in events {
        let (kind, at) = (event["type"].as_str().unwrap(), time(&event["at"]).unwrap());
        let is_open = spans.last().is_some_and(|(_, to)| to.is_none());
        if is_open && close.contains(&kind) {
            spans.last_mut().unwrap().1 = Some(at);
        } else if !is_open && open.contains(&kind) {
            spans.push((at, None));
        }
    }
    spans
}

async fn rows(connection: &mut PgConnection, query: &str) -> Vec<Value> {
    sqlx::query_scalar(sqlx::AssertSqlSafe(query.to_owned())).fetch_all(connection).await.unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str().map(|text| text.parse().unwrap_or_else(|_| panic!("no time: {text}")))
}
