//! `GET /v1/me`

use std::borrow::Cow;
use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Authenticated;
use super::extract::{NoParameters, json_response};
use super::openapi::{CallerHeaders, ReadFailures};
use super::problem::Problem;
use super::views::Permission;
use crate::policy::ServiceAction;
use crate::workflow::Desk;

/// Who is calling.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Me {
    /// The name that everything this caller does is recorded under.
    #[schema(example = "alice")]
    pub(crate) user: String,
    /// The groups that policy decides by, sorted.
    #[schema(example = json!(["engineering"]))]
    pub(crate) groups: BTreeSet<String>,
    /// How people call them, where their identity provider says; null where it does not.
    #[schema(example = json!(null))]
    pub(crate) display_name: Option<String>,
    /// Whether it is a service.
    pub(crate) service: bool,
    /// The service that speaks for this person; null where they call themselves.
    #[schema(example = json!(null))]
    pub(crate) submitted_by: Option<String>,
    /// What policy lets the caller do beside requests.
    #[schema(value_type = Vec<Permission>)]
    pub(crate) permissions: Vec<Cow<'static, str>>,
}

/// Says who is calling
#[utoipa::path(get, path = "/v1/me", tag = "caller", operation_id = "getMe", params(CallerHeaders),
    responses((status = 200, description = "The caller", body = Me), ReadFailures))]
pub(crate) async fn me(
    State(desk): State<Desk>,
    Authenticated(caller): Authenticated,
    _: NoParameters,
) -> Result<Response, Problem> {
    let may = |action: &&ServiceAction| desk.may(&caller, **action);
    let permissions = ServiceAction::ALL.iter().filter(may).map(|action| action.as_str().into()).collect();
    let identity = caller.identity.clone();
    let told = desk.directory.memory().and_then(|memory| memory.named(&identity.user));
    Ok(json_response(&Me {
        display_name: told.and_then(|person| person.display_name),
        user: identity.user,
        groups: identity.groups,
        service: identity.service,
        submitted_by: caller.submitted_by.clone(),
        permissions,
    }))
}
