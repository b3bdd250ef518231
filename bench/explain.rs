//! How Postgres goes about a statement.

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Row};

use super::Result;
use super::database::Database;
use super::postgres_log::Statement;

/// The steps of the plans that Postgres has for `statement`, and how many rows it expects any of them to sort at most: with its
/// values known, and for any values, which is what it settles on after a few runs.
pub(crate) async fn steps(database: &Database, statement: &Statement) -> Result<(Vec<String>, Option<u64>)> {
    let mut connection = database.connect().await?;
    let values: Vec<_> = statement.values.iter().map(literal).collect();
    let prepare = format!("PREPARE explained AS {}", statement.sql);
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut connection).await?;
    let (mut found, mut sorted) = (Vec::new(), None);
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let set = format!("SET plan_cache_mode = {mode}");
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut connection).await?;
        let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE explained ({})", values.join(", "));
        let row = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_one(&mut connection).await?;
        collect(&row.try_get::<Value, _>(0)?, &mut found, &mut sorted);
    }
    connection.close().await?;
    Ok((found, sorted))
}

fn literal(value: &Option<String>) -> String {
    value.as_ref().map_or_else(|| "NULL".to_owned(), |text| format!("'{}'", text.replace('\'', "''")))
}

fn collect(plan: &Value, found: &mut Vec<String>, sorted: &mut Option<u64>) {
    match plan {
        Value::Object(members) => {
            let step = members.get("Node Type").and_then(Value::as_str).unwrap_or_default();
            if !step.is_empty() && !found.iter().any(|known| known == step) {
                found.push(step.to_owned());
            }
            if step.contains("Sort") {
                *sorted = (*sorted).max(members.get("Plan Rows").and_then(Value::as_u64));
            }
            members.values().for_each(|member| collect(member, found, sorted));
        }
        Value::Array(members) => members.iter().for_each(|member| collect(member, found, sorted)),
        _ => {}
    }
}
