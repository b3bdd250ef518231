//! Which channels have been told of an event of which others are still to be told, so that these are tried again without repeating
//! it in those. A process remembers only what it has told itself: another one may repeat it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// Of how many events at once that is remembered.
const MOST: usize = 1000;

/// The channels by the event that they have been told of.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<BTreeMap<Uuid, BTreeSet<String>>>);

impl Told {
    /// Whether `channel` has been told of `event` already.
    pub(super) fn knows(&self, event: Uuid, channel: &str) -> bool {
        self.all().get(&event).is_some_and(|channels| channels.contains(channel))
    }

    /// `channel` has been told of `event`.
    pub(super) fn note(&self, event: Uuid, channel: &str) {
        let mut all = self.all();
        // Ids rise with time, and the oldest were delivered by another process, or given up.
        if all.len() >= MOST && !all.contains_key(&event) {
            all.pop_first();
        }
        all.entry(event).or_default().insert(channel.to_owned());
    }

    /// All that are to be told of `event` have been.
    pub(super) fn forget(&self, event: Uuid) {
        self.all().remove(&event);
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Uuid, BTreeSet<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_are_remembered() {
        let (told, ids) = (Told::default(), (0..=MOST).map(|_| Uuid::now_v7()).collect::<Vec<_>>());
        for id in &ids {
            told.note(*id, "C1");
        }
        assert!(!told.knows(ids[0], "C1") && told.knows(ids[1], "C1") && told.knows(ids[MOST], "C1"));
        assert!(!told.knows(ids[MOST], "C2"));
        told.forget(ids[MOST]);
        assert!(!told.knows(ids[MOST], "C1"));
    }
}
