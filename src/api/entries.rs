//! `GET /v1/clusters/{name}/entries` and `/v1/clusters/{name}/entries/{principalArn}`

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;

use super::caller::Authenticated;
use super::cursor::{Listing, PageKey};
use super::extract::{NoParameters, Parameters, json_response, text};
use super::openapi::{CallerHeaders, EntryFailures, FindListFailures};
use super::problem::{Code, Problem};
use super::requests::{PAGE, page_size};
use super::views::{ExaminedView, HeldList};
use crate::domain::arn::PrincipalArn;
use crate::domain::cluster::Cluster;
use crate::domain::identity::Caller;
use crate::workflow::Desk;

/// Lists the entries on a cluster
///
/// Every entry there is, Entryway's and everybody else's, live from EKS in its order, and which requests each is made up of.
/// Needs the permission `audit` or `administer`. Every page takes a call to EKS for each entry on it, at the pace that the
/// worker leaves over: where that is slow, a page ends early, and where EKS does not answer, so does the call (503).
#[utoipa::path(get, path = "/v1/clusters/{name}/entries", tag = "inventory", operation_id = "listEntries",
    params(CallerHeaders,
        ("name" = String, Path, description = "Entryway's name for the cluster", example = "prod"),
        ("maxResults" = Option<u8>, Query, description = "How many at most", minimum = 1, maximum = 100, example = 50),
        ("nextToken" = Option<String>, Query, description = "Where to go on, as the page before said",
            example = "AZgKG3w9fk-KW2x9jp-gsQ")),
    responses((status = 200, description = "A page of entries", body = HeldList), FindListFailures))]
pub(crate) async fn list(
    State(desk): State<Desk>,
    State(pages): State<PageKey>,
    Authenticated(caller): Authenticated,
    name: Result<Path<String>, PathRejection>,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let token = parameters.one("nextToken", text);
    let limit = parameters.one("maxResults", page_size).unwrap_or(PAGE);
    parameters.end()?;
    let cluster = cluster(&desk, &caller, name.ok().map(|Path(name)| name).as_deref()).await?;
    let asked = [("clusterName".to_owned(), vec![cluster.name.clone()])];
    let listing = Listing::of("entries", pages.get(&desk).await?, &caller, &asked);
    let place = match token {
        None => Default::default(),
        Some(token) => serde_json::from_slice(&listing.opened(&token)?).map_err(|_| {
            Problem::new(Code::NextTokenInvalid, "nextToken is of another release; start again without it")
        })?,
    };
    let shelf = desk.shelf(cluster, place, u8::try_from(limit).unwrap_or(u8::MAX)).await?;
    let token = |place| listing.sealed(&serde_json::to_vec(&place).expect("texts are JSON"));
    let next_token = shelf.next.map(token);
    Ok(json_response(&HeldList { items: shelf.items.iter().map(Into::into).collect(), next_token }))
}

/// Shows an entry on a cluster
///
/// What it should hold and what EKS shows, live, how the two differ, and what IAM says of its principal. Needs the permission
/// `audit` or `administer`.
#[utoipa::path(get, path = "/v1/clusters/{name}/entries/{principalArn}", tag = "inventory", operation_id = "getEntry",
    params(CallerHeaders,
        ("name" = String, Path, description = "Entryway's name for the cluster", example = "prod"),
        ("principalArn" = String, Path, description = "Whose entry it is; percent-encoded",
            example = "arn:aws:iam::111122223333:role/dev/apps/my-role")),
    responses((status = 200, description = "The entry", body = ExaminedView), EntryFailures))]
pub(crate) async fn get(
    State(desk): State<Desk>,
    Authenticated(caller): Authenticated,
    path: Result<Path<(String, String)>, PathRejection>,
    _: NoParameters,
) -> Result<Response, Problem> {
    let (name, principal) = path.ok().map(|Path(path)| path).unzip();
    let cluster = cluster(&desk, &caller, name.as_deref()).await?;
    let missing = || Problem::new(Code::NotFound, "there is no such entry on the cluster, and nobody is to have one");
    let principal: PrincipalArn = principal.and_then(|arn: String| arn.parse().ok()).ok_or_else(missing)?;
    let examined = desk.examine(cluster, &principal).await?.ok_or_else(missing)?;
    Ok(json_response(&ExaminedView::from(&examined)))
}

/// The cluster of this name, if `caller` may see who holds what there. What is no text is no cluster's name.
async fn cluster<'d>(desk: &'d Desk, caller: &Caller, name: Option<&str>) -> Result<&'d Cluster, Problem> {
    if !desk.may_take_stock(caller) {
        desk.note_unseen(caller, "takeStock").await?;
        let detail = "who holds what on a cluster is for those whom policy lets audit or administer";
        return Err(Problem::new(Code::Forbidden, detail));
    }
    let missing = || Problem::new(Code::NotFound, "there is no such cluster; GET /v1/clusters lists them");
    name.and_then(|name| desk.clusters.get(name)).ok_or_else(missing)
}
