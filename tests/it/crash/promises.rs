//! The promises of the design, P1 to P7, after everything has come to rest.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use entryway::sandbox::sim::{CallRecord, Sim};
use serde_json::Value;

use super::load::Ledger;
use super::processes::token;
use super::{FOREIGN, everything};
use crate::harness::database::number;
use crate::harness::http;
use crate::witness::{Facts, Log, Place, Terms, left_behind, read};

/// How far the database's clock and the simulator's word about a call may be apart, its way included.
const SLACK: TimeDelta = TimeDelta::milliseconds(1_500);

/// The latest that access may end: a worker is killed with it in its hands, its lease of 4 s runs out, the next one is killed
/// as well, and all of it on a machine that builds and tests at the same time.
const LATEST: TimeDelta = TimeDelta::seconds(20);

pub(super) struct Findings {
    pub(super) broken: Vec<String>,
    pub(super) figures: String,
}

/// Everything that does not hold. `before` are the entries that were there before anybody asked for anything.
pub(super) async fn broken(
    url: &str,
    sim: &Sim,
    before: &BTreeMap<Place, Facts>,
    base: &str,
    ledger: &Ledger,
) -> Findings {
    let mut broken = vec![];
    let (grants, calls, now) = (read(url).await, sim.calls(), Utc::now());
    let at = |ms| DateTime::from_timestamp_millis(ms).unwrap();
    let terms = Terms { at: &at, slack: SLACK, patience: 1_000, others: BTreeMap::new() };
    let log = Log::new(&calls, &grants, &terms);
    let mut found =
        |promise: &str, wrong: Vec<String>| broken.extend(wrong.into_iter().map(|one| format!("{promise}: {one}")));

    found("P1, P2, P6", log.unaccounted());
    found("P3", log.unproven(3));
    let (late, what) = log.latest_end(now);
    found("P4", if late > LATEST { vec![format!("{what}: {late} late")] } else { vec![] });
    found("P6", log.gaps(now));

    let written = |place: &Place| {
        let on = |call: &CallRecord| {
            (call.cluster.as_ref(), call.principal_arn.as_ref()) == (Some(&place.0), Some(&place.1))
        };
        calls.iter().any(|call| call.applied && on(call))
    };
    let touched = before.keys().filter(|place| written(place));
    found("P5", touched.map(|place| format!("{place:?} is somebody else's, and was written to")).collect());
    // Nobody has given what is asked for on an entry of somebody else's.
    found("P4, P5, P6", left_behind(&everything(sim).await, &grants, before, now));

    found("P2, P7", forgotten(base, ledger).await);
    let requests = i64::try_from(ledger.filed.len()).unwrap();
    let stored = number(url, "SELECT count(*) FROM request").await;
    found("P7", if stored == requests { vec![] } else { vec![format!("{requests} were filed, {stored} are stored")] });
    let torn = "SELECT count(*) FROM (SELECT prev_hash, lag(hash) OVER (PARTITION BY request_id ORDER BY seq) AS before
                  FROM event WHERE request_id IS NOT NULL) e WHERE prev_hash IS DISTINCT FROM before";
    let torn = number(url, torn).await;
    found("P7", if torn == 0 { vec![] } else { vec![format!("{torn} events do not follow from those before them")] });

    let proven = grants.iter().filter(|grant| !grant.proven.is_empty()).count();
    let ended = grants.iter().filter(|grant| grant.state == "ended").count();
    let figures = format!(
        "{proven} were proven, {ended} ended, the latest {} ms after its time, {} writes",
        late.num_milliseconds(),
        log.write_count()
    );
    Findings { broken, figures }
}

/// What the API has said and does not stand by any more.
async fn forgotten(base: &str, ledger: &Ledger) -> Vec<String> {
    let mut wrong = vec![];
    let http = http();
    for (asked, filed) in &ledger.filed {
        let id = filed["id"].as_str().unwrap();
        let answer = http.get(format!("{base}/v1/requests/{id}")).bearer_auth(token("carol")).send().await.unwrap();
        let status = answer.status();
        let now: Value = answer.json().await.unwrap();
        if !status.is_success() {
            wrong.push(format!("{id} was filed and is answered {status}"));
            continue;
        }
        let spec = [
            "clusterName",
            "principalArn",
            "type",
            "username",
            "kubernetesGroups",
            "accessPolicies",
            "reason",
            "duration",
            "startAt",
            "specDigest",
            "requester",
            "extends",
            "createdAt",
        ];
        for field in spec.into_iter().filter(|field| now[field] != filed[field]) {
            wrong.push(format!("{id}: {field} was {} and is {}", filed[field], now[field]));
        }
        if now["reason"] != asked["reason"] {
            wrong.push(format!("{id}: another reason than was asked with"));
        }
        let reviewed = |reviewer: &str| {
            let reviews = now["reviews"].as_array().into_iter().flatten();
            reviews.filter(|review| review["reviewer"] == reviewer && review["decision"] == "approve").count()
        };
        for (_, reviewer) in ledger.approved.iter().filter(|(approved, _)| approved == id) {
            if reviewed(reviewer) != 1 {
                wrong.push(format!("{id}: the approval of {reviewer} is there {} times", reviewed(reviewer)));
            }
        }
        for (_, state, reason) in ledger.settled.iter().filter(|(settled, ..)| settled == id) {
            if now["state"] != *state || now["endReason"].as_str() != *reason {
                wrong.push(format!("{id}: was {state} {reason:?} and is {} {}", now["state"], now["endReason"]));
            }
        }
        if let Some((_, old)) = ledger.extended.iter().find(|(new, _)| new == id)
            && now["extends"] != old.as_str()
        {
            wrong.push(format!("{id}: extends {}, not {old}", now["extends"]));
        }
        let foreign = now["principalArn"] == FOREIGN && now["state"] == "failed";
        if foreign && now["lastError"]["code"] != "entry-not-owned" {
            wrong.push(format!("{id}: {}", now["lastError"]));
        }
    }
    wrong
}
