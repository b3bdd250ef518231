//! The call log: who called what, in which order, and whether it took effect. Tests hold the product's own story
//! against it.

use serde::Serialize;
use serde_json::Value;

use super::clock::Ms;

/// One call as the simulator saw it. Times are milliseconds of the simulator's clock.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallRecord {
    /// Order of arrival, from 1.
    pub seq: u64,
    /// Order of effect among the calls that changed something, from 1; absent where nothing changed.
    pub applied_seq: Option<u64>,
    /// When it was decided (and, if applied, took effect); absent while it is held up before that.
    pub at: Option<i64>,
    /// When it arrived.
    pub started_at: i64,
    /// When the answer was ready; absent while the call is under way.
    pub finished_at: Option<i64>,
    /// `eks`, `sts` or `iam`.
    pub service: String,
    /// The account the credentials belong to.
    pub account: String,
    /// The region of the credential scope.
    pub region: String,
    /// The caller's ARN.
    pub caller_arn: String,
    /// The operation as AWS names it.
    pub op: String,
    /// The cluster in the path.
    pub cluster: Option<String>,
    /// The principal in the path or, for `CreateAccessEntry`, in the body.
    pub principal_arn: Option<String>,
    /// The policy in the path or the body.
    pub policy_arn: Option<String>,
    /// The body, or the query parameters of a read.
    pub request: Value,
    /// The HTTP status; absent while under way and where the connection was reset.
    pub status: Option<u16>,
    /// The error code, or `ConnectionReset`.
    pub error_code: Option<String>,
    /// As answered in `x-amzn-RequestId`.
    pub request_id: String,
    /// Whether the truth changed.
    pub applied: bool,
    /// The caller's idempotency token.
    pub client_request_token: Option<String>,
    /// The id of the fault that had a hand in it.
    pub fault: Option<u64>,
}

/// All calls since the start or the last clearing.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    calls: Vec<CallRecord>,
    arrived: u64,
    applied: u64,
}

impl CallLog {
    /// Notes an arrival; returns its sequence number.
    pub(crate) fn arrive(&mut self, mut call: CallRecord) -> u64 {
        self.arrived += 1;
        call.seq = self.arrived;
        self.calls.push(call);
        self.arrived
    }

    /// Notes that a call was decided, and whether it took effect. Called under the lock that covers the effect.
    pub(crate) fn decide(&mut self, seq: u64, at: Ms, applied: bool) {
        if applied {
            self.applied += 1;
        }
        let applied_seq = applied.then_some(self.applied);
        if let Some(call) = self.find(seq) {
            (call.at, call.applied, call.applied_seq) = (Some(at), applied, applied_seq);
        }
    }

    /// Notes the answer.
    pub(crate) fn finish(&mut self, seq: u64, at: Ms, status: Option<u16>, error_code: Option<&str>) {
        if let Some(call) = self.find(seq) {
            (call.finished_at, call.status) = (Some(at), status);
            call.error_code = error_code.map(str::to_owned);
        }
    }

    /// Notes that a fault struck.
    pub(crate) fn struck(&mut self, seq: u64, fault: u64) {
        if let Some(call) = self.find(seq) {
            call.fault = Some(fault);
        }
    }

    /// All calls, by arrival.
    pub(crate) fn calls(&self) -> &[CallRecord] {
        &self.calls
    }

    /// Forgets all calls; numbers go on, so that a call under way is never mistaken for another.
    pub(crate) fn clear(&mut self) {
        self.calls.clear();
    }

    fn find(&mut self, seq: u64) -> Option<&mut CallRecord> {
        let index = self.calls.binary_search_by_key(&seq, |call| call.seq).ok()?;
        self.calls.get_mut(index)
    }
}
