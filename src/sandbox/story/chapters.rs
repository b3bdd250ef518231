//! The story, chapter by chapter.

use chrono::DateTime;
use serde_json::{Value, json};

use super::eks::Held;
use super::requests::{Wish, in_state, missing, text};
use super::wire::otherwise;
use super::{Story, StoryError};

const VIEW: &str = "AmazonEKSViewPolicy";
const EDIT: &str = "AmazonEKSEditPolicy";
const ADMIN: &str = "AmazonEKSClusterAdminPolicy";

impl Story<'_> {
    fn role(&self, name: &str) -> String {
        format!("arn:aws:iam::111122223333:role/demo/{name}-{}", self.tag)
    }

    pub(super) async fn curtain_up(&mut self) -> Result<(), StoryError> {
        self.narrator.waiting("the clusters are being looked at")?;
        let clusters = self.clusters("looking at the clusters").await?;
        self.narrator.step("the clusters have been looked at", &clusters.join(", "))?;
        Ok(())
    }

    /// Returns the request that stays when the short one of the last chapter ends.
    pub(super) async fn one_sign_off(&mut self) -> Result<Value, StoryError> {
        self.narrator.chapter("One sign-off")?;
        let principal = self.role("payments-oncall");
        let wish = Wish {
            cluster: "prod",
            principal: &principal,
            policy: VIEW,
            namespaces: &["payments"],
            duration: "8h",
            reason: "Look into the failed settlement run",
        };
        let step = format!("alice asks for {VIEW} in namespace payments of prod, for 8 h");
        let request = self.ask_and_wait(&step, "alice", &wish).await?;
        self.narrator.step(&step, "pending")?;
        self.narrator.detail("missing", &missing(&request))?;

        let step = "alice signs off on it herself";
        let refused = self.review(step, "alice", &request, json!({ "decision": "approve" })).await?;
        let refused = refused.expect_refusal(403, "self-approval")?;
        self.narrator.step(step, "403 self-approval")?;
        self.narrator.detail("because", text(&refused, "/detail"))?;

        self.sign_off_and_prove("bob signs off", "bob", &request).await?;
        self.eks_holds("bob's sign-off", "prod", &principal, vec![Held::new(VIEW, "payments")]).await?;
        Ok(request)
    }

    pub(super) async fn two_sign_offs(&mut self) -> Result<(), StoryError> {
        self.narrator.chapter("Two sign-offs, one of them from security")?;
        let principal = self.role("incident-lead");
        let wish = Wish {
            cluster: "prod",
            principal: &principal,
            policy: ADMIN,
            namespaces: &[],
            duration: "1h",
            reason: "Incident 4711: the scheduler is stuck",
        };
        let step = format!("alice asks for {ADMIN} on all of prod, for 1 h");
        let request = self.ask_and_wait(&step, "alice", &wish).await?;
        self.narrator.step(&step, "pending")?;

        let step = "bob (sre) signs off";
        let request = self.review(step, "bob", &request, json!({ "decision": "approve" })).await?.expect(201)?;
        let request = in_state(step, request, &["pending"])?;
        if missing(&request).is_empty() {
            return Err(otherwise(step, "what is missing", "nothing is said to be missing"));
        }
        self.narrator.step(step, "still pending")?;
        self.narrator.detail("missing", &missing(&request))?;

        self.sign_off_and_prove("carol (security) signs off", "carol", &request).await?;
        self.eks_holds("carol's sign-off", "prod", &principal, vec![Held::new(ADMIN, "cluster")]).await
    }

    pub(super) async fn a_no(&mut self) -> Result<(), StoryError> {
        self.narrator.chapter("A no")?;
        let principal = self.role("batch-jobs");
        let wish = Wish {
            cluster: "dev",
            principal: &principal,
            policy: ADMIN,
            namespaces: &[],
            duration: "7d",
            reason: "So that it just works",
        };
        let step = format!("dan asks for {ADMIN} on all of dev, for 7 days");
        let request = self.ask_and_wait(&step, "dan", &wish).await?;
        self.narrator.step(&step, "pending")?;

        let (step, comment) = ("carol denies", "Edit in your own namespace is enough; ask for that");
        let deny = json!({ "decision": "deny", "comment": comment });
        let request = self.review(step, "carol", &request, deny).await?.expect(201)?;
        in_state(step, request, &["denied"])?;
        self.narrator.step(step, "denied")?;
        self.narrator.detail("comment", comment)?;
        self.eks_holds(step, "dev", &principal, Vec::new()).await
    }

    pub(super) async fn a_cluster_that_cannot(&mut self) -> Result<(), StoryError> {
        self.narrator.chapter("A cluster that takes no access entries")?;
        let principal = self.role("payments-oncall");
        let wish = Wish {
            cluster: "legacy",
            principal: &principal,
            policy: VIEW,
            namespaces: &["payments"],
            duration: "8h",
            reason: "Look into the failed settlement run",
        };
        let step = "alice asks for the same on legacy";
        let refused = self.ask(step, "alice", &wish).await?.expect_refusal(422, "validation-failed")?;
        let errors = refused["errors"].as_array().cloned().unwrap_or_default();
        let error = errors.iter().find(|error| error["code"] == "cluster-auth-mode");
        let detail = error.map(|error| text(error, "/detail")).unwrap_or_default();
        let Some((_, command)) = detail.split_once("aws eks update-cluster-config") else {
            return Err(otherwise(step, "the command that mends it", &format!("was told {refused}")));
        };
        self.narrator.step(step, "422 cluster-auth-mode, before anything is stored")?;
        self.narrator.detail("mend it", &format!("aws eks update-cluster-config{command}"))?;
        Ok(())
    }

    /// `stays` is the grant on the same principal that outlives the short one.
    pub(super) async fn an_end(&mut self, stays: &Value) -> Result<(), StoryError> {
        self.narrator.chapter("Two grants on one entry, and the end of one")?;
        let principal = text(stays, "/principalArn").to_owned();
        let wish = Wish {
            cluster: "prod",
            principal: &principal,
            policy: EDIT,
            namespaces: &["payments-debug"],
            duration: "6s",
            reason: "Restart the settlement job",
        };
        let step = format!("alice asks for {EDIT} in payments-debug, for 6 s");
        let request = self.ask_and_wait(&step, "alice", &wish).await?;
        self.narrator.step(&step, "pending")?;
        self.sign_off_and_prove("bob signs off", "bob", &request).await?;
        let both = vec![Held::new(VIEW, "payments"), Held::new(EDIT, "payments-debug")];
        self.eks_holds("the second sign-off", "prod", &principal, both).await?;

        let step = "its time is up: the worker takes it back";
        self.narrator.waiting("6 s are short, but not over yet")?;
        let request = self.until(step, &request, "ended").await?;
        if text(&request, "/endReason") != "expired" {
            return Err(otherwise(step, "expired", &format!("ended as {}", text(&request, "/endReason"))));
        }
        self.narrator.step(step, &format!("ended, proven gone {} after its time", lateness(&request)))?;
        let left = vec![Held::new(VIEW, "payments")];
        self.eks_holds(step, "prod", &principal, left).await?;

        let step = "the grant of the first chapter, on the same entry";
        let stays = self.look(step, stays).await?;
        in_state(step, stays, &["active"])?;
        self.narrator.step(step, "still active")?;
        Ok(())
    }

    /// The sign-off that completes the quorum, and the proof that it has taken hold.
    async fn sign_off_and_prove(&mut self, step: &str, user: &str, request: &Value) -> Result<(), StoryError> {
        let request = self.complete(step, user, request).await?;
        self.narrator.step(step, text(&request, "/state"))?;
        self.narrator.waiting("the worker writes to EKS and reads it back")?;
        let step = "the worker has written it and read it back";
        let request = self.until(step, &request, "active").await?;
        let proof = &request["verification"];
        let (reads, lag) = (proof["agreeingReads"].as_u64(), proof["lagMs"].as_u64());
        let (Some(reads), Some(lag)) = (reads, lag) else {
            return Err(otherwise(step, "a proof with its reads and its lag", &format!("the proof is {proof}")));
        };
        self.narrator.step(step, "active")?;
        self.narrator.detail("proof", &format!("{reads} reads in a row agree, {lag} ms after the write"))?;
        Ok(())
    }
}

/// How long after `expiresAt` the end was proven.
fn lateness(request: &Value) -> String {
    let time = |pointer| DateTime::parse_from_rfc3339(text(request, pointer)).ok();
    match (time("/grant/expiresAt"), time("/grant/endedAt")) {
        (Some(expires), Some(ended)) => format!("{} ms", (ended - expires).num_milliseconds()),
        _ => "some time".to_owned(),
    }
}
