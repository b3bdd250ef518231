//! What a refusal of the use cases is on the wire.

use axum::http::StatusCode;

use super::{Code, FieldError, Problem};
use crate::domain::rules::{self, Violation};
use crate::policy::Builtin;
use crate::workflow::{StoreError, WorkflowError};

/// How long a caller is asked to wait when EKS cannot be looked at.
const EKS_SECONDS: u64 = 10;

impl From<WorkflowError> for Problem {
    fn from(error: WorkflowError) -> Self {
        let code = match error {
            WorkflowError::Invalid(violations) => return invalid(violations),
            WorkflowError::InvalidField { pointer, code, detail } => {
                return Self::new(Code::ValidationFailed, detail.clone())
                    .listing(vec![FieldError::at(pointer, code, detail)]);
            }
            WorkflowError::Store(error) => return error.into(),
            WorkflowError::KeyInFlight => return Self::new(Code::IdempotencyInFlight, error.to_string()).after(1),
            WorkflowError::Blind(_) => return Self::new(Code::Unavailable, error.to_string()).after(EKS_SECONDS),
            WorkflowError::PageGone => Code::NextTokenInvalid,
            WorkflowError::NotFound
            | WorkflowError::NoSuchEntry(_)
            | WorkflowError::NoSuchLink
            | WorkflowError::NoSuchWebhook => Code::NotFound,
            WorkflowError::RequestNotPermitted(_) => Code::RequestNotPermitted,
            WorkflowError::Forbidden { .. }
            | WorkflowError::NotAdministrator(_)
            | WorkflowError::NotAuditor(_)
            | WorkflowError::NotOneself(_) => Code::Forbidden,
            WorkflowError::Builtin(Builtin::SelfApproval) => Code::SelfApproval,
            WorkflowError::Builtin(Builtin::NotAPerson) => Code::NotAPerson,
            WorkflowError::NotPending { .. } => Code::NotPending,
            WorkflowError::AlreadyReviewed => Code::AlreadyReviewed,
            WorkflowError::IllegalState { .. }
            | WorkflowError::NotRepairable(_)
            | WorkflowError::NoEntries(_)
            | WorkflowError::AlreadyTied(_) => Code::IllegalState,
            WorkflowError::TooManyPending { .. } => Code::TooManyPending,
            WorkflowError::StaleView(_) => Code::Stale,
            WorkflowError::KeyReused => Code::IdempotencyKeyReused,
        };
        Self::new(code, error.to_string())
    }
}

/// Everything that is wrong with an ask. When that is only what is live beside it, mending the ask may not be what
/// helps, so it is a conflict.
fn invalid(violations: Vec<Violation>) -> Problem {
    let conflicts = [rules::Code::TypeConflict, rules::Code::UsernameConflict];
    let conflict = violations.first().filter(|_| violations.iter().all(|v| conflicts.contains(&v.code)));
    let problem = if let Some(first) = conflict {
        let title = first.code.explanation().title;
        Problem::with(StatusCode::CONFLICT, first.code.as_str(), title, first.detail.clone())
    } else {
        let detail = match violations.len() {
            1 => "1 thing is wrong with the request; errors says where and what".to_owned(),
            count => format!("{count} things are wrong with the request; errors says where and what"),
        };
        Problem::new(Code::ValidationFailed, detail)
    };
    let errors = violations.into_iter().map(|v| FieldError::at(v.pointer, v.code.as_str(), v.detail));
    problem.listing(errors.collect())
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            // A race that the row lock should have decided. Nothing was changed, and reading again shows who won.
            StoreError::Stale(_) => Self::new(
                Code::IllegalState,
                "somebody else changed the request at the same moment; read it again and decide on what it is now",
            ),
            StoreError::Unavailable(_)
            | StoreError::ReadOnly
            | StoreError::Interrupted
            | StoreError::Migration(_)
            | StoreError::BadUrl => Self::unavailable(error),
            StoreError::Duplicate { .. }
            | StoreError::NoSuchRole(_)
            | StoreError::Refused(_)
            | StoreError::Corrupt { .. }
            | StoreError::Unreadable(_)
            | StoreError::LeaseLost => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(code: rules::Code) -> Violation {
        Violation { pointer: "/type".to_owned(), code, detail: "why".to_owned() }
    }

    fn problem(codes: &[rules::Code]) -> Problem {
        WorkflowError::Invalid(codes.iter().copied().map(violation).collect()).into()
    }

    #[test]
    fn what_is_only_in_the_way_of_something_live_is_a_conflict() {
        use rules::Code::{TypeConflict, TypeUnknown, UsernameConflict};
        let conflict = problem(&[UsernameConflict, TypeConflict]);
        assert_eq!((conflict.0.status.as_u16(), conflict.code()), (409, "username-conflict"));
        assert_eq!(conflict.0.errors.len(), 2);
        let mixed = problem(&[TypeConflict, TypeUnknown]);
        assert_eq!((mixed.0.status.as_u16(), mixed.code()), (422, "validation-failed"));
        assert_eq!(mixed.0.errors.len(), 2);
    }

    #[test]
    fn what_is_broken_inside_stays_inside() {
        for error in [StoreError::ReadOnly, StoreError::LeaseLost, StoreError::Migration("table \"x\"".to_owned())] {
            let cause = error.to_string();
            let problem = Problem::from(WorkflowError::Store(error));
            assert!(problem.0.status.is_server_error());
            assert_eq!(problem.0.cause.as_deref(), Some(cause.as_str()), "the log hears of it");
            assert!(!problem.0.detail.contains(&cause), "the client does not: {}", problem.0.detail);
        }
    }
}
