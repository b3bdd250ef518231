//! Filing a request: authenticate, validate, ask the policy, store, put on record.

use std::sync::Arc;

use super::{BACKGROUND, fill_background};
use crate::Result;
use crate::calls::{ENGINEERS, PRINCIPALS, REQUESTERS, principal, requester, submit};
use crate::contest::{Contest, told};
use crate::database::Database;
use crate::http::Call;
use crate::load::Calls;
use crate::pgbench::{Differing, IN_ORDER, Script, literal};
use crate::service::Roles;
use crate::settings::Settings;
use crate::stand::Stand;
use crate::table::Table;

/// The number of the first request whose statements are overheard.
const OVERHEARD: u64 = 700_000_000;

/// How far the numbers of requests with a key are from those without.
const KEYED: u64 = 100_000_000;

/// The least of `pgbench`'s rate that should come through.
const BUDGET: f64 = 0.6;

/// The most statements there should be in the transaction.
const STATEMENTS: usize = 4;

pub(super) async fn run(stand: &Stand, table: &mut Table) -> Result<()> {
    let database = stand.database("submit").await?;
    let settings = Settings { requests: "max_pending_per_requester = 100000", ..Settings::default() };
    let service = stand.serve(&database, Roles::Api, settings).await?;
    let mut client = service.client().await?;
    fill_background(&database, &mut client, BACKGROUND).await?;
    for keyed in [false, true] {
        let (mut seen, first) = if keyed { (OVERHEARD + KEYED, KEYED) } else { (OVERHEARD, 2 * KEYED) };
        let overheard = stand.overhear("requests.insert", async || {
            seen += 1;
            client.call(call(seen, keyed)).await
        });
        let (statements, _) = overheard.await?;
        let differing = Differing::from([
            (principal(seen), format!("{} || CAST(:n + {first} AS text)", literal(PRINCIPALS))),
            (requester(seen), format!("'{REQUESTERS}' || CAST(CAST(:n AS bigint) % {ENGINEERS} AS text)")),
            (key(seen), "'key-' || CAST(:n AS text)".to_owned()),
        ]);
        let script = Script::write(stand, &database, IN_ORDER, &statements, differing).await?;
        let what = if keyed { "submit, with Idempotency-Key" } else { "submit" };
        let contest = Contest { stand, database: &database, service: &service, script: &script, what, budget: BUDGET };
        let each = stand.args.calls;
        let calls =
            |base: u64| -> Calls { Arc::new(move |caller, place| call(first + base + caller * each + place, keyed)) };
        contest.run(table, calls, async || tidy(&database).await).await?;
        table.note(told(&statements));
        if !keyed {
            let asked = statements.iter().filter(|statement| !statement.is_frame()).count();
            table.figure("submit, statements", asked.to_string(), &format!("≤ {STATEMENTS}"), asked <= STATEMENTS);
        }
    }
    service.end().await
}

fn call(n: u64, keyed: bool) -> Call {
    Call { idempotency_key: keyed.then(|| key(n)), ..submit(n) }
}

fn key(n: u64) -> String {
    format!("key-{n}")
}

/// Nobody has thousands of undecided requests, which every submit would have to count.
async fn tidy(database: &Database) -> Result<()> {
    database.run("UPDATE request SET state = 'withdrawn', moved_from = 'pending' WHERE state = 'pending'").await?;
    database.run("VACUUM ANALYZE request").await
}
