//! What a code means, for the person who has just met it: `/problems/{code}` is where `type` points.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, VARY};
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Code, Entry, Place, Problem, all};
use crate::api::extract::json_response;
use crate::api::openapi::{ProblemFailures, PublicFailures};

/// What a code means.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// The code.
    #[schema(example = "group-reserved-prefix")]
    code: &'static str,
    /// Where it is explained.
    #[serde(rename = "type")]
    #[schema(example = "/problems/group-reserved-prefix")]
    problem_type: String,
    /// The HTTP status of answers with this code; null for what comes with successes.
    #[schema(example = 422)]
    status: Option<u16>,
    /// Where it shows up.
    #[schema(example = "in `errors` of an answer with the code validation-failed")]
    place: String,
    /// What it means, in one sentence.
    #[schema(example = "The group starts with a reserved prefix.")]
    title: &'static str,
    /// Why it is so.
    meaning: &'static str,
    /// What to do about it.
    remedy: String,
}

/// Every code there is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Explanations {
    /// The codes, those of whole answers first.
    items: Vec<Explanation>,
}

impl From<Entry> for Explanation {
    fn from(entry: Entry) -> Self {
        let place = match entry.place {
            Place::Answer(_) => "in `code` of an answer",
            Place::Field => "in `errors` of an answer with the code validation-failed",
            Place::Conflict => "in `errors`, and in `code` when nothing else is wrong",
            Place::Warning => "in `warnings` of a request, which was accepted",
            Place::LastError => "in `lastError` of a request, which was signed off",
        };
        let (mut place, mut remedy) = (place.to_owned(), entry.remedy.to_owned());
        if let Some(later) = entry.remedy_later {
            place.push_str("; also in `lastError` of a request, which was signed off");
            remedy = format!("{remedy} Where it stands in lastError: {later}");
        }
        let (status, Entry { code, title, meaning, .. }) = (entry.status(), entry);
        Self { code, problem_type: format!("/problems/{code}"), status, place, title, meaning, remedy }
    }
}

/// Lists every code with its meaning
///
/// Answered as HTML to whoever accepts that, as JSON otherwise.
#[utoipa::path(get, path = "/problems", tag = "problems", operation_id = "listProblems", security(()),
    responses((status = 200, description = "Every code", body = Explanations), PublicFailures))]
pub(crate) async fn index(headers: HeaderMap) -> Response {
    let items: Vec<Explanation> = all().map(Into::into).collect();
    if !wants_html(&headers) {
        return (VARY_ACCEPT, json_response(&Explanations { items })).into_response();
    }
    let line = |e: &Explanation| {
        format!("<li><a href=\"{}\"><code>{}</code></a> {}</li>", e.problem_type, e.code, escaped(e.title))
    };
    let lines: String = items.iter().map(line).collect();
    page("What can go wrong", &format!("<ul>{lines}</ul>"))
}

/// Explains a code
///
/// Answered as HTML to whoever accepts that, as JSON otherwise.
#[utoipa::path(get, path = "/problems/{code}", tag = "problems", operation_id = "explainProblem", security(()),
    params(("code" = String, Path, description = "The `code` of a problem, of one of its errors, of a warning, or of `lastError`",
        example = "group-reserved-prefix")),
    responses((status = 200, description = "What it means", body = Explanation), ProblemFailures))]
pub(crate) async fn explain(
    code: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let entry = code.ok().and_then(|Path(code)| all().find(|entry| entry.code == code));
    let entry = entry.ok_or_else(|| Problem::new(Code::NotFound, "there is no such code; GET /problems lists them"))?;
    let told = Explanation::from(entry);
    if !wants_html(&headers) {
        return Ok((VARY_ACCEPT, json_response(&told)).into_response());
    }
    let status = told.status.map(|status| format!("HTTP {status}, ")).unwrap_or_default();
    let text = format!(
        "<p><code>{}</code> ({status}{})</p><p>{}</p><p><strong>What to do:</strong> {}</p>\
         <p><a href=\"/problems\">All codes</a></p>",
        told.code,
        escaped(&told.place),
        escaped(told.meaning),
        escaped(&told.remedy)
    );
    Ok(page(told.title, &text))
}

const VARY_ACCEPT: [(axum::http::HeaderName, &str); 1] = [(VARY, "Accept")];

fn wants_html(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|value| value.as_bytes().windows(9).any(|word| word == b"text/html"))
}

fn page(title: &str, body: &str) -> Response {
    let title = escaped(title);
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\
         <body><h1>{title}</h1>{body}</body></html>"
    );
    (VARY_ACCEPT, Html(html)).into_response()
}

/// `text` as it may stand in a page.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
