//! What the program really says to Postgres: the statements of one call, with their values, out of the server's log.

use std::fs;
use std::time::Duration;

use tokio::time::sleep;

use super::Result;
use super::stand::Stand;

/// Marks the beginning of an entry of the log; no line of a statement begins so.
const PREFIX: &str = "#entryway-bench# ";

/// How often to try: sessions take a new setting over with the next statement after they hear of it.
const TRIES: u32 = 50;

/// How long to wait in between, also for the last line of a call to be in the log.
const PAUSE: Duration = Duration::from_millis(40);

/// What carries notices between replicas runs beside the calls, in its own time.
const BESIDE: &str = "wake.forward";

/// One statement and the values it was run with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// As it was sent.
    pub(crate) sql: String,
    /// The values of `$1` and so on, as text; `None` is NULL.
    pub(crate) values: Vec<Option<String>>,
}

impl Statement {
    /// Its name: the first comment. `BEGIN` and `COMMIT` stand for themselves.
    pub(crate) fn name(&self) -> &str {
        self.sql.lines().next().unwrap_or_default().trim_start_matches("-- ").trim()
    }

    /// Whether it only begins or ends a transaction.
    pub(crate) fn is_frame(&self) -> bool {
        ["BEGIN", "COMMIT", "ROLLBACK"].contains(&self.name())
    }
}

impl Stand {
    /// Has `call` made until all of its statements, among them one whose name begins with `wanted`, are in the log; answers them with what the
    /// call answered.
    pub(crate) async fn overhear<T>(
        &self,
        wanted: &str,
        mut call: impl AsyncFnMut() -> Result<T>,
    ) -> Result<(Vec<Statement>, T)> {
        let server = self.server();
        for setting in [&format!("log_line_prefix = '{PREFIX}'"), "log_statement = 'all'"] {
            server.run(&format!("ALTER SYSTEM SET {setting}")).await?;
        }
        server.run("SELECT pg_reload_conf()").await?;
        let mut heard = Err(format!("{wanted} never ran; is that still what the statement is called?").into());
        for _ in 0..TRIES {
            let before = fs::read(self.postgres_log())?.len();
            let answer = call().await?;
            sleep(PAUSE).await;
            let log = fs::read(self.postgres_log())?;
            let mut statements = parse(&String::from_utf8_lossy(log.get(before..).unwrap_or_default()));
            statements.retain(|statement| statement.name() != BESIDE);
            let whole = statements.iter().filter(|statement| statement.is_frame()).count() % 2 == 0;
            if whole && statements.iter().any(|statement| statement.name().starts_with(wanted)) {
                heard = Ok((statements, answer));
                break;
            }
        }
        for setting in ["log_statement", "log_line_prefix"] {
            server.run(&format!("ALTER SYSTEM RESET {setting}")).await?;
        }
        server.run("SELECT pg_reload_conf()").await?;
        heard
    }
}

fn parse(log: &str) -> Vec<Statement> {
    let mut statements: Vec<Statement> = Vec::new();
    for entry in log.split(PREFIX) {
        // The log puts a tab before every further line of an entry.
        let entry = entry.trim_end().replace("\n\t", "\n");
        if let Some(text) = entry.strip_prefix("LOG:  ") {
            let Some((kind, sql)) = text.split_once(": ") else { continue };
            if kind == "statement" || kind.starts_with("execute ") {
                statements.push(Statement { sql: sql.trim().to_owned(), values: Vec::new() });
            }
        } else if let (Some(text), Some(last)) = (entry.strip_prefix("DETAIL:  "), statements.last_mut())
            && let Some((_, list)) = text.split_once("arameters: ")
        {
            last.values = values(list);
        }
    }
    statements
}

/// `$1 = 'it''s', $2 = NULL` → `it's`, nothing.
fn values(mut list: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    while let Some((_, rest)) = list.split_once(" = ") {
        let Some(mut quoted) = rest.strip_prefix('\'') else {
            values.push(None);
            list = rest;
            continue;
        };
        let mut value = String::new();
        while let Some((part, after)) = quoted.split_once('\'') {
            value.push_str(part);
            match after.strip_prefix('\'') {
                Some(more) => {
                    value.push('\'');
                    quoted = more;
                }
                None => {
                    quoted = after;
                    break;
                }
            }
        }
        values.push(Some(value));
        list = quoted;
    }
    values
}
