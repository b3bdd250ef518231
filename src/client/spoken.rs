//! What the service says about calls, said about commands. Its words are for whoever calls the API; who types commands knows no
//! fields, headers or paths.

use std::borrow::Cow;

use crate::api::wire;

/// What the API calls it, and what it is called here. A longer one stands before what it holds.
const NAMES: &[(&str, &str)] = &[
    ("GET /v1/access-policies", "`entryway access-policies`"),
    ("GET /v1/clusters", "`entryway clusters`"),
    ("This Idempotency-Key", "This --idempotency-key"),
    ("this Idempotency-Key", "this --idempotency-key"),
    ("The Idempotency-Key", "The --idempotency-key"),
    ("Entryway-On-Behalf-Of", "--on-behalf-of"),
    ("`kubernetesGroups`", "--group"),
    ("`accessPolicies`", "--policy"),
    ("`clusterName`", "--cluster"),
    ("`username`", "--username"),
    ("`duration`", "--duration"),
    ("`startAt`", "--start"),
    ("`comment`", "--comment"),
    ("`reason`", "--reason"),
    ("`type`", "--type"),
    ("A parameter or header is wrong", "An option is wrong"),
    ("the command in `detail`", "the command above"),
    ("what `detail` names", "what is named above"),
    ("that `detail` names", "that is named above"),
    ("give requester, principalArn or clusterName", "give --requester, --principal or --cluster"),
    (r#"{"type": "cluster"}, or {"type": "namespace", "namespaces": ["…"]}"#, "--cluster-wide, or --namespace NAME"),
    ("retry the request", "run entryway retry"),
    ("allowedActions", "`you may` of entryway show"),
];

/// What to do about a code, where the API's remedy has no meaning to whoever types commands.
const REMEDIES: &[(&str, &str)] = &[
    ("malformed-json", "Mend the place that is named; /docs of the service shows what a request looks like."),
    ("bad-parameter", "Mend what is named; --help of the command says what it takes."),
    ("next-token-invalid", "List it again from the start."),
    ("idempotency-key-invalid", "Leave --idempotency-key out, or give it 1 to 255 visible characters."),
    ("idempotency-key-reused", "Give another --idempotency-key, or none."),
    ("idempotency-in-flight", "Wait a moment and run it again: it gets the answer of the first."),
    ("unauthenticated", "Run entryway login, or set ENTRYWAY_TOKEN to a token that is good."),
    ("not-a-person", "Say with --on-behalf-of who reviews, or have them review it themselves."),
    ("not-found", "Check the id; entryway list shows what you may see."),
    ("method-not-allowed", "The service is of another version than this program; use the program that goes with it."),
    ("unsupported-media-type", "Something between here and the service changes what is sent; see what that is."),
    ("not-pending", "Look at it with entryway show; what was signed off ends with entryway revoke or relinquish."),
    ("already-reviewed", "If it has to be undone: entryway revoke."),
    ("illegal-state", "Look at it with entryway show: it says where it is, and what you may do."),
    ("stale", "Look at it again with entryway show, and decide on what it is now."),
    ("rate-limited", "Wait a moment, and call less often."),
    ("internal", "Tell the operators the id of the call below."),
    ("unavailable", "Try again in a moment; entryway list and show say whether it has been done."),
    ("cluster-names-invalid", "Name each cluster once, 50 at most."),
    ("revocation-matches-everything", "Give --requester, --principal or --cluster, and none that is empty."),
    ("scope-type-invalid", "Say --namespace NAME, or --cluster-wide."),
    ("scope-namespaces-required", "Name them with --namespace, or patterns such as payments-*."),
    ("scope-namespaces-not-allowed", "Say either --namespace or --cluster-wide."),
    ("break-glass-unreviewed", "Look at it and run entryway acknowledge; entryway list --to-review lists what waits."),
];

/// `text` with the names that things have here.
pub(super) fn spoken(text: &str) -> Cow<'_, str> {
    NAMES.iter().fold(Cow::Borrowed(text), |text, (theirs, ours)| {
        if text.contains(theirs) { Cow::Owned(text.replace(theirs, ours)) } else { text }
    })
}

/// What to do about `code`, where it is one of ours.
pub(super) fn remedy(code: &str) -> Option<Cow<'static, str>> {
    let own = REMEDIES.iter().find(|(known, _)| *known == code);
    own.map(|(_, remedy)| Cow::Borrowed(*remedy)).or_else(|| wire::remedy(code).map(spoken))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words that only make sense to whoever calls the API.
    const THEIRS: [&str; 16] = [
        "GET /",
        "POST",
        "/v1/",
        "Idempotency-Key",
        "On-Behalf-Of",
        "If-Match",
        "Retry-After",
        "header",
        "`errors`",
        "`detail`",
        "allowedActions",
        "accessScope",
        "requestId",
        "`startAt`",
        "`kubernetesGroups`",
        "nextToken",
    ];

    #[test]
    fn no_remedy_speaks_of_calls() {
        // Its list is printed, each place with a remedy of its own.
        let told = wire::codes().filter(|entry| entry.code != "validation-failed");
        for entry in told {
            let remedy = remedy(entry.code).unwrap_or_default();
            let title = spoken(entry.title).into_owned();
            for word in THEIRS {
                assert!(!remedy.contains(word) && !title.contains(word), "{}: {title} {remedy}", entry.code);
            }
        }
    }

    #[test]
    fn every_remedy_of_our_own_is_for_a_code_there_is() {
        for (code, _) in REMEDIES {
            assert!(wire::codes().any(|entry| entry.code == *code), "{code}");
        }
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        let told = "there is no cluster \"prdo\"; GET /v1/clusters lists the clusters there are";
        assert_eq!(spoken(told), "there is no cluster \"prdo\"; `entryway clusters` lists the clusters there are");
        let told = r#"say where: {"type": "cluster"}, or {"type": "namespace", "namespaces": ["…"]}"#;
        assert_eq!(spoken(told), "say where: --cluster-wide, or --namespace NAME");
        assert_eq!(spoken("Delete some, then retry the request."), "Delete some, then run entryway retry.");
        assert_eq!(spoken("as it is"), "as it is");
    }
}
