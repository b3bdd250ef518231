//! Slack: its calls are checked over their raw bytes, put on record, and answered at once; what they ask for goes on in a task that
//! shutdown waits for. What is done is done by the same use cases as everywhere, as the person that the Slack user is tied to.

mod answers;
mod click;
mod command;
mod interaction;
mod link;
mod people;
mod signed;
mod submission;
mod tidy;

pub(crate) use command::{__path_command, command};
pub(crate) use interaction::{__path_interaction, interaction};
pub(crate) use link::{__path_confirm_link, __path_show_link, __path_unlink, confirm_link, show_link, unlink};

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

use super::problem::Problem;
use super::state::ApiState;
use crate::slack::{Client, Verifier};
use crate::telemetry::spans;

/// How long Slack's answer waits for a call to be on record. Where the database takes longer, the call is worked on all the same.
const ON_RECORD: Duration = Duration::from_millis(250);

/// How long a task tries to put its call on record before it tells its author that nothing will come of it.
const DATABASE: Duration = Duration::from_secs(20);
/// How soon it tries again.
const AGAIN: Duration = Duration::from_millis(300);

/// The most calls that are worked on at once in one process. What comes on top is refused, which Slack tells its author.
const AT_ONCE: usize = 128;

/// What one process needs to talk with Slack. Clones of the `Arc` are the same.
#[derive(Debug)]
pub struct Slack {
    client: Client,
    verifier: Verifier,
    team_id: String,
    public_url: String,
    room: Arc<Semaphore>,
    under_way: TaskTracker,
}

impl Slack {
    /// The workspace `team_id`, which signs with one of `secrets` and is called by `client`; people reach Entryway at `public_url`.
    #[must_use]
    pub fn new(client: Client, secrets: &[SecretString], team_id: String, public_url: String) -> Self {
        Self {
            client,
            verifier: Verifier::new(secrets),
            team_id,
            public_url,
            room: Arc::new(Semaphore::new(AT_ONCE)),
            under_way: TaskTracker::new(),
        }
    }

    /// Waits until every call that was taken is done. Nothing is to be taken any more.
    pub async fn drain(&self) {
        self.under_way.close();
        self.under_way.wait().await;
    }

    /// Tells whoever made a call, and nobody else. Where they cannot be told now, they are later, if the call is left [`Ended::Untold`].
    async fn tell(&self, to: Option<&Url>, told: &str) -> Ended {
        let Some(to) = to else { return Ended::Told };
        match self.client.respond(to, told).await {
            Ok(()) => Ended::Told,
            Err(error) => {
                tracing::warn!(%error, "an answer to a call of Slack's could not be given");
                Ended::Untold
            }
        }
    }
}

/// How the work on a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Its author knows what came of it, or sees it.
    Told,
    /// They do not: whoever looks for calls that were left undone is to tell them.
    Untold,
}

/// A genuine call, as it is put on record and answered.
#[derive(Debug, Clone)]
struct Call {
    /// The hash of its signature.
    signature: Vec<u8>,
    /// Whose it is.
    user_id: String,
    /// What it is, in words.
    what: &'static str,
    /// Where its author can be told something.
    answer_to: Option<Url>,
}

/// Takes `call`, and has `job` done once it is on record; answers as soon as it is, or soon in any case.
async fn take(
    state: &ApiState,
    slack: &Arc<Slack>,
    call: Call,
    job: impl Future<Output = Ended> + Send + 'static,
) -> Result<(), Problem> {
    let Ok(room) = slack.room.clone().try_acquire_owned() else {
        return Err(Problem::unavailable("more calls of Slack's at once than are worked on"));
    };
    let (tell, on_record) = oneshot::channel();
    let (desk, slack) = (state.desk.clone(), slack.clone());
    let job = spans::carried(job);
    slack.clone().under_way.spawn(async move {
        let _room = room;
        let until = Instant::now() + DATABASE;
        let taken = loop {
            match desk.take_slack_call(&call.signature, &call.user_id, call.what).await {
                Err(error) if Instant::now() < until => {
                    tracing::warn!(%error, "a call of Slack's could not be put on record; trying again");
                    sleep(AGAIN).await;
                }
                taken => break taken,
            }
        };
        // Nobody waits for it any more: fine.
        let _ = tell.send(());
        match taken {
            Ok(true) => {
                if job.await == Ended::Untold {
                    return;
                }
                if let Err(error) = desk.finish_slack_call(&call.signature).await {
                    tracing::warn!(%error, "a call of Slack's is done, which could not be put on record");
                }
            }
            Ok(false) => {
                metrics::counter!("entryway_slack_replays_total").increment(1);
                tracing::warn!(
                    user = call.user_id,
                    what = call.what,
                    "a call of Slack's came twice; the second is not done"
                );
            }
            Err(error) => {
                tracing::error!(%error, what = call.what, "a call of Slack's is not done");
                slack.tell(call.answer_to.as_ref(), answers::SORRY).await;
            }
        }
    });
    // Late is no failure: the task goes on, and tells its author if nothing comes of it.
    let _ = timeout(ON_RECORD, on_record).await;
    Ok(())
}
