//! Rows as they stand in the database, and what they mean. A row that no code of ours can have written is an error,
//! never a guess: half-set columns, unknown spellings, and a spec that no longer has the digest it was approved by.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::StoreError;
use crate::domain::entry::EntryContent;
use crate::domain::event::{Event, EventType, NewEvent};
use crate::domain::identity::Via;
use crate::domain::request::{Grant, Request, Spec, Verification, VerificationLevel};
use crate::domain::review::{Decision, Review};
use crate::domain::states::{EndReason, RequestState};

/// The rows that decode. One that does not was changed by other means than Entryway: it is reported in the log, grants
/// nothing and counts for nothing, and keeps none of the others.
pub(super) fn sound<Row, T>(rows: Vec<Row>) -> Vec<T>
where
    T: TryFrom<Row, Error = StoreError>,
{
    let report = |error: &StoreError| tracing::error!(%error, "a row was left out");
    rows.into_iter().filter_map(|row| T::try_from(row).inspect_err(report).ok()).collect()
}

#[derive(Debug)]
pub(super) struct RequestRow {
    pub(super) id: Uuid,
    pub(super) cluster_name: String,
    pub(super) principal_arn: String,
    pub(super) content: Value,
    pub(super) tags: Value,
    pub(super) reason: String,
    pub(super) ticket: Option<String>,
    pub(super) duration_ms: Option<i64>,
    pub(super) start_at: Option<DateTime<Utc>>,
    pub(super) break_glass: bool,
    pub(super) spec_digest: String,
    pub(super) requester: String,
    pub(super) submitted_by: Option<String>,
    pub(super) extends: Option<Uuid>,
    pub(super) warnings: Value,
    pub(super) state: String,
    #[expect(dead_code, reason = "read with the whole row; the database's own check is its only reader")]
    pub(super) moved_from: Option<String>,
    pub(super) end_reason: Option<String>,
    pub(super) version: i64,
    pub(super) policy_digest: String,
    pub(super) starts_at: Option<DateTime<Utc>>,
    pub(super) applied_at: Option<DateTime<Utc>>,
    pub(super) verified_at: Option<DateTime<Utc>>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) ended_at: Option<DateTime<Utc>>,
    pub(super) verification_level: String,
    pub(super) agreeing_reads: i32,
    pub(super) lag_ms: Option<i64>,
    pub(super) last_error: Option<Value>,
    pub(super) lapses_at: DateTime<Utc>,
    pub(super) applying_since: Option<DateTime<Utc>>,
    pub(super) chain_head: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) remind_at: Option<DateTime<Utc>>,
    pub(super) owes_review: bool,
    pub(super) reach_ms: Option<i64>,
    pub(super) trace_parent: Option<String>,
}

impl TryFrom<RequestRow> for Request {
    type Error = StoreError;

    fn try_from(row: RequestRow) -> Result<Self, StoreError> {
        let corrupt = |column| StoreError::corrupt("request", column, row.id);
        let content: EntryContent = serde_json::from_value(row.content).map_err(|_| corrupt("content"))?;
        let spec = Spec {
            cluster_name: row.cluster_name,
            principal: row.principal_arn.parse().map_err(|_| corrupt("principal_arn"))?,
            content,
            tags: serde_json::from_value(row.tags).map_err(|_| corrupt("tags"))?,
            reason: row.reason,
            ticket: row.ticket,
            duration: row.duration_ms.map(TimeDelta::milliseconds),
            start_at: row.start_at,
            break_glass: row.break_glass,
            extends: row.extends,
        };
        // What was approved is what is applied: a row edited by hand has another digest, and goes no further.
        if spec.digest() != row.spec_digest {
            return Err(corrupt("spec_digest"));
        }
        Ok(Self {
            id: row.id,
            state: RequestState::parse(&row.state).ok_or_else(|| corrupt("state"))?,
            end_reason: optional(row.end_reason.as_deref(), EndReason::parse).ok_or_else(|| corrupt("end_reason"))?,
            version: row.version,
            spec,
            spec_digest: row.spec_digest,
            requester: row.requester,
            submitted_by: row.submitted_by,
            warnings: serde_json::from_value(row.warnings).map_err(|_| corrupt("warnings"))?,
            policy_digest: row.policy_digest,
            grant: Grant {
                starts_at: row.starts_at,
                applied_at: row.applied_at,
                verified_at: row.verified_at,
                expires_at: row.expires_at,
                ended_at: row.ended_at,
            },
            verification: Verification {
                level: VerificationLevel::parse(&row.verification_level)
                    .ok_or_else(|| corrupt("verification_level"))?,
                agreeing_reads: row.agreeing_reads,
                lag_ms: row.lag_ms,
            },
            last_error: row.last_error.map(serde_json::from_value).transpose().map_err(|_| corrupt("last_error"))?,
            lapses_at: row.lapses_at,
            applying_since: row.applying_since,
            remind_at: row.remind_at,
            owes_review: row.owes_review,
            reach: row.reach_ms.map(TimeDelta::milliseconds),
            trace_parent: row.trace_parent.and_then(|text| text.parse().ok()),
            chain_head: row.chain_head,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// `Some(None)` for no text, `None` for a text that does not parse.
#[expect(clippy::option_option, reason = "the outer says whether it decoded, the inner whether it is there")]
fn optional<T>(text: Option<&str>, parse: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    text.map_or(Some(None), |text| parse(text).map(Some))
}

#[derive(Debug)]
pub(super) struct ReviewRow {
    pub(super) id: Uuid,
    pub(super) request_id: Uuid,
    pub(super) reviewer: String,
    pub(super) decision: String,
    pub(super) comment: Option<String>,
    pub(super) via: String,
    pub(super) submitted_by: Option<String>,
    pub(super) spec_digest: String,
    pub(super) created_at: DateTime<Utc>,
}

impl TryFrom<ReviewRow> for Review {
    type Error = StoreError;

    fn try_from(row: ReviewRow) -> Result<Self, StoreError> {
        let corrupt = |column| StoreError::corrupt("review", column, row.id);
        Ok(Self {
            id: row.id,
            request_id: row.request_id,
            decision: Decision::parse(&row.decision).ok_or_else(|| corrupt("decision"))?,
            via: Via::parse(&row.via).ok_or_else(|| corrupt("via"))?,
            reviewer: row.reviewer,
            comment: row.comment,
            submitted_by: row.submitted_by,
            spec_digest: row.spec_digest,
            created_at: row.created_at,
        })
    }
}

#[derive(Debug)]
pub(super) struct EventRow {
    pub(super) seq: i64,
    pub(super) id: Uuid,
    pub(super) r#type: String,
    pub(super) at: DateTime<Utc>,
    pub(super) actor: String,
    pub(super) submitted_by: Option<String>,
    pub(super) via: String,
    pub(super) request_id: Option<Uuid>,
    pub(super) cluster_name: Option<String>,
    pub(super) principal_arn: Option<String>,
    /// As text, so that one that nobody can read keeps none of the others.
    pub(super) data: String,
    pub(super) prev_hash: Option<String>,
    pub(super) hash: String,
}

impl TryFrom<EventRow> for Event {
    type Error = StoreError;

    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        let corrupt = |column| StoreError::corrupt("event", column, row.seq);
        Ok(Self {
            seq: row.seq,
            id: row.id,
            at: row.at,
            prev_hash: row.prev_hash,
            hash: row.hash,
            body: NewEvent {
                event_type: EventType::read(&row.r#type).ok_or_else(|| corrupt("type"))?,
                via: Via::parse(&row.via).ok_or_else(|| corrupt("via"))?,
                actor: row.actor,
                submitted_by: row.submitted_by,
                request_id: row.request_id,
                cluster_name: row.cluster_name,
                principal_arn: row.principal_arn,
                data: serde_json::from_str(&row.data).map_err(|_| corrupt("data"))?,
            },
        })
    }
}
