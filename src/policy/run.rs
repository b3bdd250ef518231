//! `entryway policy test`: runs the cases beside the policies.

use std::fmt;
use std::path::Path;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::actions::{Action, Call, ServiceAction};
use super::authorize::Decision;
use super::cases::{Case, CaseFile, Outcome};
use super::entities::Facts;
use super::load::PolicySet;
use super::problems::Problem;
use super::world::World;
use crate::domain::identity::{Identity, Via};
use crate::domain::review::{Decision as Verdict, Review};

/// The time of cases that name none: a Monday morning in UTC.
const SOME_MONDAY: DateTime<Utc> = DateTime::from_timestamp(1_767_603_600, 0).expect("a time that exists");

/// How one case came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    /// The file it is in.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Each difference with both sides; empty when it came out as expected.
    pub mismatches: Vec<String>,
}

/// How all cases of a directory came out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestReport {
    /// Case by case.
    pub results: Vec<CaseResult>,
    /// Why policies or case files could not be used at all.
    pub problems: Vec<Problem>,
}

impl TestReport {
    /// Everything came out as expected, and there was something to expect.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.problems.is_empty() && self.failures() == 0
    }

    fn failures(&self) -> usize {
        self.results.iter().filter(|result| !result.mismatches.is_empty()).count()
    }
}

impl fmt::Display for TestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        for result in &self.results {
            let verdict = if result.mismatches.is_empty() { "ok  " } else { "FAIL" };
            writeln!(f, "{verdict} {}: {}", result.file, result.name)?;
            for mismatch in &result.mismatches {
                writeln!(f, "       {mismatch}")?;
            }
        }
        let (all, failed) = (self.results.len(), self.failures());
        write!(f, "{all} cases, {} as expected, {failed} not", all - failed)
    }
}

/// Runs every case of every `*.test.toml` in `dir` against the policies in `dir`. A directory without a case does
/// not pass.
#[must_use]
pub fn test_dir(dir: &Path) -> TestReport {
    let mut report = TestReport::default();
    let policies = match PolicySet::load(dir) {
        Ok(policies) => policies,
        Err(problems) => return TestReport { problems: problems.0, ..report },
    };
    let unreadable =
        |error| Problem::of_file("", format!("{} cannot be read: {error}", dir.display()), "mend the path");
    let files = CaseFile::all_of(dir).unwrap_or_else(|error| {
        report.problems.push(unreadable(error));
        Vec::new()
    });
    for (name, file) in files {
        match file {
            Ok(file) => report.results.extend(run_file(&policies, &name, &file)),
            Err(problem) => report.problems.push(problem),
        }
    }
    if report.results.is_empty() && report.problems.is_empty() {
        let help = "write a [[case]] into a file called *.test.toml beside the policies";
        report.problems.push(Problem::of_file("", format!("there is no case in {}", dir.display()), help));
    }
    report
}

pub(super) fn run_file(policies: &PolicySet, name: &str, file: &CaseFile) -> Vec<CaseResult> {
    let world = World::of_file(file);
    let run = |case: &Case| CaseResult {
        file: name.to_owned(),
        name: case.name.clone(),
        mismatches: Run { policies, world: &world, case }.mismatches().unwrap_or_else(|mistake| vec![mistake]),
    };
    file.cases.iter().map(run).collect()
}

/// What came out, in the words of the case.
struct Came {
    outcome: Outcome,
    missing: Vec<String>,
    counts: Vec<String>,
    reasons: Vec<String>,
    deciding: Vec<String>,
    errors: Vec<String>,
}

impl Came {
    fn of(decision: Decision, outcome: Outcome) -> Self {
        let Decision { reasons, deciding, errors, .. } = decision;
        Self { outcome, missing: Vec::new(), counts: Vec::new(), reasons, deciding, errors }
    }
}

struct Run<'a> {
    policies: &'a PolicySet,
    world: &'a World,
    case: &'a Case,
}

impl Run<'_> {
    /// The differences between what came and what was expected; `Err` where the case itself is mistaken.
    fn mismatches(&self) -> Result<Vec<String>, String> {
        let (case, came) = (self.case, self.come()?);
        let mut mismatches = Vec::new();
        if came.outcome != case.expect {
            let why = [&came.reasons[..], &came.missing[..]].concat().join("; ");
            let why = if why.is_empty() { why } else { format!(" ({why})") };
            let (expected, came) = (case.expect.as_str(), came.outcome.as_str());
            mismatches.push(format!("expected {expected}, came {came}{why}"));
        }
        let lists = [
            ("missing", &case.missing, &came.missing),
            ("counts", &case.counts, &came.counts),
            ("reasons", &case.reasons, &came.reasons),
            ("deciding", &case.deciding, &came.deciding),
        ];
        for (what, expected, came) in lists {
            if let Some(expected) = expected
                && sorted(expected) != sorted(came)
            {
                mismatches.push(format!("expected {what} {expected:?}, came {came:?}"));
            }
        }
        mismatches.extend(came.errors.into_iter().map(|error| format!("could not be evaluated: {error}")));
        Ok(mismatches)
    }

    fn come(&self) -> Result<Came, String> {
        let (case, call) = (self.case, self.call());
        let action = case.action.as_deref().unwrap_or("request");
        let who = self.known(&case.who)?;
        let either = |allowed| if allowed { Outcome::Allowed } else { Outcome::Refused };
        if let Some(action) = ServiceAction::parse(action) {
            let decision = self.policies.authorize_service(&who, action, &call);
            let outcome = either(decision.allowed);
            return Ok(Came::of(decision, outcome));
        }
        let action = Action::parse(action).ok_or_else(|| format!("there is no action \"{action}\""))?;
        let asked = case.request.clone().ok_or("the case has no request")?;
        let cluster = self.world.clusters.get(&asked.cluster_name);
        let cluster = cluster.ok_or_else(|| format!("there is no [clusters.{}] in this file", asked.cluster_name))?;
        let spec = asked.spec(cluster).map_err(|error| error.to_string())?;
        let requester = self.known(case.requester.as_ref().unwrap_or(&case.who))?;
        let submitted_by = case.submitted_by.as_ref().map(|user| self.known(user)).transpose()?;
        let submitted_by = submitted_by.as_ref();
        let facts = Facts { id: Uuid::nil(), spec: &spec, cluster, requester: &requester, reach: None, submitted_by };
        let decision = self.policies.authorize(&who, action, &facts, &call);
        if action != Action::Request {
            let outcome = either(decision.allowed);
            return Ok(Came::of(decision, outcome));
        }
        if !decision.allowed {
            return Ok(Came::of(decision, Outcome::Denied));
        }
        self.sign_off(&facts, &call)
    }

    fn sign_off(&self, facts: &Facts<'_>, call: &Call) -> Result<Came, String> {
        let case = self.case;
        let digest = facts.spec.digest();
        let approvals = case.reviews.iter().map(|user| (user, Verdict::Approve));
        let denials = case.denied_by.iter().map(|user| (user, Verdict::Deny));
        let mut reviews = Vec::new();
        for (number, (user, decision)) in (0_u128..).zip(approvals.chain(denials)) {
            let reviewer = self.known(user)?.user;
            reviews.push(supposed_review(number, facts.id, &reviewer, decision, &digest, call));
        }
        let standing = self.policies.standing(facts, &reviews, &self.world.directory, call);
        let counting = reviews.iter().filter(|review| standing.counting.contains(&review.id));
        let quorum = standing.quorum;
        Ok(Came {
            outcome: match (standing.denied, quorum.satisfied) {
                (true, _) => Outcome::Denied,
                (false, true) => Outcome::Satisfied,
                (false, false) => Outcome::Waiting,
            },
            missing: quorum.missing,
            counts: counting.map(|review| review.reviewer.clone()).collect(),
            reasons: Vec::new(),
            deciding: quorum.deciding,
            errors: standing.errors,
        })
    }

    fn call(&self) -> Call {
        let Case { now, via, source_ip, .. } = self.case;
        Call { now: now.unwrap_or(SOME_MONDAY), via: via.unwrap_or(Via::Api), source_ip: *source_ip }
    }

    fn known(&self, user: &str) -> Result<Identity, String> {
        let directory = &self.world.directory;
        let unknown = || format!("there is nobody called \"{user}\" in [people] or [services]");
        directory.knows(user).then(|| directory.identity(user)).ok_or_else(unknown)
    }
}

/// A review that nobody gave, for asking what would be.
pub(super) fn supposed_review(
    number: u128,
    request_id: Uuid,
    reviewer: &str,
    decision: Verdict,
    spec_digest: &str,
    call: &Call,
) -> Review {
    Review {
        id: Uuid::from_u128(number),
        request_id,
        reviewer: reviewer.to_owned(),
        decision,
        comment: None,
        via: call.via,
        submitted_by: None,
        spec_digest: spec_digest.to_owned(),
        created_at: call.now,
    }
}

fn sorted(list: &[String]) -> Vec<&String> {
    let mut sorted: Vec<&String> = list.iter().collect();
    sorted.sort();
    sorted
}

#[cfg(test)]
mod tests;
