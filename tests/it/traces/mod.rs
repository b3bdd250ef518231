//! Traces, from the program itself to a collector on a socket.

mod collector;
mod program;

use std::net::TcpListener;

use reqwest::{Method, Response};
use serde_json::{Value, json};

use collector::{Collector, Span};
use program::{PATIENCE, Program};

use crate::harness::{Bed, ROLE, database};

const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const FIRST: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SECOND: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "00f067aa0ba902b7";

fn ask(namespace: &str) -> Value {
    json!({
        "clusterName": "dev",
        "principalArn": ROLE,
        "accessPolicies": [{"policyArn": "AmazonEKSViewPolicy",
                            "accessScope": {"type": "namespace", "namespaces": [namespace]}}],
        "reason": "a test needs it",
        "duration": "481m",
    })
}

async fn answered(answer: Response, status: u16) -> Value {
    let (given, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    assert_eq!(given, status, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// Files an ask in the trace `trace_id`, has it approved, and waits until it is active; answers where it is.
async fn granted(program: &Program, trace_id: &str, namespace: &str) -> String {
    let filed = program.call("alice", Method::POST, "/v1/requests").json(&ask(namespace));
    let filed = filed.header("traceparent", format!("00-{trace_id}-{CALLER}-01")).header("baggage", "of=pl4nted");
    let filed = answered(filed.header("x-request-id", format!("call-{namespace}")).send().await.unwrap(), 201).await;
    let path = format!("/v1/requests/{}", filed["id"].as_str().unwrap());
    let review = program.call("bob", Method::POST, &format!("{path}/reviews")).json(&json!({"decision": "approve"}));
    answered(review.send().await.unwrap(), 201).await;
    let active = async {
        loop {
            let look =
                program.call("alice", Method::GET, &format!("{path}?wait=60s&until=active")).send().await.unwrap();
            if answered(look, 200).await["state"] == "active" {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, active).await.expect("it becomes active");
    path
}

/// The one span of this name in this trace.
fn the<'a>(spans: &'a [Span], trace_id: &str, name: &str) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| span.trace_id == trace_id && span.name == name).collect();
    let names: Vec<_> = spans.iter().map(|span| (&span.trace_id, &span.name)).collect();
    assert_eq!(found.len(), 1, "{name} in {trace_id}: {names:#?}");
    found[0]
}

/// The spans that `span` is in, from the nearest on.
fn above<'a>(spans: &'a [Span], span: &Span) -> Vec<&'a Span> {
    let parent = |below: &Span| spans.iter().find(|span| span.id == below.parent && span.trace_id == below.trace_id);
    std::iter::successors(parent(span), |span| parent(span)).collect()
}

#[tokio::test]
async fn one_trace_leads_from_the_call_that_files_a_request_to_the_calls_to_eks() {
    let (bed, collector) = (Bed::new().await, Collector::start().await);
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=pl4nted"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team=platform"),
        ("ENTRYWAY__CLUSTERS__0__ROLE_ARN", "arn:aws:iam::111122223333:role/entryway-target"),
        // The log says next to nothing, and traces say everything all the same.
        ("ENTRYWAY_LOG", "off,entryway::app=info,entryway::api::front=info"),
    ];
    let mut program = Program::start(&bed, &environment).await;
    let first = granted(&program, FIRST, "payments").await;
    let second = granted(&program, SECOND, "billing").await;
    let odd = program.call("alice", Method::GET, "/v1/me?of=pl4nted").header("traceparent", "00-0-0-01");
    let odd = odd.header("x-request-id", "odd").send().await.unwrap();
    assert_eq!(odd.status(), 400);
    program.stop().await;
    let spans = collector.spans();

    let filed = the(&spans, FIRST, "POST /v1/requests");
    assert_eq!((filed.parent.as_str(), filed.kind, filed.status), (CALLER, SERVER, 0));
    let said =
        ["http.request.method", "http.route", "http.response.status_code", "request_id"].map(|key| filed.says(key));
    assert_eq!(said, ["POST", "/v1/requests", "201", "call-payments"]);
    let first = first.strip_prefix("/v1/requests/").unwrap();
    assert_eq!(filed.says("entryway.filed.request.ids"), first);
    let kept = format!("SELECT count(*) FROM request WHERE trace_parent = '00-{FIRST}-{}-01'", filed.id);
    assert_eq!(database::number(&bed.url, &kept).await, 1);

    for operation in ["CreateAccessEntry", "AssociateAccessPolicy"] {
        let call = the(&spans, FIRST, &format!("EKS.{operation}"));
        assert_eq!((call.kind, call.status), (CLIENT, 0));
        assert_eq!(
            ["rpc.system", "rpc.service", "rpc.method"].map(|key| call.says(key)),
            ["aws-api", "EKS", operation]
        );
        assert!(!call.says("aws.request_id").is_empty());
        let above = above(&spans, call);
        assert_eq!(
            above.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(),
            ["reconcile entry", "POST /v1/requests"]
        );
        let said = ["entryway.cluster", "entryway.request.id", "entryway.grant.ids"].map(|key| above[0].says(key));
        assert_eq!(said, ["dev", first, first]);
    }
    // Written in the name of the request, which takes credentials of its own.
    let assumes = |span: &&Span| span.trace_id == FIRST && span.name == "STS.AssumeRole";
    let assumed = spans.iter().filter(assumes).find(|span| above(&spans, span)[0].name == "reconcile entry").unwrap();
    assert_eq!((assumed.kind, assumed.status, assumed.says("rpc.method")), (CLIENT, 0, "AssumeRole"));
    assert!(!assumed.says("aws.request_id").is_empty());
    // There is no entry yet at the first look, which is no good answer of EKS's.
    let none = |span: &&Span| span.trace_id == FIRST && span.name == "EKS.DescribeAccessEntry" && span.status == 2;
    assert_eq!(spans.iter().find(none).unwrap().says("error.type"), "ResourceNotFoundException");

    let reviews = |span: &&Span| span.name == "POST /v1/requests/{id}/reviews";
    let reviews: Vec<_> = spans.iter().filter(reviews).collect();
    let of_first = reviews.iter().find(|span| span.says("entryway.request.id") == first).unwrap();
    assert_eq!(
        of_first.links,
        [(FIRST.to_owned(), filed.id.clone())],
        "the review is a trace of its own, and leads there"
    );
    assert!(of_first.parent.is_empty() && of_first.trace_id != FIRST);

    // The other request is on the same entry: its work is its own, and tells of the first.
    let second = second.strip_prefix("/v1/requests/").unwrap();
    let change = the(&spans, SECOND, "EKS.AssociateAccessPolicy");
    let work = above(&spans, change)[0];
    assert_eq!(work.says("entryway.request.id"), second);
    assert_eq!(work.says("entryway.grant.ids"), format!("{first} {second}"));
    assert_eq!(work.links, [(FIRST.to_owned(), filed.id.clone())]);

    let odd = spans.iter().find(|span| span.attributes.get("request_id").is_some_and(|id| id == "odd")).unwrap();
    assert!(odd.parent.is_empty(), "what is no place in a trace is none");

    let resource = collector.resource();
    let described = ["service.name", "service.version", "team"].map(|key| resource[key].as_str());
    assert_eq!(described, ["entryway", env!("CARGO_PKG_VERSION"), "platform"]);
    assert_eq!(
        (collector.header("x-key").as_str(), collector.header("content-type").as_str()),
        ("pl4nted", "application/x-protobuf")
    );
    for span in &spans {
        assert!(!span.text.contains("pl4nted") && !span.text.contains("arn:aws:iam"), "{}", span.text);
        assert!(!span.name.contains("livez") && !span.name.contains('?'), "{}", span.name);
    }
    assert!(!format!("{resource:?}").contains("pl4nted"));

    let line = program.logged.iter().find(|line| line["span"]["request_id"] == "call-payments").unwrap();
    assert_eq!((&line["message"], &line["span"]["trace_id"]), (&json!("answered"), &json!(FIRST)));
}

#[tokio::test]
async fn each_look_that_nobody_waits_for_is_one_trace_with_all_of_its_calls() {
    let (bed, collector) = (Bed::new().await, Collector::start().await);
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("ENTRYWAY__WORKER__DRIFT_INTERVAL", "4s"),
        ("ENTRYWAY__VERIFY__VISIBILITY", "0s"),
    ];
    let mut program = Program::start(&bed, &environment).await;
    granted(&program, FIRST, "payments").await;
    let looks = [("check cluster", "EKS.DescribeCluster"), ("list entries", "EKS.ListAccessEntries")];
    let looks_after = |span: &&Span| span.name == "reconcile entry" && span.trace_id != FIRST;
    collector
        .until(|spans| {
            let seen = |name: &str| spans.iter().any(|span| span.name == name);
            looks.iter().all(|(look, _)| seen(look)) && spans.iter().any(|span| looks_after(&span))
        })
        .await;
    program.stop().await;
    let spans = collector.spans();
    for (name, call) in looks {
        let look = spans.iter().find(|span| span.name == name).unwrap();
        assert!(look.parent.is_empty() && look.says("entryway.cluster") == "dev", "{look:?}");
        let calls = spans.iter().filter(|span| span.parent == look.id && span.trace_id == look.trace_id);
        assert!(calls.map(|span| span.name.as_str()).any(|name| name == call), "{name} has no {call}");
    }
    let alone: Vec<_> = spans.iter().filter(|span| span.kind == CLIENT && span.parent.is_empty()).collect();
    assert!(alone.is_empty(), "calls that are part of nothing: {alone:?}");
    // What looks after an entry leads to where its grants were filed.
    let filed = the(&spans, FIRST, "POST /v1/requests");
    let after = spans.iter().find(looks_after).unwrap();
    assert_eq!(after.links, [(FIRST.to_owned(), filed.id.clone())]);
}

#[tokio::test]
async fn who_samples_decides_for_the_calls_to_eks_too() {
    let (bed, collector) = (Bed::new().await, Collector::start().await);
    let endpoint = format!("{}/v1/traces", collector.url);
    let mut program =
        Program::start(&bed, &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint), ("OTEL_SERVICE_NAME", "access")])
            .await;
    let filed = program.call("alice", Method::POST, "/v1/requests").json(&ask("payments"));
    let filed = filed.header("traceparent", format!("00-{FIRST}-{CALLER}-00")).send().await.unwrap();
    answered(filed, 201).await;
    assert_eq!(database::number(&bed.url, "SELECT count(*) FROM request WHERE trace_parent LIKE '%-00'").await, 1);
    program.stop().await;
    assert!(collector.spans().iter().all(|span| span.trace_id != FIRST), "the caller does not have it recorded");
    assert_eq!(collector.resource()["service.name"], "access");
}

#[tokio::test]
async fn a_collector_that_never_answers_holds_up_neither_calls_nor_the_end() {
    let bed = Bed::new().await;
    // Connections come about, and nobody ever reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
        ("OTEL_BSP_SCHEDULE_DELAY", "1"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "4"),
    ];
    let mut program = Program::start(&bed, &environment).await;
    // Many times what there is room for.
    for _ in 0..50 {
        answered(program.call("alice", Method::GET, "/v1/me").send().await.unwrap(), 200).await;
    }
    let figures = program.call("bob", Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let lost = figures.lines().find_map(|line| line.strip_prefix(r#"entryway_spans_lost_total{why="no_room"} "#));
    let lost: usize = lost.unwrap_or_else(|| panic!("{figures}")).parse().unwrap();
    assert!(lost >= 40, "four wait and four are on their way, at most: {lost}");
    program.stop().await;
    assert!(program.logged.iter().any(|line| line["message"] == "the last spans were not delivered in time"));
    let told = program.logged.iter().filter_map(|line| {
        let message = line["message"].as_str().unwrap_or_default();
        message.starts_with("spans found no room").then(|| line["count"].as_u64().unwrap_or_default())
    });
    assert!(told.sum::<u64>() >= lost as u64, "each is told of: {:?}", program.logged);
}

#[tokio::test]
async fn a_collector_that_is_not_there_is_told_of_once() {
    let bed = Bed::new().await;
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), ("OTEL_BSP_SCHEDULE_DELAY", "1")];
    let mut program = Program::start(&bed, &environment).await;
    const LOST: &str = "spans could not be delivered and are lost; everything else goes on";
    answered(program.call("alice", Method::GET, "/v1/me").send().await.unwrap(), 200).await;
    program.says(LOST).await;
    answered(program.call("alice", Method::GET, "/v1/me").send().await.unwrap(), 200).await;
    let figures = program.call("bob", Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(!figures.contains(r#"entryway_spans_lost_total{why="not_taken"} 0"#), "{figures}");
    program.stop().await;
    assert_eq!(program.logged.iter().filter(|line| line["message"] == LOST).count(), 1, "{:?}", program.logged);
}

#[tokio::test]
async fn what_is_wrong_in_the_variables_keeps_it_from_starting_and_is_named() {
    let bed = Bed::new().await;
    for (name, text) in [("OTEL_TRACES_SAMPLER", "sometimes"), ("OTEL_EXPORTER_OTLP_HEADERS", "pl4nted")] {
        let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), (name, text)];
        let ended = Program::fails(&bed, &environment).await;
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!((ended.status.code(), said.lines().count()), (Some(2), 1), "{said}");
        assert!(said.starts_with(&format!("{name}: ")) && !said.contains("pl4nted"), "{said}");
    }
}
