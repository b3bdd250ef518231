//! How many streams there may be. Each holds a connection and some memory for as long as it lasts, which may be for ever.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::problem::{Code, Problem};
use crate::domain::identity::Caller;

/// Streams of one process.
const SEATS: usize = 2048;
/// Streams of one caller in one process: every tab of a browser has one.
const SEATS_EACH: usize = 32;

/// When to try again, in seconds.
const TRY_AGAIN: u64 = 10;

/// The seats of one process.
#[derive(Debug, Clone, Default)]
pub(super) struct Seats(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: HashMap<Holder, usize>,
}

/// Whoever reads, and the service that reads for them.
type Holder = (String, Option<String>);

impl Seats {
    /// A seat for `caller`.
    ///
    /// # Errors
    /// When there is none left, or `caller` has too many already.
    pub(super) fn take(&self, caller: &Caller) -> Result<Seat, Problem> {
        let holder = (caller.user().to_owned(), caller.submitted_by.clone());
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= SEATS {
            let detail = format!(
                "this process serves {SEATS} streams already; try again in {TRY_AGAIN} seconds, when another replica may \
                 answer, or page through the events instead"
            );
            return Err(Problem::new(Code::Unavailable, detail).after(TRY_AGAIN));
        }
        let own = taken.by.entry(holder.clone()).or_default();
        if *own >= SEATS_EACH {
            let detail = format!("you have {SEATS_EACH} streams open here already; close one, or share it");
            return Err(Problem::new(Code::RateLimited, detail).after(TRY_AGAIN));
        }
        *own += 1;
        taken.all += 1;
        drop(taken);
        Ok(Seat { seats: self.clone(), holder })
    }

    /// How many are taken.
    #[cfg(test)]
    fn taken(&self) -> (usize, usize) {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (taken.all, taken.by.len())
    }
}

/// A seat. Free again when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Seats,
    holder: Holder,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(own) = taken.by.get_mut(&self.holder) {
            *own -= 1;
            if *own == 0 {
                taken.by.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::{Identity, Via};

    fn caller(user: &str) -> Caller {
        let identity = Identity { user: user.to_owned(), groups: [].into(), service: false };
        Caller { identity, submitted_by: None, via: Via::Api, source_ip: None }
    }

    #[test]
    fn nobody_takes_all_seats_and_there_is_an_end_to_them() {
        let seats = Seats::default();
        let mut taken: Vec<_> = (0..SEATS_EACH).map(|_| seats.take(&caller("alice")).expect("a seat")).collect();
        assert_eq!(seats.take(&caller("alice")).expect_err("hers are taken").code(), "rate-limited");
        let others = SEATS_EACH..SEATS;
        taken.extend(others.map(|n| seats.take(&caller(&format!("user {n}"))).expect("others have theirs")));
        assert_eq!(seats.take(&caller("bob")).expect_err("none is left").code(), "unavailable");
        taken.remove(0);
        taken.push(seats.take(&caller("bob")).expect("one is free again"));
        drop(taken);
        assert_eq!(seats.taken(), (0, 0), "nothing is remembered of who left");
    }
}
