//! Filing a request: authenticate, validate, ask the policy, store, put on record.

use std::sync::Arc;

use super::{BACKGROUND, fill_background};
use crate::Result;
use crate::calls::{AT_HOME, ENGINEERS, PRINCIPALS, REQUESTERS, requester, submit_for};
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

/// How far the numbers of one kind of requests are from those of the next.
const KIND: u64 = 100_000_000;

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
    for (place, kind) in (1..).zip([Kind::Plain, Kind::Keyed, Kind::AtHome]) {
        let (mut seen, first) = (OVERHEARD + place * KIND, place * KIND);
        let overheard = stand.overhear("requests.insert", async || {
            seen += 1;
            client.call(kind.call(seen)).await
        });
        let (statements, _) = overheard.await?;
        let differing = Differing::from([
            (kind.principal(seen), format!("{} || CAST(:n + {first} AS text)", literal(kind.principals()))),
            (requester(seen), format!("'{REQUESTERS}' || CAST(CAST(:n AS bigint) % {ENGINEERS} AS text)")),
            (key(seen), "'key-' || CAST(:n AS text)".to_owned()),
        ]);
        let script = Script::write(stand, &database, IN_ORDER, &statements, differing).await?;
        let (what, budget) = kind.promise();
        let contest = Contest { stand, database: &database, service: &service, script: &script, what, budget };
        let each = stand.args.calls;
        let calls =
            |base: u64| -> Calls { Arc::new(move |caller, place| kind.call(first + base + caller * each + place)) };
        contest.run(table, calls, async || tidy(&database).await).await?;
        table.note(told(&statements));
        if kind == Kind::Plain {
            let asked = statements.iter().filter(|statement| !statement.is_frame()).count();
            table.figure("submit, statements", asked.to_string(), &format!("≤ {STATEMENTS}"), asked <= STATEMENTS);
        }
    }
    service.end().await
}

/// The kinds of submits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    /// With an `Idempotency-Key`.
    Keyed,
    /// For a principal that IAM is asked about, which `pgbench` cannot do.
    AtHome,
}

impl Kind {
    /// What it is called, and the least of `pgbench`'s rate that should come through.
    const fn promise(self) -> (&'static str, Option<f64>) {
        match self {
            Self::Plain => ("submit", Some(BUDGET)),
            Self::Keyed => ("submit, with Idempotency-Key", Some(BUDGET)),
            Self::AtHome => ("submit, IAM asked", None),
        }
    }

    const fn principals(self) -> &'static str {
        match self {
            Self::AtHome => AT_HOME,
            Self::Plain | Self::Keyed => PRINCIPALS,
        }
    }

    fn principal(self, n: u64) -> String {
        format!("{}{n}", self.principals())
    }

    fn call(self, n: u64) -> Call {
        let idempotency_key = (self == Self::Keyed).then(|| key(n));
        Call { idempotency_key, ..submit_for(&self.principal(n), n) }
    }
}

fn key(n: u64) -> String {
    format!("key-{n}")
}

/// Nobody has thousands of undecided requests, which every submit would have to count.
async fn tidy(database: &Database) -> Result<()> {
    database.run("UPDATE request SET state = 'withdrawn', moved_from = 'pending' WHERE state = 'pending'").await?;
    database.run("VACUUM ANALYZE request").await
}
