//! `entryway config iam`, as people run it: what it prints for three configurations, and what must hold of every
//! document whatever was asked for. `UPDATE_GOLDEN=1 cargo test --test it iam` writes the expected texts anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use entryway::config::Estate;
use serde_json::Value;
use uuid::Uuid;

const SERVICE: &str = "arn:aws:iam::999988887777:role/entryway";

/// The three configurations, each with the options of its expected text.
const GOLDEN: [(&str, &[&str]); 3] = [
    ("single", &["--service-role", "arn:aws:iam::111122223333:role/entryway"]),
    (
        "accounts",
        &["--service-role", SERVICE, "--pod-identity", "--node-types", "EC2_LINUX,EC2", "--node-role", "eks-node-*"],
    ),
    ("china", &["--policy", "AmazonEKSViewPolicy", "--namespace", "payments", "--namespace", "payments-*"]),
];

/// Options that change what the documents hold.
const OPTIONS: [&[&str]; 6] = [
    &[],
    &["--pod-identity"],
    &["--tag-walls"],
    &["--policy", "AmazonEKSClusterAdminPolicy", "--namespaced-only"],
    &["--namespace", "payments-*", "--group", "team-*", "--tag-walls"],
    &[
        "--node-types",
        "EC2_LINUX,EC2_WINDOWS,FARGATE_LINUX,HYBRID_LINUX,EC2,HYPERPOD_LINUX",
        "--node-role",
        "eks-node-*",
    ],
];

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/iam").join(name)
}

fn run(config: &str, options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_entryway"))
        .args(["config", "iam", "--config"])
        .arg(data(config))
        .args(options)
        .env_clear()
        .output()
        .unwrap()
}

fn printed(config: &str, options: &[&str]) -> String {
    let output = run(config, options);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{config} {options:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The documents of the text, which are what is left of it without its lines of prose.
fn documents(text: &str) -> Vec<Value> {
    let bare: String = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    serde_json::Deserializer::from_str(&bare).into_iter().map(Result::unwrap).collect()
}

fn list(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .map_or_else(|| value.as_str().into_iter().collect(), |many| many.iter().flat_map(Value::as_str).collect())
}

fn statements(documents: &[Value]) -> impl Iterator<Item = &Value> {
    documents.iter().flat_map(|document| document["Statement"].as_array().unwrap())
}

#[test]
fn the_texts_are_the_expected_ones() {
    for (name, options) in GOLDEN {
        let text = printed(&format!("{name}.toml"), options);
        let expected = data(&format!("{name}.txt"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&expected, &text).unwrap();
        }
        assert!(text == fs::read_to_string(&expected).unwrap(), "{name}: run UPDATE_GOLDEN=1 cargo test --test it iam");
    }
}

#[test]
fn no_document_allows_more_than_the_configured_clusters() {
    for (name, options) in GOLDEN.into_iter().flat_map(|(name, _)| OPTIONS.map(|options| (name, options))) {
        let documents = documents(&printed(&format!("{name}.toml"), options));
        assert!(!documents.is_empty());
        let clusters = Estate::load(Some(&data(&format!("{name}.toml"))), []).unwrap().clusters;
        let arn = |kind: &str, rest: &str| {
            let arns = clusters.iter().map(|cluster| {
                let (partition, region) = (cluster.partition(), &cluster.region);
                format!("arn:{partition}:eks:{region}:{}:{kind}/{}{rest}", cluster.account_id, cluster.eks_name)
            });
            arns.collect::<BTreeSet<_>>()
        };
        let mut of_eks = BTreeSet::new();
        for statement in statements(&documents) {
            let actions = list(&statement["Action"]);
            assert!(!actions.is_empty() && actions.iter().all(|action| !action.contains('*')), "{statement}");
            let resources = list(&statement["Resource"]);
            if resources.contains(&"*") {
                assert_eq!(actions, ["eks:ListAccessPolicies"], "AWS knows a narrower resource for it");
            } else if actions.iter().any(|action| action.starts_with("eks:")) {
                of_eks.extend(resources.iter().map(|arn| (*arn).to_owned()));
            } else {
                assert!(resources.iter().all(|arn| !arn.ends_with(":*")), "{statement}");
            }
            assert!(statement.get("NotAction").is_none() && statement.get("NotResource").is_none());
        }
        assert_eq!(of_eks, &arn("cluster", "") | &arn("access-entry", "/*"), "{name} {options:?}");
    }
}

#[test]
fn every_document_is_one_that_iam_takes() {
    for (name, options) in GOLDEN.into_iter().flat_map(|(name, _)| OPTIONS.map(|options| (name, options))) {
        for document in documents(&printed(&format!("{name}.toml"), options)) {
            assert_eq!(document["Version"], "2012-10-17");
            let text = document.to_string();
            assert!(text.chars().filter(|c| !c.is_whitespace()).count() <= 6_144, "{name} {options:?}");
            assert!(text.chars().all(|c| (' '..='\u{ff}').contains(&c)));
            let mut sids = BTreeSet::new();
            for statement in document["Statement"].as_array().unwrap() {
                let sid = statement["Sid"].as_str().unwrap();
                assert!(sid.bytes().all(|b| b.is_ascii_alphanumeric()) && sids.insert(sid), "{sid}");
                assert!(["Allow", "Deny"].contains(&statement["Effect"].as_str().unwrap()));
                let is_trust = statement.get("Principal").is_some();
                assert_ne!(is_trust, statement.get("Resource").is_some(), "{statement}");
                for values in statement["Condition"].as_object().into_iter().flat_map(|all| all.values()) {
                    assert!(values.as_object().unwrap().values().all(|values| !list(values).is_empty()), "{statement}");
                }
            }
        }
    }
}

/// Walls may not stand before what ends access, whatever was asked for.
#[test]
fn ending_access_is_allowed_without_conditions() {
    for (name, options) in GOLDEN.into_iter().flat_map(|(name, _)| OPTIONS.map(|options| (name, options))) {
        let documents = documents(&printed(&format!("{name}.toml"), options));
        for action in ["eks:DeleteAccessEntry", "eks:DisassociateAccessPolicy", "eks:UpdateAccessEntry"] {
            let about = |statement: &&Value| list(&statement["Action"]).contains(&action);
            for statement in statements(&documents).filter(about) {
                let condition = statement.get("Condition").map(Value::to_string).unwrap_or_default();
                match statement["Effect"].as_str() {
                    Some("Allow") => assert_eq!(condition, "", "{name} {options:?}"),
                    _ => assert!(
                        !condition.contains("Not") || condition.contains(r#""Null":{"eks:accessEntryType":"false"}"#),
                        "an entry that is not shown yet would be denied: {condition}"
                    ),
                }
            }
        }
    }
}

/// The calls of the adapter, by the names that IAM has for them.
#[test]
fn what_is_allowed_is_what_the_adapter_calls() {
    let mut source = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/eks")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                source += &fs::read_to_string(entry).unwrap();
            }
        }
    }
    let source: String = source.split_whitespace().collect();
    let options = ["--pod-identity", "--node-types", "EC2_LINUX", "--node-role", "node"];
    let documents = documents(&printed("accounts.toml", &options));
    let allows = |statement: &&Value| statement["Effect"] == "Allow";
    let allowed: BTreeSet<&str> = statements(&documents).filter(allows).flat_map(|one| list(&one["Action"])).collect();
    // These come with other calls (roles with CreateAccessEntry), are made by the SDK, or only inform.
    let implied = ["iam:PassRole", "sts:AssumeRole", "sts:TagSession", "iam:GetRole", "iam:GetUser"];
    const EKS: [&str; 15] = [
        "CreateAccessEntry",
        "DescribeAccessEntry",
        "UpdateAccessEntry",
        "DeleteAccessEntry",
        "ListAccessEntries",
        "AssociateAccessPolicy",
        "DisassociateAccessPolicy",
        "ListAssociatedAccessPolicies",
        "ListAccessPolicies",
        "DescribeCluster",
        "ListClusters",
        "UpdateClusterConfig",
        "TagResource",
        "UntagResource",
        "ListTagsForResource",
    ];
    let called: BTreeSet<String> = EKS
        .into_iter()
        .filter(|name| source.contains(&format!(".{}()", snake(name))))
        .map(|name| format!("eks:{name}"))
        .collect();
    let granted: BTreeSet<String> =
        allowed.iter().filter(|action| !implied.contains(action)).map(|action| (*action).to_owned()).collect();
    assert_eq!(called, granted);
    assert!(implied.iter().all(|action| allowed.contains(action)));
}

fn snake(name: &str) -> String {
    let letters = name.chars().enumerate();
    letters.fold(String::new(), |mut text, (index, c)| {
        if c.is_ascii_uppercase() && index > 0 {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
        text
    })
}

#[test]
fn the_object_for_programs_holds_the_same_documents() {
    let text = documents(&printed("accounts.toml", &["--service-role", SERVICE]));
    let object = printed("accounts.toml", &["--service-role", SERVICE, "--format", "json"]);
    let object: Value = serde_json::from_str(&object).unwrap();
    assert_eq!(
        (object["installation"].as_str(), object["serviceRole"]["arn"].as_str()),
        (Some("acme-platform"), Some(SERVICE))
    );
    let mut found = vec![&object["serviceRole"]["policies"][0]];
    for role in object["targetRoles"].as_array().unwrap() {
        found.push(&role["trustPolicy"]);
        found.extend(role["policies"].as_array().unwrap());
    }
    assert_eq!(found.iter().map(|policy| policy["document"].clone()).collect::<Vec<_>>(), text);
    for policy in found {
        let sids: BTreeSet<_> = policy["document"]["Statement"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["Sid"].as_str().unwrap())
            .collect();
        let told: BTreeSet<_> = policy["why"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(sids, told, "each statement says what it is for");
    }
}

#[test]
fn files_hold_the_documents_and_the_commands_name_them() {
    let folder = std::env::temp_dir().join(format!("entryway it iam {}", Uuid::new_v4()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("444455556666.gone.trust.json"), "{}").unwrap();
    let output = run("accounts.toml", &["--service-role", SERVICE, "--out", folder.to_str().unwrap()]);
    let (text, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let mut names: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let mut held = vec![];
    for name in names.iter().filter(|name| !name.contains("gone")) {
        held.push(serde_json::from_slice::<Value>(&fs::read(folder.join(name)).unwrap()).unwrap());
        let file = format!("'file://{}/{name}'", folder.display());
        assert!(text.contains(&file), "{file}: {text}");
    }
    fs::remove_dir_all(&folder).unwrap();
    assert!(output.status.success() && errors.contains("444455556666.gone.trust.json was not written now"), "{errors}");
    let mut expected = documents(&printed("accounts.toml", &["--service-role", SERVICE]));
    expected.sort_by_key(Value::to_string);
    held.sort_by_key(Value::to_string);
    assert_eq!(held, expected);
    assert!(
        text.lines().all(|line| line.is_empty() || line.starts_with('#') || line.starts_with("aws iam ")),
        "{text}"
    );
    assert!(
        text.contains(
            "aws iam create-role --role-name entryway-target --path /platform/ --assume-role-policy-document"
        )
    );
}

#[test]
fn what_cannot_be_is_refused_with_the_code_for_it() {
    let output = run("accounts.toml", &["--service-role", "arn:aws:iam::1:role/x"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        output.stdout.is_empty() && String::from_utf8_lossy(&output.stderr).contains("the account is not 12 digits")
    );
    let output = run("nowhere.toml", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("name another with --config"));
    let output = run("single.toml", &["--out", "/dev/null/x"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("name another folder with --out"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_entryway"))
        .args(["config", "iam", "--config"])
        .arg(data("accounts.toml"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_option_is_in_the_document_about_aws() {
    let help = Command::new(env!("CARGO_BIN_EXE_entryway")).args(["config", "iam", "--help"]).output().unwrap();
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/AWS.md")).unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let options: BTreeSet<&str> =
        help.lines().filter_map(|line| line.trim_start().strip_prefix("--")?.split([' ', '=']).next()).collect();
    assert!(options.len() > 8, "{options:?}");
    for option in options {
        assert!(page.contains(&format!("`--{option}")), "docs/AWS.md does not say what --{option} is for");
    }
    for document in GOLDEN.map(|(name, options)| documents(&printed(&format!("{name}.toml"), options))).concat() {
        for sid in statements(&[document]).map(|statement| statement["Sid"].as_str().unwrap().to_owned()) {
            let name = sid.trim_end_matches(|c: char| c.is_ascii_digit());
            assert!(page.contains(&format!("`{name}`")), "docs/AWS.md does not say what {name} is for");
        }
    }
}

#[test]
fn the_policies_of_the_document_about_aws_are_json_and_the_example_gets_some() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/AWS.md")).unwrap();
    let blocks: Vec<_> = page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let policy: Value = serde_json::from_str(block).unwrap();
        assert_eq!(policy["Version"], "2012-10-17");
    }
    assert!(!documents(&printed("../../../entryway.example.toml", &[])).is_empty());
}
