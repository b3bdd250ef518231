//! The review that reaches quorum and sends a request on its way.

use std::sync::Arc;

use super::{BACKGROUND, TEMPLATE, file, fill_background};
use crate::Result;
use crate::calls::{PRINCIPALS, approve, principal};
use crate::contest::{Contest, told};
use crate::fill::{OLD_IDS, Template, columns, id};
use crate::load::Calls;
use crate::pgbench::{Differing, IN_ORDER, Script, hex_after, literal};
use crate::service::Roles;
use crate::settings::Settings;
use crate::stand::Stand;
use crate::table::Table;

/// The least of `pgbench`'s rate that should come through.
const BUDGET: f64 = 0.6;

/// Requests that are there to be overheard.
const SPARE: u64 = 100;

pub(super) async fn run(stand: &Stand, table: &mut Table) -> Result<()> {
    let database = stand.database("review").await?;
    let service = stand.serve(&database, Roles::Api, Settings::default()).await?;
    let mut client = service.client().await?;
    fill_background(&database, &mut client, BACKGROUND).await?;
    // Every review needs a request of its own, and a request an entry.
    let undecided = file(&mut client, TEMPLATE + 1).await?;
    let (first, last) = (BACKGROUND + SPARE, BACKGROUND + SPARE + Contest::base(stand, Contest::turns(stand)));
    let template = Template::of(&database, undecided).await?;
    let change = |_| (columns(&[]), Some(columns(&[])));
    template.copy_with(&database, BACKGROUND..last, change).await?;
    database.run("VACUUM ANALYZE").await?;

    let mut seen = BACKGROUND;
    let overheard = stand.overhear("requests.save", async || {
        seen += 1;
        client.call(approve(id(seen), 0)).await
    });
    let (statements, _) = overheard.await?;
    let differing = Differing::from([
        (id(seen).to_string(), hex_after(OLD_IDS)),
        (principal(seen), format!("{} || CAST(:n AS text)", literal(PRINCIPALS))),
    ]);
    let head = format!("{IN_ORDER}\\set n :n + {first}\n");
    let script = Script::write(stand, &database, &head, &statements, differing).await?;
    let contest = Contest {
        stand,
        database: &database,
        service: &service,
        script: &script,
        what: "review",
        budget: Some(BUDGET),
    };
    let each = stand.args.calls;
    let calls = |base: u64| -> Calls {
        Arc::new(move |caller, place| approve(id(first + base + caller * each + place), caller))
    };
    contest.run(table, calls, async || Ok(())).await?;
    table.note(told(&statements));
    service.end().await
}
