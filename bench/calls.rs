//! Who calls, and what they ask for: the n-th request is that of the n-th principal, whoever makes it.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::http::Call;

/// How many people ask, so that nobody has more undecided requests than people have.
pub(crate) const ENGINEERS: u64 = 64;
/// How many people sign off.
pub(crate) const REVIEWERS: u64 = 4;
/// What the name of the n-th principal begins with. No configured cluster is in its account, so that nobody asks IAM about
/// it, which Postgres knows nothing of.
pub(crate) const PRINCIPALS: &str = "arn:aws:iam::444455556666:role/bench/r";
/// The same in the account of the clusters, where IAM is asked.
pub(crate) const AT_HOME: &str = "arn:aws:iam::111122223333:role/bench/r";
/// What the name of the n-th requester begins with; the rest is n modulo [`ENGINEERS`].
pub(crate) const REQUESTERS: &str = "engineer-";

/// The n-th principal.
pub(crate) fn principal(n: u64) -> String {
    format!("{PRINCIPALS}{n}")
}

/// Who files the n-th request.
pub(crate) fn requester(n: u64) -> String {
    format!("{REQUESTERS}{}", n % ENGINEERS)
}

/// Who signs off as the n-th caller.
pub(crate) fn reviewer(n: u64) -> String {
    format!("reviewer-{}", n % REVIEWERS)
}

/// The bearer token of a person.
pub(crate) fn token(person: &str) -> String {
    format!("token-of-{person}-for-benchmarks-only")
}

fn call(method: Method, path: String, person: &str, body: &Value, expected: StatusCode) -> Call {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    Call { method, path, token: token(person), body, idempotency_key: None, signature: None, expected }
}

/// Files the n-th request: to view one namespace of `prod` for eight hours, which one person has to sign off.
pub(crate) fn submit(n: u64) -> Call {
    submit_for(&principal(n), n)
}

/// The same for any principal.
pub(crate) fn submit_for(principal: &str, n: u64) -> Call {
    let body = json!({
        "clusterName": "prod",
        "principalArn": principal,
        "accessPolicies": [{
            "policyArn": "AmazonEKSViewPolicy",
            "accessScope": { "type": "namespace", "namespaces": ["payments"] },
        }],
        "duration": "8h",
        "reason": "Look into the failed settlement run",
        "ticket": "PAY-1234",
    });
    call(Method::POST, "/v1/requests".to_owned(), &requester(n), &body, StatusCode::CREATED)
}

/// Signs off as the n-th caller.
pub(crate) fn approve(id: Uuid, n: u64) -> Call {
    let body = json!({ "decision": "approve" });
    call(Method::POST, format!("/v1/requests/{id}/reviews"), &reviewer(n), &body, StatusCode::CREATED)
}

/// Turns a request down as the n-th caller.
pub(crate) fn deny(id: Uuid, n: u64) -> Call {
    let body = json!({ "decision": "deny", "comment": "Ask for one namespace, please" });
    call(Method::POST, format!("/v1/requests/{id}/reviews"), &reviewer(n), &body, StatusCode::CREATED)
}

/// Takes the n-th request back.
pub(crate) fn withdraw(id: Uuid, n: u64) -> Call {
    call(Method::POST, format!("/v1/requests/{id}/withdraw"), &requester(n), &json!({}), StatusCode::OK)
}

/// Looks at a request as somebody who may see all of them.
pub(crate) fn get(id: Uuid) -> Call {
    read(format!("/v1/requests/{id}"))
}

/// Reads `path` as somebody who may see everything.
pub(crate) fn read(path: String) -> Call {
    call(Method::GET, path, &reviewer(0), &Value::Null, StatusCode::OK)
}
