//! Words of the domain as closed lists in the document, taken from the domain itself so that they cannot drift apart.

use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::catalogue::PolicyKind;
use crate::domain::entry::EntryType;
use crate::domain::event::EventType;
use crate::domain::identity::Via;
use crate::domain::inventory::{Managed, Protection};
use crate::domain::request::VerificationLevel;
use crate::domain::review::Decision;
use crate::domain::states::{EndReason, RequestState};
use crate::policy::{Action, ServiceAction};

fn words(about: &str, words: impl IntoIterator<Item = &'static str>) -> RefOr<Schema> {
    let words: Vec<_> = words.into_iter().collect();
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(about))
        .examples([words[0]])
        .enum_values(Some(words))
        .into()
}

macro_rules! word_schemas {
    ($($(#[$doc:meta])* $name:ident: $about:expr, $words:expr;)+) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    words(&$about, $words)
                }
            }

            impl ToSchema for $name {}
        )+
    };
}

word_schemas! {
    /// The states of a request.
    State: states(), RequestState::ALL.map(RequestState::as_str);
    /// Why a grant ended.
    EndedBecause: "Why access ended, once it is ending.", EndReason::ALL.map(EndReason::as_str);
    /// The types of entries.
    AccessEntryType: "The type of the access entry, in EKS's spelling.", EntryType::ALL.map(EntryType::as_str);
    /// Whom an access policy is for.
    AccessPolicyKind: "Whom an access policy is for.", [
        PolicyKind::Customer, PolicyKind::NodeOnly, PolicyKind::ServiceLinkedOnly, PolicyKind::Other
    ].map(PolicyKind::as_str);
    /// Where a list of access policies is from.
    CatalogueSource: "Where the list is from.", ["eks", "builtIn"];
    /// Whose an entry is.
    ManagedBy: "Who made the entry. `layered`: somebody else, and Entryway's grants are on top of it.",
        Managed::ALL.map(Managed::as_str);
    /// Why an entry is left alone.
    LeftAlone: "Why Entryway never touches the entry, whatever its cluster's `existing_entries` says.",
        Protection::ALL.map(Protection::as_str);
    /// What IAM says of a principal.
    PrincipalStatus: "`missing`: IAM knows nobody of this name. `recreated`: somebody else bears it by now, and the entry is \
                      dead. `unknown`: IAM could not be asked.", ["ok", "missing", "recreated", "unknown"];
    /// Where an access policy holds.
    ScopeType: "Where an access policy holds.", ["cluster", "namespace"];
    /// What a reviewer says.
    ReviewDecision: "What the reviewer says. One deny is final. What was applied without a sign-off is acknowledged.",
        Decision::ALL.map(Decision::as_str);
    /// The roads a call can come by.
    Road: "The road it came by.", [Via::Api, Via::Slack, Via::Console, Via::Worker, Via::Cli].map(Via::as_str);
    /// Where a request stands with its reviewers.
    ApprovalStatus: "Whether the approvals that count are enough. `notNeeded`: policy asks for nobody's.",
        ["waiting", "satisfied", "denied", "notNeeded"];
    /// How far the proof has come.
    ProofLevel: "`recorded`: enough consecutive reads agree. `settled`: and the settling time has passed.", [
        VerificationLevel::None, VerificationLevel::Recorded, VerificationLevel::Settled
    ].map(VerificationLevel::as_str);
    /// What can be done to a request.
    RequestAction: "What can be done to a request.", Action::ALL.iter().map(|action| action.as_str())
        .filter(|action| !matches!(*action, "request" | "view")).chain(["acknowledge", "extend"]);
    /// What can be done to Entryway itself.
    Permission: "What policy lets the caller do beside requests.", ServiceAction::ALL.iter().map(|action| action.as_str());
    /// What can have happened.
    EventName: "What happened.", EventType::ALL.iter().map(|kind| kind.as_str());
}

fn states() -> String {
    let lines: Vec<_> =
        RequestState::ALL.iter().map(|state| format!("`{}`: {}", state.as_str(), state.meaning())).collect();
    format!("Where a request is in its life. {}", lines.join(" "))
}
