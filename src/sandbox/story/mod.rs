//! The demo story, played over HTTP against a running server: who gets into a cluster, on whose word, and how it
//! ends. Nothing is acted: every step is done for real, and the story stops at the first one that does not do
//! what it says.

mod chapters;
mod eks;
mod hints;
mod narrator;
mod requests;
mod wire;

use std::io::Write;
use std::time::Duration;

use thiserror::Error;

pub use hints::{Whereabouts, print_hints};
use narrator::Narrator;
use wire::Wire;

/// How long the story waits for the worker, or for EKS, before it says that something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the story plays.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The API, such as `http://127.0.0.1:8080`.
    pub base_url: String,
    /// The simulated AWS, whose own view of the truth is shown.
    pub sim_url: String,
    /// Who speaks with which token: user and token, as in [`super::people::PEOPLE`].
    pub tokens: Vec<(String, String)>,
    /// Whether the output is a terminal: colours, and a line that shows what is being waited for.
    pub terminal: bool,
}

impl Stage {
    /// With the sandbox's own people.
    #[must_use]
    pub fn new(base_url: impl Into<String>, sim_url: impl Into<String>, terminal: bool) -> Self {
        let tokens = super::people::PEOPLE.map(|person| (person.user.to_owned(), person.token.to_owned()));
        Self { base_url: base_url.into(), sim_url: sim_url.into(), tokens: tokens.into(), terminal }
    }
}

/// Why the story stopped.
#[derive(Debug, Error)]
pub enum StoryError {
    /// The server or the simulator did not answer.
    #[error("{url} does not answer: {source}")]
    Unreachable {
        /// What was called.
        url: String,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// A step did something else.
    #[error("the story stopped: {step} should have come to {wanted}, but {got}")]
    Otherwise {
        /// What was being done.
        step: String,
        /// What should have come of it.
        wanted: String,
        /// What came of it.
        got: String,
    },
    /// The story could not be told.
    #[error("cannot write the story: {0}")]
    Output(#[from] std::io::Error),
}

/// Plays the whole story, a line per step with the seconds since its start.
///
/// # Errors
/// [`StoryError`] at the first step that does not do what it says.
pub async fn play(stage: &Stage, out: &mut (dyn Write + Send)) -> Result<(), StoryError> {
    let mut story = Story { wire: Wire::new(stage)?, narrator: Narrator::new(out, stage.terminal), tag: tag() };
    story.curtain_up().await?;
    let oncall = story.one_sign_off().await?;
    story.two_sign_offs().await?;
    story.a_no().await?;
    story.a_cluster_that_cannot().await?;
    story.an_end(&oncall).await?;
    story.narrator.end()?;
    Ok(())
}

/// What is said where somebody stops everything in the middle of the story.
///
/// # Errors
/// What the output says.
pub fn broken_off(stage: &Stage, out: &mut (dyn Write + Send)) -> std::io::Result<()> {
    Narrator::new(out, stage.terminal).broken_off()
}

/// The story while it is told.
struct Story<'a> {
    wire: Wire,
    narrator: Narrator<'a>,
    /// What this telling's principals end in: a sandbox keeps its grants, and the story must not meet its own past.
    tag: String,
}

fn tag() -> String {
    format!("{:04x}", rand::random::<u16>())
}
