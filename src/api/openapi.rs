//! The parts of the OpenAPI document that belong to no single route: what the API is, how callers show who they are,
//! and which problems each kind of call can come to.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Object, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Schema, Type,
};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi};

use super::problem::{Code, Entry, MEDIA_TYPE, ProblemView, rule};
use crate::domain::rules;

const ABOUT: &str = "\
A self-service desk for access to Amazon EKS clusters. People ask for an EKS access entry; the right people sign off; a \
worker applies the entry, proves that it has taken hold, and takes it back when its time is up.

* A request never changes once it is filed. Reviews are bound to the digest of what was asked (`specDigest`).
* `active` means proven: the entry and every policy with its scope were read back, agreeing, several times in a row.
* Every answer carries `x-request-id`; name it when something is wrong.
* Errors are `application/problem+json` (RFC 9457). Decide by `code`; `GET /problems/{code}` explains each.
* `Idempotency-Key` makes any POST safe to repeat: for 24 hours the first answer is given again, marked \
`Idempotency-Replayed: true`. Keys are scoped to the caller and the route.
* `ETag` is the version of a request; send it as `If-Match` to act only on what you saw.
* `RateLimit` and `RateLimit-Policy` say with every answer how many calls are left to the caller; 429 comes with \
`Retry-After`. Calls that end access are not counted.
* Unknown or repeated fields and parameters are refused. Times are RFC 3339 in UTC.";

/// The document without its paths, which the routes add.
#[derive(Debug, OpenApi)]
#[openapi(
    info(title = "Entryway", description = ABOUT),
    tags(
        (name = "requests", description = "Ask for access, decide on it, give it back."),
        (name = "clusters", description = "What there is to ask for."),
        (name = "inventory", description = "Who holds what on a cluster, live from EKS."),
        (name = "audit", description = "What happened, who did it, and from where."),
        (name = "slack", description = "Slack's own calls, and who its users are."),
        (name = "caller", description = "Who is calling."),
        (name = "problems", description = "What each code means."),
        (name = "service", description = "The service itself: probes and this document."),
    ),
    components(schemas(ProblemView<'static>)),
    security(("token" = [])),
    modifiers(&Bearer)
)]
pub(super) struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description = Some(
            "A token the operators gave you, or of an identity provider that they configured. A service that policy \
             lets `actFor` people names the person in `Entryway-On-Behalf-Of`."
                .to_owned(),
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
        let signature = "What Slack signs its calls with; nobody else can.";
        let signature = ApiKeyValue::with_description("X-Slack-Signature", signature);
        components.add_security_scheme("slack", SecurityScheme::ApiKey(ApiKey::Header(signature)));
        document.info.license = Some(license());
    }
}

fn license() -> utoipa::openapi::License {
    utoipa::openapi::LicenseBuilder::new().name("Apache License 2.0").identifier(Some("Apache-2.0")).build()
}

macro_rules! headers {
    ($($(#[$doc:meta])* $name:ident = $header:literal, $about:literal, $example:literal, $pattern:literal;)+) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name;

            impl IntoParams for $name {
                fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                    let parameter = ParameterBuilder::new()
                        .name($header)
                        .parameter_in(ParameterIn::Header)
                        .required(Required::False)
                        .description(Some($about))
                        .schema(Some(ObjectBuilder::new().schema_type(Type::String).pattern(Some($pattern)).build()))
                        .example(Some($example.into()));
                    vec![parameter.build()]
                }
            }
        )+
    };
}

// White space around a value is not part of it (RFC 9110, 5.5): HTTP takes it away before anybody looks.
headers! {
    /// Of every call that somebody makes.
    CallerHeaders = "Entryway-On-Behalf-Of",
        "The person whom the calling service speaks for. Only for services that policy lets `actFor`.", "alice",
        r"^[ \t]*\S(.*\S)?[ \t]*$";
    /// Of calls that can be done once.
    OnceHeader = "Idempotency-Key",
        "1 to 255 visible ASCII characters. Repeating the call with it within 24 hours repeats the first answer. A dry \
         run, which changes nothing, does not keep it.",
        "5f0c6f2e-3c1f-4a57-9d0e-0d6b2d8f3a11",
        r#"^[ \t]*([!#-~][!-~]{0,254}|"([!#-\[\]-~]|\\["\\]){1,255}")[ \t]*$"#;
    /// Of calls that change a request.
    VersionHeader = "If-Match", "The `ETag` of the request as the caller saw it; another one is refused (412).", "\"7\"",
        r#"^[ \t]*(\*|"[!#-~]*")[ \t]*$"#;
}

macro_rules! failures {
    ($($(#[$doc:meta])* $name:ident = [$($code:ident),+ $(,)?] $(and [$($rule:ident),+])?;)+) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    problems(&[$(Code::$code.entry(),)+ $($(rule(rules::Code::$rule),)+)?])
                }
            }
        )+
    };
}

failures! {
    /// Of calls that anybody may make.
    PublicFailures = [Internal, Unavailable];
    /// Of explaining a code.
    ProblemFailures = [NotFound, Internal, Unavailable];
    /// Of looking at what everybody may see.
    ReadFailures = [BadParameter, Unauthenticated, Forbidden, RateLimited, Internal, Unavailable];
    /// Of looking at one thing.
    FindFailures = [BadParameter, Unauthenticated, Forbidden, NotFound, RateLimited, Internal, Unavailable];
    /// Of paging through a list.
    ListFailures = [BadParameter, NextTokenInvalid, Unauthenticated, Forbidden, RateLimited, Internal, Unavailable];
    /// Of following what happens.
    StreamFailures = [BadParameter, Unauthenticated, Forbidden, RateLimited, Internal, Unavailable];
    /// Of paging through the entries of a cluster.
    FindListFailures = [
        BadParameter, NextTokenInvalid, Unauthenticated, Forbidden, NotFound, IllegalState, RateLimited, Internal,
        Unavailable,
    ];
    /// Of looking at one entry of a cluster.
    EntryFailures =
        [BadParameter, Unauthenticated, Forbidden, NotFound, IllegalState, RateLimited, Internal, Unavailable];
    /// Of filing a request.
    SubmitFailures = [
        MalformedJson, BadParameter, IdempotencyKeyInvalid, Unauthenticated, Forbidden, RequestNotPermitted,
        RequestTimeout, IdempotencyInFlight, TooManyPending, TooLarge, UnsupportedMediaType, ValidationFailed,
        IdempotencyKeyReused, RateLimited, Internal, Unavailable,
    ] and [TypeConflict, UsernameConflict];
    /// Of reviewing.
    ReviewFailures = [
        MalformedJson, BadParameter, IdempotencyKeyInvalid, Unauthenticated, Forbidden, SelfApproval, NotAPerson,
        NotFound, RequestTimeout, NotPending, AlreadyReviewed, IllegalState, IdempotencyInFlight, Stale, TooLarge,
        UnsupportedMediaType, ValidationFailed, IdempotencyKeyReused, RateLimited, Internal, Unavailable,
    ];
    /// Of extending access.
    ExtendFailures = [
        MalformedJson, BadParameter, IdempotencyKeyInvalid, Unauthenticated, Forbidden, RequestNotPermitted, NotFound,
        RequestTimeout, IllegalState, IdempotencyInFlight, TooManyPending, Stale, TooLarge, UnsupportedMediaType,
        ValidationFailed, IdempotencyKeyReused, RateLimited, Internal, Unavailable,
    ] and [TypeConflict, UsernameConflict];
    /// Of ending many at once.
    RevocationFailures = [
        MalformedJson, BadParameter, IdempotencyKeyInvalid, Unauthenticated, Forbidden, RequestTimeout,
        IdempotencyInFlight, TooLarge, UnsupportedMediaType, ValidationFailed, IdempotencyKeyReused, RateLimited, Internal,
        Unavailable,
    ];
    /// Of everything else that is done to a request.
    ActFailures = [
        MalformedJson, BadParameter, IdempotencyKeyInvalid, Unauthenticated, Forbidden, NotFound, RequestTimeout,
        NotPending, IllegalState, IdempotencyInFlight, Stale, TooLarge, UnsupportedMediaType, ValidationFailed,
        IdempotencyKeyReused, RateLimited, Internal, Unavailable,
    ];
    /// Of what Slack sends.
    SlackFailures = [BadParameter, Unauthenticated, RequestTimeout, TooLarge, RateLimited, Internal, Unavailable];
    /// Of tying a Slack user to oneself.
    LinkFailures =
        [BadParameter, Unauthenticated, Forbidden, NotFound, IllegalState, RateLimited, Internal, Unavailable];
    /// Of telling a receiver again.
    ReplayFailures = [
        MalformedJson, BadParameter, IdempotencyKeyInvalid, Unauthenticated, Forbidden, NotFound, RequestTimeout,
        IdempotencyInFlight, TooLarge, UnsupportedMediaType, ValidationFailed, IdempotencyKeyReused, RateLimited, Internal,
        Unavailable,
    ];
    /// Of repairing an entry.
    RepairFailures = [
        MalformedJson, BadParameter, IdempotencyKeyInvalid, Unauthenticated, Forbidden, NotFound, RequestTimeout,
        IllegalState, IdempotencyInFlight, TooLarge, UnsupportedMediaType, ValidationFailed, IdempotencyKeyReused,
        RateLimited, Internal, Unavailable,
    ];
}

/// Says what holds for all routes alike: every answer carries an id, and every field of an answer is always there.
pub(super) fn finish(document: &mut utoipa::openapi::OpenApi) {
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            if let Some(RefOr::T(body)) = &mut operation.request_body {
                absent_is_not_null(body);
            }
            for response in operation.responses.responses.values_mut() {
                if let RefOr::T(response) = response {
                    let id = header(Type::String, "The id of this call, as it is in the log.");
                    response.headers.insert("x-request-id".to_owned(), id.into());
                }
            }
        }
    }
    for (name, schema) in &mut document.components.get_or_insert_default().schemas {
        let RefOr::T(schema) = schema else { continue };
        match schema {
            Schema::Object(object) if name != "FieldError" => require_all(object),
            Schema::AllOf(parts) => {
                for part in &mut parts.items {
                    if let RefOr::T(Schema::Object(object)) = part {
                        require_all(object);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Every field of an answer is there; bodies, which refuse unknown fields, say themselves what they need.
fn require_all(object: &mut Object) {
    if object.additional_properties.is_none() {
        object.required = object.properties.keys().cloned().collect();
    }
}

/// A body that may be left out comes as "this or null" from its `Option`; but null is no body any call takes.
fn absent_is_not_null(body: &mut RequestBody) {
    for content in body.content.values_mut() {
        if let RefOr::T(content) = content
            && let Some(RefOr::T(Schema::OneOf(choice))) = &content.schema
        {
            content.schema = choice.items.iter().find(|item| matches!(item, RefOr::Ref(_))).cloned();
        }
    }
}

fn header(kind: Type, text: &str) -> Header {
    HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(kind).build())).description(Some(text)).build()
}

/// One response for each status, naming the codes it may carry.
fn problems(entries: &[Entry]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        by_status.entry(entry.status().unwrap_or_default()).or_default().push(entry);
    }
    by_status.into_iter().map(|(status, entries)| (status.to_string(), response(status, &entries).into())).collect()
}

fn response(status: u16, entries: &[&Entry]) -> Response {
    let told: Vec<_> = entries.iter().map(|entry| format!("`{}`: {}", entry.code, entry.title)).collect();
    let entry = entries[0];
    let example = json!({
        "type": format!("/problems/{}", entry.code),
        "title": entry.title,
        "status": status,
        "code": entry.code,
        "detail": entry.remedy,
        "requestId": "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1",
        "errors": [],
    });
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).example(Some(example));
    let response = ResponseBuilder::new().description(told.join(" ")).content(MEDIA_TYPE, content.build());
    match status {
        401 => response.header("WWW-Authenticate", header(Type::String, "`Bearer`")),
        429 => response
            .header("Retry-After", header(Type::Integer, "Seconds until there is room for another call."))
            .header(
                "RateLimit",
                header(Type::String, "How many calls are left, and for how long: `\"caller\";r=0;t=10`."),
            )
            .header(
                "RateLimit-Policy",
                header(Type::String, "How many calls are taken in how many seconds: `\"caller\";q=60000;w=60`."),
            ),
        503 => response.header("Retry-After", header(Type::Integer, "Seconds until it is worth another try.")),
        _ => response,
    }
    .build()
}
