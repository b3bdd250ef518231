//! An event of the audit log in answers.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::time::Time;
use super::words::{EventName, Road};
use crate::domain::event::{Event, NewEvent};

/// Something that happened.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Event)]
pub(crate) struct EventView {
    /// Rises; the cursor of readers.
    #[schema(example = 4711, minimum = 1)]
    pub(crate) seq: i64,
    /// UUID v7.
    #[schema(example = "01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1")]
    pub(crate) id: Uuid,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(value_type = EventName)]
    pub(crate) event_type: Cow<'static, str>,
    /// When.
    pub(crate) at: Time,
    /// Who did it; `entryway` for Entryway's own doings.
    #[schema(example = "alice")]
    pub(crate) actor: String,
    /// The service that carried it.
    #[schema(example = "portal")]
    pub(crate) submitted_by: Option<String>,
    /// The road it came by.
    #[schema(value_type = Road)]
    pub(crate) via: Cow<'static, str>,
    /// The request it is about.
    pub(crate) request_id: Option<Uuid>,
    /// The cluster it is about.
    #[schema(example = "prod")]
    pub(crate) cluster_name: Option<String>,
    /// The principal it is about.
    #[schema(example = "arn:aws:iam::111122223333:role/dev/apps/my-role")]
    pub(crate) principal_arn: Option<String>,
    /// Everything else; its fields depend on the type.
    #[schema(value_type = Object, example = json!({"reason": "Look into the failed settlement run"}))]
    pub(crate) data: serde_json::Value,
    /// The hash of the request's event before it, of a checkpoint that of the checkpoint before it; null for the first.
    #[schema(example = json!(null))]
    pub(crate) prev_hash: Option<String>,
    /// Its own hash, over everything above.
    #[schema(example = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae")]
    pub(crate) hash: String,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        let Event { seq, id, at, body, prev_hash, hash } = event;
        let NewEvent { event_type, actor, submitted_by, via, request_id, cluster_name, principal_arn, data } = body;
        Self {
            seq,
            id,
            event_type: event_type.into_text(),
            at: Time(at),
            actor,
            submitted_by,
            via: via.as_str().into(),
            request_id,
            cluster_name,
            principal_arn,
            data,
            prev_hash,
            hash,
        }
    }
}

/// Events, oldest first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventList {
    /// The events.
    pub(crate) items: Vec<EventView>,
    /// Where the next page starts; null at the end.
    #[schema(example = json!(null))]
    pub(crate) next_token: Option<String>,
}
