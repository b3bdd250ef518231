//! Which asks are sound. Everything that is wrong with an ask is said at once, before anything is stored.
//!
//! A rule is one function and one line in `RULES`; a warning is one function and one line in
//! `warnings::WARNINGS`. Rules that AWS has, AWS checks too (`EKS user guide, creating access entries`; the texts of
//! [`Code::explanation`] say so); the others are Entryway's own, and stricter so that reviewers read what will happen.

mod cluster;
mod code;
mod conflict;
mod context;
mod entry_type;
mod groups;
mod policies;
mod principal;
mod reading;
mod scope;
mod tags;
mod text;
mod times;
mod username;
mod warnings;
mod words;

#[cfg(test)]
mod tests;

pub(in crate::domain) use code::codes;
pub use code::{Code, Explanation};
pub use context::{ClusterGate, Context, Limits, LiveEntry};
pub use warnings::WarningCode;
pub use words::{is_plain_name, misleading};

use reading::Reading;

use super::ask::Ask;
use super::request::{Spec, Warning};

/// One thing that is wrong with an ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where: a JSON pointer (RFC 6901) into the body of the request.
    pub pointer: String,
    /// What kind of thing.
    pub code: Code,
    /// What is wrong here and what to do about it, for people. Safe to show and to log.
    pub detail: String,
}

/// A sound ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What was asked, in its one canonical form.
    pub spec: Spec,
    /// What is worth knowing about it all the same.
    pub warnings: Vec<Warning>,
}

/// The most violations one answer lists. Nobody mends more at a time, and a small body must not buy a huge answer.
pub const MAX_VIOLATIONS: usize = 200;

/// What one rule has found, on top of what the rules before it have.
struct Report<'a> {
    code: Code,
    found: &'a mut Vec<Violation>,
}

impl Report<'_> {
    fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        if self.found.len() < MAX_VIOLATIONS {
            self.found.push(Violation { pointer: pointer.into(), code: self.code, detail: detail.into() });
        }
    }
}

/// Looks at one thing and reports every place where it is wrong.
type Rule = fn(&Reading<'_>, &Context<'_>, &mut Report<'_>);

/// Every rule with the code it answers with, in the order of the answer.
const RULES: &[(Code, Rule)] = &[
    (Code::ClusterUnknown, cluster::is_known),
    (Code::ClusterNotActive, cluster::can_become_active),
    (Code::ClusterAuthMode, cluster::takes_access_entries),
    (Code::PrincipalArnInvalid, principal::is_role_or_user),
    (Code::PrincipalStsSession, principal::is_no_session),
    (Code::PrincipalServiceLinkedRole, principal::is_not_service_linked),
    (Code::PrincipalPartitionMismatch, principal::shares_the_partition),
    (Code::PrincipalAccountMismatch, principal::of_nodes_shares_the_account),
    (Code::PrincipalAccountNotAllowed, principal::comes_from_an_allowed_account),
    (Code::PrincipalMustBeRole, principal::of_nodes_is_a_role),
    (Code::PrincipalProtected, principal::is_not_protected),
    (Code::PrincipalNotFound, principal::exists),
    (Code::TypeUnknown, entry_type::is_known),
    (Code::TypeConflict, conflict::types_agree),
    (Code::UsernameNotAllowedForType, username::goes_with_the_type),
    (Code::UsernameReservedPrefix, username::starts_unreserved),
    (Code::UsernameSessionNameNeedsColon, username::has_a_colon_before_the_session_name),
    (Code::UsernameTooLong, username::is_short_enough),
    (Code::UsernameInvalid, username::is_plain),
    (Code::UsernameConflict, conflict::usernames_agree),
    (Code::GroupsNotAllowedForType, groups::go_with_the_type),
    (Code::GroupReservedPrefix, groups::start_unreserved),
    (Code::GroupInvalid, groups::are_plain),
    (Code::GroupDuplicate, groups::differ),
    (Code::PoliciesNotAllowedForType, policies::go_with_the_type),
    (Code::PolicyArnInvalid, policies::are_access_policies),
    (Code::PolicyUnknown, policies::exist),
    (Code::PolicyServiceLinkedOnly, policies::are_for_customers),
    (Code::PolicyDuplicate, policies::differ),
    (Code::ScopeTypeInvalid, scope::has_a_type),
    (Code::ScopeNamespacesRequired, scope::of_namespaces_names_some),
    (Code::ScopeNamespacesNotAllowed, scope::of_the_cluster_names_none),
    (Code::NamespaceInvalid, scope::names_possible_namespaces),
    (Code::TagsTooMany, tags::are_few_enough),
    (Code::TagReserved, tags::are_unreserved),
    (Code::TagKeyInvalid, tags::have_sound_keys),
    (Code::TagValueInvalid, tags::have_sound_values),
    (Code::ReasonRequired, words::reason_is_given),
    (Code::ReasonTooLong, words::reason_is_short_enough),
    (Code::ReasonInvalid, words::reason_is_plain),
    (Code::TicketInvalid, words::ticket_is_plain),
    (Code::DurationInvalid, times::duration_is_readable),
    (Code::DurationTooLong, times::duration_is_short_enough),
    (Code::DurationRequired, times::duration_is_given),
    (Code::StartInPast, times::start_is_not_past),
    (Code::StartTooFar, times::start_is_near_enough),
];

/// Turns an ask into what will be stored, reviewed and applied.
///
/// # Errors
/// Everything that is wrong with it, in the order of the rules, up to [`MAX_VIOLATIONS`]. Never empty.
pub fn check(ask: &Ask, context: &Context<'_>) -> Result<Accepted, Vec<Violation>> {
    let reading = Reading::of(ask, context);
    let mut found = Vec::new();
    for (code, rule) in RULES {
        rule(&reading, context, &mut Report { code: *code, found: &mut found });
    }
    if !found.is_empty() {
        return Err(found);
    }
    let spec = reading.into_spec(context.now).expect("whatever cannot be read breaks a rule");
    let warnings = warnings::of(&spec, context.presence);
    Ok(Accepted { spec, warnings })
}
