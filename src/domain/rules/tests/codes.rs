//! The codes are a contract with the people who read them.

use std::collections::BTreeSet;

use super::super::warnings::WarningCode;
use super::*;

/// The contract's list of validation codes.
const CONTRACT: &str = "principal-arn-invalid principal-sts-session principal-service-linked-role \
    principal-partition-mismatch principal-account-mismatch principal-account-not-allowed principal-must-be-role \
    principal-not-found principal-protected type-unknown username-not-allowed-for-type username-reserved-prefix \
    username-session-name-needs-colon username-too-long groups-not-allowed-for-type group-reserved-prefix \
    group-invalid group-duplicate policies-not-allowed-for-type policy-arn-invalid policy-unknown \
    policy-service-linked-only policy-duplicate scope-type-invalid scope-namespaces-required \
    scope-namespaces-not-allowed namespace-invalid tags-too-many tag-key-invalid tag-value-invalid tag-reserved \
    cluster-unknown cluster-not-active cluster-auth-mode reason-required reason-too-long duration-invalid \
    duration-too-long duration-required start-in-past start-too-far type-conflict username-conflict";

/// Codes that Entryway has on top of the contract's.
const ADDED: &str = "username-invalid reason-invalid ticket-invalid";

/// The contract's list of warnings.
const WARNINGS: &str = "iam-user-discouraged no-permissions username-without-session-name custom-username-discouraged \
    managed-node-role-not-needed group-binding-not-checked node-entry-removal-is-disruptive principal-not-checked";

#[test]
fn the_contract_is_kept() {
    let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let contract: BTreeSet<_> = CONTRACT.split_whitespace().chain(ADDED.split_whitespace()).collect();
    assert_eq!(codes, contract);
    let warnings: BTreeSet<_> = WarningCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(warnings, WARNINGS.split_whitespace().collect());
}

#[test]
fn one_rule_answers_with_each_code() {
    let in_rules: BTreeSet<_> = RULES.iter().map(|(code, _)| *code).collect();
    assert_eq!(in_rules.len(), RULES.len(), "two rules answer with the same code");
    assert_eq!(in_rules, Code::ALL.iter().copied().collect());
}

#[test]
fn every_code_reads_back_and_is_explained() {
    let explained = Code::ALL
        .iter()
        .map(|code| (code.as_str(), Code::parse(code.as_str()) == Some(*code), code.explanation()))
        .chain(
            WarningCode::ALL
                .iter()
                .map(|code| (code.as_str(), WarningCode::parse(code.as_str()) == Some(*code), code.explanation())),
        );
    let mut titles = BTreeSet::new();
    for (code, reads_back, explanation) in explained {
        assert!(reads_back, "{code}");
        assert!(titles.insert(explanation.title), "{code} has another's title");
        for sentence in [explanation.title, explanation.meaning, explanation.remedy] {
            assert!(sentence.ends_with('.') && !sentence.starts_with(char::is_lowercase), "{code}: {sentence}");
        }
    }
    assert_eq!(Code::parse("Type-Unknown"), None);
}
