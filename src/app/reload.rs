//! Policies are reviewed in Git like code, and take effect when their files change or SIGHUP says so. A set that is not
//! sound is refused as a whole: the old one stays, and that is put on record.

use std::time::Duration;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::Failure;
use crate::config::Policy;
use crate::domain::event::EventType;
use crate::policy::PolicySet;
use crate::workflow::Desk;

/// Puts on record which set this process starts with.
///
/// # Errors
/// When it cannot be put on record.
pub(super) async fn announce(desk: &Desk) -> Result<(), Failure> {
    let digest = desk.policies.current().digest().to_owned();
    let recorded = desk.record_own(EventType::PolicyLoaded, json!({ "policyDigest": digest })).await;
    recorded.map_err(|error| Failure::Failed(error.to_string()))
}

/// Looks at the files every `policy.reload`, and on SIGHUP, until `stop`.
pub(super) async fn run(desk: Desk, policy: Policy, stop: CancellationToken) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        error!("SIGHUP cannot be listened to; policies are read anew only when the process is");
        return;
    };
    // Without an interval only SIGHUP reloads; a century is as good as never.
    let every = policy.reload.unwrap_or(Duration::from_secs(100 * 365 * 86_400));
    let mut refused = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = hangup.recv() => {}
            () = tokio::time::sleep(every) => {}
        }
        let dir = policy.dir.clone();
        let Ok(read) = tokio::task::spawn_blocking(move || PolicySet::load(&dir)).await else { continue };
        desk.policies.set_behind(read.is_err());
        let (event, data) = match read {
            Ok(set) if set.digest() == desk.policies.current().digest() => {
                refused = None;
                continue;
            }
            Ok(set) => {
                refused = None;
                let data = json!({ "policyDigest": set.digest(), "before": desk.policies.current().digest() });
                info!(digest = set.digest(), "another policy set is in force");
                desk.policies.replace(set);
                (EventType::PolicyLoaded, data)
            }
            Err(problems) => {
                let text = problems.to_string();
                if refused.as_ref() == Some(&text) {
                    continue;
                }
                error!(problems = %text, "the policy set was refused; the one before stays in force");
                refused = Some(text.clone());
                (EventType::PolicyRejected, json!({ "problems": text }))
            }
        };
        if let Err(error) = desk.record_own(event, data).await {
            error!(%error, "a change of policies could not be put on record");
        }
    }
}
