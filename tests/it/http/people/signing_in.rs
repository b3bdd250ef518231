//! Who one is, where the service is, and what is said when neither answers.

use std::fs;
use std::os::unix::fs::MetadataExt;

use tokio::net::TcpListener;

use super::{Office, spawned};

#[tokio::test]
async fn a_profile_is_kept_once_the_token_is_good_and_only_for_its_service() {
    let office = Office::new().await;
    let file = office.home.0.join(".config/entryway/profiles.toml");
    let login = ["login", "--url", &office.url];
    office.types_alone(&login, "mallory-token\n").await.ends(4).tells(&["unauthenticated", "entryway login"]);
    assert!(!file.exists(), "a token that is no good is not kept");
    let said = office.types_alone(&login, "alice-token\n").await.ends(0).shows(&["alice", "engineering"]);
    assert!(!said.out.contains("alice-token") && !said.err.contains("alice-token"), "{said:?}");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    let token = office.home.0.join("token");
    fs::write(&token, "bob-token\n").unwrap();
    let bob = ["login", "--url", &office.url, "--profile", "bob", "--token-file", token.to_str().unwrap()];
    office.types_alone(&bob, "").await.ends(0).shows(&["bob"]);
    office.types_alone(&["whoami"], "").await.ends(0).shows(&["user     alice\n", "profile  default\n"]);
    office.types_alone(&["whoami", "--profile", "bob"], "").await.ends(0).shows(&["administer"]);
    let elsewhere = office.types_alone(&["whoami", "--url", "http://127.0.0.1:9"], "").await.ends(4);
    elsewhere.tells(&["no token for http://127.0.0.1:9"]);
    office.types_alone(&["logout", "--profile", "bob"], "").await.ends(0);
    office.types_alone(&["whoami", "--profile", "bob"], "").await.ends(4).tells(&["no profile bob"]);
    office.types_alone(&["whoami"], "").await.ends(0);
}

#[tokio::test]
async fn each_thing_that_is_missing_has_its_exit_code_and_a_way_on() {
    let office = Office::new().await;
    office.types_alone(&["whoami"], "").await.ends(2).tells(&["entryway login --url"]);
    office.types_alone(&["whoami", "--url", &office.url], "").await.ends(4).tells(&["ENTRYWAY_TOKEN"]);
    office.types("mallory", &["whoami"]).await.ends(4).tells(&["unauthenticated", "next: Run entryway login"]);
    let problem = office.types("mallory", &["whoami", "--json"]).await.ends(4).json();
    assert_eq!(problem["code"], "unauthenticated");
    office.types("alice", &["whoami", "--url", "http://access.example.com"]).await.ends(2).tells(&["--allow-http"]);
    office.types("alice", &["clusters"]).await.ends(0).shows(&["CLUSTER", "dev", "prod"]);
    office.types("alice", &["access-policies"]).await.ends(0).shows(&["POLICY", "AmazonEKSViewPolicy  "]);
    let other = office.types("alice", &["access-policies", "--cluster", "prdo"]).await.ends(3);
    other.tells(&["no cluster here", "`entryway clusters`"]);
}

#[tokio::test]
async fn what_cannot_be_sent_is_the_fault_of_whoever_typed_it_and_of_no_service() {
    let office = Office::new().await;
    let said = office.types("portal", &["whoami", "--on-behalf-of", "alice\nbob"]).await.ends(2);
    said.tells(&["--on-behalf-of"]);
}

#[tokio::test]
async fn a_service_that_is_away_or_is_none_is_told_apart_from_a_refusal() {
    let office = Office::new().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let away = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let said =
        office.types("alice", &["list", "--url", &away]).await.ends(5).tells(&["cannot reach", &away, "--url says"]);
    assert_eq!(said.err.lines().count(), 1, "{said:?}");
    let environment = [("ENTRYWAY_URL", away.as_str()), ("ENTRYWAY_TOKEN", "alice-token")];
    let said = spawned(&office.home.0, &environment, &["list"], "").await.unwrap().ends(5);
    said.tells(&["is the service running there?", "ENTRYWAY_URL says where"]);
    let told = office.types("alice", &["list", "--url", &away, "--json"]).await.ends(5).json();
    assert_eq!(told["code"], "unreachable");
    let page = axum::Router::new().fallback(async || "<html>sign in here</html>");
    let other = super::bed::serve(page, &office.stop).await;
    office.types("alice", &["list", "--url", &other]).await.ends(5).tells(&["not as Entryway does"]);
}

#[tokio::test]
async fn tokens_come_from_files_too_and_every_shell_gets_its_completions() {
    let office = Office::new().await;
    let token = office.home.0.join("token");
    fs::write(&token, "carol-token\n").unwrap();
    let environment = [("ENTRYWAY_URL", office.url.as_str()), ("ENTRYWAY_TOKEN_FILE", token.to_str().unwrap())];
    spawned(&office.home.0, &environment, &["whoami"], "").await.unwrap().ends(0).shows(&["carol"]);
    for shell in ["bash", "zsh", "fish"] {
        office.types_alone(&["completions", shell], "").await.ends(0).shows(&["acknowledge", "idempotency-key"]);
    }
}
