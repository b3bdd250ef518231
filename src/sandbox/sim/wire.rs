//! What goes over the wire: restJson1 for EKS, the query protocol's XML for STS and IAM
//! (`Smithy, AWS restJson1 protocol` and `AWS query protocol`).

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::clock::Ms;
use super::refusal::Refusal;

/// The two protocols that share the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// EKS: paths and JSON bodies.
    RestJson,
    /// STS: `POST /` with a form, answered in XML.
    StsQuery,
    /// IAM: likewise, in its own namespace.
    IamQuery,
}

/// A call that went well.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    /// The answer: a JSON document, or (query protocol) the inside of `…Response`.
    pub(crate) body: Payload,
    /// Whether the truth changed.
    pub(crate) applied: bool,
}

/// The body of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    /// restJson1.
    Json(Value),
    /// The whole XML document of a query answer, without the request id's element.
    Xml(String),
}

impl Done {
    /// A read.
    pub(crate) const fn read(body: Value) -> Self {
        Self { body: Payload::Json(body), applied: false }
    }

    /// A write that took effect.
    pub(crate) const fn wrote(body: Value) -> Self {
        Self { body: Payload::Json(body), applied: true }
    }

    /// A query-protocol answer.
    pub(crate) const fn xml(inside: String) -> Self {
        Self { body: Payload::Xml(inside), applied: false }
    }
}

/// Epoch seconds with a fraction of milliseconds, as EKS writes its timestamps.
pub(crate) fn timestamp(ms: Ms) -> Value {
    json!(ms as f64 / 1000.0)
}

/// Escapes text for XML content.
pub(crate) fn xml_escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A good answer on the wire.
pub(crate) fn answer(protocol: Protocol, op: &str, done: Done, request_id: &str) -> Response<Body> {
    let (content_type, body) = match done.body {
        Payload::Json(value) => ("application/json", value.to_string()),
        Payload::Xml(inside) => (
            "text/xml",
            format!(
                "<{op}Response xmlns=\"{}\">{inside}<ResponseMetadata><RequestId>{request_id}</RequestId>\
                 </ResponseMetadata></{op}Response>",
                namespace(protocol)
            ),
        ),
    };
    respond(StatusCode::OK, content_type, body, request_id)
}

/// A refusal on the wire.
pub(crate) fn refuse(protocol: Protocol, refusal: &Refusal, request_id: &str) -> Response<Body> {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = if protocol == Protocol::RestJson {
        let mut body = json!({ "message": refusal.message });
        if let Some(cluster) = &refusal.cluster {
            body["clusterName"] = json!(cluster);
        }
        respond(status, "application/json", body.to_string(), request_id)
    } else {
        let fault = if refusal.status < 500 { "Sender" } else { "Receiver" };
        let body = format!(
            "<ErrorResponse xmlns=\"{}\"><Error><Type>{fault}</Type><Code>{}</Code><Message>{}</Message></Error>\
             <RequestId>{request_id}</RequestId></ErrorResponse>",
            namespace(protocol),
            xml_escape(&refusal.code),
            xml_escape(&refusal.message)
        );
        respond(status, "text/xml", body, request_id)
    };
    let headers = response.headers_mut();
    if protocol == Protocol::RestJson
        && let Ok(code) = HeaderValue::from_str(&refusal.code)
    {
        headers.insert("x-amzn-errortype", code);
    }
    if let Some(ms) = refusal.retry_after_ms {
        headers.insert("x-amz-retry-after", HeaderValue::from(ms));
    }
    response
}

fn respond(status: StatusCode, content_type: &'static str, body: String, request_id: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

const fn namespace(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::IamQuery => "https://iam.amazonaws.com/doc/2010-05-08/",
        _ => "https://sts.amazonaws.com/doc/2011-06-15/",
    }
}
