//! Makes checkpoints over the log of events, and tells the service's own log of each: there it is out of reach of whoever
//! gets at the database.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::workflow::checkpoint::{Made, Rhythm, SigningKey, checkpoint};
use crate::workflow::{Desk, WorkflowError};

/// How often to look whether one is due.
const TICK: Duration = Duration::from_secs(1);

/// Makes every checkpoint that is due; answers how many.
///
/// # Errors
/// Those of the store.
pub async fn make_all(desk: &Desk, rhythm: Rhythm, key: Option<&SigningKey>) -> Result<usize, WorkflowError> {
    let mut made = 0;
    while let Some(Made { statement, hash, signature }) = checkpoint(desk, rhythm, key).await? {
        let (number, through, events) = (statement.number, statement.through, statement.events);
        tracing::info!(target: "entryway::audit", number, %hash, through, events, signature, "audit checkpoint");
        made += 1;
    }
    Ok(made)
}

/// Makes checkpoints until `stop`.
pub async fn run(desk: Desk, rhythm: Rhythm, key: Option<SigningKey>, stop: CancellationToken) {
    let tick = TICK.min((rhythm.interval / 4).to_std().unwrap_or(TICK));
    loop {
        if let Err(error) = make_all(&desk, rhythm, key.as_ref()).await {
            tracing::warn!(%error, "cannot make a checkpoint over the audit log; trying again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(tick) => {}
        }
    }
}
