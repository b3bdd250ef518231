//! From the SDK's errors to ours: what kind of no it was, and whether the write may have happened all the same.

use std::error::Error;
use std::time::Duration;

use aws_sdk_eks::config::http::HttpResponse;
use aws_sdk_eks::error::{ErrorMetadata, ProvideErrorMetadata, SdkError};
use aws_sdk_eks::operation::RequestId;

use super::super::classify::classify;
use super::super::{Class, EksError};
use super::sent::Sent;

/// What a failed call means. `sent` has watched it.
pub(super) fn failure<E>(error: &SdkError<E>, sent: &Sent) -> EksError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let aws_request_id = error.request_id().map(str::to_owned);
    match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            let meta = answer.err().meta();
            let class = classify(status, meta.code(), meta.message());
            EksError {
                code: meta.code().map(str::to_owned),
                // Postgres keeps no NUL in a text.
                message: meta.message().map(|words| words.replace('\0', "")),
                cause: meta.code().is_none().then(|| format!("HTTP {status}: {}", in_full(error))),
                aws_request_id,
                // 2xx that cannot be read: done, most likely. 408 and 5xx: who knows.
                ambiguous: status == 408 || !(300..500).contains(&status),
                retry_after: retry_after(answer.raw()),
                ..EksError::of(class)
            }
        }
        SdkError::ConstructionFailure(_) => EksError { cause: Some(in_full(error)), ..EksError::of(Class::Final) },
        _ if !sent.is_sent() => unsent(error),
        // The answer broke off, was too slow, or never came.
        _ => EksError {
            cause: Some(in_full(error)),
            aws_request_id,
            ambiguous: !never_connected(error),
            ..EksError::of(Class::Transient)
        },
    }
}

/// Before a request leaves, only getting credentials for it can fail, most often in a call to STS. Its answers are
/// read by the same table; what is not a passing trouble of STS is trouble with our credentials.
fn unsent(error: &(dyn Error + 'static)) -> EksError {
    let meta = chain(error).find_map(|cause| cause.downcast_ref::<ErrorMetadata>());
    let (code, message) = meta.map_or((None, None), |meta| (meta.code(), meta.message()));
    let passing = |code| matches!(classify(400, Some(code), message), Class::Throttled | Class::Transient);
    let class = match code {
        Some(code) if passing(code) => classify(400, Some(code), message),
        Some(_) => Class::Credentials,
        None if never_connected(error) || timed_out(error) => Class::Transient,
        None => Class::Credentials,
    };
    EksError {
        code: code.map(str::to_owned),
        message: message.map(str::to_owned),
        cause: Some(in_full(error)),
        unsent: true,
        ..EksError::of(class)
    }
}

/// Whether it is certain that no connection came about (refused, not resolved, TLS, too slow). The HTTP client below
/// the SDK says so in its words only.
fn never_connected(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| cause.to_string() == "client error (Connect)")
}

fn timed_out(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| {
        let words = cause.to_string();
        words.contains("timeout") || words.contains("timed out")
    })
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// An error and everything behind it, for the log.
fn in_full(error: &(dyn Error + 'static)) -> String {
    chain(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// `x-amz-retry-after` in milliseconds, which the SDKs follow, or the seconds of `Retry-After`.
fn retry_after(answer: &HttpResponse) -> Option<Duration> {
    let number = |name| answer.headers().get(name).and_then(|value: &str| value.trim().parse().ok());
    number("x-amz-retry-after").map(Duration::from_millis).or_else(|| number("retry-after").map(Duration::from_secs))
}
