//! `list`, `show`, `clusters`, `access-policies`, `whoami`: what only looks.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::args::{AccessPolicies, List, Show};
use super::failure::Failure;
use super::http::Service;
use super::table::{pairs, table};
use super::{Session, ending, show};
use crate::api::wire::{AccessPolicyList, ClusterList, ClusterView, EventView, Me, RequestView};
use crate::domain::states::RequestState;

/// The most that one page holds.
const PAGE: usize = 100;

/// `whoami`
pub(super) async fn whoami(session: &Session<'_>) -> Result<(), Failure> {
    let service = Service::of(session)?;
    let answer = service.get::<Me>("/v1/me", &[]).await?;
    session.out.result(&me(&answer.view, &service), &answer.json);
    Ok(())
}

/// Who somebody is to a service.
pub(super) fn me(me: &Me, service: &Service) -> String {
    let kind = if me.service { " (a service)" } else { "" };
    let groups = match me.groups.iter().cloned().collect::<Vec<_>>().join(", ") {
        none if none.is_empty() && me.submitted_by.is_some() => "none; the service may not know this name".to_owned(),
        groups => groups,
    };
    let through = me.submitted_by.as_ref().map(|service| format!(" (through {service})")).unwrap_or_default();
    pairs(&[
        ("user", format!("{}{kind}{through}", me.user)),
        ("name", me.display_name.clone().unwrap_or_default()),
        ("groups", groups),
        ("permissions", me.permissions.join(", ")),
        ("service", service.url.clone()),
        ("profile", service.profile.clone().unwrap_or_default()),
    ])
}

/// `clusters`
pub(super) async fn clusters(session: &Session<'_>) -> Result<(), Failure> {
    let answer = Service::of(session)?.get::<ClusterList>("/v1/clusters", &[]).await?;
    let row = |cluster: &ClusterView| {
        let ClusterView { name, environment, region, account_id, health, .. } = cluster;
        let status = if health.problems.is_empty() { &health.status } else { "see below" };
        [name.clone(), environment.clone(), region.clone(), account_id.clone(), status.to_owned()]
    };
    let clusters = &answer.view.items;
    let mut text =
        table(["CLUSTER", "ENVIRONMENT", "REGION", "ACCOUNT", "STATUS"], &clusters.iter().map(row).collect::<Vec<_>>());
    for cluster in clusters.iter().filter(|cluster| !cluster.health.problems.is_empty()) {
        text += &format!("\n{}:\n  {}\n", cluster.name, cluster.health.problems.join("\n  "));
    }
    session.out.result(&text, &answer.json);
    Ok(())
}

/// `access-policies`
pub(super) async fn access_policies(session: &Session<'_>, asked: &AccessPolicies) -> Result<(), Failure> {
    let cluster = asked.cluster.clone().map(|name| ("clusterName", name));
    let answer = Service::of(session)?.get::<AccessPolicyList>("/v1/access-policies", cluster.as_slice()).await?;
    let rows: Vec<_> =
        answer.view.items.iter().map(|policy| [policy.name.clone(), policy.description.to_string()]).collect();
    session.out.result(&table(["POLICY", "WHO MAY HAVE IT"], &rows), &answer.json);
    Ok(())
}

/// `list`: as many pages as it takes.
pub(super) async fn list(session: &Session<'_>, list: &List) -> Result<(), Failure> {
    let service = Service::of(session)?;
    let most = usize::try_from(list.limit).unwrap_or(PAGE);
    let Listed { views, items, token } = listed(&service, "/v1/requests", &filters(list), most).await?;
    let text = if list.quiet {
        show::filed(&views, true)
    } else if views.is_empty() {
        nothing(list).to_owned()
    } else {
        show::requests(&views)
    };
    session.out.result(&text, &json!({ "items": items, "nextToken": token }));
    if token.is_some() {
        session.out.note(&format!("there is more than these {}; --limit says how many to list", views.len()));
    }
    Ok(())
}

fn filters(list: &List) -> Vec<(&'static str, String)> {
    let state = |state: &RequestState| ("state", state.as_str().to_owned());
    let mut parameters: Vec<_> = list.state.iter().map(state).collect();
    let requester = if list.mine { Some("me".to_owned()) } else { list.requester.clone() };
    let others =
        [("clusterName", list.cluster.clone()), ("principalArn", list.principal.clone()), ("requester", requester)];
    parameters.extend(others.into_iter().filter_map(|(name, value)| Some((name, value?))));
    parameters.extend(list.to_review.then(|| ("reviewable", "true".to_owned())));
    parameters
}

/// What to read where there is nothing to list.
fn nothing(list: &List) -> &'static str {
    let filters = filters(list);
    if filters.is_empty() {
        "no requests yet; entryway request --help says how to ask for access\n"
    } else if list.to_review && filters.len() == 1 {
        "nothing waits for your review\n"
    } else {
        "no requests of that kind; entryway list without filters shows all that you may see\n"
    }
}

/// `show`
pub(super) async fn show(session: &Session<'_>, show: &Show) -> Result<(), Failure> {
    let service = Service::of(session)?;
    let path = format!("/v1/requests/{}", show.id);
    let request = service.get::<RequestView>(&path, &[]).await?;
    if !show.events {
        let ending = if session.out.json { None } else { ending::told(&service, &request.view).await };
        session.out.result(&show::request(&request.view, ending), &request.json);
        return Ok(());
    }
    let Listed { views, items, .. } = timeline(&service, show.id).await?;
    let ending = ending::of(&request.view, &views);
    let text = format!("{}\n{}", show::request(&request.view, ending), show::events(&views));
    session.out.result(&text, &json!({ "request": request.json, "events": items }));
    Ok(())
}

/// Everything that has happened to request `id`, oldest first.
pub(super) async fn timeline(service: &Service, id: Uuid) -> Result<Listed<EventView>, Failure> {
    listed(service, &format!("/v1/requests/{id}/events"), &[], usize::MAX).await
}

/// What a list of the service holds, as it is and word for word, and where it goes on.
pub(super) struct Listed<T> {
    pub(super) views: Vec<T>,
    items: Vec<Value>,
    token: Option<String>,
}

/// One page of any of the service's lists.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    items: Vec<T>,
    next_token: Option<String>,
}

/// The list at `path`: as many pages as it takes to have `most`.
async fn listed<T: DeserializeOwned>(
    service: &Service,
    path: &str,
    filters: &[(&'static str, String)],
    most: usize,
) -> Result<Listed<T>, Failure> {
    let (mut views, mut items, mut token) = (Vec::new(), Vec::new(), None);
    loop {
        let mut parameters = filters.to_vec();
        parameters.push(("maxResults", (most - views.len()).min(PAGE).to_string()));
        parameters.extend(token.take().map(|token| ("nextToken", token)));
        let mut page = service.get::<Page<T>>(path, &parameters).await?;
        views.append(&mut page.view.items);
        if let Value::Array(more) = page.json["items"].take() {
            items.extend(more);
        }
        token = page.view.next_token;
        if token.is_none() || views.len() >= most {
            return Ok(Listed { views, items, token });
        }
    }
}
