//! `entryway policy explain`: which policies permit, which forbid, and what quorum wants, in words.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use chrono::{DateTime, Utc};
use thiserror::Error;
use uuid::Uuid;

use super::actions::{Action, Call};
use super::asked::Asked;
use super::entities::Facts;
use super::load::PolicySet;
use super::outlook::Outlook;
use super::problems::PolicyProblems;
use super::run::supposed_review;
use super::world::World;
use crate::domain::duration::to_iso8601;
use crate::domain::identity::Via;
use crate::domain::review::{Decision as Verdict, Review};

/// Why nothing can be explained.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExplainError {
    /// The policies or case files are wrong.
    #[error(transparent)]
    Policies(#[from] PolicyProblems),
    /// The request is not one that the API would read.
    #[error("the ask is not one that the API takes: {0}; entryway policy explain --help shows one")]
    Request(String),
}

/// What the policies in `dir` say to `who` asking for `request` (the JSON body of `POST /v1/requests`), after
/// `reviews` approved it. Groups and environments are those of the `*.test.toml` in `dir`; see [`explain_in`].
///
/// # Errors
/// [`ExplainError`].
pub fn explain(
    dir: &Path,
    who: &str,
    request: &str,
    reviews: &[String],
    now: DateTime<Utc>,
) -> Result<String, ExplainError> {
    let policies = PolicySet::load(dir)?;
    let told = explain_in(&policies, &World::of_tests(dir)?, who, request, reviews, now)?;
    let dir = dir.display();
    Ok(format!(
        "{told}people, groups and environments are those that {dir}/*.test.toml names, not those of a service\n"
    ))
}

/// The same for the people and clusters of `world`. What `world` does not know is said in the text: somebody
/// unknown is in no group, an unknown cluster is in the environment of its own name.
///
/// # Errors
/// [`ExplainError::Request`].
pub fn explain_in(
    policies: &PolicySet,
    world: &World,
    who: &str,
    request: &str,
    reviews: &[String],
    now: DateTime<Utc>,
) -> Result<String, ExplainError> {
    let asked: Asked = serde_json::from_str(request).map_err(|error| ExplainError::Request(error.to_string()))?;
    let cluster = world.cluster_or_guess(&asked.cluster_name);
    let spec = asked.spec(&cluster).map_err(|error| ExplainError::Request(error.to_string()))?;
    let requester = world.directory.identity(who);
    let facts = Facts {
        id: Uuid::nil(),
        spec: &spec,
        cluster: &cluster,
        requester: &requester,
        reach: None,
        submitted_by: None,
    };
    let call = Call { now, via: Via::Cli, source_ip: None };
    let digest = spec.digest();
    let review =
        |(number, user): (u128, &String)| supposed_review(number, facts.id, user, Verdict::Approve, &digest, &call);
    let reviews: Vec<Review> = (0..).zip(reviews).map(review).collect();
    let outlook = policies.outlook(&facts, &reviews, &world.directory, &call);
    let permits = policies.matching_permits(&requester, Action::Request, &facts, &call);

    let mut text = Text::default();
    text.line(0, &format!("{who} asks for access of {} to {}", spec.principal, cluster.name));
    let duration = spec.duration.map_or_else(|| "for good".to_owned(), |d| format!("for {}", to_iso8601(d)));
    text.line(1, &format!("environment {}, {duration}", cluster.environment));
    if !world.clusters.contains_key(&cluster.name) {
        text.line(1, &format!("(no cluster \"{0}\" is described, so environment {0} is taken for it)", cluster.name));
    }
    let people: BTreeSet<&str> = reviews.iter().map(|review| review.reviewer.as_str()).chain([who]).collect();
    for user in people {
        let identity = world.directory.identity(user);
        let groups = Vec::from_iter(identity.groups).join(", ");
        let what = if identity.service { "a service" } else { "a person" };
        match (world.directory.knows(user), groups.as_str()) {
            (false, _) => text.line(1, &format!("{user}: nobody the directory knows, so in no group")),
            (true, "") => text.line(1, &format!("{user}: {what} in no group")),
            (true, groups) => text.line(1, &format!("{user}: {what} in {groups}")),
        }
    }
    text.outlook(policies, &outlook, &permits, &reviews);
    text.line(0, &format!("policy set {}", policies.digest()));
    Ok(text.0)
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, indent: usize, line: &str) {
        let _ = writeln!(self.0, "{}{line}", "  ".repeat(indent));
    }

    fn outlook(&mut self, policies: &PolicySet, outlook: &Outlook, permits: &[String], reviews: &[Review]) {
        let Outlook { ask, standing, could_sign_off } = outlook;
        self.line(0, if ask.allowed { "the ask is permitted" } else { "the ask is refused" });
        self.policies("permit", permits, policies);
        let forbids: Vec<String> = ask.deciding.iter().filter(|id| policies.engine.forbids(id)).cloned().collect();
        self.policies("forbid", &forbids, policies);
        if ask.deciding.is_empty() || !ask.errors.is_empty() {
            ask.reasons.iter().chain(&ask.errors).for_each(|reason| self.line(1, reason));
        }

        let quorum = &standing.quorum;
        self.line(0, if quorum.satisfied { "quorum is satisfied" } else { "quorum is not satisfied" });
        self.line(1, &format!("approvals that count: {}", quorum.approvals));
        for review in reviews.iter().filter(|review| standing.counting.contains(&review.id)) {
            self.line(1, &format!("{} counts", review.reviewer));
        }
        for discounted in &standing.discounted {
            self.line(1, &format!("{} does not count: {}", discounted.reviewer, discounted.why));
        }
        let (forbids, permits): (Vec<String>, Vec<String>) =
            quorum.deciding.iter().cloned().partition(|id| policies.engine.forbids(id));
        self.policies("permit", &permits, policies);
        self.policies("forbid", &forbids, policies);
        quorum.missing.iter().for_each(|sentence| self.line(1, &format!("missing: {sentence}")));
        standing.errors.iter().for_each(|error| self.line(1, error));

        let people = if could_sign_off.is_empty() { "nobody known".to_owned() } else { could_sign_off.join(", ") };
        self.line(0, &format!("could sign off: {people}"));
    }

    fn policies(&mut self, verb: &str, ids: &[String], policies: &PolicySet) {
        for id in ids {
            let reason = policies.engine.reason(id).map(|reason| format!(": {reason}")).unwrap_or_default();
            self.line(1, &format!("{verb} `{id}`{reason}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::testing::{directory, now, starter};

    const ADMIN: &str = r#"{"clusterName": "prod", "principalArn": "arn:aws:iam::111122223333:role/r",
        "accessPolicies": [{"policyArn": "AmazonEKSAdminPolicy", "accessScope": {"type": "cluster"}}],
        "duration": "9h"}"#;

    fn world() -> World {
        World { directory: directory(), ..World::default() }
    }

    #[test]
    fn tells_what_permits_what_forbids_and_what_is_missing() {
        let reviews = ["carol", "alice", "zoe"].map(str::to_owned);
        let text = explain_in(starter(), &world(), "alice", ADMIN, &reviews, now()).expect("an explanation");
        for line in [
            "alice asks for access of arn:aws:iam::111122223333:role/r to prod",
            "  environment prod, for PT9H",
            "  (no cluster \"prod\" is described, so environment prod is taken for it)",
            "  alice: a person in engineering",
            "  zoe: nobody the directory knows, so in no group",
            "the ask is refused",
            "  permit `engineers-ask`",
            "  forbid `prod-is-temporary`: access to production lasts at most 8 hours",
            "quorum is not satisfied",
            "  approvals that count: 1",
            "  carol counts",
            "  zoe does not count: no policy permits zoe to approve this request",
            "  missing: admin on production needs 2 approvals, one of them from security",
            "could sign off: bob, carol, dave",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nnot in\n{text}");
        }
    }

    #[test]
    fn who_is_permitted_nothing_is_told_so() {
        let text = explain_in(starter(), &world(), "erin", ADMIN, &[], now()).expect("an explanation");
        assert!(text.contains("the ask is refused\n  forbid `prod-is-temporary`"), "{text}");
        let short = ADMIN.replace("9h", "8h");
        let text = explain_in(starter(), &world(), "erin", &short, &[], now()).expect("an explanation");
        assert!(text.contains("the ask is refused\n  no policy permits erin to ask for this\n"), "{text}");
    }

    #[test]
    fn a_request_that_is_none_is_an_error_that_names_the_field() {
        let error = |request: &str| {
            explain_in(starter(), &world(), "alice", request, &[], now()).expect_err("no request").to_string()
        };
        assert!(error(&ADMIN.replace("duration", "period")).contains("unknown field `period`"));
        assert!(error(&ADMIN.replace("role/r", "group/r")).contains("principalArn: this is neither a role nor a user"));
    }
}
