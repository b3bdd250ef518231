//! `POST /v1/revocations`

use std::borrow::Cow;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::extract::{Command, Parameters, TakenBody, flag, json_response};
use super::openapi::{CallerHeaders, OnceHeader, RevocationFailures};
use super::problem::{Code, FieldError, Problem};
use super::requests::reply;
use super::requests::words::{REASON, said};
use super::views::State as StateName;
use crate::domain::arn::PrincipalArn;
use crate::domain::request::Request;
use crate::domain::rules;
use crate::workflow::incident::{self as workflow, Fate, Incident, Matching};
use crate::workflow::{Desk, Once, Rendered};

/// What is to end, and why. One of `requester`, `principalArn` and `clusterName` must be given; what is given must all be so.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewRevocation {
    /// Everything that this person asked for.
    #[schema(example = "alice")]
    pub(crate) requester: Option<String>,
    /// Everything of this IAM role or user.
    #[schema(example = json!(null))]
    pub(crate) principal_arn: Option<String>,
    /// Everything on this cluster, by Entryway's name for it.
    #[schema(example = json!(null))]
    pub(crate) cluster_name: Option<String>,
    /// Why. The requesters will read it.
    #[schema(example = "INC-7: alice's laptop was stolen", min_length = 1, max_length = 1000, required = true)]
    pub(crate) reason: Option<String>,
    /// The same as the parameter.
    #[serde(default)]
    #[schema(example = false)]
    pub(crate) dry_run: bool,
}

impl TakenBody for NewRevocation {}

/// What has ended, or would.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Revocation {
    /// Names it in the audit log (`data.revocationId`). The nil UUID in a dry run.
    #[schema(example = "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1")]
    pub(crate) id: Uuid,
    /// Whether nothing was changed.
    pub(crate) dry_run: bool,
    /// How many requests' access is being taken away.
    #[schema(example = 1, minimum = 0)]
    pub(crate) revoked: usize,
    /// How many undecided requests were turned down.
    #[schema(example = 0, minimum = 0)]
    pub(crate) denied: usize,
    /// How many the caller may not revoke.
    #[schema(example = 0, minimum = 0)]
    pub(crate) refused: usize,
    /// How many were not come to any more, because Postgres failed on the way or it took too long.
    #[schema(example = 0, minimum = 0)]
    pub(crate) left: usize,
    /// Whether everything was come to. If not, send the same call again (with the same `Idempotency-Key`, if any): it goes on
    /// with the rest.
    #[schema(example = true)]
    pub(crate) complete: bool,
    /// Everything that matches and that the caller may see, oldest first.
    pub(crate) items: Vec<RevocationItem>,
    /// Always null: the list comes whole.
    #[schema(example = json!(null))]
    next_token: Option<String>,
}

/// What has come of one request.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RevocationItem {
    /// The request.
    #[schema(example = "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1")]
    pub(crate) id: Uuid,
    /// Entryway's name for the cluster.
    #[schema(example = "prod")]
    pub(crate) cluster_name: String,
    /// Whose access entry it is.
    #[schema(example = "arn:aws:iam::111122223333:role/dev/apps/my-role")]
    pub(crate) principal_arn: String,
    /// Whose ask it was.
    #[schema(example = "alice")]
    pub(crate) requester: String,
    /// Where it is now.
    #[schema(value_type = StateName)]
    pub(crate) state: Cow<'static, str>,
    /// `revoked`, `denied` (it was not signed off yet), `refused`, or `left` where the answer is not complete.
    #[schema(example = "revoked", pattern = "^(revoked|denied|refused|left)$")]
    pub(crate) outcome: Cow<'static, str>,
    /// Why it was refused; null otherwise.
    #[schema(example = json!(null))]
    pub(crate) detail: Option<String>,
}

impl From<&(Request, Fate)> for RevocationItem {
    fn from((request, fate): &(Request, Fate)) -> Self {
        Self {
            id: request.id,
            cluster_name: request.spec.cluster_name.clone(),
            principal_arn: request.spec.principal.to_string(),
            requester: request.requester.clone(),
            state: request.state.as_str().into(),
            outcome: match fate {
                Fate::Revoked => "revoked",
                Fate::Denied => "denied",
                Fate::Refused(_) => "refused",
                Fate::Left => "left",
            }
            .into(),
            detail: match fate {
                Fate::Refused(reasons) => Some(format!("you may not revoke this request: {}", reasons.join("; "))),
                Fate::Left => Some("this request was not come to any more; send the same call again".to_owned()),
                Fate::Revoked | Fate::Denied => None,
            },
        }
    }
}

impl From<&Incident> for Revocation {
    fn from(incident: &Incident) -> Self {
        let count = |is: fn(&Fate) -> bool| incident.items.iter().filter(|(_, fate)| is(fate)).count();
        Self {
            id: incident.id,
            dry_run: incident.id.is_nil(),
            revoked: count(|fate| *fate == Fate::Revoked),
            denied: count(|fate| *fate == Fate::Denied),
            refused: count(|fate| matches!(fate, Fate::Refused(_))),
            left: count(|fate| *fate == Fate::Left),
            complete: incident.complete,
            items: incident.items.iter().map(Into::into).collect(),
            next_token: None,
        }
    }
}

/// Ends many at once
///
/// Everything that somebody has, that a principal has, or that there is on a cluster, as in an incident. What holds access or
/// will hold it is revoked, what is undecided is turned down; each only where policy lets the caller `revoke` it. What the
/// caller may not see is left alone and not told of. Of thousands, a thousand end in one transaction; where not all could be
/// come to, `complete` is false, what has ended stays ended, and the same call sent again ends the rest. With `dryRun=true`
/// nothing is changed, and the answer says what would end.
#[utoipa::path(post, path = "/v1/revocations", tag = "requests", operation_id = "revokeMany",
    params(CallerHeaders, OnceHeader,
        ("dryRun" = Option<bool>, Query, description = "Say what would end, and change nothing", example = false)),
    request_body(content = NewRevocation, description = "What is to end, and why"),
    responses(
        (status = 200, description = "It is done; or what would be", body = Revocation, headers(
            ("Idempotency-Replayed" = String, description = "`true` when the first answer is given again"))),
        RevocationFailures,
    ))]
pub(crate) async fn revoke_all(
    State(desk): State<Desk>,
    mut parameters: Parameters,
    command: Command<NewRevocation>,
) -> Result<Response, Problem> {
    let dry = parameters.one("dryRun", flag).unwrap_or_default();
    parameters.end()?;
    let (matching, reason) = command.body.read()?;
    if dry || command.body.dry_run {
        let incident = workflow::preview(&desk, &command.caller, &matching).await?;
        return Ok(json_response(&Revocation::from(&incident)));
    }
    let once = command.key().map(|key| Once { key, render: &done });
    reply::answer(workflow::end(&desk, &command.caller, &matching, &reason, once).await?, done)
}

fn done(incident: &Incident) -> Rendered {
    reply::rendered(StatusCode::OK, vec![], &Revocation::from(incident))
}

impl NewRevocation {
    /// What to end, and why.
    ///
    /// # Errors
    /// Everything that is wrong.
    fn read(&self) -> Result<(Matching, String), Problem> {
        let matching = Matching {
            requester: self.requester.clone(),
            principal_arn: self.principal_arn.clone(),
            cluster_name: self.cluster_name.clone(),
        };
        let mut errors = Vec::new();
        // An empty text comes from a variable that was not set, and would end more than was meant.
        let fields = [
            ("/requester", &self.requester),
            ("/principalArn", &self.principal_arn),
            ("/clusterName", &self.cluster_name),
        ];
        for (pointer, text) in fields {
            if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
                errors.push(FieldError::at(
                    pointer,
                    "revocation-matches-everything",
                    "it is empty; fill it in or leave it out",
                ));
            }
        }
        let arn = self.principal_arn.as_ref().filter(|arn| !arn.trim().is_empty());
        if let Some(Err(error)) = arn.map(|arn| arn.parse::<PrincipalArn>()) {
            let code = rules::Code::PrincipalArnInvalid.as_str();
            errors.push(FieldError::at("/principalArn", code, error.to_string()));
        }
        if matching == Matching::default() {
            let detail = "say whose access is to end: give requester, principalArn or clusterName";
            errors.push(FieldError::at("", "revocation-matches-everything", detail));
        }
        let reason = said(REASON, self.reason.as_ref())?;
        if reason.is_none() {
            let detail = "say why the access is taken back; the requesters will read it";
            errors.push(FieldError::at("/reason", "reason-required", detail));
        }
        match reason {
            Some(reason) if errors.is_empty() => Ok((matching, reason)),
            _ => {
                let detail = "the revocation is not sound; errors says where and what";
                Err(Problem::new(Code::ValidationFailed, detail).listing(errors))
            }
        }
    }
}
