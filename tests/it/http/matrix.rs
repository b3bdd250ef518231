//! Who may do what, by the tables of docs/SECURITY.md: every cell is tried against the API, in every state a request can be in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use chrono::TimeDelta;
use entryway::domain::states::RequestState;
use entryway::sandbox::sim::Fault;
use entryway::workflow::sweep;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::bed::{Answer, Api, Call, ask, path};
use crate::harness::ROLE;
use crate::harness::database::{by_hand, number, text};

/// A row of a table: the operation, its states where the table has them, and what each caller gets.
struct Row {
    operation: String,
    states: Option<String>,
    cells: Vec<(String, String)>,
}

/// All rows of the tables whose first column is the operation.
fn rows() -> Vec<Row> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/SECURITY.md")).unwrap();
    let mut columns: Option<Vec<String>> = None;
    let mut rows = vec![];
    for line in page.lines() {
        let Some(inner) = line.strip_prefix('|') else {
            columns = None;
            continue;
        };
        let cells: Vec<_> = inner.trim_end_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        match &columns {
            _ if cells[0].starts_with("---") => {}
            None if cells[0] == "operation" => columns = Some(cells),
            None => {}
            Some(names) => {
                assert_eq!(names.len(), cells.len(), "{line}");
                let mut named: Vec<_> = names.iter().cloned().zip(cells).skip(1).collect();
                let operation = line[1..].split('|').next().unwrap().trim().to_owned();
                let states = (named[0].0 == "states").then(|| named.remove(0).1);
                rows.push(Row { operation, states, cells: named });
            }
        }
    }
    rows
}

/// Path and method of every operation of the document.
static OPERATIONS: LazyLock<BTreeMap<String, (Method, String)>> = LazyLock::new(|| {
    let document = serde_json::to_value(entryway::api::document()).unwrap();
    let mut operations = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            operations.insert(operation["operationId"].as_str().unwrap().to_owned(), (method, path.clone()));
        }
    }
    operations
});

fn called(call: Call, caller: &str) -> Call {
    let on_behalf = |who: &str, person: &str| (who.to_owned(), Some(person.to_owned()));
    let (who, person) = match caller {
        "nobody" => return call,
        "requester" => ("alice".to_owned(), None),
        "colleague" => ("dan".to_owned(), None),
        "reviewer" | "reviewer, own" => ("bob".to_owned(), None),
        "auditor" => ("olga".to_owned(), None),
        "robot" | "portal" => (caller.to_owned(), None),
        "portal for requester" => on_behalf("portal", "alice"),
        "portal for reviewer" => on_behalf("portal", "bob"),
        "impostor" => on_behalf("alice", "bob"),
        other => panic!("nobody knows who {other} is"),
    };
    let call = call.by(&who);
    person.into_iter().fold(call, |call, person| call.header("entryway-on-behalf-of", &person))
}

/// What a sound call of this operation says.
fn body(operation: &str) -> Option<Value> {
    Some(match operation {
        "submitRequest" => ask(json!({})),
        "replayWebhook" => json!({"after": 0}),
        "revokeMany" => json!({"requester": "zoe", "reason": "a test"}),
        "reviewRequest approve" => json!({"decision": "approve"}),
        "reviewRequest deny" => json!({"decision": "deny", "comment": "not today"}),
        "extendRequest" => json!({"duration": "1h", "reason": "a test needs it"}),
        "withdrawRequest" | "revokeRequest" | "relinquishRequest" | "retryRequest" | "repairEntry" => {
            json!({"reason": "a test"})
        }
        _ => return None,
    })
}

async fn try_cell(api: &Api, operation: &str, id: &str, caller: &str) -> Answer {
    let (method, path) = OPERATIONS[operation.split(' ').next().unwrap()].clone();
    let path =
        path.replace("{id}", id).replace("{name}", "dev").replace("{code}", "stale").replace("{token}", "nothing");
    let path = path.replace("{principalArn}", &ROLE.replace('/', "%2F"));
    let call = called(api.call(method, &path), caller);
    match body(operation) {
        Some(body) => call.json(&body).await,
        None => call.await,
    }
}

/// Whether the answer is what a cell says: a status, and the code of the problem where it is not the usual one.
fn is_as_written(answer: &Answer, cell: &str) -> bool {
    let (status, code) = cell.split_once(' ').unwrap_or((cell, ""));
    let usual = match status {
        "401" => "unauthenticated",
        "403" => "forbidden",
        "404" => "not-found",
        _ => "",
    };
    let expected = if code.is_empty() { usual } else { code };
    // What succeeds may be about a code.
    answer.status.to_string() == status && (answer.status < 400 || answer.code() == expected)
}

/// A request as it stands in the database in one state, with its reviews.
struct Stage {
    request: String,
    reviews: String,
    version: i64,
}

async fn stage(api: &Api, at: &str) -> (String, Stage) {
    let id = at.rsplit('/').next().unwrap();
    let rows = format!("SELECT to_jsonb(r)::text FROM request r WHERE id = '{id}'");
    let request = text(&api.bed.url, &rows).await;
    let given = format!("SELECT coalesce(jsonb_agg(v), '[]')::text FROM review v WHERE request_id = '{id}'");
    let reviews = text(&api.bed.url, &given).await;
    let row: Value = serde_json::from_str(&request).unwrap();
    let version = row["version"].as_i64().unwrap();
    (row["state"].as_str().unwrap().to_owned(), Stage { request, reviews, version })
}

/// A request of alice's in every state there is. Carol signs off, so that bob has said nothing yet.
async fn stages(api: &Api) -> BTreeMap<String, Stage> {
    let mut stages = BTreeMap::new();
    let review = async |at: &str, body: Value| {
        api.post("carol", &format!("{at}/reviews")).json(&body).await.is(201);
    };
    let approve = || json!({"decision": "approve"});
    let filed = async |changes: Value| path(&api.file("alice", &ask(changes)).await);
    let reached = async |at: &str, state| {
        let id: Uuid = at.rsplit('/').next().unwrap().parse().unwrap();
        api.bed.until(id, state).await;
    };

    let lapsed = filed(json!({})).await;
    api.bed.pass(TimeDelta::hours(72));
    sweep::lapse(&api.bed.desk, None).await.unwrap();
    stages.extend([stage(api, &lapsed).await]);
    let denied = filed(json!({})).await;
    review(&denied, json!({"decision": "deny", "comment": "no"})).await;
    stages.extend([stage(api, &denied).await]);
    let withdrawn = filed(json!({})).await;
    api.post("alice", &format!("{withdrawn}/withdraw")).await.is(200);
    stages.extend([stage(api, &withdrawn).await]);
    let scheduled = filed(json!({"startAt": "2026-06-20T12:00:00Z"})).await;
    review(&scheduled, approve()).await;
    stages.extend([stage(api, &scheduled).await]);
    let no: Fault = serde_json::from_value(json!({ "op": "AssociateAccessPolicy", "times": 1, "action": {
        "kind": "error", "status": 400, "code": "InvalidParameterException", "message": "no such thing",
    } }))
    .unwrap();
    api.bed.sim.inject(no);
    let failed = filed(json!({})).await;
    review(&failed, approve()).await;
    reached(&failed, RequestState::Failed).await;
    stages.extend([stage(api, &failed).await]);

    let life = filed(json!({})).await;
    stages.extend([stage(api, &life).await]);
    review(&life, approve()).await;
    stages.extend([stage(api, &life).await]);
    for state in [RequestState::Verifying, RequestState::Active] {
        reached(&life, state).await;
        stages.extend([stage(api, &life).await]);
    }
    api.post("bob", &format!("{life}/revoke")).json(&json!({"reason": "enough"})).await.is(200);
    stages.extend([stage(api, &life).await]);
    reached(&life, RequestState::Ended).await;
    stages.extend([stage(api, &life).await]);
    let all: BTreeSet<_> = RequestState::ALL.iter().map(|state| state.as_str().to_owned()).collect();
    assert_eq!(stages.keys().cloned().collect::<BTreeSet<_>>(), all);
    stages
}

/// Puts one request for each of `requesters` into the database, as it stands in `stage`.
async fn put(api: &Api, stage: &Stage, requesters: &[&str]) -> Vec<Uuid> {
    let ids: Vec<Uuid> = requesters.iter().map(|_| Uuid::now_v7()).collect();
    let mut values = String::new();
    for (id, requester) in ids.iter().zip(requesters) {
        let _ = write!(values, "{}('{id}'::uuid, '{requester}')", if values.is_empty() { "" } else { ", " });
    }
    let Stage { request, reviews, .. } = stage;
    let requests = format!(
        "INSERT INTO request
         SELECT (jsonb_populate_record(NULL::request, $j${request}$j$ ||
                 jsonb_build_object('id', c.id, 'requester', c.requester))).*
           FROM (VALUES {values}) AS c (id, requester)"
    );
    assert_eq!(by_hand(&api.bed.url, &requests).await, u64::try_from(ids.len()).unwrap());
    let given = format!(
        "INSERT INTO review
         SELECT (jsonb_populate_record(NULL::review, v || jsonb_build_object('id', gen_random_uuid(), 'request_id', c.id))).*
           FROM (VALUES {values}) AS c (id, requester), jsonb_array_elements($j${reviews}$j$) AS v"
    );
    by_hand(&api.bed.url, &given).await;
    ids
}

/// The states of a row, where those of an operation's other rows are spoken for.
fn states(row: &Row, all: &[Row]) -> Vec<String> {
    let listed = |text: &str| -> Vec<String> { text.split(", ").map(str::to_owned).collect() };
    let every: Vec<_> = RequestState::ALL.iter().map(|state| state.as_str().to_owned()).collect();
    match row.states.as_deref().unwrap() {
        "any" => every,
        "others" => {
            let same = all.iter().filter(|other| other.operation == row.operation);
            let taken: Vec<_> = same.filter_map(|other| other.states.as_deref()).flat_map(listed).collect();
            every.into_iter().filter(|state| !taken.contains(state)).collect()
        }
        some => listed(some),
    }
}

#[tokio::test]
async fn every_cell_of_the_matrix_is_as_written() {
    let change = |desk: &mut entryway::workflow::Desk| {
        Arc::make_mut(&mut desk.settings).max_pending_per_requester = 1_000_000;
    };
    let api = Api::with(change).await;
    let stages = stages(&api).await;
    let live = api.granted().await;
    api.bed.until(live.rsplit('/').next().unwrap().parse().unwrap(), RequestState::Active).await;
    let (rows, before) = (rows(), api.bed.writes());
    let (mut wrong, mut tried) = (vec![], 0);
    for row in rows.iter().filter(|row| row.states.is_none()) {
        for (caller, cell) in &row.cells {
            let answer = try_cell(&api, &row.operation, "", caller).await;
            tried += 1;
            if !is_as_written(&answer, cell) {
                wrong.push(format!("{} by {caller}: {cell} is written, {answer:?}", row.operation));
            }
        }
    }
    for row in rows.iter().filter(|row| row.states.is_some()) {
        for state in states(row, &rows) {
            let whose = |caller: &str| if caller == "reviewer, own" { "bob" } else { "alice" };
            let requesters: Vec<_> = row.cells.iter().map(|(caller, _)| whose(caller)).collect();
            let ids = put(&api, &stages[&state], &requesters).await;
            let mut refused = vec![];
            for ((caller, cell), id) in row.cells.iter().zip(ids) {
                let answer = try_cell(&api, &row.operation, &id.to_string(), caller).await;
                tried += 1;
                if !is_as_written(&answer, cell) {
                    wrong.push(format!("{} by {caller}, {state}: {cell} is written, {answer:?}", row.operation));
                }
                refused.extend((answer.status >= 400).then(|| format!("'{id}'")));
            }
            let changed = format!(
                "SELECT count(*) FROM request WHERE id IN ({}) AND (state <> '{state}' OR version <> {})",
                refused.join(", "),
                stages[&state].version
            );
            assert_eq!(number(&api.bed.url, &changed).await, 0, "a refused {} changed a {state} one", row.operation);
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "of {tried}");
    assert!(tried > 1000, "{tried}");
    assert_eq!(api.bed.writes(), before, "EKS untouched");
}

/// A route that nobody wrote down is a route that nobody thought about.
#[test]
fn every_operation_and_every_state_is_in_the_matrix() {
    let rows = rows();
    let written: BTreeSet<_> = rows.iter().map(|row| row.operation.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(written, OPERATIONS.keys().cloned().collect());
    let all: BTreeSet<_> = RequestState::ALL.iter().map(|state| state.as_str().to_owned()).collect();
    for row in rows.iter().filter(|row| row.states.is_some()) {
        let same = rows.iter().filter(|other| other.operation == row.operation);
        let mut seen: Vec<_> = same.flat_map(|other| states(other, &rows)).collect();
        seen.sort();
        assert_eq!(seen, all.iter().cloned().collect::<Vec<_>>(), "{}: each state once", row.operation);
    }
}
