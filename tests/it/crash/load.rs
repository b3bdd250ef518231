//! People who ask, sign off and take back all the time, over HTTP, and do not take silence for an answer: whatever got none is
//! sent again with the same `Idempotency-Key`. What they were told is kept.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::FOREIGN;
use super::processes::token;

const CLIENTS: u64 = 6;
const PRINCIPALS: usize = 12;

/// How long somebody insists on an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the API has answered, and must stand by.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// What was asked, and the 201.
    pub(super) filed: Vec<(Value, Value)>,
    /// Request and reviewer of an approval that was taken.
    pub(super) approved: Vec<(String, &'static str)>,
    /// Request, the action that was taken, and what it must have come to: a state and a reason to end.
    pub(super) settled: Vec<(String, &'static str, Option<&'static str>)>,
    /// Extensions among the filed, with what they extend.
    pub(super) extended: Vec<(String, String)>,
}

pub(super) struct Load {
    ledger: Arc<Mutex<Ledger>>,
    stop: CancellationToken,
    clients: JoinSet<()>,
}

impl Load {
    pub(super) fn start(base: &str, seed: u64) -> Self {
        let (ledger, stop, mut clients) = (Arc::default(), CancellationToken::new(), JoinSet::new());
        for number in 0..CLIENTS {
            let somebody = Somebody {
                rng: StdRng::seed_from_u64(seed * CLIENTS + number),
                http: Client::builder().timeout(Duration::from_secs(5)).build().unwrap(),
                base: base.to_owned(),
                ledger: Arc::clone(&ledger),
                name: if number % 2 == 0 { "alice" } else { "dan" },
            };
            clients.spawn(somebody.keep_asking(stop.clone()));
        }
        Self { ledger, stop, clients }
    }

    /// Waits until the API is up.
    pub(super) async fn first_answer(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.ledger.lock().unwrap().filed.is_empty() {
            assert!(Instant::now() < deadline, "the API does not come up");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Lets everybody finish what they have begun.
    pub(super) async fn stop(mut self) -> Ledger {
        self.stop.cancel();
        while let Some(ended) = self.clients.join_next().await {
            ended.unwrap();
        }
        std::mem::take(&mut *self.ledger.lock().unwrap())
    }
}

struct Somebody {
    rng: StdRng,
    http: Client,
    base: String,
    ledger: Arc<Mutex<Ledger>>,
    name: &'static str,
}

impl Somebody {
    async fn keep_asking(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.ask_once().await;
            let pause = Duration::from_millis(self.rng.random_range(50..400));
            tokio::time::sleep(pause).await;
        }
    }

    /// One ask, from the filing to whatever this one comes to.
    async fn ask_once(&mut self) {
        let body = self.something();
        let (status, filed) = self.insist(self.name, "/v1/requests", &body).await;
        assert_eq!(status, 201, "{body} {filed}");
        let id = filed["id"].as_str().unwrap().to_owned();
        let pending = filed["state"] == "pending";
        self.note(|ledger| ledger.filed.push((body, filed)));
        let request = format!("/v1/requests/{id}");
        if pending {
            match self.rng.random_range(0..10) {
                0 => {
                    let denial = json!({ "decision": "deny", "comment": "not today" });
                    let (status, answer) = self.insist("bob", &format!("{request}/reviews"), &denial).await;
                    assert_eq!(status, 201, "{answer}");
                    return self.note(|ledger| ledger.settled.push((id, "denied", None)));
                }
                1 => {
                    let (status, answer) = self.insist(self.name, &format!("{request}/withdraw"), &json!({})).await;
                    assert_eq!(status, 200, "{answer}");
                    return self.note(|ledger| ledger.settled.push((id, "withdrawn", None)));
                }
                _ => self.approve(&id).await,
            }
        }
        let pause = Duration::from_millis(self.rng.random_range(0..2_500));
        match self.rng.random_range(0..10) {
            0 | 1 => {
                tokio::time::sleep(pause).await;
                self.end(&id, "carol", "revoke", "revoked").await;
            }
            2 => {
                tokio::time::sleep(pause).await;
                self.end(&id, self.name, "relinquish", "relinquished").await;
            }
            3 | 4 => {
                tokio::time::sleep(pause).await;
                self.extend(&id).await;
            }
            _ => {}
        }
    }

    async fn approve(&mut self, id: &str) {
        let reviewer = if self.rng.random() { "bob" } else { "carol" };
        let path = format!("/v1/requests/{id}/reviews");
        let (status, answer) = self.insist(reviewer, &path, &json!({ "decision": "approve" })).await;
        // An extension is over with what it extends.
        assert!(status == 201 || status == 409, "{answer}");
        if status == 201 {
            self.note(|ledger| ledger.approved.push((id.to_owned(), reviewer)));
        }
    }

    /// What has ended or failed meanwhile cannot be ended once more.
    async fn end(&mut self, id: &str, who: &str, how: &str, reason: &'static str) {
        let (status, answer) =
            self.insist(who, &format!("/v1/requests/{id}/{how}"), &json!({ "reason": "it is over" })).await;
        assert!(status == 200 || status == 409, "{answer}");
        if status == 200 {
            self.note(|ledger| ledger.settled.push((id.to_owned(), "ended", Some(reason))));
        }
    }

    async fn extend(&mut self, id: &str) {
        let seconds = self.rng.random_range(2..8);
        let body = json!({ "duration": format!("{seconds}s"), "reason": "a little longer" });
        let (status, filed) = self.insist(self.name, &format!("/v1/requests/{id}/extend"), &body).await;
        assert!(status == 201 || status == 409, "{filed}");
        if status == 201 {
            let new = filed["id"].as_str().unwrap().to_owned();
            let pending = filed["state"] == "pending";
            self.note(|ledger| {
                ledger.extended.push((new.clone(), id.to_owned()));
                ledger.filed.push((body, filed));
            });
            if pending {
                self.approve(&new).await;
            }
        }
    }

    /// POSTs until there is an answer that is one.
    async fn insist(&mut self, who: &str, path: &str, body: &Value) -> (u16, Value) {
        let (key, deadline) = (Uuid::new_v4().to_string(), Instant::now() + PATIENCE);
        loop {
            let call = self.http.post(format!("{}{path}", self.base)).bearer_auth(token(who));
            let sent = call.header("idempotency-key", &key).json(body).send().await;
            if let Ok(answer) = sent {
                let status = answer.status().as_u16();
                let answer: Option<Value> = answer.json().await.ok();
                let waits = matches!(status, 429 | 503)
                    || answer.as_ref().is_some_and(|answer| answer["code"] == "idempotency-in-flight");
                if let Some(answer) = answer.filter(|_| !waits) {
                    return (status, answer);
                }
            }
            assert!(Instant::now() < deadline, "no answer to POST {path} {body}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    fn something(&mut self) -> Value {
        let rng = &mut self.rng;
        let number = rng.random_range(0..PRINCIPALS);
        let foreign = rng.random_ratio(1, 25);
        let cluster = if foreign || rng.random() { "dev" } else { "prod" };
        let principal =
            if foreign { FOREIGN.to_owned() } else { format!("arn:aws:iam::111122223333:role/crash-{number}") };
        let names = ["AmazonEKSViewPolicy", "AmazonEKSEditPolicy", "AmazonEKSAdminViewPolicy"];
        let first = rng.random_range(0..names.len());
        let policies: Vec<_> = (first..first + rng.random_range(1..3))
            .map(|index| {
                let scope = match rng.random_range(0..4) {
                    0 => json!({ "type": "cluster" }),
                    1 => json!({ "type": "namespace", "namespaces": ["a"] }),
                    2 => json!({ "type": "namespace", "namespaces": ["b"] }),
                    _ => json!({ "type": "namespace", "namespaces": ["b", "c"] }),
                };
                json!({ "policyArn": names[index % names.len()], "accessScope": scope })
            })
            .collect();
        let groups: Vec<_> = ["x", "y"].into_iter().filter(|_| rng.random_ratio(1, 5)).collect();
        let permanent = cluster == "dev" && !foreign && rng.random_ratio(1, 30);
        let duration = (!permanent).then(|| format!("{}ms", rng.random_range(2_000..9_000)));
        json!({ "clusterName": cluster, "principalArn": principal, "accessPolicies": policies, "duration": duration,
                "kubernetesGroups": groups, "reason": format!("crash test {}", Uuid::new_v4()) })
    }

    fn note(&self, what: impl FnOnce(&mut Ledger)) {
        what(&mut self.ledger.lock().unwrap());
    }
}
