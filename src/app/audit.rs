//! `audit verify` and `audit export`: the log of events, walked from one end to the other.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use serde_json::Value;
use uuid::Uuid;

use super::{Failure, runtime};
use crate::audit::{Flaw, Link, Log, PublicKey, Read, SigningKey, Trust, Untold, export, verify};
use crate::clock::Clock;
use crate::config::{Audit, Records, environment};
use crate::domain::event::Event;
use crate::store::audit::Snapshot;
use crate::store::{Store, StoreError};

/// What `audit verify` is told.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// Hashes of checkpoints that have to be there.
    pub anchors: Vec<String>,
    /// Files with public keys, besides that of `audit.signing_key`.
    pub public_keys: Vec<PathBuf>,
}

/// A format of `audit export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// As the API answers.
    Native,
    /// CloudEvents 1.0.
    CloudEvents,
    /// OCSF 1.3.
    Ocsf,
}

/// `audit verify`: walks the log and says that it is sound, or what is the first thing that is not.
///
/// # Errors
/// The first break; what is wrong with the configuration, an anchor or a key.
pub fn audit_verify(path: Option<&Path>, options: &VerifyOptions) -> Result<(), Failure> {
    let records = Records::load(path, environment())?;
    let trust = trust(&records.audit, options)?;
    let report = with_snapshot(&records, async |snapshot| {
        let mut log = InPostgres(snapshot);
        match verify(&mut log, &trust).await {
            Ok(report) => Ok(report),
            Err(Flaw::Broken(found)) => Err(Failure::Failed(format!("the audit log was tampered with: {found}"))),
            Err(Flaw::Unread(error)) => Err(failed(&error)),
        }
    })?;
    println!("{report}");
    if trust.anchors.is_empty() {
        println!(
            "note: without --anchor, the hash of a checkpoint from the service's log, nothing shows that the log was not \
             written anew as a whole"
        );
    }
    Ok(())
}

/// `audit export`: prints the events above `after`, one to a line.
///
/// # Errors
/// What is wrong with the configuration, the database, or where it is written to.
pub fn audit_export(path: Option<&Path>, format: ExportFormat, after: i64) -> Result<(), Failure> {
    let records = Records::load(path, environment())?;
    let installation = records.installation.clone().unwrap_or_else(|| "entryway".to_owned());
    let told = |event: &Event| -> Value {
        match format {
            ExportFormat::Native => export::native(event),
            ExportFormat::CloudEvents => export::cloud_event(event, &installation),
            ExportFormat::Ocsf => export::ocsf(event),
        }
    };
    with_snapshot(&records, async |snapshot| {
        let mut out = BufWriter::new(io::stdout().lock());
        let mut after = after;
        loop {
            let page = snapshot.events(after, i64::MAX).await.map_err(|error| failed(&error))?;
            if page.is_empty() {
                return out.flush().map_err(|error| unwritten(&error));
            }
            for read in page {
                let event = read.map_err(|seq| {
                    Failure::Failed(format!("event {seq} makes no sense: `entryway audit verify` says more"))
                })?;
                writeln!(out, "{}", told(&event)).map_err(|error| unwritten(&error))?;
                after = event.seq;
            }
        }
    })
}

fn trust(audit: &Audit, options: &VerifyOptions) -> Result<Trust, Failure> {
    let anchors: BTreeSet<String> = options.anchors.iter().cloned().collect();
    if let Some(wrong) = anchors.iter().find(|anchor| !anchor.starts_with("sha256:") || anchor.len() != 71) {
        return Err(Failure::Misconfigured(format!(
            "--anchor {wrong}: is no hash of a checkpoint; it is written sha256: and 64 hex digits"
        )));
    }
    let mut keys: Vec<PublicKey> = signing_key(audit)?.iter().map(SigningKey::public).collect();
    for path in &options.public_keys {
        let wrong = |why: &dyn std::fmt::Display| Failure::Misconfigured(format!("{}: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
        keys.push(PublicKey::parse(&text).map_err(|error| wrong(&error))?);
    }
    Ok(Trust { anchors, keys })
}

/// The key of the configuration, if there is one.
pub(super) fn signing_key(audit: &Audit) -> Result<Option<SigningKey>, Failure> {
    let key = audit.signing_key.as_ref().map(|key| SigningKey::parse(key.expose_secret()));
    key.transpose().map_err(|error| Failure::Misconfigured(format!("audit.signing_key: {error}")))
}

fn with_snapshot<T>(
    records: &Records,
    look: impl AsyncFnOnce(&mut Snapshot) -> Result<T, Failure>,
) -> Result<T, Failure> {
    runtime()?.block_on(async {
        let store = Store::connect(&records.database.url, 2, Clock::database())
            .map_err(|error| Failure::Misconfigured(error.to_string()))?;
        let mut snapshot = Snapshot::open(&store).await.map_err(|error| failed(&error))?;
        let seen = look(&mut snapshot).await;
        snapshot.close().await;
        store.close().await;
        seen
    })
}

fn failed(error: &StoreError) -> Failure {
    Failure::Failed(error.to_string())
}

fn unwritten(error: &io::Error) -> Failure {
    Failure::Failed(format!("the events cannot be written out: {error}"))
}

/// The log as Postgres has it.
struct InPostgres<'s>(&'s mut Snapshot);

impl Log for InPostgres<'_> {
    type Error = StoreError;

    async fn checkpoint(&mut self, seq: i64) -> Result<Option<Read>, StoreError> {
        self.0.checkpoint(seq).await
    }

    async fn events(&mut self, after: i64, through: i64) -> Result<Vec<Read>, StoreError> {
        self.0.events(after, through).await
    }

    async fn links(&mut self, after: (Uuid, i64)) -> Result<Vec<Link>, StoreError> {
        let links = self.0.links(after).await?.into_iter();
        Ok(links
            .map(|link| Link {
                request_id: link.request_id,
                seq: link.seq,
                prev_hash: link.prev_hash,
                hash: link.hash,
                head: link.head,
            })
            .collect())
    }

    async fn silent_request(&mut self) -> Result<Option<Uuid>, StoreError> {
        self.0.silent_request().await
    }

    async fn untold(&mut self) -> Result<Option<Untold>, StoreError> {
        if let Some((request_id, reviewer)) = self.0.untold_review().await? {
            return Ok(Some(Untold::Review { request_id, reviewer }));
        }
        let request = self.0.untold_requester().await?;
        Ok(request.map(|request_id| Untold::Requester { request_id }))
    }
}
