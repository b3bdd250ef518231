//! When an entry is to be looked at again: the earliest of what may happen to it.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::desk::Settings;
use crate::domain::record::EntryRecord;
use crate::domain::request::Request;
use crate::domain::states::RequestState;
use crate::store::entries::Due;

/// How soon to look again at an entry whose repair was asked for and could not be made yet.
const REPAIR_AGAIN: TimeDelta = TimeDelta::seconds(30);

/// By how much an entry is looked at sooner than it has to be, a quarter of `interval` at most and always the same for one
/// entry: those that were made together are not looked at together for ever.
fn spread(record: &EntryRecord, interval: TimeDelta) -> TimeDelta {
    const PARTS: i32 = 1 << 10;
    let name = record.principal_arn.bytes().chain(record.cluster_name.bytes());
    // FNV-1a: any hash that does not change will do.
    let hash = name.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    interval / (4 * PARTS) * i32::try_from(hash >> 22).unwrap_or_default()
}

/// What an entry's requests and its proof make due. `not_before` holds reads back after trouble, but neither starts nor
/// expiries.
pub(super) fn due(
    settings: &Settings,
    requests: &[Request],
    record: &EntryRecord,
    now: DateTime<Utc>,
    not_before: Option<DateTime<Utc>>,
) -> Due {
    use RequestState::{Applying, Revoking, Scheduled, Verifying};
    let unfinished = requests.iter().any(|request| matches!(request.state, Applying | Verifying | Revoking));
    let granting = requests.iter().any(|request| request.state.is_granting());
    let tempo = &settings.tempo;
    // An entry that was written to is proven even when no request waits for it, as after one that failed half-way.
    let unproven = record.touched_at.is_some() && !record.is_proven(tempo);
    let look = if unfinished || unproven || record.disagreeing_reads > 0 && !record.drifted {
        Some(record.next_read_at(now, tempo))
    } else if granting {
        Some(record.last_read_at.unwrap_or(now) + tempo.drift_interval - spread(record, tempo.drift_interval))
    } else {
        record.recheck_at
    };
    // A repair that waits for IAM is tried again and again.
    let repair = record.repair_asked_at.map(|_| record.last_read_at.unwrap_or(now) + REPAIR_AGAIN).filter(|_| granting);
    let look = look.into_iter().chain(repair).min();
    let look = look.map(|at| not_before.map_or(at, |earliest| at.max(earliest)));
    let starts = requests.iter().filter(|r| r.state == Scheduled).filter_map(|r| r.spec.start_at);
    let expiries = || requests.iter().filter(|r| r.state.is_granting()).filter_map(|r| r.grant.expires_at);
    let next_run_at = look.into_iter().chain(starts).chain(expiries()).min();
    // What a grant that failed half-way has left behind is to be taken away like what has ended.
    let leftover =
        unproven && !record.drifted && !requests.iter().any(|request| matches!(request.state, Applying | Verifying));
    let revoking = requests.iter().any(|request| request.state == Revoking);
    let ends_at = if revoking || leftover { next_run_at } else { expiries().min() };
    Due { next_run_at, ends_at }
}
