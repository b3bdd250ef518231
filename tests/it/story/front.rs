//! As much of the HTTP API as the story speaks, over the real desk: so that the story can be tested against the real
//! worker and the real simulator, and against a desk that does not do what the story says.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use entryway::domain::ask::{Ask, AskedPolicy};
use entryway::domain::identity::{Caller, Via};
use entryway::domain::review::Decision;
use entryway::workflow::standing::{Act, Details, Target};
use entryway::workflow::{Desk, Outcome, WorkflowError, review, submit};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use uuid::Uuid;

/// What the front does with somebody's review of their own request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SelfApproval {
    Refused,
    WavedThrough,
}

#[derive(Clone)]
struct Front {
    desk: Desk,
    self_approval: SelfApproval,
}

type Answer = (StatusCode, String);

/// Serves until the set is dropped; returns the base URL.
pub(super) async fn serve(desk: Desk, self_approval: SelfApproval, tasks: &mut JoinSet<()>) -> String {
    let router = Router::new()
        .route("/v1/clusters", get(clusters))
        .route("/v1/requests", post(file))
        .route("/v1/requests/{id}", get(read))
        .route("/v1/requests/{id}/reviews", post(give_review))
        .with_state(Arc::new(Front { desk, self_approval }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

impl Front {
    fn caller(&self, headers: &HeaderMap) -> Caller {
        let user = headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
        let identity = self.desk.directory.identity(user.strip_suffix("-token").unwrap());
        Caller { identity, submitted_by: None, via: Via::Api, source_ip: None }
    }
}

async fn clusters(State(front): State<Arc<Front>>) -> Answer {
    let health = front.desk.health().await.unwrap();
    let items: Vec<Value> = health
        .iter()
        .map(|health| json!({ "name": health.cluster_name, "health": { "checkedAt": health.checked_at } }))
        .collect();
    (StatusCode::OK, json!({ "items": items }).to_string())
}

async fn file(State(front): State<Arc<Front>>, headers: HeaderMap, body: Bytes) -> Answer {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let policy = &body["accessPolicies"][0];
    let namespaces = policy["accessScope"]["namespaces"].as_array();
    let ask = Ask {
        cluster_name: word(&body["clusterName"]),
        principal_arn: word(&body["principalArn"]),
        access_policies: vec![AskedPolicy {
            policy_arn: word(&policy["policyArn"]),
            scope_type: Some(word(&policy["accessScope"]["type"])),
            namespaces: namespaces.map(|names| names.iter().map(word).collect()),
        }],
        reason: Some(word(&body["reason"])),
        duration: Some(word(&body["duration"])),
        ..Ask::default()
    };
    answer(submit::submit(&front.desk, &front.caller(&headers), vec![ask], None).await)
}

async fn give_review(State(front): State<Arc<Front>>, Path(id): Path<Uuid>, headers: HeaderMap, body: Bytes) -> Answer {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let approves = body["decision"] == "approve";
    let decision = if approves { Decision::Approve } else { Decision::Deny };
    let caller = front.caller(&headers);
    let comment = body["comment"].as_str().map(str::to_owned);
    let act = Act { caller: &caller, target: Target { id, version: None }, reason: comment, once: None };
    let outcome = review::review(&front.desk, act, review::Verdict { decision, spec_digest: None }).await;
    if matches!(outcome, Err(WorkflowError::Builtin(_))) && front.self_approval == SelfApproval::WavedThrough {
        return (StatusCode::CREATED, json!({ "id": id, "state": "applying" }).to_string());
    }
    answer(outcome)
}

/// Holds as long as the API would, by looking again.
async fn read(
    State(front): State<Arc<Front>>,
    Path(id): Path<Uuid>,
    Query(query): Query<std::collections::BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Answer {
    let caller = front.caller(&headers);
    loop {
        let details = front.desk.get(&caller, id).await.unwrap();
        let state = details.request.state;
        let wanted = query.get("until").is_none_or(|until| until == state.as_str());
        if wanted || matches!(state.as_str(), "ended" | "failed") {
            return (StatusCode::OK, view(&details).to_string());
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn answer(outcome: Result<Outcome, WorkflowError>) -> Answer {
    match outcome {
        Ok(Outcome::Fresh(details)) => (StatusCode::CREATED, view(&details[0]).to_string()),
        Ok(Outcome::Replayed(_)) => unreachable!("no key was given"),
        Err(WorkflowError::Invalid(errors)) => {
            let errors: Vec<Value> =
                errors.iter().map(|error| json!({ "code": error.code.as_str(), "detail": error.detail })).collect();
            let body = json!({ "code": "validation-failed", "errors": errors });
            (StatusCode::UNPROCESSABLE_ENTITY, body.to_string())
        }
        Err(error) => {
            let code = if matches!(error, WorkflowError::Builtin(_)) { "self-approval" } else { "forbidden" };
            (StatusCode::FORBIDDEN, json!({ "code": code, "detail": error.to_string() }).to_string())
        }
    }
}

fn view(details: &Details) -> Value {
    let (request, quorum) = (&details.request, &details.standing.quorum);
    json!({
        "id": request.id,
        "state": request.state.as_str(),
        "endReason": request.end_reason.map(|reason| reason.as_str()),
        "principalArn": request.spec.principal.to_string(),
        "approval": { "missing": quorum.missing },
        "grant": { "expiresAt": request.grant.expires_at, "endedAt": request.grant.ended_at },
        "verification": {
            "agreeingReads": request.verification.agreeing_reads,
            "lagMs": request.verification.lag_ms,
        },
        "lastError": request.last_error,
    })
}
