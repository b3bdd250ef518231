//! Looking at one request.

use std::sync::Arc;

use super::{BACKGROUND, fill_background};
use crate::Result;
use crate::calls::get;
use crate::contest::{Contest, told};
use crate::fill::{OLD_IDS, id};
use crate::load::Calls;
use crate::pgbench::{Differing, Script, hex_after};
use crate::service::Roles;
use crate::settings::Settings;
use crate::stand::Stand;
use crate::table::Table;

/// The least of `pgbench`'s rate that should come through.
const BUDGET: f64 = 0.25;

/// Steps through all requests in no order: prime to their number.
const STRIDE: u64 = 7_919;

pub(super) async fn run(stand: &Stand, table: &mut Table) -> Result<()> {
    let database = stand.database("get").await?;
    let service = stand.serve(&database, Roles::Api, Settings::default()).await?;
    let mut client = service.client().await?;
    fill_background(&database, &mut client, BACKGROUND).await?;
    let seen = BACKGROUND / 2;
    let (statements, _) = stand.overhear("requests.find", async || client.call(get(id(seen))).await).await?;
    let differing = Differing::from([(id(seen).to_string(), hex_after(OLD_IDS))]);
    let head = format!("\\set n random(0, {BACKGROUND} - 1)\n");
    let script = Script::write(stand, &database, &head, &statements, differing).await?;
    let contest = Contest {
        stand,
        database: &database,
        service: &service,
        script: &script,
        what: "get one",
        budget: Some(BUDGET),
    };
    let each = stand.args.calls;
    let calls = |base: u64| -> Calls {
        Arc::new(move |caller, place| get(id((base + caller * each + place) * STRIDE % BACKGROUND)))
    };
    contest.run(table, calls, async || Ok(())).await?;
    table.note(told(&statements));
    service.end().await
}
