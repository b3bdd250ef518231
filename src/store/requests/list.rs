//! Lists of requests, newest first, by keyset: the last id of a page is where the next one starts. Page ten thousand
//! costs what page one costs.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::rows::{RequestRow, sound};
use super::super::{Store, StoreError};
use super::{CLOCK_SLACK, lowest_id};
use crate::domain::request::Request;
use crate::domain::states::RequestState;

/// What to list. Absent means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// In one of these states; empty means any.
    pub states: Vec<RequestState>,
    /// On this cluster.
    pub cluster_name: Option<String>,
    /// For this principal.
    pub principal_arn: Option<String>,
    /// Asked for by this person.
    pub requester: Option<String>,
    /// Filed after this.
    pub created_after: Option<DateTime<Utc>>,
    /// Filed before this.
    pub created_before: Option<DateTime<Utc>>,
    /// Access that ends before this.
    pub expires_before: Option<DateTime<Utc>>,
}

/// One query for each leading column, because what is planned for "any requester" is wrong for a rare one. The
/// other filters follow in the order of ids, so that no plan ever sorts.
macro_rules! page {
    ($name:literal, $lead:literal, $store:expr, $filter:expr, $before:expr, $limit:expr, $key:expr) => {{
        let filter: &Filter = $filter;
        let states: Vec<String> = filter.states.iter().map(|state| state.as_str().to_owned()).collect();
        let newest = filter.created_before.map(|at| lowest_id(at + CLOCK_SLACK));
        let oldest = filter.created_after.map(|at| lowest_id(at - CLOCK_SLACK));
        sqlx::query_as!(
            RequestRow,
            "-- requests.list_by_"
                + $name
                + "
            SELECT * FROM request
             WHERE "
                + $lead
                + "
               AND id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
               AND id < coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
               AND id >= coalesce($4::uuid, '00000000-0000-0000-0000-000000000000')
               AND (cardinality($5::text[]) = 0 OR state = ANY ($5))
               AND ($6::text IS NULL OR cluster_name = $6)
               AND ($7::text IS NULL OR principal_arn = $7)
               AND ($8::text IS NULL OR requester = $8)
               AND ($9::timestamptz IS NULL OR created_at > $9)
               AND ($10::timestamptz IS NULL OR created_at < $10)
               AND ($11::timestamptz IS NULL OR expires_at < $11)
             ORDER BY id DESC LIMIT $12",
            $key,
            $before,
            newest,
            oldest,
            &states,
            filter.cluster_name,
            filter.principal_arn,
            filter.requester,
            filter.created_after,
            filter.created_before,
            filter.expires_before,
            $limit
        )
        .fetch_all(&$store.pool)
        .await?
    }};
}

/// A stretch of a list.
#[derive(Debug)]
pub struct Batch {
    /// The requests in it, newest first. Rows that do not decode are left out.
    pub requests: Vec<Request>,
    /// The last row of it, decoded or not: where the next one starts. `None` when this was the end.
    pub next: Option<Uuid>,
}

/// The next `limit` requests older than `before`, newest first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(store: &Store, filter: &Filter, before: Option<Uuid>, limit: i64) -> Result<Batch, StoreError> {
    let rows = match filter {
        Filter { requester: Some(requester), .. } => {
            page!("requester", "requester = $1", store, filter, before, limit, requester)
        }
        Filter { principal_arn: Some(arn), .. } => {
            page!("principal", "principal_arn = $1", store, filter, before, limit, arn)
        }
        Filter { cluster_name: Some(cluster), .. } => {
            page!("cluster", "cluster_name = $1", store, filter, before, limit, cluster)
        }
        Filter { states, .. } if states.len() == 1 => {
            page!("state", "state = $1", store, filter, before, limit, states[0].as_str())
        }
        _ => page!("id", "$1::text IS NULL", store, filter, before, limit, None::<String>),
    };
    let full = i64::try_from(rows.len()).is_ok_and(|count| count == limit);
    let next = rows.last().filter(|_| full).map(|row| row.id);
    Ok(Batch { requests: sound(rows), next })
}
