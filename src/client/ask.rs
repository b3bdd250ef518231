//! `request` and `extend`: what asks for something.

use std::io::{self, Read as _};
use std::path::Path;

use serde_json::{Value, json};
use uuid::Uuid;

use super::args::{Extend, Request, Waiting};
use super::failure::Failure;
use super::http::{Answer, Service};
use super::{Session, possible, show, wait};
use crate::api::wire::{
    DryRunOneOrMany, Extension, FiledOneOrMany, NewAccessPolicy, NewAccessScope, NewRequest, RequestView,
};
use crate::domain::states::RequestState;

/// `request`
pub(super) async fn request(session: &Session<'_>, mut asked: Request) -> Result<(), Failure> {
    let service = Service::of(session)?;
    let (dry_run, waiting, quiet) = (asked.dry_run, asked.waiting, asked.filing.quiet);
    let key = asked.filing.idempotency_key.take();
    let says_where = asked.cluster_wide || !asked.namespace.is_empty();
    if says_where && !asked.policy.is_empty() && asked.policy.iter().all(|policy| policy.contains('@')) {
        let why = "every --policy says with @ where it holds, so --cluster-wide and --namespace hold for none; leave one of them out";
        return Err(Failure::Usage(why.to_owned()));
    }
    let body = match asked.file.take() {
        Some(file) => read(&file)?,
        None => serde_json::to_value(body(asked)).map_err(|error| Failure::Here(error.to_string()))?,
    };
    if dry_run {
        let answer = service.post::<DryRunOneOrMany>("/v1/requests?dryRun=true", &body, None, None).await?;
        let runs = match answer.view {
            DryRunOneOrMany::One(dry) => vec![*dry],
            DryRunOneOrMany::Many(dry) => dry.items,
        };
        let text: Vec<_> = runs.iter().map(show::dry_run).collect();
        session.out.result(&text.join("\n"), &answer.json);
        return Ok(());
    }
    let answer = service.post::<FiledOneOrMany>("/v1/requests", &body, key.as_deref(), None).await?;
    let views = match answer.view {
        FiledOneOrMany::One(view) => vec![*view],
        FiledOneOrMany::Many(filed) => filed.items,
    };
    filed(session, &service, Answer { view: views, json: answer.json }, waiting, quiet).await
}

/// `extend`
pub(super) async fn extend(session: &Session<'_>, extend: Extend) -> Result<(), Failure> {
    let service = Service::of(session)?;
    let body = Extension { duration: Some(extend.duration), reason: extend.reason };
    let key = extend.filing.idempotency_key.as_deref();
    let answer = service.post::<RequestView>(&format!("/v1/requests/{}/extend", extend.id), &body, key, None).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => return Err(possible::or_instead(&service, extend.id, "extend", failure).await),
    };
    let answer = Answer { view: vec![answer.view], json: answer.json };
    filed(session, &service, answer, extend.waiting, extend.filing.quiet).await
}

/// Shows what was filed, at once or when it is active.
async fn filed(
    session: &Session<'_>,
    service: &Service,
    answer: Answer<Vec<RequestView>>,
    waiting: Waiting,
    quiet: bool,
) -> Result<(), Failure> {
    if !waiting.wait {
        session.out.result(&show::filed(&answer.view, quiet), &answer.json);
        if let ([only], false) = (answer.view.as_slice(), quiet) {
            session.out.note(&format!("to wait for it: entryway wait {}", only.id));
        }
        return Ok(());
    }
    let ids: Vec<Uuid> = answer.view.iter().map(|view| view.id).collect();
    let all = wait::all_active(session, service, &ids, waiting.patience).await?;
    let (views, mut items): (Vec<_>, Vec<_>) = all.into_iter().map(|Answer { view, json }| (view, json)).unzip();
    // A list of one is answered as a list, as by the API.
    let listed = answer.json.get("items").is_some();
    let answered = if listed { json!({ "items": items }) } else { items.pop().unwrap_or_default() };
    session.out.result(&show::filed(&views, quiet), &answered);
    views.iter().try_for_each(|view| wait::verdict(view, RequestState::Active))
}

/// What the arguments ask for. Whether it is sound is for the service to say, all of it at once.
fn body(asked: Request) -> NewRequest {
    let mut clusters = asked.cluster;
    let scope = match (asked.cluster_wide, asked.namespace.is_empty()) {
        (true, _) => Some(NewAccessScope { scope_type: Some("cluster".to_owned()), namespaces: None }),
        (false, false) => Some(in_namespaces(asked.namespace)),
        (false, true) => None,
    };
    let policy = |text: String| match text.split_once('@') {
        Some((name, namespaces)) => {
            let namespaces = namespaces.split(',').map(|name| name.trim().to_owned()).collect();
            NewAccessPolicy { policy_arn: name.to_owned(), access_scope: Some(in_namespaces(namespaces)) }
        }
        None => NewAccessPolicy { policy_arn: text, access_scope: scope.clone() },
    };
    let one = if clusters.len() == 1 { clusters.pop() } else { None };
    NewRequest {
        cluster_name: one,
        cluster_names: Some(clusters).filter(|names| !names.is_empty()),
        principal_arn: asked.principal.unwrap_or_default(),
        entry_type: asked.entry_type,
        username: asked.username,
        kubernetes_groups: asked.group,
        access_policies: asked.policy.into_iter().map(policy).collect(),
        tags: asked.tag.into_iter().collect(),
        reason: asked.reason,
        ticket: asked.ticket,
        duration: asked.duration,
        start_at: asked.start,
        break_glass: asked.break_glass,
    }
}

fn in_namespaces(namespaces: Vec<String>) -> NewAccessScope {
    NewAccessScope { scope_type: Some("namespace".to_owned()), namespaces: Some(namespaces) }
}

/// The body that is in a file, or comes over stdin. Its fields go out as they are: the service may know more than this program.
fn read(file: &Path) -> Result<Value, Failure> {
    let told = |what: &dyn std::fmt::Display| Failure::Usage(format!("{}: {what}", file.display()));
    let mut text = String::new();
    let read = if file == Path::new("-") {
        io::stdin().read_to_string(&mut text).map(|_| ())
    } else {
        std::fs::read_to_string(file).map(|read| text = read)
    };
    read.map_err(|error| told(&error))?;
    serde_json::from_str(&text).map_err(|error| told(&format!("this is no JSON: {error}")))
}
