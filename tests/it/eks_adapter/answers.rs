//! What the adapter makes of answers that are wrong, broken or missing, and what exactly it puts on the wire.

use std::collections::BTreeSet;
use std::time::Duration;

use entryway::domain::entry::{AccessScope, EntryContent, EntryType};
use entryway::eks::{Class, Eks, EksError};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use super::raw::{Answer, answered, ok, refusal};
use super::{ROLE, VIEW, adapter, cluster, role, standard};

fn entry(entry_type: &str) -> Value {
    json!({"accessEntry": {
        "clusterName": "prod", "principalArn": ROLE, "type": entry_type, "username": "u", "kubernetesGroups": [], "tags": {},
        "accessEntryArn": "arn:aws:eks:eu-central-1:111122223333:access-entry/prod/role/111122223333/my-role/c0ffee",
    }})
}

fn policies(list: Value, next: Option<&str>) -> Value {
    json!({"clusterName": "prod", "principalArn": ROLE, "associatedAccessPolicies": list, "nextToken": next})
}

fn with(member: &str, value: Value) -> Value {
    let mut answer = entry("STANDARD");
    answer["accessEntry"][member] = value;
    answer
}

async fn observe_error(answers: Vec<Answer>) -> EksError {
    answered(answers, async |eks| eks.observe(&cluster("prod"), &role()).await).await.1.unwrap_err()
}

fn body(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn the_arn_is_one_segment_of_the_path_and_the_user_agent_names_entryway() {
    let answers = vec![ok(entry("EC2_LINUX"))];
    let (requests, _) = answered(answers, async |eks| eks.observe(&cluster("prod"), &role()).await).await;
    let path = "/clusters/prod/access-entries/arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fdev%2Fapps%2Fmy-role ";
    assert!(requests[0].starts_with(&format!("GET {path}")), "{}", requests[0]);
    assert!(requests[0].contains("app/entryway"), "{}", requests[0]);
}

#[tokio::test]
async fn an_update_always_sends_both_and_an_empty_list_is_sent_as_one() {
    let (requests, outcome) = answered(vec![ok(entry("STANDARD"))], async |eks| {
        eks.update(&cluster("prod"), &role(), "arn:u", &BTreeSet::new(), "token-1").await
    })
    .await;
    assert_eq!(outcome.unwrap().aws_request_id.as_deref(), Some("req-1"));
    let sent = json!({"username": "arn:u", "kubernetesGroups": [], "clientRequestToken": "token-1"});
    assert_eq!(body(&requests[0]), sent);
}

#[tokio::test]
async fn a_create_tells_username_and_groups_for_standard_entries_only() {
    let node = json!([null, null]);
    for (entry_type, told) in [(EntryType::Standard, json!(["u", []])), (EntryType::Ec2Linux, node)] {
        let content = EntryContent {
            entry_type,
            username: Some("u".to_owned()),
            access_policies: [(VIEW.to_owned(), AccessScope::Cluster)].into(),
            ..standard()
        };
        let tags = [("team".to_owned(), "payments".to_owned())].into();
        let (requests, created) = answered(vec![ok(entry(entry_type.as_str()))], async |eks| {
            eks.create(&cluster("prod"), &role(), &content, &tags, "token-1").await
        })
        .await;
        assert!(created.unwrap().access_entry_arn.ends_with("/c0ffee"));
        let sent = body(&requests[0]);
        assert_eq!(json!([sent["username"], sent["kubernetesGroups"]]), told, "{entry_type:?}");
        assert_eq!((&sent["type"], &sent["principalArn"]), (&json!(entry_type.as_str()), &json!(ROLE)));
        assert_eq!((&sent["clientRequestToken"], &sent["tags"]), (&json!("token-1"), &json!({"team": "payments"})));
    }
}

#[tokio::test]
async fn cluster_scope_is_sent_without_namespaces() {
    let answer = || ok(json!({"clusterName": "prod", "principalArn": ROLE}));
    for (scope, sent) in [
        (AccessScope::Cluster, json!({"type": "cluster"})),
        (
            AccessScope::Namespace { namespaces: ["a".to_owned(), "b-*".to_owned()].into() },
            json!({"type": "namespace", "namespaces": ["a", "b-*"]}),
        ),
    ] {
        let (requests, outcome) =
            answered(vec![answer()], async |eks| eks.associate(&cluster("prod"), &role(), VIEW, &scope).await).await;
        outcome.unwrap();
        assert_eq!(body(&requests[0]), json!({"policyArn": VIEW, "accessScope": sent}));
    }
}

#[tokio::test]
async fn answers_that_cannot_be_right_are_not_believed() {
    let standard = || ok(entry("STANDARD"));
    let foreign = json!({"principalArn": "arn:aws:iam::111122223333:role/other", "associatedAccessPolicies": []});
    let scopeless = json!([{"policyArn": VIEW}]);
    let odd_scope = json!([{"policyArn": VIEW, "accessScope": {"type": "galaxy"}}]);
    let cases = [
        ("another principal", vec![ok(with("principalArn", json!("arn:aws:iam::111122223333:role/other")))]),
        ("no principal", vec![ok(with("principalArn", Value::Null))]),
        ("no type", vec![ok(with("type", Value::Null))]),
        ("an unknown type", vec![ok(with("type", json!("QUANTUM")))]),
        ("no entry", vec![ok(json!({}))]),
        ("no JSON", vec![Answer::Http(200, &[], "<html>".into())]),
        ("somebody else's policies", vec![standard(), ok(foreign)]),
        ("a policy without scope", vec![standard(), ok(policies(scopeless, None))]),
        ("an unknown scope", vec![standard(), ok(policies(odd_scope, None))]),
        ("pages in a circle", vec![standard(), ok(policies(json!([]), Some("a"))), ok(policies(json!([]), Some("a")))]),
        ("a 404 that is not EKS's", vec![Answer::Http(404, &[], "<html>not found</html>".into())]),
    ];
    for (what, answers) in cases {
        assert_eq!(observe_error(answers).await.class, Class::BadAnswer, "{what}");
    }
}

#[tokio::test]
async fn an_entry_of_the_same_cluster_name_in_another_account_or_region_is_not_believed() {
    for home in ["eu-central-1:999999999999", "us-east-1:111122223333"] {
        let arn = format!("arn:aws:eks:{home}:access-entry/prod/role/111122223333/my-role/c0ffee");
        let error = observe_error(vec![ok(with("accessEntryArn", json!(arn)))]).await;
        assert_eq!(error.class, Class::ClusterGone);
        let found = json!({"cluster": {"status": "ACTIVE", "arn": format!("arn:aws:eks:{home}:cluster/prod")}});
        let (_, gate) = answered(vec![ok(found)], async |eks| eks.describe_cluster(&cluster("prod")).await).await;
        assert_eq!(gate.unwrap_err().class, Class::ClusterGone);
    }
}

#[tokio::test]
async fn associated_policies_are_gathered_from_all_pages() {
    let on = |name: &str, scope: Value| json!([{"policyArn": name, "accessScope": scope}]);
    let first = policies(on("arn:one", json!({"type": "cluster", "namespaces": []})), Some("page/2"));
    let second = policies(on("arn:two", json!({"type": "namespace", "namespaces": ["b", "a"]})), None);
    let answers = vec![ok(entry("STANDARD")), ok(first), ok(second)];
    let (requests, seen) = answered(answers, async |eks| eks.observe(&cluster("prod"), &role()).await).await;
    let namespaces = AccessScope::Namespace { namespaces: ["a".to_owned(), "b".to_owned()].into() };
    let expected = [("arn:one".to_owned(), AccessScope::Cluster), ("arn:two".to_owned(), namespaces)];
    assert_eq!(seen.unwrap().unwrap().content.access_policies, expected.into());
    assert!(requests[2].contains("/access-policies?nextToken=page%2F2 "), "{}", requests[2]);
}

#[tokio::test]
async fn a_missing_entry_is_none_and_so_is_one_that_vanishes_between_the_calls() {
    let gone = || refusal(404, "ResourceNotFoundException", "The specified principalArn could not be found.");
    for answers in [vec![gone()], vec![ok(entry("STANDARD")), gone()]] {
        let (_, outcome) = answered(answers, async |eks| eks.observe(&cluster("prod"), &role()).await).await;
        assert_eq!(outcome.unwrap(), None);
    }
}

#[tokio::test]
async fn a_missing_cluster_is_never_a_missing_entry() {
    let gone = || refusal(404, "ResourceNotFoundException", "No cluster found for name: prod.");
    assert_eq!(observe_error(vec![gone()]).await.class, Class::ClusterGone);
    assert_eq!(observe_error(vec![ok(entry("STANDARD")), gone()]).await.class, Class::ClusterGone);
    let (_, deleted) = answered(vec![gone()], async |eks| eks.delete(&cluster("prod"), &role()).await).await;
    assert_eq!(deleted.unwrap_err().class, Class::ClusterGone);
    let (_, taken_off) =
        answered(vec![gone()], async |eks| eks.disassociate(&cluster("prod"), &role(), VIEW).await).await;
    assert_eq!(taken_off.unwrap_err().class, Class::ClusterGone);
}

#[tokio::test]
async fn an_error_carries_awss_code_words_request_id_and_wish_to_wait() {
    let headers =
        &[("x-amzn-ErrorType", "ThrottlingException"), ("x-amzn-RequestId", "req-9"), ("x-amz-retry-after", "1500")];
    let error = observe_error(vec![Answer::Http(429, headers, r#"{"message":"Rate exceeded"}"#.into())]).await;
    assert_eq!(
        error,
        EksError {
            code: Some("ThrottlingException".into()),
            message: Some("Rate exceeded".into()),
            aws_request_id: Some("req-9".into()),
            retry_after: Some(Duration::from_millis(1500)),
            ..EksError::of(Class::Throttled)
        }
    );
}

#[tokio::test]
async fn a_lost_answer_leaves_it_open_whether_the_write_happened() {
    let half = entry("STANDARD").to_string();
    for (what, answer) in [
        ("closed", Answer::Close),
        ("hanging", Answer::Hang),
        ("half an answer", Answer::Half(half.clone())),
        ("half an answer, then nothing", Answer::HalfThenHang(half)),
        ("500", refusal(500, "ServerException", "")),
        ("502 of a proxy", Answer::Http(502, &[], "<html>".into())),
        ("503", refusal(503, "ServiceUnavailableException", "")),
    ] {
        let (_, outcome) = answered(vec![answer], async |eks| eks.delete(&cluster("prod"), &role()).await).await;
        let error = outcome.unwrap_err();
        assert_eq!((error.class, error.ambiguous), (Class::Transient, true), "{what}: {error:?}");
    }
}

#[tokio::test]
async fn what_was_refused_or_never_sent_did_not_happen() {
    let (_, refused) = answered(vec![refusal(400, "InvalidParameterException", "No.")], async |eks| {
        eks.delete(&cluster("prod"), &role()).await
    })
    .await;
    let refused = refused.unwrap_err();
    assert_eq!((refused.class, refused.ambiguous), (Class::Final, false));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for url in [nobody.as_str(), "http://no-such-host.invalid"] {
        let error = adapter(url, Duration::from_secs(5)).delete(&cluster("prod"), &role()).await.unwrap_err();
        assert_eq!((error.class, error.ambiguous), (Class::Transient, false), "{error:?}");
    }
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_carried_nothing() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        queued.push(stream.unwrap());
    }
    let eks = adapter(&format!("http://{address}"), Duration::from_secs(1));
    let error = eks.delete(&cluster("prod"), &role()).await.unwrap_err();
    assert_eq!((error.class, error.ambiguous), (Class::Transient, false), "{error:?}");
}

#[tokio::test]
async fn trouble_while_assuming_the_role_reaches_eks_not_at_all() {
    let assumed = entryway::domain::cluster::Cluster {
        role_arn: Some("arn:aws:iam::111122223333:role/entryway-target".into()),
        ..cluster("prod")
    };
    let sts = |status, code: &str, message: &str| {
        let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
        Answer::Http(status, &[], format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"))
    };
    let denied = "User: x is not authorized to perform: sts:AssumeRole on resource: y";
    for (answer, class) in [
        (sts(403, "AccessDenied", denied), Class::Credentials),
        (sts(400, "Throttling", "Rate exceeded"), Class::Throttled),
        (sts(500, "InternalFailure", ""), Class::Transient),
        (Answer::Hang, Class::Transient),
    ] {
        let (requests, outcome) = answered(vec![answer], async |eks| eks.delete(&assumed, &role()).await).await;
        assert!(requests[0].contains("Action=AssumeRole"), "{}", requests[0]);
        let error = outcome.unwrap_err();
        assert_eq!((error.class, error.ambiguous), (class, false), "{error:?}");
        if class == Class::Credentials {
            assert_eq!(error.message.as_deref(), Some(denied));
        }
    }
}
