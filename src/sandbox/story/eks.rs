//! What EKS itself holds: the simulator's truth, past the service that is being shown.

use serde_json::Value;

use super::requests::text;
use super::wire::otherwise;
use super::{Story, StoryError};

/// An access policy on an entry and where it holds.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Held {
    pub(super) policy: String,
    /// `cluster`, or the namespaces.
    pub(super) scope: String,
}

impl Held {
    pub(super) fn new(policy: &str, scope: &str) -> Self {
        Self { policy: policy.to_owned(), scope: scope.to_owned() }
    }

    fn of(association: &Value) -> Self {
        let arn = text(association, "/policyArn");
        let namespaces = association.pointer("/accessScope/namespaces").and_then(Value::as_array);
        let namespaces: Vec<&str> = namespaces.into_iter().flatten().filter_map(Value::as_str).collect();
        let scope = if namespaces.is_empty() { "cluster".to_owned() } else { namespaces.join(", ") };
        Self::new(arn.rsplit('/').next().unwrap_or(arn), &scope)
    }
}

impl Story<'_> {
    /// Checks that the entry of `principal` holds exactly these policies, and shows them.
    pub(super) async fn eks_holds(
        &mut self,
        step: &str,
        cluster: &str,
        principal: &str,
        mut wanted: Vec<Held>,
    ) -> Result<(), StoryError> {
        let query = [("cluster", cluster), ("principalArn", principal)];
        let truth = self.wire.simulator(step, "/_sim/entries", &query).await?;
        let associations = truth.pointer("/entries/0/accessPolicies").and_then(Value::as_array);
        let mut held: Vec<Held> = associations.into_iter().flatten().map(Held::of).collect();
        held.sort();
        wanted.sort();
        if held != wanted {
            return Err(otherwise(step, &shown(&wanted), &format!("EKS holds {}", shown(&held))));
        }
        self.narrator.detail("EKS has", &format!("{} → {}", short(principal), shown(&held)))?;
        Ok(())
    }
}

/// `AmazonEKSViewPolicy (payments) + …`
fn shown(held: &[Held]) -> String {
    let each: Vec<String> = held.iter().map(|held| format!("{} ({})", held.policy, held.scope)).collect();
    if each.is_empty() { "no access entry".to_owned() } else { each.join(" + ") }
}

/// `role/payments-oncall`
pub(super) fn short(principal: &str) -> &str {
    principal.rsplit(':').next().unwrap_or(principal)
}
