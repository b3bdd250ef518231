//! What IAM says of the principal that an entry was made for. The grants on it say so when it is gone or another one, and an
//! entry that is dead is made anew once somebody has asked for that.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::super::WorkflowError;
use super::super::desk::Desk;
use super::super::standing::{own_event, save};
use super::begin::Run;
use crate::domain::arn::PrincipalArn;
use crate::domain::entry::ObservedEntry;
use crate::domain::event::{EventType, NewEvent};
use crate::domain::principal::{Binding, Presence, Standing};
use crate::domain::record::EntryRecord;
use crate::domain::request::{Grant, LastError, Request, Verification};
use crate::domain::states::RequestState;
use crate::domain::trouble::Trouble;
use crate::store::{Tx, entries, events, requests};

/// Records what `presence` says of `entry`, and keeps the lease. Answers whether the entry is to be made anew: it is dead,
/// none of somebody else's, and a repair was asked for. Its grants are then applied anew, so quorum is asked about again.
///
/// # Errors
/// [`crate::store::StoreError::LeaseLost`], and whatever else keeps Postgres from answering.
pub async fn weigh(
    desk: &Desk,
    run: &mut Run,
    entry: &ObservedEntry,
    principal: &PrincipalArn,
    presence: &Presence,
) -> Result<bool, WorkflowError> {
    if matches!(presence, Presence::NotChecked(_)) && run.record.repair_asked_at.is_none() {
        return Ok(false);
    }
    let mut tx = desk.store.begin().await?;
    let now = tx.now();
    let mut all = requests::lock_of_entry(&mut tx, &run.lease.cluster_name, &run.lease.principal_arn).await?;
    let mut record = entries::hold(&mut tx, &run.lease, desk.settings.lease).await?;
    let known = record.binding_of(entry);
    let before = known.map(|binding| binding.standing).unwrap_or_default();
    let Some(mut binding) = Binding::weighed(known, entry, principal, presence, now) else {
        if let (Presence::NotChecked(why), true) = (presence, record.repair_asked_at.is_some()) {
            wait_for_iam(&mut tx, &mut all, &record, why, now).await?;
            tx.commit().await?;
        }
        return Ok(false);
    };
    let turned = binding.standing != before;
    let dead = binding.standing == Standing::Recreated;
    binding.condemned = dead && record.repair_asked_at.is_some() && record.layered_on().is_none();
    let condemned = binding.condemned;
    record.binding = Some(binding);
    tell(&mut tx, &mut all, &record, now).await?;
    if turned {
        report(&mut tx, run, &mut all, &record).await?;
    }
    if condemned {
        // That it is well again is put on record once it is proven.
        record.drifted = true;
        apply_anew(&mut tx, &mut all, now).await?;
    }
    entries::save(&mut tx, &run.lease, &record).await?;
    tx.commit().await?;
    run.record = record;
    Ok(condemned)
}

/// Lets every proven grant on the entry say what is wrong with its principal, or no longer say so.
pub(super) async fn tell(
    tx: &mut Tx,
    all: &mut [Request],
    record: &EntryRecord,
    now: DateTime<Utc>,
) -> Result<(), WorkflowError> {
    let Some(binding) = record.binding.as_ref().filter(|binding| binding.standing != Standing::Unknown) else {
        return Ok(());
    };
    let trouble = trouble_of(binding);
    for request in all.iter_mut().filter(|request| request.state == RequestState::Active) {
        let says = request.last_error.as_ref().and_then(|error| Trouble::parse(&error.code)).filter(is_about_principal);
        if says == trouble {
            continue;
        }
        request.last_error = trouble.map(|trouble| error(trouble, in_words(trouble, record), now, false));
        save(tx, request, RequestState::Active, vec![]).await?;
    }
    Ok(())
}

/// A repair of a dead entry waits, because IAM cannot be asked whether it is dead; its grants say so.
async fn wait_for_iam(
    tx: &mut Tx,
    all: &mut [Request],
    record: &EntryRecord,
    why: &str,
    now: DateTime<Utc>,
) -> Result<(), WorkflowError> {
    if !record.can_be_made_anew() {
        return Ok(());
    }
    let trouble = Trouble::PrincipalRecreated;
    let detail = format!("{} That was asked for, and waits for IAM: {why}.", in_words(trouble, record));
    for request in all.iter_mut().filter(|request| request.state == RequestState::Active) {
        if request.last_error.as_ref().is_some_and(|known| known.detail == detail) {
            continue;
        }
        request.last_error = Some(error(trouble, detail.clone(), now, true));
        save(tx, request, RequestState::Active, vec![]).await?;
    }
    Ok(())
}

const fn trouble_of(binding: &Binding) -> Option<Trouble> {
    match binding.standing {
        Standing::Missing => Some(Trouble::PrincipalMissing),
        Standing::Recreated => Some(Trouble::PrincipalRecreated),
        Standing::Ok | Standing::Unknown => None,
    }
}

const fn is_about_principal(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::PrincipalMissing | Trouble::PrincipalRecreated)
}

fn error(trouble: Trouble, detail: String, at: DateTime<Utc>, retrying: bool) -> LastError {
    let code = trouble.as_str().to_owned();
    LastError { code, detail, aws_code: None, aws_message: None, at, attempts: 0, retrying, next_attempt_at: None }
}

fn in_words(trouble: Trouble, record: &EntryRecord) -> String {
    let (principal, cluster) = (&record.principal_arn, &record.cluster_name);
    let binding = record.binding.as_ref();
    let found = binding.and_then(|binding| binding.found.as_deref()).unwrap_or("another");
    match trouble {
        Trouble::PrincipalMissing => format!(
            "IAM knows no {principal} any more, so nobody can use this access. Give it back if it is no longer needed; \
             if the principal is made anew, the entry has to be repaired."
        ),
        _ if record.layered_on().is_some() => format!(
            "{principal} was deleted and made anew (its unique id is {found} now), and EKS does not let the new one in by \
             its old entry. The entry is somebody else's, so Entryway does not delete it: have its owner delete it and \
             make it anew, and this grant is put on top again."
        ),
        _ => format!(
            "{principal} was deleted and made anew (its unique id is {found} now), and EKS does not let the new one in by \
             its old entry. If the new one is to have this access, have somebody who may administer Entryway repair it: \
             POST /v1/clusters/{cluster}/entries/{{principalArn}}/repair deletes the entry and makes it anew."
        ),
    }
}

/// Puts on record what has become of the principal, with the first grant that it matters to.
async fn report(tx: &mut Tx, run: &Run, all: &mut [Request], record: &EntryRecord) -> Result<(), WorkflowError> {
    let Some(binding) = &record.binding else { return Ok(()) };
    let event = match binding.standing {
        Standing::Missing => EventType::PrincipalMissing,
        Standing::Recreated => EventType::PrincipalRecreated,
        Standing::Ok | Standing::Unknown => return Ok(()),
    };
    let live = all.iter().filter(|request| request.state.is_granting()).map(|request| request.id);
    let data: Value = json!({
        "accessEntryArn": binding.access_entry_arn,
        "uniqueId": binding.unique_id,
        "found": binding.found,
        "requestIds": live.collect::<Vec<_>>(),
    });
    match all.iter_mut().find(|request| request.state.is_granting()) {
        Some(first) => {
            let (state, event) = (first.state, own_event(event, first, data));
            save(tx, first, state, vec![event]).await
        }
        None => {
            let event = NewEvent::by_entryway(event, data);
            let event = event.on_entry(&run.lease.cluster_name, &run.lease.principal_arn);
            Ok(events::append(tx, vec![event]).await?)
        }
    }
}

/// Sends the proven grants back to be applied: what they were proven by is about to be deleted.
async fn apply_anew(tx: &mut Tx, all: &mut [Request], now: DateTime<Utc>) -> Result<(), WorkflowError> {
    for request in all.iter_mut().filter(|request| request.state == RequestState::Active) {
        request.state = RequestState::Applying;
        request.applying_since = Some(now);
        request.last_error = None;
        request.verification = Verification::default();
        request.grant = Grant { applied_at: None, verified_at: None, ..request.grant };
        let data = json!({ "why": "its principal was deleted and made anew, and so is the entry" });
        let event = own_event(EventType::RequestApplying, request, data);
        save(tx, request, RequestState::Active, vec![event]).await?;
    }
    Ok(())
}
