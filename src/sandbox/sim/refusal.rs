//! Every way the simulated AWS says no, with EKS's own words where they have been seen in the wild.

use std::borrow::Cow;

/// One error answer: status, code and message as AWS would send them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    /// `clusterName` in the body, where the model has it.
    pub(crate) cluster: Option<String>,
    /// `x-amz-retry-after`, in milliseconds.
    pub(crate) retry_after_ms: Option<u64>,
}

/// What an operation of the simulator returns when it does not do what was asked.
pub(crate) type Refused<T> = Result<T, Refusal>;

impl Refusal {
    /// Any refusal.
    pub(crate) fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), cluster: None, retry_after_ms: None }
    }

    /// The same, about this cluster.
    pub(crate) fn on(mut self, cluster: &str) -> Self {
        self.cluster = Some(cluster.to_owned());
        self
    }
}

/// `InvalidParameterException`.
pub(crate) fn parameter(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "InvalidParameterException", message)
}

/// `InvalidRequestException`.
pub(crate) fn request(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "InvalidRequestException", message)
}

/// `ResourceNotFoundException`.
pub(crate) fn not_found(message: impl Into<String>) -> Refusal {
    Refusal::new(404, "ResourceNotFoundException", message)
}

/// `ResourceInUseException`.
pub(crate) fn in_use(message: impl Into<String>) -> Refusal {
    Refusal::new(409, "ResourceInUseException", message)
}

/// `AccessDeniedException`, in IAM's standard sentence.
pub(crate) fn denied(caller: &str, action: &str, resource: &str) -> Refusal {
    let message = format!("User: {caller} is not authorized to perform: {action} on resource: {resource}");
    Refusal::new(403, "AccessDeniedException", message)
}

/// The body is not what the protocol wants.
pub(crate) fn serialization(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "SerializationException", message)
}

/// The cluster is not there.
pub(crate) fn no_cluster(name: &str) -> Refusal {
    not_found(format!("No cluster found for name: {name}.")).on(name)
}

/// There is no entry for the principal.
pub(crate) fn no_entry() -> Refusal {
    not_found(
        "The specified principalArn could not be found. You can view your available access entries with \
         'list-access-entries'.",
    )
}

/// The entry's principal belongs to AWS.
pub(crate) fn service_linked_role() -> Refusal {
    parameter("The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role")
}
