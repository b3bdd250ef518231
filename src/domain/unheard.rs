//! Calls to EKS whose answers nobody has heard: the answer was lost, or the worker died before it came. What such a call does may
//! show late, even after a proof. It is told from what somebody does by hand, because it is known what the call was.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::entry::EntryContent;
use super::plan::Step;
use super::record::EntryRecord;

/// For how long a call is remembered. Much longer than EKS can be thought to sit on one.
const REMEMBERED: TimeDelta = TimeDelta::days(1);

/// One such call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unheard {
    /// What EKS was told, if the call ever came through.
    pub step: Step,
    /// When the call was made.
    pub at: DateTime<Utc>,
    /// Whether it is on record that nobody knows what came of it.
    pub told: bool,
}

impl EntryRecord {
    /// A call is about to be made, and until its answer is recorded nobody has heard it.
    pub fn await_answer(&mut self, step: &Step, now: DateTime<Utc>) {
        self.unheard.retain(|call| call.step != *step && now < call.at + REMEMBERED);
        self.unheard.push(Unheard { step: step.clone(), at: now, told: false });
    }

    /// What of a look at EKS (`seen`) is the doing of calls nobody heard of, with which they are as desired instead; `None` where
    /// they explain nothing that is not as desired.
    #[must_use]
    pub fn without_late(
        &self,
        desired: Option<&EntryContent>,
        seen: Option<&EntryContent>,
        now: DateTime<Utc>,
    ) -> Option<EntryContent> {
        let desired = desired?;
        let calls = || self.unheard.iter().filter(|call| now < call.at + REMEMBERED).map(|call| &call.step);
        let Some(seen) = seen else {
            return calls().any(|step| *step == Step::Delete).then(|| desired.clone());
        };
        let mut content = seen.clone();
        for step in calls() {
            match step {
                Step::Associate { policy_arn, scope } if seen.access_policies.get(policy_arn) == Some(scope) => {
                    as_desired(&mut content, desired, policy_arn);
                }
                Step::Disassociate { policy_arn } if !seen.access_policies.contains_key(policy_arn) => {
                    as_desired(&mut content, desired, policy_arn);
                }
                Step::Update { username, groups }
                    if seen.username == *username && seen.kubernetes_groups == *groups =>
                {
                    content.username.clone_from(&desired.username);
                    content.kubernetes_groups.clone_from(&desired.kubernetes_groups);
                }
                Step::Create(created) if seen == created => content.clone_from(desired),
                _ => {}
            }
        }
        (content != *seen).then_some(content)
    }
}

fn as_desired(content: &mut EntryContent, desired: &EntryContent, policy_arn: &str) {
    match desired.access_policies.get(policy_arn) {
        Some(scope) => content.access_policies.insert(policy_arn.to_owned(), scope.clone()),
        None => content.access_policies.remove(policy_arn),
    };
}
