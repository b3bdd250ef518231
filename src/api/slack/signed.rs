//! A call that is Slack's. Whether it is, is told from the bytes as they came in, before anything reads them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::to_bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::super::extract::NoParameters;
use super::super::listen::Peer;
use super::super::problem::{Code, Problem};
use super::super::state::ApiState;
use super::Slack;

const SIGNATURE: HeaderName = HeaderName::from_static("x-slack-signature");
const TIMESTAMP: HeaderName = HeaderName::from_static("x-slack-request-timestamp");

/// The longest call, in bytes: a click brings its whole message or view along.
const LONGEST: usize = 512 * 1024;

/// How long one may take to come in. Slack sends them in one go, and gives up after three seconds.
const ARRIVING: Duration = Duration::from_secs(3);

/// What is said to whoever is not Slack. One answer for all of them: it tells nothing about how near they came.
const NOT_SLACK: &str = "this is for Slack, which signs its calls; nobody else needs it";

/// A genuine call.
#[derive(Debug)]
pub(crate) struct Signed {
    /// What it came through.
    pub(super) slack: Arc<Slack>,
    /// The hash of its signature, by which it is recognised when it comes again.
    pub(super) signature: Vec<u8>,
    body: String,
    begun: Instant,
}

impl FromRequest<ApiState> for Signed {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let begun = Instant::now();
        let (mut parts, body) = request.into_parts();
        NoParameters::from_request_parts(&mut parts, state).await?;
        let Some(slack) = state.slack.clone() else { return Err(Problem::unauthenticated(NOT_SLACK)) };
        let too_large = |_| Problem::new(Code::TooLarge, "no call of Slack's is that long");
        let Ok(bytes) = timeout(ARRIVING, to_bytes(body, LONGEST)).await else {
            return Err(Problem::new(Code::RequestTimeout, "the body took too long; Slack sends its calls in one go"));
        };
        let bytes = bytes.map_err(too_large)?;
        let signature = genuine(&slack, &parts.headers, &bytes);
        let Some((signature, body)) = signature else {
            metrics::counter!("entryway_slack_signature_failures_total").increment(1);
            let source_ip = parts.extensions.get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer.ip());
            state.turned_away.note(&state.desk, source_ip, None, "slack-signature").await;
            return Err(Problem::unauthenticated(NOT_SLACK));
        };
        Ok(Self { slack, signature, body, begun })
    }
}

/// The hash of the signature, and the body as text, if they are Slack's.
fn genuine(slack: &Slack, headers: &HeaderMap, bytes: &[u8]) -> Option<(Vec<u8>, String)> {
    let (signature, timestamp) = (only(headers, &SIGNATURE)?, only(headers, &TIMESTAMP)?);
    let body = std::str::from_utf8(bytes).ok()?;
    let plain = !timestamp.is_empty() && timestamp.len() <= 12 && timestamp.bytes().all(|b| b.is_ascii_digit());
    let genuine = plain && slack.verifier.is_genuine(signature, timestamp, body);
    genuine.then(|| (Sha256::digest(signature).to_vec(), body.to_owned()))
}

fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut given = headers.get_all(name).iter();
    let first = given.next()?.to_str().ok()?;
    given.next().is_none().then_some(first)
}

impl Signed {
    /// The fields of the form.
    ///
    /// # Errors
    /// `bad-parameter` when one is there twice.
    pub(super) fn form(&self) -> Result<BTreeMap<String, String>, Problem> {
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(self.body.as_bytes()) {
            if fields.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                return Err(Problem::parameter(&name, "is there twice"));
            }
        }
        Ok(fields)
    }
}

/// Counts how long Slack waited, whatever the answer is.
impl Drop for Signed {
    fn drop(&mut self) {
        metrics::histogram!("entryway_slack_ack_seconds").record(self.begun.elapsed());
    }
}
