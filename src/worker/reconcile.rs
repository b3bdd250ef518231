//! One run on one entry: begin, look, and either write or record what was seen. No transaction is open while EKS is
//! being talked to.

use chrono::TimeDelta;
use serde_json::json;
use tracing::{Instrument, Span, field};
use uuid::Uuid;

use super::rights::{self, of_gate, of_look, of_tag};
use super::turns::{Turn, Urgency};
use super::{Worker, name_of, named, retry};
use crate::domain::arn::PrincipalArn;
use crate::domain::cluster::{Cluster, DriftMode, ExistingEntries};
use crate::domain::entry::{EntryContent, EntryType, OWNER_TAG, ObservedEntry, generated_username};
use crate::domain::plan::{Step, after};
use crate::domain::reconcile::{Terms, Verdict, judge};
use crate::eks::{Class, Eks, EksError, Written};
use crate::store::StoreError;
use crate::telemetry::spans;
use crate::workflow::WorkflowError;
use crate::workflow::reconcile::{self, Absence, Done, Guarded, Lease, Run, Seen};

/// How often one run starts over because what is desired changed under its feet. Then somebody else's turn.
const MOST_ROUNDS: usize = 4;

/// How long an entry rests that nothing can be done about: its cluster is no longer configured, or its row is broken.
const REST: TimeDelta = TimeDelta::minutes(5);

/// How a round ended.
enum Round {
    /// Everything is recorded and the lease is given back.
    Closed,
    /// Something changed meanwhile.
    Again,
}

/// Why there was no looking at an entry.
enum NoLook {
    /// EKS did not show it.
    Failed(EksError),
    /// It was not our turn to ask; it may be after this.
    Queue(TimeDelta),
    /// There was no asking whose turn it is.
    NoTurns(StoreError),
}

impl From<EksError> for NoLook {
    fn from(error: EksError) -> Self {
        Self::Failed(error)
    }
}

/// What was about to be recorded was turned down: the token of the lease is no longer the entry's.
fn lost(lease: &Lease) {
    metrics::counter!("entryway_leases_lost_total", "work" => "entry").increment(1);
    tracing::warn!(entry = %name_of(lease), "another worker took over; nothing more is recorded");
}

impl<E: Eks> Worker<E> {
    /// Works on one entry until there is nothing to do but wait. Whatever is logged meanwhile says which entry it is about, and
    /// which requests.
    pub(super) async fn reconcile(&self, lease: Lease) {
        // As urgent as anything that is said within, so that also the quietest log has it.
        let (cluster, principal) = (&lease.cluster_name, &lease.principal_arn);
        let span =
            tracing::error_span!("entry", cluster, principal, request_ids = field::Empty, trace_id = field::Empty);
        self.work_on(lease).instrument(span).await;
    }

    async fn work_on(&self, lease: Lease) {
        match self.rounds(&lease).await {
            Ok(()) => {}
            Err(WorkflowError::Store(StoreError::LeaseLost)) => {
                lost(&lease);
            }
            Err(error) => {
                tracing::error!(entry = %name_of(&lease), %error, "the entry could not be worked on; trying again later");
                let passing = matches!(&error, WorkflowError::Store(store) if store.is_passing());
                let wait = if passing { retry::backoff(lease.attempts, retry::LONGEST_WAIT) } else { REST };
                // When this does not get through either, the lease ends by itself.
                match reconcile::abandon(&self.desk, &lease, wait).await {
                    Ok(()) => {}
                    Err(WorkflowError::Store(StoreError::LeaseLost)) => lost(&lease),
                    Err(error) => {
                        tracing::warn!(entry = %name_of(&lease), %error, "the lease was left to end by itself");
                    }
                }
            }
        }
    }

    async fn rounds(&self, lease: &Lease) -> Result<(), WorkflowError> {
        let Some(cluster) = self.desk.clusters.get(&lease.cluster_name) else {
            tracing::warn!(entry = %name_of(lease), "the cluster is no longer configured; nothing can be done about its entries");
            return reconcile::unconfigured(&self.desk, lease, REST).await;
        };
        let principal: PrincipalArn = lease.principal_arn.parse().map_err(|_| StoreError::Corrupt {
            table: "entry",
            column: "principal_arn",
            key: lease.principal_arn.clone(),
        })?;
        for _ in 0..MOST_ROUNDS {
            if let Round::Closed = self.round(lease, cluster, &principal).await? {
                return Ok(());
            }
        }
        reconcile::abandon(&self.desk, lease, TimeDelta::zero()).await
    }

    async fn round(&self, lease: &Lease, cluster: &Cluster, principal: &PrincipalArn) -> Result<Round, WorkflowError> {
        let desk = &self.desk;
        if let Turn::Queue(wait) = self.turns.wait(cluster, Urgency::of_look(lease.ending)).await? {
            reconcile::put_off(desk, lease, wait).await?;
            return Ok(Round::Closed);
        }
        let run = reconcile::begin(desk, lease).await?;
        let requests = run.covered().iter().map(Uuid::to_string).collect::<Vec<_>>().join(" ");
        Span::current().record("request_ids", requests);
        let span = traced(&run);
        Span::current().record("trace_id", spans::trace_id(&span));
        self.look_and_act(run, cluster, principal).instrument(span).await
    }

    /// Looks at the entry, and does what `run` calls for.
    async fn look_and_act(
        &self,
        mut run: Run,
        cluster: &Cluster,
        principal: &PrincipalArn,
    ) -> Result<Round, WorkflowError> {
        let (desk, lease) = (&self.desk, &run.lease.clone());
        let answer = match self.look(&run, cluster, principal).await {
            Ok(observed) => Ok(observed),
            Err(NoLook::Failed(error)) => Err(error),
            Err(NoLook::Queue(wait)) => {
                reconcile::put_off(desk, lease, wait).await?;
                return Ok(Round::Closed);
            }
            Err(NoLook::NoTurns(error)) => return Err(error.into()),
        };
        let observed = match self.heed(cluster, of_look, answer).await? {
            Ok(observed) => observed,
            Err(error) => return self.give_up(&run, cluster, None, &error).await,
        };
        let observed = observed.as_ref();
        run.found = observed.filter(|e| e.is_owned_by(&desk.settings.installation)).map(|e| e.access_entry_arn.clone());
        if self.has_condemned(&mut run, principal, observed).await? {
            return Ok(Round::Again);
        }
        let terms = Terms {
            principal,
            installation: &desk.settings.installation,
            layer: cluster.existing_entries == ExistingEntries::Layer,
            tempo: &desk.settings.tempo,
        };
        // Whoever asked for a repair wants whatever is found put right, also where drift is otherwise only reported.
        let drift = if run.record.repair_asked_at.is_some() { DriftMode::Repair } else { cluster.drift };
        let only_report = drift == DriftMode::Report && !run.applying && !run.ending;
        match judge(&run.record, run.desired.as_ref(), observed, run.now, &terms) {
            Verdict::Agrees => reconcile::seen(desk, &run, Seen::AsDesired).await?,
            Verdict::NotYet => reconcile::seen(desk, &run, Seen::NotYet).await?,
            // Who waits for access to come or to go does not wait for a tag.
            Verdict::Untagged if run.applying || run.ending => reconcile::seen(desk, &run, Seen::AsDesired).await?,
            // One read may be stale; two are not.
            Verdict::Untagged if run.record.disagreeing_reads == 0 => reconcile::seen(desk, &run, Seen::NotYet).await?,
            Verdict::Untagged => self.retag(&mut run, cluster, drift, observed).await?,
            Verdict::NotOurs => {
                let arn = observed.map(|entry| entry.access_entry_arn.as_str());
                reconcile::refuse(desk, &run, arn).await?;
            }
            // What its owner took away of the grants was reported, and is left alone.
            Verdict::Write { .. } if run.record.drifted && run.record.layered_on().is_some() && only_report => {
                reconcile::seen(desk, &run, Seen::StillDrifted).await?;
            }
            Verdict::Write { from, steps } => {
                if run.record.unsure && run.applying && observed.is_some() {
                    reconcile::noticed(desk, &run, observed.map(|entry| &entry.content)).await?;
                }
                return self.write(&mut run, cluster, principal, from, steps).await;
            }
            // What somebody did by hand is only to be reported, but a grant waits to be applied, and that writes the entry. An
            // entry that nobody is to have any more is no drift: a write has come late.
            Verdict::Drift { from, steps, .. }
                if run.desired.is_none() || drift == DriftMode::Report && run.applying =>
            {
                return self.write(&mut run, cluster, principal, from, steps).await;
            }
            Verdict::Drift { from, steps, ours } => {
                // What is ours and must go is taken away, whatever drift is otherwise only reported.
                let drift = if ours { DriftMode::Repair } else { drift };
                let found = json!(observed.map(|entry| &entry.content));
                reconcile::drifted(desk, &mut run, drift, found).await?;
                if drift == DriftMode::Repair {
                    return self.write(&mut run, cluster, principal, from, steps).await;
                }
            }
            Verdict::Remember => {
                if let Some(entry) = observed {
                    reconcile::remember(desk, &run, entry).await?;
                }
            }
            Verdict::Rebase => {
                reconcile::rebase(desk, &run, drift, observed).await?;
                return Ok(Round::Again);
            }
        }
        Ok(Round::Closed)
    }

    /// Puts our tag back on our own entry, where `drift` is to be repaired. A call that does not go through is made again when
    /// the entry is looked at next: nobody's access depends on it.
    async fn retag(
        &self,
        run: &mut Run,
        cluster: &Cluster,
        drift: DriftMode,
        seen: Option<&ObservedEntry>,
    ) -> Result<(), WorkflowError> {
        let desk = &self.desk;
        let Some(entry) = seen else { return reconcile::seen(desk, run, Seen::NotYet).await };
        if drift == DriftMode::Repair
            && let Turn::Queue(wait) = self.turns.wait(cluster, Urgency::CanWait).await?
        {
            return reconcile::put_off(desk, &run.lease, wait).await;
        }
        reconcile::untagged(desk, run, drift, &entry.tags).await?;
        if drift == DriftMode::Repair {
            let tags = [(OWNER_TAG.to_owned(), desk.settings.installation.clone())].into();
            match self.heed(cluster, of_tag, self.eks.tag(cluster, &entry.access_entry_arn, &tags).await).await? {
                Ok(write) => {
                    return reconcile::tagged(desk, run, &entry.access_entry_arn, &tags, write.aws_request_id).await;
                }
                Err(error) => {
                    tracing::warn!(entry = %name_of(&run.lease), %error, "the tag of an entry could not be put back");
                }
            }
        }
        reconcile::seen(desk, run, Seen::StillDrifted).await
    }

    /// Looks at the entry. That there is none is believed only once it is certain that this is the cluster configuration
    /// means: nothing about an absent entry tells that it was looked for in the wrong account. An entry that is there
    /// says itself where it is, so that ending access does not depend on the right to describe the cluster.
    async fn look(
        &self,
        run: &Run,
        cluster: &Cluster,
        principal: &PrincipalArn,
    ) -> Result<Option<ObservedEntry>, NoLook> {
        let mut observed = named(run, || self.eks.glance(cluster, principal)).await?;
        if let Some(entry) = observed.as_mut().filter(|entry| entry.content.entry_type.takes_policies()) {
            self.next_turn(cluster).await?;
            match named(run, || self.eks.policies(cluster, principal)).await? {
                Some(policies) => entry.content.access_policies = policies,
                // It has vanished between the two calls.
                None => observed = None,
            }
        }
        if observed.is_none() && !self.is_known(&cluster.name) {
            self.next_turn(cluster).await?;
            let gate = named(run, || self.eks.describe_cluster(cluster)).await?;
            if !gate.takes_access_entries() {
                return Err(EksError::of(Class::AuthMode).into());
            }
        }
        self.learn(&cluster.name);
        Ok(observed)
    }

    /// Waits for the turn of another call of the same look: each is a call of its own to AWS.
    async fn next_turn(&self, cluster: &Cluster) -> Result<(), NoLook> {
        match self.turns.wait(cluster, Urgency::Begun).await {
            Ok(Turn::Come) => Ok(()),
            Ok(Turn::Queue(wait)) => Err(NoLook::Queue(wait)),
            Err(error) => Err(NoLook::NoTurns(error)),
        }
    }

    /// Makes the calls one by one, each only if everything still stands right before it.
    async fn write(
        &self,
        run: &mut Run,
        cluster: &Cluster,
        principal: &PrincipalArn,
        from: Option<EntryContent>,
        steps: Vec<Step>,
    ) -> Result<Round, WorkflowError> {
        let mut content = from;
        let mut left = steps.len();
        for step in steps {
            let presence = match &step {
                Step::Create(_) => Some(self.desk.presence_of(&cluster.name, principal).await),
                _ => None,
            };
            // Before the guard, so that nothing comes between what it checks and the call.
            if let Turn::Queue(wait) = self.turns.wait(cluster, Urgency::Begun).await? {
                reconcile::put_off(&self.desk, &run.lease, wait).await?;
                return Ok(Round::Closed);
            }
            if reconcile::guard(&self.desk, run, &step).await? == Guarded::Changed {
                return Ok(Round::Again);
            }
            let answer = named(run, || self.call(run, cluster, principal, &step)).await;
            let (write, access_entry_arn) =
                match self.heed(cluster, || rights::of_step(&step, principal), answer).await? {
                    Ok(done) => done,
                    Err(error) => return self.give_up(run, cluster, Some(&step), &error).await,
                };
            content = after(content.as_ref(), &step);
            left -= 1;
            let done = Done {
                aws_request_id: write.aws_request_id,
                was_there: !write.already,
                access_entry_arn,
                presence,
                content: content.clone(),
                last: left == 0,
                step,
            };
            reconcile::wrote(&self.desk, run, done).await?;
        }
        Ok(Round::Closed)
    }

    async fn call(
        &self,
        run: &Run,
        cluster: &Cluster,
        principal: &PrincipalArn,
        step: &Step,
    ) -> Result<(Written, Option<String>), EksError> {
        // Each attempt is its own: what an earlier one did shows when the entry is read, not by its token.
        let token = Uuid::new_v4().to_string();
        let eks = &self.eks;
        let write = match step {
            Step::Create(content) => {
                let created = eks.create(cluster, principal, content, &run.tags, &token).await?;
                return Ok((created.write, Some(created.access_entry_arn)));
            }
            Step::Update { username, groups } => {
                let derived = || generated_username(principal, EntryType::Standard);
                let username = username.clone().unwrap_or_else(derived);
                eks.update(cluster, principal, &username, groups, &token).await?
            }
            Step::Associate { policy_arn, scope } => eks.associate(cluster, principal, policy_arn, scope).await?,
            Step::Disassociate { policy_arn } => eks.disassociate(cluster, principal, policy_arn).await?,
            Step::Delete => eks.delete(cluster, principal).await?,
        };
        Ok((write, None))
    }

    async fn give_up(
        &self,
        run: &Run,
        cluster: &Cluster,
        step: Option<&Step>,
        error: &EksError,
    ) -> Result<Round, WorkflowError> {
        let operation = step.map_or("observe", Step::operation);
        tracing::warn!(entry = %name_of(&run.lease), operation, %error, class = error.class.as_str(), "a call to EKS did not go through");
        let waiting = EksError { class: Class::ClusterNotReady, ..error.clone() };
        let error = if self.is_changing(cluster, error).await? { &waiting } else { error };
        let interval = self.desk.settings.tempo.interval;
        let mut failure = retry::failure(error, cluster, run.record.attempts, interval, run.ending);
        if error.says_no_cluster() {
            match reconcile::cluster_gone(&self.desk, run, cluster, step.map(|step| (step, &failure))).await? {
                Absence::Gone => return Ok(Round::Closed),
                Absence::Unconfirmed => failure = retry::until_confirmed(failure, cluster),
                Absence::NeverShown => {}
            }
        }
        reconcile::trouble(&self.desk, run, step, &failure).await?;
        Ok(Round::Closed)
    }

    /// Whether what EKS refuses now may be another matter once the cluster is `ACTIVE`: its mode is that of before until an
    /// update of it is through.
    async fn is_changing(&self, cluster: &Cluster, error: &EksError) -> Result<bool, WorkflowError> {
        if error.class != Class::AuthMode || self.turns.wait(cluster, Urgency::CanWait).await? != Turn::Come {
            return Ok(false);
        }
        let gate = self.heed(cluster, of_gate, self.eks.describe_cluster(cluster).await).await?;
        Ok(gate.is_ok_and(|gate| matches!(gate.status.as_str(), "CREATING" | "UPDATING" | "PENDING")))
    }
}

/// The span of one round in a trace: in that of the request that it is for.
fn traced(run: &Run) -> Span {
    let errand = &run.errand;
    let grants: Vec<_> = run.covered().iter().copied().collect();
    spans::work(&run.lease.cluster_name, errand.request, &grants, errand.parent, &errand.beside)
}
