//! The audit log's vocabulary and its hash chain. Every change writes one event, in the same transaction.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::identity::{Caller, Via};
use super::request::hex;

/// The name that Entryway's own doings are recorded under.
pub const SELF: &str = "entryway";

macro_rules! event_types {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// What happened. The spellings are the contract of the audit log, the stream and the webhooks.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum EventType {
            $($(#[$doc])* $name,)+
            /// What only a newer build knows, which has written it beside this one.
            Newer(Newer),
        }

        impl EventType {
            /// Every type that this build knows.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The spelling of the contract.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)+
                    Self::Newer(Newer(text)) => text,
                }
            }

            /// As [`EventType::as_str`], to keep.
            #[must_use]
            pub fn into_text(self) -> Cow<'static, str> {
                match self {
                    $(Self::$name => Cow::Borrowed($text),)+
                    Self::Newer(Newer(text)) => Cow::Owned(text.into()),
                }
            }
        }
    };
}

/// The spelling of a type that this build does not know. Only [`EventType::read`] makes one: nothing here writes such an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Newer(Box<str>);

/// The longest spelling that a type may have.
const LONGEST_TYPE: usize = 64;

impl EventType {
    /// Reads the spelling of a type that this build knows.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|kind| kind.as_str() == text).cloned()
    }

    /// Reads what stands in the log: whatever is spelled like a type, since a newer build may be writing there too. Nothing else, so
    /// that a type can be put anywhere without a second look.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let spelled = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'.' | b'_');
        let newer = || (1..=LONGEST_TYPE).contains(&text.len()) && text.bytes().all(spelled);
        Self::parse(text).or_else(|| newer().then(|| Self::Newer(Newer(text.into()))))
    }

    /// Whether this build knows what it means.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        !matches!(self, Self::Newer(_))
    }
}

event_types! {
    /// A request was filed.
    RequestSubmitted = "request.submitted",
    /// Somebody approved or denied.
    RequestReviewed = "request.reviewed",
    /// A deny made it final.
    RequestDenied = "request.denied",
    /// The requester took it back undecided.
    RequestWithdrawn = "request.withdrawn",
    /// Nobody decided in time.
    RequestLapsed = "request.lapsed",
    /// Signed off, to start later.
    RequestScheduled = "request.scheduled",
    /// The worker may make EKS calls for it.
    RequestApplying = "request.applying",
    /// Writes done, proof under way.
    RequestVerifying = "request.verifying",
    /// Proven.
    RequestActive = "request.active",
    /// Could not be applied.
    RequestFailed = "request.failed",
    /// Is being taken back.
    RequestRevoking = "request.revoking",
    /// Proven gone.
    RequestEnded = "request.ended",
    /// Ends soon.
    RequestExpiring = "request.expiring",
    /// An ask or a click that policy or the rules turned down.
    RequestRefused = "request.refused",
    /// Somebody broke the glass: it is applied without a sign-off, and waits for a review afterwards.
    RequestBreakGlass = "request.break_glass",
    /// Verifying takes longer than `verify.deadline`.
    RequestVerificationOverdue = "request.verification_overdue",
    /// EKS created an entry for us.
    EntryCreated = "entry.created",
    /// EKS updated groups or username.
    EntryUpdated = "entry.updated",
    /// EKS deleted an entry of ours.
    EntryDeleted = "entry.deleted",
    /// EKS associated an access policy, or changed its scope.
    EntryPolicyAssociated = "entry.policy_associated",
    /// EKS disassociated an access policy.
    EntryPolicyDisassociated = "entry.policy_disassociated",
    /// A write to an entry that EKS did not take, or of which nobody knows whether it did.
    EntryWriteFailed = "entry.write_failed",
    /// Somebody changed an entry behind our back.
    EntryDrifted = "entry.drifted",
    /// Somebody asked for whatever is wrong with an entry to be put right.
    EntryRepairRequested = "entry.repair_requested",
    /// Drift was put right.
    EntryRepaired = "entry.repaired",
    /// The entry is somebody else's.
    EntryConflict = "entry.conflict",
    /// The IAM principal is gone.
    PrincipalMissing = "principal.missing",
    /// The IAM principal was deleted and made anew.
    PrincipalRecreated = "principal.recreated",
    /// A cluster cannot be worked on.
    ClusterUnhealthy = "cluster.unhealthy",
    /// A cluster can be worked on again.
    ClusterHealthy = "cluster.healthy",
    /// A policy set is in force.
    PolicyLoaded = "policy.loaded",
    /// A policy set was refused; the old one stays.
    PolicyRejected = "policy.rejected",
    /// A destination said that it is gone for good, and is told nothing more.
    DestinationGone = "destination.gone",
    /// Somebody has a destination told again of what happened.
    DestinationReplayed = "destination.replayed",
    /// Somebody failed to say who they are.
    AuthFailed = "auth.failed",
    /// Somebody tied a user of another system to themselves, and may act through it.
    IdentityLinked = "identity.linked",
    /// Such a tie was taken back.
    IdentityUnlinked = "identity.unlinked",
    /// A checkpoint over all events since the last.
    AuditCheckpoint = "audit.checkpoint",
}

/// An event about to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// What happened.
    pub event_type: EventType,
    /// Who did it; [`SELF`] for the worker.
    pub actor: String,
    /// The service that carried it.
    pub submitted_by: Option<String>,
    /// The road it came by.
    pub via: Via,
    /// The request it is about.
    pub request_id: Option<Uuid>,
    /// Entryway's name of the cluster it is about.
    pub cluster_name: Option<String>,
    /// The principal it is about.
    pub principal_arn: Option<String>,
    /// Everything else. Whole numbers, strings, booleans, arrays and objects only: floats do not survive every
    /// JSON writer and would break the chain.
    pub data: Value,
}

impl NewEvent {
    /// An event of the worker's own.
    #[must_use]
    pub fn by_entryway(event_type: EventType, data: Value) -> Self {
        Self {
            event_type,
            actor: SELF.to_owned(),
            submitted_by: None,
            via: Via::Worker,
            request_id: None,
            cluster_name: None,
            principal_arn: None,
            data,
        }
    }

    /// An event that `caller` brought about, with the address they called from in its data.
    #[must_use]
    pub fn by(caller: &Caller, event_type: EventType, mut data: Value) -> Self {
        if let (Some(ip), Value::Object(fields)) = (caller.source_ip, &mut data) {
            fields.insert("sourceIp".to_owned(), Value::String(ip.to_string()));
        }
        Self {
            actor: caller.user().to_owned(),
            submitted_by: caller.submitted_by.clone(),
            via: caller.via,
            ..Self::by_entryway(event_type, data)
        }
    }

    /// Says which request it is about, and with it which entry.
    #[must_use]
    pub fn about(mut self, request_id: Uuid, cluster_name: &str, principal_arn: &str) -> Self {
        self.request_id = Some(request_id);
        self.on_entry(cluster_name, principal_arn)
    }

    /// Says which entry it is about.
    #[must_use]
    pub fn on_entry(mut self, cluster_name: &str, principal_arn: &str) -> Self {
        self.cluster_name = Some(cluster_name.to_owned());
        self.principal_arn = Some(principal_arn.to_owned());
        self
    }

    /// The link of the chain: SHA-256 over the version, the hash before it and every field, each preceded by its
    /// length, so that no two events can be spelled into the same bytes. Absent fields count as length −1.
    #[must_use]
    pub fn hash(&self, id: Uuid, at: DateTime<Utc>, prev_hash: Option<&str>) -> String {
        let mut hasher = Sha256::new_with_prefix("entryway/event/v1\n");
        let mut field = |value: Option<&str>| match value {
            Some(text) => {
                hasher.update(i64::try_from(text.len()).unwrap_or(i64::MAX).to_be_bytes());
                hasher.update(text);
            }
            None => hasher.update((-1_i64).to_be_bytes()),
        };
        let request_id = self.request_id.map(|id| id.to_string());
        field(prev_hash);
        field(Some(&id.to_string()));
        field(Some(self.event_type.as_str()));
        field(Some(&at.to_rfc3339_opts(SecondsFormat::Micros, true)));
        field(Some(&self.actor));
        field(self.submitted_by.as_deref());
        field(Some(self.via.as_str()));
        field(request_id.as_deref());
        field(self.cluster_name.as_deref());
        field(self.principal_arn.as_deref());
        field(Some(&canonical_json(&self.data)));
        format!("sha256:{}", hex(&hasher.finalize()))
    }
}

/// An event as it stands in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Rises; the cursor of readers.
    pub seq: i64,
    /// UUID v7.
    pub id: Uuid,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// What it says.
    pub body: NewEvent,
    /// The hash of the request's event before it.
    pub prev_hash: Option<String>,
    /// Its own hash.
    pub hash: String,
}

/// JSON with sorted keys and no white space: the same value always gives the same text, whatever wrote it.
#[must_use]
pub fn canonical_json(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort();
            let members: Vec<_> = keys
                .into_iter()
                .map(|key| format!("{}:{}", Value::String(key.clone()), canonical_json(&map[key])))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical_json).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn spellings_round_trip_and_are_unique() {
        for kind in EventType::ALL {
            assert_eq!(EventType::parse(kind.as_str()).as_ref(), Some(kind));
            assert_eq!(EventType::read(kind.as_str()).as_ref(), Some(kind));
            assert_eq!(kind.clone().into_text(), kind.as_str());
        }
    }

    #[test]
    fn what_a_newer_build_has_written_is_read_as_it_is_and_nothing_else() {
        let newer = EventType::read("request.blessed_2").expect("spelled like a type");
        assert_eq!((newer.as_str(), newer.is_known()), ("request.blessed_2", false));
        assert_eq!(newer.into_text(), "request.blessed_2");
        assert_eq!(EventType::parse("request.blessed_2"), None, "nobody can ask for it");
        for odd in ["", "a\nb", "a b", "Request.Active", "a\u{e9}", &"a".repeat(LONGEST_TYPE + 1)] {
            assert_eq!(EventType::read(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn canonical_json_sorts_at_every_depth() {
        assert_eq!(
            canonical_json(&json!({"b": [{"z": 1, "a": null}], "a": "x\n"})),
            r#"{"a":"x\n","b":[{"a":null,"z":1}]}"#
        );
    }

    #[test]
    fn every_field_is_in_the_hash() {
        let base = NewEvent::by_entryway(EventType::RequestActive, json!({"a": 1})).on_entry("prod", "arn");
        let (id, at) = (Uuid::nil(), DateTime::<Utc>::UNIX_EPOCH);
        let hash = |event: &NewEvent| event.hash(id, at, None);
        let variants = [
            NewEvent { event_type: EventType::RequestEnded, ..base.clone() },
            NewEvent { actor: "alice".into(), ..base.clone() },
            NewEvent { submitted_by: Some(String::new()), ..base.clone() },
            NewEvent { via: Via::Api, ..base.clone() },
            NewEvent { request_id: Some(Uuid::nil()), ..base.clone() },
            NewEvent { cluster_name: None, ..base.clone() },
            NewEvent { cluster_name: Some("proda".into()), principal_arn: Some("rn".into()), ..base.clone() },
            NewEvent { data: json!({"a": 2}), ..base.clone() },
        ];
        for variant in &variants {
            assert_ne!(hash(variant), hash(&base), "{variant:?}");
        }
        assert_ne!(base.hash(id, at, Some("x")), hash(&base));
        assert_ne!(base.hash(Uuid::max(), at, None), hash(&base));
    }
}
