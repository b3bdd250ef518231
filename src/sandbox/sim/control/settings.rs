//! Knobs, clock, faults, keys and the call log.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, bad, document, missing, reply};
use crate::sandbox::sim::clock::Ms;
use crate::sandbox::sim::faults::Fault;
use crate::sandbox::sim::knobs::{Knobs, like};
use crate::sandbox::sim::server::Shared;
use crate::sandbox::sim::state::State as SimState;

pub(super) async fn config(State(shared): State<Shared>) -> Response<Body> {
    reply(Ok(json!(shared.lock().knobs)))
}

/// Changes what the document names and leaves the rest; `null` sets a knob back to its default.
pub(super) async fn set_config(State(shared): State<Shared>, bytes: Bytes) -> Response<Body> {
    let change = document::<Value>(&bytes);
    reply(change.and_then(|change| merge(&mut shared.lock(), &change)))
}

fn merge(state: &mut SimState, change: &Value) -> Answer {
    let mut merged = json!(state.knobs);
    overlay(&mut merged, change);
    let knobs: Knobs = serde_json::from_value(merged).map_err(|error| bad(error.to_string()))?;
    state.configure(|current| *current = knobs);
    if change.get("seed").is_some() {
        state.reseed();
    }
    Ok(json!(state.knobs))
}

fn overlay(target: &mut Value, change: &Value) {
    let (Some(members), Value::Object(changes)) = (target.as_object_mut(), change) else {
        *target = change.clone();
        return;
    };
    for (name, value) in changes {
        match members.get_mut(name) {
            _ if value.is_null() => {
                members.remove(name);
            }
            Some(existing) if existing.is_object() && name == "lag" => overlay(existing, value),
            _ => {
                members.insert(name.clone(), value.clone());
            }
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClockChange {
    advance_ms: Option<Ms>,
    frozen: Option<bool>,
}

pub(super) async fn clock(State(shared): State<Shared>) -> Response<Body> {
    reply(Ok(clock_json(&shared.lock())))
}

/// Moves the clock, stops it, or lets it run on.
pub(super) async fn set_clock(State(shared): State<Shared>, bytes: Bytes) -> Response<Body> {
    reply(document(&bytes).map(|change: ClockChange| {
        let mut state = shared.lock();
        match change.frozen {
            Some(true) => state.clock.freeze(),
            Some(false) => state.clock.thaw(),
            None => {}
        }
        state.clock.advance(change.advance_ms.unwrap_or_default());
        clock_json(&state)
    }))
}

fn clock_json(state: &SimState) -> Value {
    json!({ "nowMs": state.clock.now(), "frozen": state.clock.is_frozen() })
}

pub(super) async fn faults(State(shared): State<Shared>) -> Response<Body> {
    reply(Ok(json!({ "faults": shared.lock().faults.all() })))
}

pub(super) async fn add_fault(State(shared): State<Shared>, bytes: Bytes) -> Response<Body> {
    reply(document(&bytes).map(|fault: Fault| json!(shared.lock().faults.add(fault))))
}

pub(super) async fn clear_faults(State(shared): State<Shared>) -> Response<Body> {
    shared.heal();
    reply(Ok(json!({})))
}

pub(super) async fn remove_fault(State(shared): State<Shared>, Path(id): Path<u64>) -> Response<Body> {
    let removed = shared.heal_one(id);
    reply(if removed { Ok(json!({})) } else { Err(missing(format!("no fault {id}"))) })
}

/// The log, by arrival; `op` (with `*`), `cluster`, `principalArn` and `after` (a `seq`) narrow it down.
pub(super) async fn calls(
    State(shared): State<Shared>,
    Query(filter): Query<BTreeMap<String, String>>,
) -> Response<Body> {
    let after = filter.get("after").map_or(Ok(0), |text| text.parse::<u64>());
    let Ok(after) = after else { return reply(Err(bad("after must be a seq"))) };
    let state = shared.lock();
    let fits = |name: &str, text: Option<&String>| {
        filter.get(name).is_none_or(|pattern| text.is_some_and(|text| like(pattern, text)))
    };
    let matching = state.log.calls().iter().filter(|call| {
        call.seq > after
            && fits("op", Some(&call.op))
            && fits("cluster", call.cluster.as_ref())
            && fits("principalArn", call.principal_arn.as_ref())
    });
    let calls: Vec<_> = matching.collect();
    reply(Ok(json!({ "calls": calls })))
}

pub(super) async fn clear_calls(State(shared): State<Shared>) -> Response<Body> {
    shared.lock().log.clear();
    reply(Ok(json!({})))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeyOf {
    access_key_id: String,
    account: String,
}

/// Lets a static access key id act for an account.
pub(super) async fn add_key(State(shared): State<Shared>, bytes: Bytes) -> Response<Body> {
    reply(document(&bytes).map(|key: KeyOf| {
        shared.lock().keys.accounts.insert(key.access_key_id, key.account);
        json!({})
    }))
}
