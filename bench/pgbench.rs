//! `pgbench` running what the program was seen to run.
//!
//! Everything that has to differ from one run to the next (ids, principals, keys) is worked out by Postgres from the
//! number `:n` of the run, which costs it a little more than to be told; everything else is passed as it was seen.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use sqlx::{AssertSqlSafe, Connection};
use tokio::process::Command;
use uuid::Uuid;

use super::Result;
use super::database::Database;
use super::postgres_log::Statement;
use super::stand::Stand;

/// What ids begin with that are made while something is measured: later than all others.
const FRESH_IDS: &str = "01f0";

/// Ids of different scripts are told apart by twelve random bits.
const SCRIPTS: u16 = 0xfff;

/// Numbers the runs of all callers of a turn without gaps: `:base`, `:each` and `:k` are set by [`Script::run`].
pub(crate) const IN_ORDER: &str = "\\set k :k + 1\n\\set n :base + :client_id * :each + :k\n";

/// What is different in every run: a text that was seen, and the SQL that makes it from `:n`.
pub(crate) type Differing = BTreeMap<String, String>;

/// SQL for the text `prefix` followed by the number of the run in 12 hexadecimal digits.
pub(crate) fn hex_after(prefix: &str) -> String {
    format!("'{prefix}' || lpad(to_hex(CAST(:n AS bigint)), 12, '0')")
}

/// SQL for a text with colons, which `pgbench` would take for its variables even within quotes.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace(':', "' || chr(58) || '"))
}

/// A script for `pgbench`.
#[derive(Debug)]
pub(crate) struct Script {
    file: PathBuf,
    defines: Vec<String>,
}

impl Script {
    /// Writes the script that says `head` and then `statements`. Ids that `differing` does not name are made anew in
    /// every run.
    pub(crate) async fn write(
        stand: &Stand,
        database: &Database,
        head: &str,
        statements: &[Statement],
        mut differing: Differing,
    ) -> Result<Self> {
        let mut connection = database.connect().await?;
        let (mut text, mut defines) = (head.to_owned(), Vec::new());
        let script = rand::random::<u16>() & SCRIPTS;
        for (place, statement) in statements.iter().enumerate() {
            let name = format!("s{place}");
            let types = if statement.values.is_empty() {
                Vec::new()
            } else {
                let prepare = format!("PREPARE {name} AS {}", statement.sql);
                sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut connection).await?;
                let types = "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = $1";
                sqlx::query_scalar::<_, Vec<String>>(types).bind(&name).fetch_one(&mut connection).await?
            };
            let mut sql = statement.sql.clone();
            // From the last on, so that $1 is not taken for the beginning of $10.
            for (number, value) in statement.values.iter().enumerate().rev() {
                let variable = format!("{name}p{number}");
                let said = match value {
                    None => "NULL".to_owned(),
                    Some(value) => {
                        name_ids(value, script, &mut differing);
                        let said = express(value, &variable, &differing, &mut defines);
                        if said.contains("||") { format!("CAST({said} AS {})", types[number]) } else { said }
                    }
                };
                sql = sql.replace(&format!("${}", number + 1), &said);
            }
            let _ = writeln!(text, "{sql};");
        }
        connection.close().await?;
        let file = stand.dir.join(format!("{}.pgbench", Uuid::new_v4()));
        fs::write(&file, text)?;
        Ok(Self { file, defines })
    }

    /// Runs it `each` times for each of the stand's callers, the first of them with the number `base`; answers how often
    /// it ran per second.
    pub(crate) async fn run(&self, stand: &Stand, database: &Database, each: u64, base: u64) -> Result<f64> {
        let mut command = Command::new(&stand.pgbench);
        command.args(["--no-vacuum", "--protocol=prepared", "--jobs=2"]);
        command.arg(format!("--client={}", stand.args.clients)).arg(format!("--transactions={each}"));
        let numbers = ["k=-1".to_owned(), format!("each={each}"), format!("base={base}")];
        for define in numbers.iter().chain(&self.defines) {
            command.arg("-D").arg(define);
        }
        let output = command.arg("-f").arg(&self.file).arg(&database.url).output().await?;
        let said = String::from_utf8_lossy(&output.stdout);
        let figure = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        match figure {
            Some(figure) if output.status.success() => Ok(figure),
            _ => Err(format!("pgbench: {said}{}", String::from_utf8_lossy(&output.stderr)).into()),
        }
    }
}

/// Gives every id in `value` that has no expression yet one of its own.
fn name_ids(value: &str, script: u16, differing: &mut Differing) {
    for word in value.split(|c: char| !c.is_ascii_hexdigit() && c != '-') {
        if word.len() == 36 && word.parse::<Uuid>().is_ok() && !differing.contains_key(word) {
            let expression = hex_after(&format!("{FRESH_IDS}{:04x}-0000-7{script:03x}-8000-", differing.len()));
            differing.insert(word.to_owned(), expression);
        }
    }
}

/// SQL for `value`: a variable of the script, or several of them with what differs in between.
fn express(value: &str, variable: &str, differing: &Differing, defines: &mut Vec<String>) -> String {
    let mut parts = Vec::new();
    let mut rest = value;
    loop {
        let next = differing.iter().filter_map(|(seen, sql)| Some((rest.find(seen)?, seen, sql)));
        // The longest of those that begin first: a name may begin like another.
        let next = next.min_by_key(|(at, seen, _)| (*at, std::cmp::Reverse(seen.len())));
        let (before, after) = match next {
            Some((at, seen, _)) => (&rest[..at], &rest[at + seen.len()..]),
            None => (rest, ""),
        };
        if !before.is_empty() || (next.is_none() && parts.is_empty()) {
            let name = format!("{variable}_{}", parts.len());
            defines.push(format!("{name}={before}"));
            parts.push(format!(":{name}"));
        }
        let Some((_, _, sql)) = next else { break };
        parts.push(sql.clone());
        rest = after;
    }
    parts.join(" || ")
}
