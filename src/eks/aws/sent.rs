//! Whether a request left. Between the call and the wire lie credentials, which may take calls of their own (to
//! STS); what fails there did nothing to EKS, and the SDK's errors alone do not tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_eks::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_eks::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_eks::error::BoxError;

/// Watches one call.
#[derive(Debug, Clone, Default)]
pub(super) struct Sent(Arc<AtomicBool>);

impl Sent {
    /// Whether the request was signed and handed to the connection, which is the last moment one can tell for sure.
    pub(super) fn is_sent(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Intercept for Sent {
    fn name(&self) -> &'static str {
        "Sent"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Makes one call (`operation.customize()`), and tells of a failure whether the request had left. A macro because the SDK
/// keeps the trait that its operations share to itself.
macro_rules! send {
    ($customized:expr) => {{
        let sent = $crate::eks::aws::sent::Sent::default();
        let answer = $customized.interceptor(sent.clone()).send().await;
        answer.map_err(|error| $crate::eks::aws::failure::failure(error, &sent))
    }};
}
pub(super) use send;
