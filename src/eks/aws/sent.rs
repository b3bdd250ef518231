//! Whether a request left. Between the call and the wire lie credentials, which may take calls of their own (to
//! STS); what fails there did nothing to EKS, and the SDK's errors alone do not tell. Calls are counted here as well, each
//! of which is one request, and each is a span in a trace.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use aws_sdk_eks::config::interceptors::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_eks::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_eks::error::BoxError;
use aws_sdk_eks::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::Metadata;

use tracing::Span;

use super::super::EksError;
use super::super::classify::listed;
use crate::telemetry::spans;

/// Watches one call.
#[derive(Debug, Clone)]
pub(super) struct Sent(Arc<Watched>);

#[derive(Debug)]
struct Watched {
    begun: Instant,
    /// `DescribeCluster`, once the SDK has said so, and what traces show of it.
    operation: OnceLock<(String, Span)>,
    sent: AtomicBool,
}

impl Sent {
    /// Begins to watch.
    pub(super) fn watch() -> Self {
        Self(Arc::new(Watched { begun: Instant::now(), operation: OnceLock::new(), sent: AtomicBool::new(false) }))
    }

    /// Whether the request was signed and handed to the connection, which is the last moment one can tell for sure.
    pub(super) fn is_sent(&self) -> bool {
        self.0.sent.load(Ordering::Relaxed)
    }

    /// Counts what came of the call, and passes it on.
    pub(super) fn counted<T: RequestId>(&self, answer: Result<T, EksError>) -> Result<T, EksError> {
        self.count(answer.as_ref().ok().and_then(RequestId::request_id), answer.as_ref().err());
        answer
    }

    /// Counts a call that AWS has answered under this id, or that has failed. A code that the table does not list is `other`, so
    /// that nothing on the way can make up series.
    pub(super) fn count(&self, aws_request_id: Option<&str>, failed: Option<&EksError>) {
        let operation = self.0.operation.get().map_or("unknown", |(name, _)| name.as_str()).to_owned();
        let (class, code) = match failed {
            None => ("ok", "ok"),
            Some(error) => {
                let code = error.code.as_deref().map_or("none", |code| listed(code).unwrap_or("other"));
                (error.class.as_str(), code)
            }
        };
        if let Some((_, span)) = self.0.operation.get() {
            let failure = failed.map(|error| error.code.as_deref().unwrap_or(class));
            let id = failed.map_or(aws_request_id, |error| error.aws_request_id.as_deref());
            spans::aws_answered(span, id, failure);
        }
        metrics::histogram!("entryway_eks_call_seconds", "operation" => operation.clone())
            .record(self.0.begun.elapsed());
        metrics::counter!("entryway_eks_calls_total", "operation" => operation, "class" => class, "code" => code)
            .increment(1);
    }
}

impl Intercept for Sent {
    fn name(&self) -> &'static str {
        "Sent"
    }

    fn read_before_execution(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(call) = config.load::<Metadata>() {
            let span = || spans::aws_call(call.service(), call.name());
            self.0.operation.get_or_init(|| (call.name().to_owned(), span()));
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.sent.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Makes one call (`operation.customize()`), counts it, and tells of a failure whether the request had left. A macro because the
/// SDK keeps the trait that its operations share to itself.
macro_rules! send {
    ($customized:expr) => {{
        let sent = $crate::eks::aws::sent::Sent::watch();
        let answer = $customized.interceptor(sent.clone()).send().await;
        sent.counted(answer.map_err(|error| $crate::eks::aws::failure::failure(&error, &sent)))
    }};
}
pub(super) use send;
