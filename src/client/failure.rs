//! Why a command did not come to what it was asked for, each with its exit code.

use serde_json::Value;

use crate::api::wire::ProblemView;

/// Why not.
#[derive(Debug)]
pub(super) enum Failure {
    /// What was given does not make sense, or nothing says where the service is.
    Usage(String),
    /// The service answered with a problem.
    Refused(Box<Problem>),
    /// There is no token to show.
    NotSignedIn(String),
    /// The service cannot be reached, or does not answer as one.
    Unreachable(String),
    /// The time to wait was up first.
    TimeIsUp(String),
    /// What was waited for will not come: it was turned down, or is over.
    TurnedDown(String),
    /// What was waited for will not come: it failed.
    Failed(String),
    /// Part of it has been done, and the rest was not permitted.
    Kept(String),
    /// Part of it has been done, and the rest will be by the same command.
    Left(String),
    /// Something on this machine does not work.
    Here(String),
}

/// A problem as it was answered.
#[derive(Debug)]
pub(super) struct Problem {
    /// What it says.
    pub(super) view: ProblemView<'static>,
    /// The same, word by word.
    pub(super) json: Value,
    /// When there is room again, in seconds.
    pub(super) retry_after: Option<u64>,
    /// What to do next, where more is known than the code says.
    pub(super) next: Option<String>,
}

impl Failure {
    /// 1 and 2 are those of every command of the program; the others are for pipelines to tell apart.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::Here(_) => 1,
            Self::Usage(_) => 2,
            Self::Refused(problem) => match problem.view.status {
                401 => 4,
                429 | 502..=504 => 5,
                500.. => 1,
                _ => 3,
            },
            Self::NotSignedIn(_) => 4,
            Self::Kept(_) => 3,
            Self::Unreachable(_) | Self::Left(_) => 5,
            Self::TimeIsUp(_) => 6,
            Self::TurnedDown(_) => 7,
        }
    }

    /// Whether the service may well answer in a moment.
    pub(super) fn passes(&self) -> bool {
        self.exit_code() == 5
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn answered(status: u16) -> Failure {
        let view = ProblemView {
            problem_type: String::new(),
            title: "".into(),
            status,
            code: "".into(),
            detail: "".into(),
            request_id: "".into(),
            errors: Cow::Owned(vec![]),
        };
        Failure::Refused(Box::new(Problem { view, json: Value::Null, retry_after: None, next: None }))
    }

    #[test]
    fn every_kind_has_an_exit_code_of_its_own() {
        let codes =
            [(400, 3), (401, 4), (403, 3), (404, 3), (409, 3), (412, 3), (422, 3), (429, 5), (500, 1), (503, 5)];
        for (status, code) in codes {
            assert_eq!(answered(status).exit_code(), code, "{status}");
        }
        assert!(answered(503).passes() && !answered(500).passes() && !answered(422).passes());
    }
}
