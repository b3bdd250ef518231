//! What somebody may do to a request instead, once they were refused what they asked for.

use uuid::Uuid;

use super::failure::Failure;
use super::http::Service;
use crate::api::wire::RequestView;

/// What the service calls it, the rest of the command, and whether it ends or prevents access.
const COMMANDS: [(&str, &str, bool); 8] = [
    ("withdraw", "", true),
    ("relinquish", "", true),
    ("revoke", " --reason TEXT", true),
    ("deny", " --comment TEXT", true),
    ("approve", "", false),
    ("acknowledge", "", false),
    ("retry", "", false),
    ("extend", " --duration TIME", false),
];

/// `failure`, with what this caller may do to request `id` now in place of `action`. Whoever wants access ended is told of what
/// ends it, and nothing else.
pub(super) async fn or_instead(service: &Service, id: Uuid, action: &str, failure: Failure) -> Failure {
    let Failure::Refused(mut problem) = failure else { return failure };
    if matches!(&*problem.view.code, "forbidden" | "illegal-state" | "not-pending") {
        // Where that cannot be read either, the refusal says enough.
        let seen = service.get::<RequestView>(&format!("/v1/requests/{id}"), &[]).await;
        problem.next = seen.ok().and_then(|seen| instead(&seen.view, action));
    }
    Failure::Refused(problem)
}

fn instead(view: &RequestView, action: &str) -> Option<String> {
    let ending = COMMANDS.iter().any(|(name, _, ends)| *name == action && *ends);
    let may = |name: &str| name != action && view.allowed_actions.iter().any(|allowed| allowed == name);
    let commands: Vec<_> = COMMANDS
        .iter()
        .filter(|(name, _, ends)| may(name) && (*ends || !ending))
        .map(|(name, rest, _)| format!("entryway {name} {}{rest}", view.id))
        .collect();
    (!commands.is_empty()).then(|| format!("You may: {}", commands.join("; or: ")))
}
