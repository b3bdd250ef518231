//! A look at EKS that called for no write. Enough of them that agree are the proof of a grant, or of its end.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::super::WorkflowError;
use super::super::desk::Desk;
use super::super::standing::{own_event, save};
use super::begin::{Run, assessed};
use super::due::due;
use super::events::of_entry;
use super::principal;
use super::takeover::{Ends, supersede};
use super::wrote::applied;
use crate::domain::cluster::DriftMode;
use crate::domain::entry::EntryContent;
use crate::domain::event::EventType;
use crate::domain::kept::{Kept, in_words, kept};
use crate::domain::merge::Contribution;
use crate::domain::record::{EntryRecord, Written};
use crate::domain::request::{Request, Verification, VerificationLevel};
use crate::domain::states::RequestState;
use crate::store::entries::Due;
use crate::store::{Tx, entries, requests};

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// What is desired.
    AsDesired,
    /// Something else, which may just be an old read.
    NotYet,
    /// Something else, which was reported and is left alone.
    StillDrifted,
}

/// Records a look, moves whatever it proves, and gives the lease back.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering.
pub async fn seen(desk: &Desk, run: &Run, what: Seen) -> Result<(), WorkflowError> {
    let mut tx = desk.store.begin().await?;
    let (now, tempo) = (tx.now(), &desk.settings.tempo);
    let mut all = requests::lock_of_entry(&mut tx, &run.lease.cluster_name, &run.lease.principal_arn).await?;
    let policies = desk.policies.current();
    let mut record = entries::hold(&mut tx, &run.lease, desk.settings.lease).await?;
    let assessment = assessed(desk, &policies, &mut tx, &all, &record).await?;
    if !assessment.moves.is_empty() || assessment.desired != run.desired {
        // What was seen was held against something that is no longer wanted: it proves nothing. Look again, now.
        let now = Some(now);
        entries::release(&mut tx, &run.lease, Due { next_run_at: now, ends_at: now }).await?;
        return Ok(tx.commit().await?);
    }
    record.attempts = 0;
    let theirs = record.layered_on().map(|baseline| baseline.content.clone());
    if run.found.is_some() && what != Seen::NotYet {
        record.access_entry_arn.clone_from(&run.found);
    }
    record.prove(run.desired.as_ref());
    if what == Seen::AsDesired {
        let ends = Ends::of(&all);
        for request in all.iter_mut().filter(|request| request.state == RequestState::Applying) {
            // No write was needed: another grant gives the same already, or the worker died after the last write. Then
            // the clock starts when that write was made, so that nobody has access longer than they asked for.
            let written =
                record.touched_at.filter(|at| record.unsure && request.applying_since.is_some_and(|s| s <= *at));
            ends.begin(request, written.unwrap_or(now));
            applied(&mut tx, request, &ends, now).await?;
            record.restart_proof();
        }
        record.prove(run.desired.as_ref());
    }
    match what {
        Seen::StillDrifted => record.last_read_at = Some(now),
        _ => record.count_read(what == Seen::AsDesired, now, tempo),
    }
    if record.is_proven(tempo) && what == Seen::AsDesired {
        settle(&mut tx, run, &mut all, &mut record, now + tempo.drift_interval).await?;
        if !all.iter().any(|request| request.state.is_granting()) {
            // A repair was asked for the sake of who had access.
            record.repair_asked_at = None;
            if record.baseline.take().is_some() {
                // Theirs is as it was found. It is nothing to Entryway any more.
                record.written = None;
                record.binding = None;
            }
        }
    }
    if what == Seen::AsDesired {
        prove(desk, &mut tx, &mut all, &record, theirs.as_ref()).await?;
        supersede(&mut tx, &mut all).await?;
        principal::tell(&mut tx, &mut all, &record, now).await?;
    }
    report_overdue(desk, &mut tx, &mut all, &mut record, now).await?;
    entries::save(&mut tx, &run.lease, &record).await?;
    let due = due(&desk.settings, &all, &record, now, None);
    entries::release(&mut tx, &run.lease, due).await?;
    Ok(tx.commit().await?)
}

/// The entry is proven: what is desired is what EKS holds, and nothing is uncertain any more.
async fn settle(
    tx: &mut Tx,
    run: &Run,
    all: &mut [Request],
    record: &mut EntryRecord,
    later: DateTime<Utc>,
) -> Result<(), WorkflowError> {
    // An entry that is there is looked at again anyway.
    let doubtful = record.unsure || record.doubt_until.is_some();
    record.recheck_at = (doubtful && run.desired.is_none()).then_some(later);
    record.unsure = false;
    record.doubt_until = None;
    record.last_error = None;
    record.written = Some(Written { content: run.desired.clone() });
    let asked = record.repair_asked_at.filter(|_| run.desired.is_some() && is_repaired(run, record));
    if run.desired.is_none() || asked.is_some() {
        record.repair_asked_at = None;
    }
    // Our entry without our tag is not put right yet.
    let tagged = run.found.is_some() || run.desired.is_none() || record.layered_on().is_some();
    let mended = record.drifted && tagged;
    if mended || asked.is_some() {
        record.drifted &= !mended;
        // Whoever asked for a repair is to hear what came of it, also where nothing was to be done.
        let written = asked.zip(record.touched_at).is_some_and(|(asked, touched)| asked <= touched);
        let why = if mended || written { "it was put right" } else { "nothing was wrong with it" };
        let data = json!({ "entry": run.desired, "asked": asked.is_some(), "why": why });
        of_entry(tx, &run.lease, all, |request| request.state.is_granting(), EventType::EntryRepaired, data).await?;
    }
    Ok(())
}

/// Whether nothing is left to put right of an entry that is proven: the principal was asked about since the repair was asked
/// for, as far as it could be, and is not known to be another one.
fn is_repaired(run: &Run, record: &EntryRecord) -> bool {
    let checked_at = record.binding.as_ref().and_then(|binding| binding.checked_at);
    let asked = run.asked_iam || checked_at.is_some_and(|at| record.repair_asked_at.is_some_and(|asked| at >= asked));
    asked && !record.can_be_made_anew()
}

async fn prove(
    desk: &Desk,
    tx: &mut Tx,
    all: &mut [Request],
    record: &EntryRecord,
    theirs: Option<&EntryContent>,
) -> Result<(), WorkflowError> {
    let (now, tempo) = (tx.now(), &desk.settings.tempo);
    let level = match (record.is_proven(tempo), record.is_recorded(tempo)) {
        (true, _) => VerificationLevel::Settled,
        (false, true) => VerificationLevel::Recorded,
        (false, false) => VerificationLevel::None,
    };
    for place in 0..all.len() {
        let stays = kept_of(&all[place], all, theirs);
        let request = &mut all[place];
        let lag = record.agreeing_since.zip(proving_since(request, record));
        let lag = lag.map(|(seen, since)| (seen - since).num_milliseconds().max(0));
        let from = request.state;
        let proven = level == VerificationLevel::Settled;
        let event = match from {
            RequestState::Verifying => {
                let agreeing_reads = record.agreeing_reads.min(tempo.reads);
                let verification = Verification { level, agreeing_reads, lag_ms: lag };
                // Each read would be a new version of the request; only what it proves is worth one.
                if request.verification.level == level {
                    continue;
                }
                request.verification = verification;
                request.last_error = None;
                proven.then(|| {
                    request.state = RequestState::Active;
                    request.grant.verified_at = Some(now);
                    let data = json!({ "agreeingReads": agreeing_reads, "lagMs": lag });
                    own_event(EventType::RequestActive, request, data)
                })
            }
            RequestState::Revoking if proven => {
                request.state = RequestState::Ended;
                request.grant.ended_at = Some(now);
                request.last_error = None;
                let end_reason = request.end_reason.map(|reason| reason.as_str());
                let mut data = json!({ "endReason": end_reason, "agreeingReads": record.agreeing_reads, "lagMs": lag });
                if let Some(why) = in_words(&stays) {
                    data["kept"] = json!(stays);
                    data["why"] = json!(why);
                }
                Some(own_event(EventType::RequestEnded, request, data))
            }
            _ => continue,
        };
        save(tx, request, from, event.into_iter().collect()).await?;
    }
    Ok(())
}

/// What the principal of `ending` keeps, by other live grants and by what the entry held before Entryway came.
fn kept_of(ending: &Request, all: &[Request], theirs: Option<&EntryContent>) -> Vec<Kept> {
    if ending.state != RequestState::Revoking {
        return vec![];
    }
    let live = all.iter().filter(|request| request.state.is_granting());
    let grants: Vec<_> = live.map(|request| Contribution { id: request.id, content: &request.spec.content }).collect();
    kept(theirs, &grants)
}

/// Since when there is something to prove of `request`: what was written for others before it came is proven already.
fn proving_since(request: &Request, record: &EntryRecord) -> Option<DateTime<Utc>> {
    record.touched_at.map(|touched| request.grant.applied_at.map_or(touched, |applied| applied.max(touched)))
}

async fn report_overdue(
    desk: &Desk,
    tx: &mut Tx,
    all: &mut [Request],
    record: &mut EntryRecord,
    now: DateTime<Utc>,
) -> Result<(), WorkflowError> {
    let deadline = desk.settings.verification_deadline;
    if record.overdue_reported {
        return Ok(());
    }
    for request in all.iter_mut().filter(|request| request.state == RequestState::Verifying) {
        let since = proving_since(request, record);
        if since.is_none_or(|since| now < since + deadline) {
            continue;
        }
        let data = json!({ "since": since, "agreeingReads": record.agreeing_reads });
        let event = own_event(EventType::RequestVerificationOverdue, request, data);
        save(tx, request, RequestState::Verifying, vec![event]).await?;
        record.overdue_reported = true;
    }
    Ok(())
}

/// Records that somebody changed a proven entry. Where drift is to be repaired, its grants are being applied again, and
/// the lease is kept for the writes; otherwise it is only reported, once, and the lease is given back.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering.
pub async fn drifted(desk: &Desk, run: &mut Run, mode: DriftMode, found: Value) -> Result<(), WorkflowError> {
    if mode == DriftMode::Report && !run.record.clone().note_drift(&found) {
        return seen(desk, run, Seen::StillDrifted).await;
    }
    let mut tx = desk.store.begin().await?;
    let now = tx.now();
    let mut all = requests::lock_of_entry(&mut tx, &run.lease.cluster_name, &run.lease.principal_arn).await?;
    let mut record = entries::hold(&mut tx, &run.lease, desk.settings.lease).await?;
    record.attempts = 0;
    // It may have been put off between this and the repair: told once is enough.
    let news = record.note_drift(&found);
    record.last_read_at = Some(now);
    if news {
        let data = json!({ "before": run.desired, "after": found, "repair": mode == DriftMode::Repair });
        let holds = |request: &Request| run.covers(request) && request.state.is_granting();
        of_entry(&mut tx, &run.lease, &mut all, holds, EventType::EntryDrifted, data).await?;
    }
    if mode == DriftMode::Repair {
        for request in all.iter_mut().filter(|request| request.state == RequestState::Active) {
            request.state = RequestState::Applying;
            request.applying_since = Some(now);
            let data = json!({ "why": "the entry was changed by other means than Entryway" });
            let event = own_event(EventType::RequestApplying, request, data);
            save(&mut tx, request, RequestState::Active, vec![event]).await?;
        }
    }
    entries::save(&mut tx, &run.lease, &record).await?;
    if mode == DriftMode::Report {
        let due = due(&desk.settings, &all, &record, now, None);
        entries::release(&mut tx, &run.lease, due).await?;
    }
    tx.commit().await?;
    run.record = record;
    Ok(())
}
