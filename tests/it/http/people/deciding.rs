//! Those who sign off, and those who end access.

use serde_json::json;

use super::Office;

#[tokio::test]
async fn nothing_is_approved_unseen() {
    let office = Office::new().await;
    let id = office.filed().await;
    let said = office.types("bob", &["approve", &id]).await.ends(2);
    let said =
        said.tells(&["AmazonEKSViewPolicy in payments", "role/dev/apps/my-role", "a test needs it", "no terminal"]);
    assert!(said.out.is_empty(), "{said:?}");
    office.types("bob", &["approve", &id, "--digest", "sha256:of-something-else"]).await.ends(3).tells(&["stale"]);
    let seen = office.request(&id).await;
    assert_eq!((&seen["state"], &seen["reviews"]), (&json!("pending"), &json!([])));
    let digest = seen["specDigest"].as_str().unwrap();
    let said = office.types("bob", &["approve", &id, "--digest", digest, "--comment", "fine"]).await.ends(0);
    said.shows(&["approved: "]);
    assert_eq!(office.request(&id).await["reviews"][0]["comment"], "fine");
}

#[tokio::test]
async fn access_is_signed_off_waited_for_and_taken_back() {
    let office = Office::new().await;
    let id = office.filed().await;
    office.types("alice", &["approve", &id, "--yes"]).await.ends(3).tells(&["self-approval", "Ask another reviewer"]);
    office.types("bob", &["approve", &id, "--yes"]).await.ends(0);
    office.types("bob", &["approve", &id, "--yes"]).await.ends(3).tells(&["not-pending"]);
    office.types("alice", &["wait", &id, "--timeout", "60s"]).await.ends(0).shows(&["active since", "ends"]);
    let extended = ["extend", &id, "--duration", "2h", "--reason", "it takes longer", "--json"];
    assert_eq!(office.types("alice", &extended).await.ends(0).json()["extends"], json!(id));
    let own = office.types("alice", &["revoke", &id, "--reason", "done"]).await.ends(3);
    own.tells(&["forbidden", &format!("next: You may: entryway relinquish {id}\n")]);
    office.types("bob", &["revoke", &id, "--reason", "the incident is over"]).await.ends(0).shows(&["revoked: "]);
    let ended = office.types("alice", &["wait", &id, "--until", "ended", "--timeout", "60s"]).await.ends(0);
    ended.shows(&["ended (revoked)", "because       bob revoked it, ", ": the incident is over\n"]);
    office.types("alice", &["wait", &id]).await.ends(7).tells(&["not be active any more"]);
    office.types("bob", &["show", &id, "--events"]).await.ends(0).shows(&["request.active", "request.ended", "AT"]);
}

#[tokio::test]
async fn what_is_undecided_is_withdrawn_and_what_is_not_there_is_not_found() {
    let office = Office::new().await;
    let id = office.filed().await;
    office.types("bob", &["withdraw", &id]).await.ends(3).tells(&["forbidden"]);
    office.types("alice", &["withdraw", &id, "--reason", "not needed"]).await.ends(0).shows(&["withdrawn: "]);
    office.types("alice", &["show", &id]).await.ends(0).shows(&["alice withdrew it, ", ": not needed\n"]);
    office
        .types("alice", &["relinquish", &id])
        .await
        .ends(3)
        .tells(&["illegal-state", "Look at it with entryway show"]);
    office.types("alice", &["retry", &id]).await.ends(3);
    office.types("alice", &["show", "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1"]).await.ends(3).tells(&["not-found"]);
    office.types("alice", &["show", "nonsense"]).await.ends(2);
    office.types("bob", &["deny", &id]).await.ends(2).tells(&["--comment"]);
}
