//! Cases 32 to 41, 45 to 47 and 51: what `CreateAccessEntry` refuses, mostly even where there is no cluster.

use serde_json::{Value, json};

use super::bed::{Answer, Bed, ROLE, entry_of};
use super::clusters::CREATOR;

const PREFIXES: [&str; 5] = ["system:", "eks:", "aws:", "amazon:", "iam:"];
const NODE_TYPES: [&str; 6] = ["EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "HYBRID_LINUX", "EC2", "HYPERPOD_LINUX"];

/// The answer of a cluster that is not there: it shows that a rule needs no cluster, or that it has nothing to say.
async fn without_cluster(bed: &Bed, body: Value) -> Answer {
    bed.create("absent", body).await
}

#[tokio::test]
async fn case_032_service_linked_roles() {
    let bed = Bed::new().await;
    for account in ["111122223333", "444455556666"] {
        let role = format!("arn:aws:iam::{account}:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS");
        for kind in NODE_TYPES.into_iter().chain(["STANDARD"]) {
            let answer = without_cluster(&bed, json!({"principalArn": role, "type": kind})).await;
            answer.bad_parameter(
                "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role",
            );
        }
    }
}

#[tokio::test]
async fn case_033_reserved_usernames() {
    let bed = Bed::new().await;
    for prefix in PREFIXES {
        let answer = without_cluster(&bed, json!({"principalArn": ROLE, "username": format!("{prefix}x")})).await;
        answer.bad_parameter(&format!("The username must not begin with {prefix}"));
    }
    for free in ["sts:x", "System:x", "system", "my-system:x"] {
        let answer = without_cluster(&bed, json!({"principalArn": ROLE, "username": free})).await;
        answer.refused(404, "ResourceNotFoundException");
    }
}

#[tokio::test]
async fn case_034_reserved_groups() {
    let bed = Bed::new().await;
    for prefix in PREFIXES {
        let group = format!("{prefix}masters");
        let body = json!({"principalArn": ROLE, "kubernetesGroups": ["fine", group]});
        let answer = without_cluster(&bed, body).await;
        answer.bad_parameter(&format!("The kubernetes group name {group} is invalid, it cannot start with {prefix}"));
    }
    let answer = without_cluster(&bed, json!({"principalArn": ROLE, "kubernetesGroups": ["system", "sts:x"]})).await;
    answer.refused(404, "ResourceNotFoundException");
}

const MEASURED_TYPES: &str = "[EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, HYBRID_LINUX, EC2]";

#[tokio::test]
async fn case_035_node_types_are_for_the_own_account() {
    let bed = Bed::new().await;
    for kind in NODE_TYPES {
        let foreign = json!({"principalArn": "arn:aws:iam::444455556666:role/r", "type": kind});
        without_cluster(&bed, foreign).await.bad_parameter(&format!(
            "AccessEntry principalArn must be from the same account as the cluster when using types {MEASURED_TYPES}"
        ));
    }
}

#[tokio::test]
async fn case_036_node_types_are_for_roles() {
    let bed = Bed::new().await;
    for kind in NODE_TYPES {
        let user = json!({"principalArn": "arn:aws:iam::111122223333:user/u", "type": kind});
        without_cluster(&bed, user)
            .await
            .bad_parameter(&format!("AccessEntry principalArn must be IAM role when using types {MEASURED_TYPES}"));
    }
}

#[tokio::test]
async fn case_037_node_types_take_no_username() {
    let bed = Bed::new().await;
    for kind in NODE_TYPES {
        let body = json!({"principalArn": ROLE, "type": kind, "username": "x"});
        bed.create("dev", body).await.bad_parameter(&format!(
            "The specified username is invalid: setting username is not allowed when the type is \"{kind}\""
        ));
    }
}

#[tokio::test]
async fn case_038_node_types_take_no_groups_but_an_empty_list() {
    let bed = Bed::new().await;
    for kind in NODE_TYPES {
        let body = |groups: Value| json!({"principalArn": ROLE, "type": kind, "kubernetesGroups": groups});
        bed.create("dev", body(json!(["g"]))).await.bad_parameter(&format!(
            "The specified kubernetesGroups is invalid: setting kubernetesGroups is not allowed when the type is \"{kind}\""
        ));
        bed.create("dev", body(json!([]))).await.good();
        bed.delete(&entry_of("dev", ROLE)).await.good();
    }
}

#[tokio::test]
async fn case_039_the_session_name_needs_a_colon_before_it() {
    let bed = Bed::new().await;
    for placeholder in ["{{SessionName}}", "{{SessionNameRaw}}"] {
        for bad in ["john", ""] {
            for tail in ["", ":x"] {
                let username = format!("{bad}{placeholder}{tail}");
                let answer = without_cluster(&bed, json!({"principalArn": ROLE, "username": username})).await;
                answer.refused(400, "InvalidParameterException");
            }
        }
        for good in [":john", "jo:hn", "a:"] {
            let username = format!("{good}{placeholder}");
            let answer = without_cluster(&bed, json!({"principalArn": ROLE, "username": username})).await;
            answer.refused(404, "ResourceNotFoundException");
        }
    }
    without_cluster(&bed, json!({"principalArn": ROLE, "username": "plain"}))
        .await
        .refused(404, "ResourceNotFoundException");
}

#[tokio::test]
async fn case_040_types_are_spelled_as_the_api_spells_them() {
    let bed = Bed::new().await;
    // The first is how the user guide's page spells it in its example.
    for kind in ["EC2_Linux", "EC2 Linux", "standard", "", "NODE"] {
        let answer = without_cluster(&bed, json!({"principalArn": ROLE, "type": kind})).await;
        answer.refused(400, "InvalidParameterException");
    }
}

#[tokio::test]
async fn case_041_what_is_no_role_and_no_user() {
    let bed = Bed::new().await;
    for arn in [
        "arn:aws:sts::111122223333:assumed-role/my-role/me",
        "arn:aws:sts::111122223333:federated-user/me",
        "arn:aws:s3:::bucket",
        "arn:aws:eks:eu-central-1:111122223333:access-entry/dev/role/111122223333/my-role/0",
        "arn:aws:iam::11112222333:role/short",
        "arn:aws:iam::111122223333:role/trailing/",
        "arn:aws:iam::111122223333:root",
        "my-role",
        "",
    ] {
        let answer = without_cluster(&bed, json!({ "principalArn": arn })).await;
        answer.bad_parameter("The principalArn parameter format is not valid");
    }
    without_cluster(&bed, json!({})).await.bad_parameter("The principalArn parameter format is not valid");
}

#[tokio::test]
async fn case_045_tags_have_limits() {
    let bed = Bed::new().await;
    let many: serde_json::Map<_, _> = (0..51).map(|n| (format!("k{n}"), json!("v"))).collect();
    for tags in [
        json!(many),
        json!({"k".repeat(129): "v"}),
        json!({"k": "v".repeat(257)}),
        json!({"": "v"}),
        json!({"aws:x": "v"}),
        json!({"AWS:x": "v"}),
        json!({"k": "bad*"}),
    ] {
        let answer = bed.create("dev", json!({"principalArn": ROLE, "tags": tags})).await;
        answer.refused(400, "InvalidParameterException");
    }
    let at_the_limits: serde_json::Map<_, _> =
        (0..50).map(|n| (format!("{n:0>128}"), json!("v".repeat(256)))).collect();
    bed.create("dev", json!({"principalArn": ROLE, "tags": at_the_limits})).await.good();
}

#[tokio::test]
async fn case_046_one_entry_per_principal() {
    let bed = Bed::new().await;
    bed.create_plain("dev", ROLE).await;
    // The creator's entry, which EKS made by itself, is in the way like any other.
    for principal in [ROLE, CREATOR] {
        bed.create("dev", json!({"principalArn": principal, "username": "other"})).await.refused_with(
            409,
            "ResourceInUseException",
            "The specified access entry resource is already in use on this cluster.",
        );
    }
    bed.create_plain("prod", ROLE).await;
}

#[tokio::test]
async fn case_047_the_3001st_entry() {
    let bed = Bed::new().await;
    let role = |number: usize| format!("arn:aws:iam::111122223333:role/r{number}");
    // EKS's own two entries count.
    for number in 2..3_000 {
        bed.create_plain("dev", &role(number)).await;
    }
    let one_more = json!({"principalArn": role(3_000)});
    bed.create("dev", one_more.clone()).await.refused(400, "ResourceLimitExceededException");
    bed.create("prod", one_more.clone()).await.good();
    bed.delete(&entry_of("dev", &role(2))).await.good();
    bed.create("dev", one_more).await.good();
}

#[tokio::test]
async fn case_051_self_managed_nodes_take_pass_role() {
    let bed = Bed::new().await;
    bed.knobs(json!({"denied": [{"action": "iam:PassRole"}]})).await;
    for kind in ["EC2_LINUX", "EC2_WINDOWS"] {
        let answer = bed.create("dev", json!({"principalArn": ROLE, "type": kind})).await;
        answer.refused(403, "AccessDeniedException");
        let message = answer.body["message"].as_str().unwrap();
        assert!(message.ends_with(&format!("is not authorized to perform: iam:PassRole on resource: {ROLE}")));
    }
    bed.create("dev", json!({"principalArn": ROLE, "type": "FARGATE_LINUX"})).await.good();
}

#[tokio::test]
async fn creating_with_tags_takes_the_right_to_tag() {
    let bed = Bed::new().await;
    bed.knobs(json!({"denied": [{"action": "eks:TagResource"}]})).await;
    let answer = bed.create("dev", json!({"principalArn": ROLE, "tags": {"k": "v"}})).await;
    answer.refused(403, "AccessDeniedException");
    bed.create_plain("dev", ROLE).await;
}
