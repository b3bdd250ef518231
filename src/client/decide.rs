//! `approve`, `deny`, `acknowledge`, and what ends requests or sets them going again.

use std::io::{self, BufRead as _, IsTerminal as _};

use serde_json::Value;
use uuid::Uuid;

use super::args::{Deny, Review};
use super::failure::Failure;
use super::http::{Answer, Service};
use super::{Session, possible, show};
use crate::api::wire::{NewReview, Reason, RequestView, Verb};
use crate::domain::states::RequestState;

/// `approve`
pub(super) async fn approve(session: &Session<'_>, review: Review) -> Result<(), Failure> {
    after_a_look(session, review, Verb::Approve).await
}

/// `acknowledge`
pub(super) async fn acknowledge(session: &Session<'_>, review: Review) -> Result<(), Failure> {
    after_a_look(session, review, Verb::Acknowledge).await
}

/// Shows the request and asks, unless that was said beforehand. The review names the digest of what was shown, so that it counts for
/// nothing else; and, while it is undecided, its version: who else has reviewed it was part of the picture. Afterwards the version is
/// the worker's, who is not to get in the way of an answer that says more.
async fn after_a_look(session: &Session<'_>, review: Review, decision: Verb) -> Result<(), Failure> {
    let service = Service::of(session)?;
    let Answer { view: seen, .. } = service.get::<RequestView>(&format!("/v1/requests/{}", review.id), &[]).await?;
    session.out.note(&format!("{}\n", show::request(&seen, None).trim_end()));
    let word = if decision == Verb::Approve { "approve" } else { "acknowledge" };
    if !review.yes && review.digest.is_none() {
        let how = "look at it with entryway show, and say --yes, or --digest with what it shows";
        confirm(session, &format!("{word} this? [y/N] "), how)?;
    }
    let body =
        NewReview { decision, comment: review.comment, spec_digest: Some(review.digest.unwrap_or(seen.spec_digest)) };
    let version = (seen.state == RequestState::Pending.as_str()).then_some(seen.version);
    let answer = post_review(&service, review.id, word, &body, version).await?;
    say(session, if decision == Verb::Approve { "approved" } else { "acknowledged" }, &answer);
    Ok(())
}

/// `deny`. It is bound to no version: whatever else has happened to the request, the no is meant.
pub(super) async fn deny(session: &Session<'_>, deny: Deny) -> Result<(), Failure> {
    let service = Service::of(session)?;
    let body = NewReview { decision: Verb::Deny, comment: Some(deny.comment), spec_digest: None };
    let answer = post_review(&service, deny.id, "deny", &body, None).await?;
    say(session, "denied", &answer);
    Ok(())
}

/// `withdraw`, `relinquish`, `retry`, `revoke`. Bound to no version either: what ends access is not to fail because the worker was
/// quicker.
pub(super) async fn act(session: &Session<'_>, action: &str, id: Uuid, reason: Option<String>) -> Result<(), Failure> {
    let service = Service::of(session)?;
    let answer = service.post(&format!("/v1/requests/{id}/{action}"), &Reason { reason }, None, None).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => return Err(possible::or_instead(&service, id, action, failure).await),
    };
    let done = match action {
        "withdraw" => "withdrawn",
        "relinquish" => "given back",
        "retry" => "tried again",
        _ => "revoked",
    };
    say(session, done, &answer);
    Ok(())
}

async fn post_review(
    service: &Service,
    id: Uuid,
    action: &str,
    body: &NewReview,
    version: Option<i64>,
) -> Result<Answer<RequestView>, Failure> {
    let answer = service.post(&format!("/v1/requests/{id}/reviews"), body, None, version).await;
    match answer {
        Ok(answer) => Ok(answer),
        Err(failure) => Err(possible::or_instead(service, id, action, failure).await),
    }
}

fn say(session: &Session<'_>, done: &str, answer: &Answer<RequestView>) {
    let (view, json): (&RequestView, &Value) = (&answer.view, &answer.json);
    session.out.result(&format!("{done}: {} is {}\n", view.id, show::line(view)), json);
}

/// Asks on the terminal.
///
/// # Errors
/// When the answer is not yes; and when there is no terminal, so that nobody was asked: `how` says what to do then.
pub(super) fn confirm(session: &Session<'_>, question: &str, how: &str) -> Result<(), Failure> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::Usage(format!("there is no terminal to ask on; {how}")));
    }
    session.out.ask(question);
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).map_err(|error| Failure::Here(error.to_string()))?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(Failure::Here("nothing was done".to_owned())) }
}
