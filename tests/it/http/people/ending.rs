//! Those who end everything at once, and those who want to know why something ended.

use serde_json::json;

use super::{Office, ask};

/// What bob may end of alice's: something that is active, and something undecided.
async fn two(office: &Office) -> [String; 2] {
    let active = office.types("alice", &ask("dev", &["--wait", "--json"])).await.ends(0).json();
    [active["id"].as_str().unwrap().to_owned(), office.filed().await]
}

const INCIDENT: [&str; 5] = ["incident", "--requester", "alice", "--reason", "INC-7: her laptop was stolen"];

fn incident<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&INCIDENT[..], more].concat()
}

#[tokio::test]
async fn an_incident_is_looked_at_first_and_ends_what_was_shown() {
    let office = Office::new().await;
    let [active, pending] = two(&office).await;
    let alone = office.types("bob", &incident(&[])).await.ends(2);
    let alone = alone.tells(&[&active, &pending, "1 revoked, 1 turned down undecided", "no terminal", "--yes"]);
    assert!(alone.out.is_empty(), "{alone:?}");
    let dry = office.types("bob", &incident(&["--dry-run"])).await.ends(0);
    dry.shows(&["OUTCOME", &active, &pending, "nothing has changed"]);
    let as_json = office.types("bob", &incident(&["--dry-run", "--json"])).await.ends(0).json();
    assert_eq!((&as_json["dryRun"], &as_json["revoked"], &as_json["denied"]), (&json!(true), &json!(1), &json!(1)));
    assert_eq!(office.request(&active).await["state"], "active", "nothing has ended so far");

    let done = office.types("bob", &incident(&["--yes"])).await.ends(0);
    let id = done.out.split("; incident ").nth(1).unwrap().trim().to_owned();
    done.shows(&[&active, "revoking", &pending, "denied"]);
    office.types("alice", &["wait", &active, "--until", "ended", "--timeout", "60s"]).await.ends(0);
    let why = |what: &str| format!("bob {what}, in incident {id}, ");
    for (request, what) in [(&active, "revoked it"), (&pending, "turned it down")] {
        let shown = office.types("alice", &["show", request]).await.ends(0);
        shown.shows(&[&why(what), ": INC-7: her laptop was stolen\n"]);
    }
    office.types("bob", &incident(&[])).await.ends(0).shows(&["nothing matches"]);
}

#[tokio::test]
async fn what_somebody_may_not_end_stays_and_the_exit_code_says_so() {
    let office = Office::new().await;
    let [active, _] = two(&office).await;
    let own = office.types("alice", &incident(&["--yes"])).await.ends(3);
    own.shows(&["refused", "2 refused to you", "you may not revoke"]).tells(&["not ended: 2 requests"]);
    office.types("alice", &incident(&[])).await.ends(3).shows(&["refused"]);
    assert_eq!(office.request(&active).await["state"], "active");
    let everything = ["incident", "--reason", "why", "--yes"];
    office.types("bob", &everything).await.ends(2).tells(&["--requester"]);
    let unset = ["incident", "--requester", "", "--reason", "why", "--yes"];
    office.types("bob", &unset).await.ends(3).tells(&["--requester: it is empty"]);
    let nowhere = ["incident", "--cluster", "prdo", "--reason", "why", "--yes"];
    office.types("bob", &nowhere).await.ends(3).tells(&["cluster-unknown", "`entryway clusters`"]);
}

#[tokio::test]
async fn what_ran_out_and_what_was_given_back_say_so() {
    let office = Office::new().await;
    let mut short = ask("dev", &["--quiet"]);
    short[10] = "2s";
    let id = office.types("alice", &short).await.ends(0).out.trim().to_owned();
    let ended = office.types("alice", &["wait", &id, "--until", "ended", "--timeout", "60s"]).await.ends(0);
    ended.shows(&["ended (expired)", "its time was up, "]);
    let granted =
        async || office.types("alice", &ask("dev", &["--wait", "--quiet"])).await.ends(0).out.trim().to_owned();
    let (back, stays) = (granted().await, granted().await);
    office.types("alice", &["relinquish", &back, "--reason", "found it"]).await.ends(0);
    office.types("alice", &["wait", &back, "--until", "ended", "--timeout", "60s"]).await.ends(0);
    let kept = format!("the principal still has AmazonEKSViewPolicy in payments by request {stays}\n");
    office.types("bob", &["show", &back]).await.ends(0).shows(&["alice gave it back, ", ": found it\n", &kept]);
}
