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

/// A list that starts with the rows that `$lead` picks, in the order of an index that begins with the same columns, so that no
/// plan walks through rows that the other filters leave out by the thousand.
macro_rules! rows {
    ($name:literal $suffix:literal, $open:literal, $lead:literal $also:literal, $close:literal, $key:expr, $states:expr, $ask:expr) => {{
        let Ask { store, filter, before, newest, oldest, limit } = $ask;
        sqlx::query_as!(
            RequestRow,
            "-- requests.list_by_"
                + $name
                + $suffix
                + "
            SELECT request.* FROM "
                + $open
                + " request
             WHERE "
                + $lead
                + $also
                + "
               AND id < coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
               AND id < coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
               AND id >= coalesce($5::uuid, '00000000-0000-0000-0000-000000000000')
               AND ($6::text IS NULL OR cluster_name = $6)
               AND ($7::text IS NULL OR principal_arn = $7)
               AND ($8::text IS NULL OR requester = $8)
               AND ($9::timestamptz IS NULL OR created_at > $9)
               AND ($10::timestamptz IS NULL OR created_at < $10)
               AND ($11::timestamptz IS NULL OR expires_at < $11)
             ORDER BY id DESC LIMIT $12"
                + $close,
            $key,
            $states,
            before,
            newest,
            oldest,
            filter.cluster_name,
            filter.principal_arn,
            filter.requester,
            filter.created_after,
            filter.created_before,
            filter.expires_before,
            limit
        )
        .fetch_all(&mut *store.connection().await?)
        .await?
    }};
}

/// One query for each leading column, because what is planned for "any requester" is wrong for a rare one; and for any state,
/// one state, or several, each of which is a list of its own that starts with the newest, so that at most a page of each
/// is looked at.
macro_rules! page {
    ($name:literal, $lead:literal, $key:expr, $ask:expr) => {
        match $ask.states().as_slice() {
            [] => rows!($name "", "", $lead " AND $2::text IS NULL", "", $key, None::<&str>, $ask),
            [state] => rows!($name "_and_state", "", $lead " AND state = $2", "", $key, state, $ask),
            states => rows!(
                $name "_and_states",
                "unnest($2::text[]) AS wanted (of_state) CROSS JOIN LATERAL (SELECT * FROM",
                $lead " AND state = wanted.of_state",
                ") AS request ORDER BY id DESC LIMIT $12",
                $key,
                states as &[&str],
                $ask
            ),
        }
    };
}

/// One question for a stretch of a list.
#[derive(Clone, Copy)]
struct Ask<'a> {
    store: &'a Store,
    filter: &'a Filter,
    before: Option<Uuid>,
    /// The ids of what was filed in the time that the filter leaves, give or take the clocks of replicas.
    newest: Option<Uuid>,
    oldest: Option<Uuid>,
    limit: i64,
}

impl<'a> Ask<'a> {
    fn new(store: &'a Store, filter: &'a Filter, before: Option<Uuid>, limit: i64) -> Self {
        let (newest, oldest) = bounds(filter);
        Self { store, filter, before, newest, oldest, limit }
    }

    /// The states that are asked for, each once.
    fn states(&self) -> Vec<&'static str> {
        RequestState::ALL
            .into_iter()
            .filter(|state| self.filter.states.contains(state))
            .map(RequestState::as_str)
            .collect()
    }
}

/// The ids between which everything is that was filed in the time `filter` leaves, give or take the clocks of replicas.
pub(super) fn bounds(filter: &Filter) -> (Option<Uuid>, Option<Uuid>) {
    // Nothing ends before it was filed.
    let newest = filter.created_before.into_iter().chain(filter.expires_before).min();
    let newest = newest.map(|at| lowest_id(at + CLOCK_SLACK));
    (newest, filter.created_after.map(|at| lowest_id(at - CLOCK_SLACK)))
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
    let ask = Ask::new(store, filter, before, limit);
    let rows = match filter {
        Filter { requester: Some(requester), .. } => page!("requester", "requester = $1", requester, ask),
        Filter { principal_arn: Some(arn), .. } => page!("principal", "principal_arn = $1", arn, ask),
        Filter { cluster_name: Some(cluster), .. } => page!("cluster", "cluster_name = $1", cluster, ask),
        _ => page!("id", "$1::text IS NULL", None::<&str>, ask),
    };
    let full = i64::try_from(rows.len()).is_ok_and(|count| count == limit);
    let next = rows.last().filter(|_| full).map(|row| row.id);
    Ok(Batch { requests: sound(rows), next })
}
