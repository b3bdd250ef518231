//! People and service accounts that only the tokens of identity providers tell about: their names, which stay theirs, and
//! their groups, which are remembered so that what they have signed off counts while they are away.
//!
//! What is remembered is what the newest token said, whichever replica saw it, and counts for as long as the provider's
//! `remember_groups` says. A group that somebody has lost is noticed with their next token.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::WorkflowError;
use super::desk::Desk;
use crate::domain::identity::Identity;
use crate::domain::person::Person;
use crate::domain::request::Request;
use crate::domain::review::Review;
use crate::store::{StoreError, Tx, people};

/// How much of what was read before is read again: transactions do not commit in the order in which they begin.
const OVERLAP: TimeDelta = TimeDelta::minutes(1);

/// Why somebody with a good token is not let in.
#[derive(Debug)]
pub enum Unwelcome {
    /// Their name is somebody else's; in words.
    Name(String),
    /// Postgres.
    Failed(WorkflowError),
}

impl From<StoreError> for Unwelcome {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl Desk {
    /// Who `person`, of whom a good token has just told, is here.
    ///
    /// # Errors
    /// [`Unwelcome::Name`] where the name is taken by somebody else.
    pub async fn welcome(&self, person: Person) -> Result<Identity, Unwelcome> {
        let Some(memory) = self.directory.memory() else {
            return Err(Unwelcome::Name("tokens of identity providers are not taken here".to_owned()));
        };
        let known = memory.subject(&person.issuer, &person.subject);
        let known = match known.filter(|known| known.is_as_fresh_as(&person)) {
            Some(known) => known,
            None => {
                let stored = self.write_down(&person).await?;
                memory.remember(stored.clone());
                stored
            }
        };
        let configured = self.directory.configured(&known.user);
        if configured.service {
            return Err(taken(&known.user, "that of a service"));
        }
        let Person { user, groups, service, .. } = known;
        Ok(Identity { user, groups: &configured.groups | &groups, service })
    }

    async fn write_down(&self, person: &Person) -> Result<Person, Unwelcome> {
        if let Some(spelling) = self.directory.other_spelling(&person.user) {
            let why =
                format!("the name {:?} in the token is spelt {spelling:?} here; have it spelt one way", person.user);
            return Err(Unwelcome::Name(why));
        }
        if self.directory.configured(&person.user).service {
            return Err(taken(&person.user, "that of a service"));
        }
        // Somebody's first calls often come several at once; the one that was second finds them there when it looks again.
        match self.try_to_write_down(person).await {
            Err(StoreError::Duplicate { .. }) => self.try_to_write_down(person).await,
            written => written,
        }
        .map_err(|error| match error {
            StoreError::Duplicate { .. } => taken(&person.user, "somebody else's"),
            other => other.into(),
        })
    }

    async fn try_to_write_down(&self, person: &Person) -> Result<Person, StoreError> {
        let mut tx = self.store.begin().await?;
        let stored = people::write(&mut tx, person).await?;
        tx.commit().await?;
        Ok(stored)
    }

    /// Reads what tokens last told about everybody whose standing matters for `requests`: replicas hear of one another with a
    /// delay that a decision cannot have.
    pub(super) async fn recall(
        &self,
        tx: &mut Tx,
        requests: &[Request],
        reviews: &[Review],
    ) -> Result<(), WorkflowError> {
        let names: BTreeSet<_> = requests
            .iter()
            .map(|request| &request.requester)
            .chain(reviews.iter().map(|review| &review.reviewer))
            .cloned()
            .collect();
        self.recall_those(tx, &names.into_iter().collect::<Vec<_>>()).await
    }

    /// Reads what tokens last told about `names`.
    pub(super) async fn recall_those(&self, tx: &mut Tx, names: &[String]) -> Result<(), WorkflowError> {
        let Some(memory) = self.directory.memory() else { return Ok(()) };
        let told = people::of(tx, names).await?;
        for user in names.iter().filter(|user| !told.iter().any(|person| person.user == **user)) {
            memory.forget(user);
        }
        told.into_iter().for_each(|person| memory.remember(person));
        Ok(())
    }

    /// Takes in what other replicas were told since `since`, or all there is; answers what to ask with the next time.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn hear_of_people(&self, since: Option<DateTime<Utc>>) -> Result<DateTime<Utc>, WorkflowError> {
        let mut tx = self.store.begin().await?;
        let now = tx.now();
        let told = people::since(&mut tx, since.unwrap_or(DateTime::UNIX_EPOCH)).await?;
        tx.rollback().await?;
        if let Some(memory) = self.directory.memory() {
            memory.forget_stale(now);
            told.into_iter().for_each(|person| memory.remember(person));
        }
        Ok(now - OVERLAP)
    }
}

fn taken(user: &str, whose: &str) -> Unwelcome {
    Unwelcome::Name(format!("the name {user:?} in the token is {whose} here; an operator of Entryway can tell more"))
}
