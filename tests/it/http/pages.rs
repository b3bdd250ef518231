//! What people and their tools read: the document, the page to try it out, and what each code means.

use entryway::domain::rules::{Code, WarningCode};
use entryway::domain::trouble::Trouble;
use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Api, PUBLIC_URL};

/// The warnings of the contract.
const WARNINGS: &str = "iam-user-discouraged no-permissions username-without-session-name custom-username-discouraged \
    managed-node-role-not-needed group-binding-not-checked node-entry-removal-is-disruptive principal-not-checked";

/// The codes of whole answers in the contract, each with its status.
const ANSWERS: &str = "400 malformed-json 400 next-token-invalid 400 bad-parameter 400 idempotency-key-invalid \
    401 unauthenticated 403 forbidden 403 self-approval 403 not-a-person 403 request-not-permitted 404 not-found \
    409 not-pending 409 already-reviewed 409 illegal-state 409 type-conflict 409 username-conflict \
    409 idempotency-in-flight 409 too-many-pending 412 stale 413 too-large 415 unsupported-media-type \
    422 validation-failed 422 idempotency-key-reused 429 rate-limited 503 unavailable";

#[tokio::test]
async fn every_code_there_is_is_explained_to_programs_and_to_people() {
    let api = Api::new().await;
    let listed = api.call(Method::GET, "/problems").await.is(200).each("code");
    let mut codes: Vec<&str> = WARNINGS.split(' ').filter(|word| !word.is_empty()).collect();
    codes.extend(Code::ALL.iter().map(|code| code.as_str()));
    codes.extend(WarningCode::ALL.iter().map(|code| code.as_str()));
    codes.extend(Trouble::ALL.iter().map(|trouble| trouble.as_str()));
    for code in codes.iter().copied().chain(listed.iter().map(String::as_str)) {
        assert!(listed.iter().any(|known| known == code), "{code} is not listed");
        let told = api.call(Method::GET, &format!("/problems/{code}")).await.is(200).body;
        assert_eq!(told["code"], code);
        let words = ["place", "title", "meaning", "remedy"].map(|field| told[field].as_str().unwrap().to_owned());
        assert!(words.iter().all(|words| words.len() > 10), "{told}");
        let in_last_error = Trouble::parse(code).is_some();
        assert_eq!(words[0].contains("lastError"), in_last_error, "{told}");
        let page =
            api.call(Method::GET, &format!("/problems/{code}")).header("accept", "text/html,*/*;q=0.8").await.is(200);
        assert!(page.header("content-type").unwrap().starts_with("text/html"));
        assert!(page.text.contains(code) && page.text.contains("What to do"), "{}", page.text);
    }
    let page = api.call(Method::GET, "/problems").header("accept", "text/html").await.is(200);
    assert!(listed.iter().all(|code| page.text.contains(&format!("href=\"/problems/{code}\""))));
}

#[tokio::test]
async fn every_code_of_the_contract_goes_with_its_status() {
    let api = Api::new().await;
    let words: Vec<_> = ANSWERS.split_whitespace().collect();
    for pair in words.chunks(2) {
        let told = api.call(Method::GET, &format!("/problems/{}", pair[1])).await.is(200).body;
        assert_eq!(told["status"].to_string(), pair[0], "{told}");
    }
    let warning = api.call(Method::GET, "/problems/no-permissions").await.is(200).body;
    assert_eq!(warning["status"], Value::Null);
}

#[tokio::test]
async fn the_document_names_the_address_that_people_use() {
    let api = Api::new().await;
    let mut served = api.call(Method::GET, "/openapi.json").await.is(200).body;
    assert_eq!(served["servers"], json!([{"url": PUBLIC_URL, "description": "This installation"}]));
    served.as_object_mut().unwrap().remove("servers");
    assert_eq!(served, serde_json::to_value(entryway::api::document()).unwrap());
}

#[tokio::test]
async fn the_page_to_try_it_out_needs_nothing_from_elsewhere() {
    let api = Api::new().await;
    let page = api.call(Method::GET, "/docs").await.is(200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self'") && policy.contains("connect-src 'self'"), "{policy}");
    let sources: Vec<_> = ["src=\"", "href=\""].iter().flat_map(|name| page.text.split(name).skip(1)).collect();
    let elsewhere = |source: &&str| source.starts_with("http") || source.starts_with("//");
    assert!(!sources.is_empty() && !sources.iter().any(elsewhere), "{}", page.text);
    for source in sources.iter().filter_map(|source| source.split('"').next()) {
        api.call(Method::GET, &format!("/docs/{}", source.trim_start_matches("./"))).await.is(200);
    }
    let script = api.call(Method::GET, "/docs/swagger-initializer.js").await.is(200).text;
    assert!(script.contains("/docs/openapi.json"), "{script}");
    let copy = api.call(Method::GET, "/docs/openapi.json").await.is(200).body;
    assert_eq!(copy["servers"], Value::Null, "it is tried out on the server that the page came from");
    assert!(copy["paths"]["/v1/requests"].is_object());
}

#[tokio::test]
async fn the_front_page_says_where_to_go() {
    let api = Api::new().await;
    let welcome = api.call(Method::GET, "/").await.is(200).body;
    for field in ["documentation", "openapi", "problems"] {
        api.call(Method::GET, welcome[field].as_str().unwrap()).await.is(200);
    }
    let head = api.call(Method::HEAD, "/").await.is(200);
    assert!(head.text.is_empty());
}
