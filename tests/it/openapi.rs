//! The OpenAPI document: committed as it is generated, and complete.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

/// Calls that anybody may make.
const OPEN: [&str; 6] = ["/", "/livez", "/readyz", "/openapi.json", "/problems", "/problems/{code}"];

fn document() -> Value {
    serde_json::to_value(entryway::api::document()).unwrap()
}

/// Every operation as (method, path, what the document says).
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((method.clone(), path.clone(), operation.clone()));
        }
    }
    assert!(operations.len() >= 15, "the document is cut short");
    operations
}

#[test]
fn the_committed_document_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/entryway.json");
    let generated = entryway::api::document().to_pretty_json().unwrap() + "\n";
    if std::env::vars().any(|(name, value)| name == "UPDATE_OPENAPI" && value == "1") {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "openapi/entryway.json is not what the code says: run `make openapi` and commit it"
    );
}

#[test]
fn every_operation_says_what_it_is_and_who_may_call_it() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["info"]["license"]["identifier"], "Apache-2.0");
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let name = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{name}: its id is taken");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{name}");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{name}");
        let security = operation.get("security").unwrap_or(&document["security"]);
        let open = security == &serde_json::json!([{}]);
        assert_eq!(open, OPEN.contains(&path.as_str()), "{name}: {security}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{name}: {parameter}");
            assert!(!parameter["example"].is_null(), "{name}: {parameter}");
        }
    }
}

#[test]
fn every_failure_is_documented_as_a_problem() {
    let document = document();
    for (method, path, operation) in operations(&document) {
        let name = format!("{method} {path}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.values().all(|response| response["headers"]["x-request-id"].is_object()), "{name}");
        let has = |status: &str| responses.contains_key(status);
        assert!(has("200") || has("201"), "{name}: no success");
        if path.starts_with("/v1/") {
            let mut expected = vec!["400", "401", "403", "429", "500", "503"];
            expected.extend(path.contains('{').then_some("404"));
            expected.extend((method == "post").then_some(["409", "413", "415", "422"]).into_iter().flatten());
            for status in expected {
                assert!(has(status), "{name}: {status} is not documented");
            }
            let on_behalf = |p: &Value| p["name"] == "Entryway-On-Behalf-Of" && p["in"] == "header";
            assert!(operation["parameters"].as_array().unwrap().iter().any(on_behalf), "{name}");
        }
        for (status, response) in responses.iter().filter(|(status, _)| !status.starts_with('2')) {
            let content = response["content"].as_object().unwrap();
            if path == "/readyz" && status == "503" {
                assert!(content.contains_key("application/json"));
                continue;
            }
            assert_eq!(content.keys().collect::<Vec<_>>(), ["application/problem+json"], "{name} {status}");
            let problem = &content["application/problem+json"];
            assert_eq!(problem["schema"]["$ref"], "#/components/schemas/Problem", "{name} {status}");
            assert_eq!(problem["example"]["status"].to_string(), **status, "{name}");
        }
    }
}

#[test]
fn every_field_is_described_and_none_is_left_dangling() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let described = ["/description", "/oneOf/0/description"];
            assert!(described.iter().any(|at| property.pointer(at).is_some()), "{name}.{field}: {property}");
        }
    }
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(schemas.contains_key(reference), "{reference} is referred to and not there");
    }
    for name in schemas.keys() {
        assert!(text.contains(&format!("#/components/schemas/{name}\"")), "{name} is there and not referred to");
    }
}

#[test]
fn answers_have_every_field_and_bodies_only_those_that_are_known() {
    let document = document();
    let required = |name: &str| -> BTreeSet<String> {
        let names = document["components"]["schemas"][name]["required"].as_array().unwrap();
        names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    let contract = "id state endReason version clusterName principalArn type username kubernetesGroups accessPolicies \
                    tags reason ticket duration startAt breakGlass extends specDigest requester submittedBy warnings \
                    approval reviews grant verification lastError allowedActions createdAt updatedAt";
    assert_eq!(required("Request"), contract.split_whitespace().map(str::to_owned).collect());
    assert_eq!(required("NewRequest"), ["principalArn".to_owned()].into());
    // Slack sends what it sends, and a link is confirmed by following it.
    let ours = |path: &str| !path.starts_with("/slack/");
    for (method, path, operation) in
        operations(&document).iter().filter(|(method, path, _)| method == "post" && ours(path))
    {
        let body = &operation["requestBody"];
        let schema = &body["content"]["application/json"]["schema"]["$ref"];
        let name = schema.as_str().unwrap_or_else(|| panic!("{method} {path}: {body}")).rsplit('/').next().unwrap();
        let closed = &document["components"]["schemas"][name]["additionalProperties"];
        assert_eq!(closed, &Value::Bool(false), "{method} {path}: {name}");
        assert_eq!(body["required"] == true, name != "Reason", "{method} {path}");
    }
}

#[test]
fn no_route_bypasses_the_document() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api");
    let source = std::fs::read_to_string(folder.join("mod.rs")).unwrap();
    assert!(source.contains(".routes(routes!("));
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let source = std::fs::read_to_string(&path).unwrap();
                let code = source.split("#[cfg(test)]").next().unwrap();
                // The figures' own listener is not part of the API; the same route on the API is documented.
                let routes = code.matches(".route(").count() - code.matches(".route(\"/metrics\"").count();
                assert_eq!(routes, 0, "{}: use routes!, which documents the route", path.display());
            }
        }
    }
}
