//! In whose name calls are made. It decides nothing about a call: where a cluster's role is assumed, the session bears
//! the request's id, so that CloudTrail in the cluster's account tells which request a write was for.

use std::future::Future;

use uuid::Uuid;

tokio::task_local! {
    static REQUEST: Uuid;
}

/// Makes `calls` in the name of `request`. Costs one `AssumeRole` more for each request, whose credentials are kept as
/// long as they last; nothing at all where no role is assumed.
pub async fn on_behalf_of<T>(request: Uuid, calls: impl Future<Output = T>) -> T {
    REQUEST.scope(request, calls).await
}

/// The request in whose name calls are being made, if there is one.
pub(super) fn request() -> Option<Uuid> {
    REQUEST.try_with(|request| *request).ok()
}
