//! Doing something once, however often it is asked for: the answer to a call with an `Idempotency-Key` is stored in
//! the transaction of what the call did, and given again to whoever repeats it.

use std::borrow::Borrow;

use super::{WorkflowError, standing::Details};
use crate::store::idempotency::{self, Recall};
use crate::store::{StoreError, Tx};

pub use crate::store::idempotency::{Answer as Rendered, Key};

/// The caller's wish that this happens once. `T` is what the use case comes to.
pub struct Once<'a, T: ?Sized = [Details]> {
    /// The key, and what it is for.
    pub key: Key,
    /// Makes the answer as it will go over the wire.
    pub render: &'a (dyn Fn(&T) -> Rendered + Send + Sync),
}

/// What a writing use case comes to.
#[derive(Debug)]
pub enum Outcome<D = Vec<Details>> {
    /// It was done now.
    Fresh(D),
    /// It was done before; this was the answer.
    Replayed(Rendered),
}

/// The first answer, if there was one. Otherwise the key is held until `tx` ends.
pub(super) async fn recall<T: ?Sized, D>(
    tx: &mut Tx,
    once: Option<&Once<'_, T>>,
) -> Result<Option<Outcome<D>>, WorkflowError> {
    let Some(once) = once else { return Ok(None) };
    match idempotency::recall(tx, &once.key).await? {
        Recall::Unseen => Ok(None),
        Recall::Answered(answer) => {
            metrics::counter!("entryway_idempotency_replays_total").increment(1);
            Ok(Some(Outcome::Replayed(answer)))
        }
        Recall::Reused => Err(WorkflowError::KeyReused),
        Recall::InFlight => Err(WorkflowError::KeyInFlight),
    }
}

/// Stores the answer and makes everything durable.
pub(super) async fn conclude<T: ?Sized, D: Borrow<T>>(
    mut tx: Tx,
    once: Option<&Once<'_, T>>,
    done: D,
) -> Result<Outcome<D>, WorkflowError> {
    if let Some(once) = once {
        let answer = (once.render)(done.borrow());
        idempotency::remember(&mut tx, &once.key, &answer).await.map_err(|error| match error {
            StoreError::Duplicate { .. } => WorkflowError::KeyInFlight,
            other => other.into(),
        })?;
    }
    tx.commit().await?;
    Ok(Outcome::Fresh(done))
}
