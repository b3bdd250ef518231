//! Putting on record that callers could not say who they are.

use std::net::IpAddr;

use serde_json::json;

use super::WorkflowError;
use super::desk::Desk;
use crate::domain::event::{EventType, NewEvent};
use crate::domain::identity::Via;

impl Desk {
    /// Records that `count` calls were turned away at the door, the last of them from `source_ip`, of `user` where a token
    /// said so, with the problem `code`. Whoever calls this bounds how often: anybody can be turned away at any rate.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn record_turned_away(
        &self,
        source_ip: Option<IpAddr>,
        user: Option<&str>,
        code: &'static str,
        count: i64,
    ) -> Result<(), WorkflowError> {
        let data =
            json!({ "code": code, "count": count, "user": user, "sourceIp": source_ip.map(|ip| ip.to_string()) });
        let event = NewEvent { via: Via::Api, ..NewEvent::by_entryway(EventType::AuthFailed, data) };
        Ok(self.record_alone(event).await?)
    }
}
