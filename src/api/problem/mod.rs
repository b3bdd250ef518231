//! Every answer that is not a success: RFC 9457 `application/problem+json`, one code each, safe to show.

mod codes;
mod pages;
mod workflow;

pub(crate) use codes::{Code, Entry, Place, all, remedy, rule};
pub(crate) use pages::{__path_explain, __path_index, escaped, explain, index};

use std::borrow::Cow;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of every problem.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// How long a caller is asked to wait when Entryway cannot answer just now.
const RETRY_SECONDS: u64 = 2;

/// A problem on its way out. The outermost layers add the request id and write it down.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<u64>,
    challenge: bool,
    cause: Option<String>,
}

/// One place that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct FieldError {
    /// Where in the body: a JSON pointer (RFC 6901). Absent when the place is not in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/kubernetesGroups/0")]
    pub(crate) pointer: Option<String>,
    /// Which parameter or header. Absent when the place is in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "maxResults")]
    pub(crate) parameter: Option<String>,
    /// What kind of thing is wrong; `GET /problems/{code}` explains it.
    #[schema(example = "group-reserved-prefix", pattern = "^[a-z0-9-]+$")]
    pub(crate) code: Cow<'static, str>,
    /// What is wrong here and what to do about it, for people.
    #[schema(example = "\"system:masters\" starts with system:, which EKS reserves")]
    pub(crate) detail: String,
}

impl FieldError {
    /// A place in the body.
    pub(crate) fn at(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), parameter: None, code: code.into(), detail: detail.into() }
    }

    /// A parameter or header.
    pub(crate) fn of(parameter: &str, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: None, parameter: Some(parameter.to_owned()), code: code.into(), detail: detail.into() }
    }
}

/// Why a call did not succeed (RFC 9457).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub(crate) struct ProblemView<'a> {
    /// Where the code is explained.
    #[serde(rename = "type")]
    #[schema(example = "/problems/validation-failed")]
    pub(crate) problem_type: String,
    /// What the code means, in one sentence.
    #[schema(example = "The request is not sound.")]
    pub(crate) title: Cow<'a, str>,
    /// The HTTP status.
    #[schema(example = 422, minimum = 400, maximum = 599)]
    pub(crate) status: u16,
    /// What programs decide by. Codes are never renamed.
    #[schema(example = "validation-failed", pattern = "^[a-z0-9-]+$")]
    pub(crate) code: Cow<'a, str>,
    /// What happened this time and what to do about it, for people.
    #[schema(example = "1 thing is wrong with the request; errors says where and what")]
    pub(crate) detail: Cow<'a, str>,
    /// The id of this call, as in `x-request-id` and in the log.
    #[schema(example = "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1")]
    pub(crate) request_id: Cow<'a, str>,
    /// Every single place that is wrong. Empty where the problem is with no single place.
    pub(crate) errors: Cow<'a, [FieldError]>,
}

impl Problem {
    /// A problem of this code.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        let entry = code.entry();
        Self::with(code.status(), entry.code, entry.title, detail.into())
    }

    fn with(status: StatusCode, code: &'static str, title: &'static str, detail: String) -> Self {
        Self(Box::new(Inner {
            status,
            code,
            title,
            detail,
            errors: vec![],
            retry_after: None,
            challenge: false,
            cause: None,
        }))
    }

    /// A wrong parameter or header.
    pub(crate) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        let error = FieldError::of(name, Code::BadParameter.entry().code, detail);
        Self::new(Code::BadParameter, format!("{name}: {}", error.detail)).listing(vec![error])
    }

    /// Not known who is calling.
    pub(crate) fn unauthenticated(detail: &str) -> Self {
        let mut problem = Self::new(Code::Unauthenticated, detail);
        problem.0.challenge = true;
        problem
    }

    /// Not just now. `cause` is for the log alone.
    pub(crate) fn unavailable(cause: impl ToString) -> Self {
        let detail = format!("Entryway cannot answer just now; try again in {RETRY_SECONDS} seconds");
        Self::new(Code::Unavailable, detail).after(RETRY_SECONDS).because(cause)
    }

    /// Broken. `cause` is for the log alone.
    pub(crate) fn internal(cause: impl ToString) -> Self {
        Self::new(Code::Internal, "something broke; the operators find the cause by the requestId").because(cause)
    }

    /// There is nothing at this path.
    pub(crate) fn no_such_path() -> Self {
        Self::new(Code::NotFound, "there is nothing at this path; GET /openapi.json lists every path there is")
    }

    /// Lists the places that are wrong.
    pub(crate) fn listing(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Says when to try again.
    pub(crate) fn after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    fn because(mut self, cause: impl ToString) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// What an answer of some library, which knows nothing of problems, amounts to.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::no_such_path(),
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::new(Code::MethodNotAllowed, "the header Allow lists the methods this path takes")
            }
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(Code::TooLarge, "a body is at most 64 KiB"),
            StatusCode::SERVICE_UNAVAILABLE => Self::unavailable("a layer answered 503"),
            status if status.is_client_error() => {
                Self::new(Code::BadParameter, "the call is not one that HTTP/1.1 takes here")
            }
            status => Self::internal(format!("a layer answered {status}")),
        }
    }

    /// Writes it into `answer`, whose headers stay, and its cause into the log.
    pub(crate) fn write(&self, answer: Response, request_id: &str) -> Response {
        let Inner { status, code, title, detail, errors, cause, .. } = &*self.0;
        if let Some(cause) = cause {
            tracing::error!(code, cause, "could not answer");
        }
        let view = ProblemView {
            problem_type: format!("/problems/{code}"),
            title: Cow::Borrowed(*title),
            status: status.as_u16(),
            code: Cow::Borrowed(*code),
            detail: Cow::Borrowed(detail),
            request_id: Cow::Borrowed(request_id),
            errors: Cow::Borrowed(errors),
        };
        let body = serde_json::to_vec(&view).expect("texts and numbers are JSON");
        let (mut parts, _) = answer.into_parts();
        parts.status = *status;
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        Response::from_parts(parts, Body::from(body))
    }

    /// The code.
    pub(crate) fn code(&self) -> &'static str {
        self.0.code
    }

    /// What happened and what to do about it, for people.
    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Whether it is Entryway that could not answer, and not the call that was wrong.
    pub(crate) fn is_ours(&self) -> bool {
        self.0.status.is_server_error()
    }

    /// The places that are wrong.
    #[cfg(test)]
    pub(crate) fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut answer = self.0.status.into_response();
        if let Some(seconds) = self.0.retry_after {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.challenge {
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer.extensions_mut().insert(self);
        answer
    }
}
