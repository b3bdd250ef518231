//! What needs no entry: undecided requests lapse, what policy no longer keeps waiting goes on, people are reminded of what ends
//! soon, old answers are forgotten.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::workflow::{Desk, WorkflowError, remind, reweigh, sweep};

/// How often to forget old answers, and to look for requests that nobody looks at.
const FORGET_EVERY: Duration = Duration::from_secs(600);

/// How often what waits with an approval is weighed anew while the policies stay the same: the time may be part of them, and who is
/// in which group is not.
const REWEIGH_EVERY: Duration = Duration::from_secs(60);

/// Lets everything lapse that is overdue.
///
/// # Errors
/// Those of the store.
pub async fn lapse_all(desk: &Desk) -> Result<(), WorkflowError> {
    let mut passed = sweep::lapse(desk, None).await?;
    while passed.is_some() {
        passed = sweep::lapse(desk, passed).await?;
    }
    Ok(())
}

/// Sends on its way what waits although it was signed off, where policy does not keep it waiting any more.
///
/// # Errors
/// Those of the store.
pub async fn reweigh_all(desk: &Desk) -> Result<(), WorkflowError> {
    let mut passed = reweigh::reweigh(desk, None).await?;
    while passed.is_some() {
        passed = reweigh::reweigh(desk, passed).await?;
    }
    Ok(())
}

/// Reminds of everything that ends soon.
///
/// # Errors
/// Those of the store.
pub async fn remind_all(desk: &Desk) -> Result<(), WorkflowError> {
    let mut passed = remind::remind(desk, None).await?;
    while passed.is_some() {
        passed = remind::remind(desk, passed).await?;
    }
    Ok(())
}

/// Sweeps every `every` until `stop`.
pub async fn run(desk: Desk, every: Duration, stop: CancellationToken) {
    let mut forgotten = tokio::time::Instant::now();
    // By which set of policies what waits was weighed last, and when.
    let mut weighed: Option<(String, tokio::time::Instant)> = None;
    loop {
        let policies = desk.policies.current();
        let is_recent =
            |(digest, at): &(String, tokio::time::Instant)| digest == policies.digest() && at.elapsed() < REWEIGH_EVERY;
        if !weighed.as_ref().is_some_and(is_recent) {
            weighed = Some((policies.digest().to_owned(), tokio::time::Instant::now()));
            if let Err(error) = reweigh_all(&desk).await {
                tracing::warn!(%error, "cannot weigh anew what waits for sign-offs; trying again in a minute");
            }
        }
        if let Err(error) = lapse_all(&desk).await {
            tracing::warn!(%error, "cannot let overdue requests lapse; trying again");
        }
        if let Err(error) = remind_all(&desk).await {
            tracing::warn!(%error, "cannot remind of what ends soon; trying again");
        }
        if forgotten.elapsed() >= FORGET_EVERY {
            forgotten = tokio::time::Instant::now();
            if let Err(error) = sweep::forget(&desk).await {
                tracing::warn!(%error, "cannot forget old answers; trying again");
            }
            if let Err(error) = sweep::rescue(&desk).await {
                tracing::warn!(%error, "cannot look for requests that nobody looks at; trying again");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}
