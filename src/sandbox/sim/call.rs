//! The way of one call: who calls, what for, the rate limit, the faults, the effect, the answer, and the log of it.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use serde_json::{Map, Value, json};

use super::caller::{Caller, Scope};
use super::faults::{Action, Aim};
use super::log::CallRecord;
use super::page::parameter_of;
use super::refusal::{Refusal, Refused, serialization};
use super::route::{Op, Route, pairs, route};
use super::state::Cx;
use super::wire::{Done, Protocol};
use super::{clusters, entries, iam_api, policies, reads, sts, tags};

/// What the caller wants.
#[derive(Debug)]
pub(crate) enum Ask {
    /// An operation of EKS.
    Eks { route: Route, query: Vec<(String, String)>, body: Refused<Value> },
    /// An action of STS or IAM.
    Query { protocol: Protocol, action: String, form: Vec<(String, String)> },
    /// Nothing that AWS has.
    Unknown { method: Method, path: String },
}

/// One call, read and told apart, before anything is done about it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) ask: Ask,
    pub(crate) caller: Caller,
}

impl Call {
    /// Tells what is asked for.
    pub(crate) fn ask(method: &Method, uri: &Uri, headers: &HeaderMap, bytes: &Bytes) -> Ask {
        if uri.path() == "/" && method == Method::POST {
            return query_ask(headers, &String::from_utf8_lossy(bytes));
        }
        match route(method, uri.path()) {
            Some(route) => Ask::Eks { route, query: pairs(uri.query().unwrap_or_default()), body: read_body(bytes) },
            None => Ask::Unknown { method: method.clone(), path: uri.path().to_owned() },
        }
    }

    /// The protocol that the answer must speak.
    pub(crate) fn protocol(&self) -> Protocol {
        match &self.ask {
            Ask::Eks { .. } | Ask::Unknown { .. } => Protocol::RestJson,
            Ask::Query { protocol, .. } => *protocol,
        }
    }

    /// The operation as AWS names it.
    pub(crate) fn op(&self) -> &str {
        match &self.ask {
            Ask::Eks { route, .. } => route.op.name(),
            Ask::Query { action, .. } => action,
            Ask::Unknown { .. } => "Unknown",
        }
    }

    fn field(&self, name: &str) -> Option<&str> {
        match &self.ask {
            Ask::Eks { body: Ok(body), .. } => body.get(name)?.as_str(),
            _ => None,
        }
    }

    /// The call as faults and the log see it.
    pub(crate) fn aim(&self) -> Aim<'_> {
        let (cluster, principal, policy) = match &self.ask {
            Ask::Eks { route, .. } => (route.cluster.as_deref(), route.principal.as_deref(), route.policy.as_deref()),
            Ask::Query { form, .. } => (None, parameter_of(form, "RoleArn"), None),
            Ask::Unknown { .. } => (None, None, None),
        };
        Aim {
            op: self.op(),
            account: &self.caller.account,
            region: &self.caller.region,
            cluster,
            principal: principal.or_else(|| self.field("principalArn")),
            policy: policy.or_else(|| self.field("policyArn")),
        }
    }

    /// The call's first line in the log.
    pub(crate) fn record(&self, started_at: i64, request_id: &str) -> CallRecord {
        let aim = self.aim();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        CallRecord {
            seq: 0,
            applied_seq: None,
            at: None,
            started_at,
            finished_at: None,
            service: self.service().to_owned(),
            account: self.caller.account.clone(),
            region: self.caller.region.clone(),
            caller_arn: self.caller.arn.clone(),
            op: aim.op.to_owned(),
            cluster: owned(aim.cluster),
            principal_arn: owned(aim.principal),
            policy_arn: owned(aim.policy),
            request: self.request(),
            status: None,
            error_code: None,
            request_id: request_id.to_owned(),
            applied: false,
            client_request_token: owned(self.field("clientRequestToken")),
            fault: None,
        }
    }

    /// `eks`, `sts` or `iam`.
    pub(crate) fn service(&self) -> &'static str {
        match self.protocol() {
            Protocol::RestJson => "eks",
            Protocol::StsQuery => "sts",
            Protocol::IamQuery => "iam",
        }
    }

    /// What was sent, without what must not be kept.
    fn request(&self) -> Value {
        let object = |pairs: &[(String, String)]| {
            let shown = pairs.iter().filter(|(name, _)| !["ExternalId", "TokenCode"].contains(&name.as_str()));
            Value::Object(shown.map(|(name, value)| (name.clone(), json!(value))).collect::<Map<_, _>>())
        };
        match &self.ask {
            Ask::Eks { body: Ok(body), query, .. } if query.is_empty() => body.clone(),
            Ask::Eks { query, .. } => object(query),
            Ask::Query { form, .. } => object(form),
            Ask::Unknown { method, path } => json!({ "method": method.as_str(), "path": path }),
        }
    }

    /// Does what is asked for.
    ///
    /// # Errors
    /// As AWS answers.
    pub(crate) fn perform(&self, cx: &mut Cx<'_>) -> Refused<Done> {
        match &self.ask {
            Ask::Query { action, form, .. } => match action.as_str() {
                "AssumeRole" => sts::assume_role(cx, form),
                "GetCallerIdentity" => Ok(sts::get_caller_identity(&self.caller)),
                "GetRole" => iam_api::get_role(cx, form),
                "GetUser" => iam_api::get_user(cx, form),
                _ => Err(Refusal::new(400, "InvalidAction", format!("Could not find operation {action}"))),
            },
            Ask::Eks { route, query, body } => {
                let body = body.as_ref().map_err(Clone::clone)?;
                eks(cx, route, query, body).map_err(|refusal| about(route, refusal))
            }
            Ask::Unknown { .. } => Err(Refusal::new(404, "UnknownOperationException", "There is no such operation")),
        }
    }
}

fn eks(cx: &mut Cx<'_>, route: &Route, query: &[(String, String)], body: &Value) -> Refused<Done> {
    let (cluster, principal) = (route.cluster(), route.principal());
    match route.op {
        Op::CreateAccessEntry => entries::create(cx, cluster, body),
        Op::DescribeAccessEntry => reads::describe(cx, cluster, principal),
        Op::UpdateAccessEntry => entries::update(cx, cluster, principal, body),
        Op::DeleteAccessEntry => entries::delete(cx, cluster, principal),
        Op::ListAccessEntries => reads::list(cx, cluster, query),
        Op::AssociateAccessPolicy => policies::associate(cx, cluster, principal, body),
        Op::DisassociateAccessPolicy => policies::disassociate(cx, cluster, principal, route.policy()),
        Op::ListAssociatedAccessPolicies => reads::list_policies_of(cx, cluster, principal, query),
        Op::ListAccessPolicies => reads::list_policies(cx, query),
        Op::DescribeCluster => clusters::describe(cx, cluster),
        Op::ListClusters => clusters::list(cx, query),
        Op::UpdateClusterConfig => clusters::update_config(cx, cluster, body),
        Op::DescribeUpdate => clusters::describe_update(cx, cluster, route.resource()),
        Op::TagResource => tags::tag(cx, route.resource(), body),
        Op::UntagResource => tags::untag(cx, route.resource(), query),
        Op::ListTagsForResource => tags::list(cx, route.resource()),
    }
}

/// Names the cluster in the error, as the model has it for every error of EKS's own but access denied.
fn about(route: &Route, mut refusal: Refusal) -> Refusal {
    if refusal.status != 403 && refusal.cluster.is_none() {
        refusal.cluster.clone_from(&route.cluster);
    }
    refusal
}

/// What a fault leaves of an answer, if the call came to one. `None` means that the connection is cut.
pub(crate) fn struck(action: &Action, outcome: Option<Refused<Done>>) -> Option<Refused<Done>> {
    match action {
        Action::Error { status, code, message, retry_after_ms, .. } => {
            let mut refusal = Refusal::new(*status, code.clone(), message.clone());
            refusal.retry_after_ms = *retry_after_ms;
            Some(Err(refusal))
        }
        Action::Reset { .. } => None,
        Action::Hang { .. } => outcome,
    }
}

fn query_ask(headers: &HeaderMap, body: &str) -> Ask {
    let form = pairs(body);
    let action = parameter_of(&form, "Action").unwrap_or_default().to_owned();
    let scope = headers.get(axum::http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let signed_for_iam = scope.and_then(Scope::parse).is_some_and(|scope| scope.service == "iam");
    let iam = signed_for_iam || matches!(action.as_str(), "GetRole" | "GetUser");
    Ask::Query { protocol: if iam { Protocol::IamQuery } else { Protocol::StsQuery }, action, form }
}

/// Reads a JSON body; no body is an empty object, and `null` is the same as nothing.
fn read_body(bytes: &Bytes) -> Refused<Value> {
    if bytes.is_empty() {
        return Ok(json!({}));
    }
    let mut value: Value = serde_json::from_slice(bytes).map_err(|error| serialization(error.to_string()))?;
    if !value.is_object() {
        return Err(serialization("the body must be a JSON object"));
    }
    drop_nulls(&mut value);
    Ok(value)
}

fn drop_nulls(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, member| !member.is_null());
        members.values_mut().for_each(drop_nulls);
    }
}
