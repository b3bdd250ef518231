//! Waiting for a request, with what happens meanwhile on stderr.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::args::{Patience, Wait};
use super::failure::Failure;
use super::http::{Answer, Service};
use super::{Session, ending, show};
use crate::api::wire::RequestView;
use crate::domain::states::RequestState;

/// How long one call is held at most. What is missing may change without the state doing so, and is looked at this often.
const HOLD: Duration = Duration::from_secs(20);
/// For how long a service that has answered before may be away.
const AWAY: Duration = Duration::from_secs(120);
/// How long to wait before asking a service again that is away.
const PAUSE: Duration = Duration::from_secs(2);

/// `wait`
pub(super) async fn wait(session: &Session<'_>, wait: &Wait) -> Result<(), Failure> {
    let service = Service::of(session)?;
    let Answer { view, json } = follow(session, &service, wait.id, wait.until, deadline(wait.patience)).await?;
    let ending = if session.out.json { None } else { ending::told(&service, &view).await };
    session.out.result(&show::request(&view, ending), &json);
    verdict(&view, wait.until)
}

/// Each of `ids` once it is active, cannot be any more, or the time for all of them is up.
pub(super) async fn all_active(
    session: &Session<'_>,
    service: &Service,
    ids: &[Uuid],
    patience: Patience,
) -> Result<Vec<Answer<RequestView>>, Failure> {
    let deadline = deadline(patience);
    let mut all = Vec::new();
    for id in ids {
        all.push(follow(session, service, *id, RequestState::Active, deadline).await?);
    }
    Ok(all)
}

fn deadline(patience: Patience) -> Option<Instant> {
    patience.timeout.map(|timeout| Instant::now() + timeout)
}

/// What the state that the waiting ended in amounts to.
///
/// # Errors
/// When it is another one than `until`.
pub(super) fn verdict(view: &RequestView, until: RequestState) -> Result<(), Failure> {
    let (id, line) = (view.id, show::line(view));
    let until_what = if until == RequestState::Active { String::new() } else { format!(" --until {}", until.as_str()) };
    let time_is_up = || {
        Failure::TimeIsUp(format!(
            "the time is up, and {id} is still {line}; to go on waiting: entryway wait {id}{until_what}"
        ))
    };
    match RequestState::parse(&view.state) {
        Some(state) if state == until => Ok(()),
        Some(state) if state.can_reach_unasked(until) => Err(time_is_up()),
        Some(RequestState::Failed) => {
            Err(Failure::Failed(format!("{id} {line}; once that is mended: entryway retry {id}")))
        }
        Some(_) => Err(Failure::TurnedDown(format!("{id} will not be {} any more; it is {line}", until.as_str()))),
        None => Err(time_is_up()),
    }
}

/// The request once it is `until`, cannot be any more, or the time is up.
async fn follow(
    session: &Session<'_>,
    service: &Service,
    id: Uuid,
    until: RequestState,
    deadline: Option<Instant>,
) -> Result<Answer<RequestView>, Failure> {
    let path = format!("/v1/requests/{id}");
    let mut latest: Option<Answer<RequestView>> = None;
    let mut told = String::new();
    let mut away_since = None;
    loop {
        let left = deadline.map_or(HOLD, |deadline| deadline.saturating_duration_since(Instant::now())).min(HOLD);
        // The first look is at once, so that there is something to tell.
        let parameters = latest.as_ref().map(|_| ("wait", format!("{}ms", left.as_millis())));
        match service.get::<RequestView>(&path, parameters.as_slice()).await {
            Ok(answer) => {
                away_since = None;
                tell(session, &mut told, format!("{id} {}", show::line(&answer.view)));
                let state = RequestState::parse(&answer.view.state);
                latest = Some(answer);
                if state.is_some_and(|state| state == until || !state.can_reach_unasked(until)) {
                    break;
                }
            }
            Err(failure) if latest.is_some() && failure.passes() => {
                let since = *away_since.get_or_insert_with(Instant::now);
                if since.elapsed() > AWAY {
                    return Err(failure);
                }
                tell(session, &mut told, format!("{id} {} does not answer; trying again", service.url));
                tokio::time::sleep(PAUSE.min(left)).await;
            }
            Err(failure) => return Err(failure),
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            break;
        }
    }
    latest.ok_or_else(|| Failure::Here("nothing was looked at".to_owned()))
}

/// A line when there is something new to tell.
fn tell(session: &Session<'_>, told: &mut String, line: String) {
    if *told != line {
        session.out.note(&line);
        *told = line;
    }
}
