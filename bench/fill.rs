//! Requests in bulk. One is filed through the API like any other; copies of its rows, each for a principal of its own, with
//! the digest of what it then asks for, are as good as that one.

use std::ops::Range;

use entryway::domain::request::Spec;
use entryway::store::requests;
use serde_json::{Map, Value};
use sqlx::Connection;
use uuid::Uuid;

use super::Result;
use super::calls::{principal, requester};
use super::database::Database;

/// What the ids of copies begin with; the rest is their number. They are older than what is filed meanwhile.
pub(crate) const OLD_IDS: &str = "01900000-0000-7000-8000-";

/// What copies have otherwise than their template.
pub(crate) type Columns = Map<String, Value>;

/// How many copies one statement makes.
const AT_ONCE: usize = 5_000;

/// What copies are made of.
#[derive(Debug)]
pub(crate) struct Template {
    id: Uuid,
    /// What it asks for.
    pub(crate) spec: Spec,
}

/// The id of the n-th copy.
pub(crate) fn id(n: u64) -> Uuid {
    format!("{OLD_IDS}{n:012x}").parse().expect("a prefix and twelve digits are a UUID")
}

/// Columns and what is in them.
pub(crate) fn columns(changed: &[(&str, Value)]) -> Columns {
    changed.iter().map(|(column, value)| ((*column).to_owned(), value.clone())).collect()
}

impl Template {
    /// The request `id` as it is now.
    pub(crate) async fn of(database: &Database, id: Uuid) -> Result<Self> {
        let store = database.store()?;
        let request = requests::find(&store, id).await?.ok_or("the template is gone")?;
        store.close().await;
        Ok(Self { id, spec: request.spec })
    }

    /// Copies the request with its reviews, but without its entry.
    pub(crate) async fn copy(&self, database: &Database, numbers: Range<u64>) -> Result<()> {
        self.copy_with(database, numbers, |_| (Columns::new(), None)).await
    }

    /// Copies the request with its reviews and its entry; `change` says which columns of the n-th request and its
    /// entry are otherwise. Without columns for it, the entry is left out.
    pub(crate) async fn copy_with(
        &self,
        database: &Database,
        numbers: Range<u64>,
        change: impl Fn(u64) -> (Columns, Option<Columns>),
    ) -> Result<()> {
        let mut connection = database.connect().await?;
        sqlx::raw_sql("SET synchronous_commit = off").execute(&mut connection).await?;
        let numbers: Vec<_> = numbers.collect();
        for numbers in numbers.chunks(AT_ONCE) {
            let (mut requests, mut entries) = (Vec::new(), Vec::new());
            for n in numbers {
                let (mut request, entry) = change(*n);
                request.extend(self.identity(*n)?);
                if let Some(mut entry) = entry {
                    entry.insert("principal_arn".to_owned(), principal(*n).into());
                    entries.push(Value::Object(entry));
                }
                requests.push(Value::Object(request));
            }
            sqlx::query(
                "INSERT INTO request SELECT r.* FROM request t CROSS JOIN unnest($2::jsonb[]) AS change
                  CROSS JOIN LATERAL jsonb_populate_record(t, change) AS r WHERE t.id = $1",
            )
            .bind(self.id)
            .bind(&requests)
            .execute(&mut connection)
            .await?;
            sqlx::query(
                "INSERT INTO review SELECT r.* FROM review t CROSS JOIN unnest($2::jsonb[]) AS change
                  CROSS JOIN LATERAL jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(),
                             'request_id', change->'id', 'spec_digest', change->'spec_digest')) AS r
                  WHERE t.request_id = $1",
            )
            .bind(self.id)
            .bind(&requests)
            .execute(&mut connection)
            .await?;
            sqlx::query(
                "INSERT INTO entry SELECT e.* FROM entry t CROSS JOIN unnest($3::jsonb[]) AS change
                  CROSS JOIN LATERAL jsonb_populate_record(t, change) AS e
                  WHERE t.cluster_name = $1 AND t.principal_arn = $2",
            )
            .bind(&self.spec.cluster_name)
            .bind(self.spec.principal.to_string())
            .bind(&entries)
            .execute(&mut connection)
            .await?;
        }
        Ok(connection.close().await?)
    }

    /// What makes the n-th copy a request of its own.
    fn identity(&self, n: u64) -> Result<Columns> {
        let spec = Spec { principal: principal(n).parse()?, ..self.spec.clone() };
        Ok(columns(&[
            ("id", id(n).to_string().into()),
            ("principal_arn", principal(n).into()),
            ("spec_digest", spec.digest().into()),
            ("requester", requester(n).into()),
        ]))
    }
}
