//! The simulator's clock: the machine's, shifted or stopped by tests so that they pass a lag window without
//! sleeping through it.

/// A moment or a span, in milliseconds (moments: since the Unix epoch).
pub(crate) type Ms = i64;

/// Wall-clock time plus an offset; or a moment at which it stands still.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset: Ms,
    frozen_at: Option<Ms>,
}

impl Clock {
    /// The simulator's present.
    pub(crate) fn now(&self) -> Ms {
        self.frozen_at.unwrap_or_else(|| wall() + self.offset)
    }

    /// Moves the present. Negative values move it back, as a badly kept clock would.
    pub(crate) fn advance(&mut self, by: Ms) {
        match &mut self.frozen_at {
            Some(at) => *at += by,
            None => self.offset += by,
        }
    }

    /// Stops the clock where it stands; only [`Clock::advance`] moves it then.
    pub(crate) fn freeze(&mut self) {
        self.frozen_at = Some(self.now());
    }

    /// Lets the clock run on from where it was stopped.
    pub(crate) fn thaw(&mut self) {
        if let Some(at) = self.frozen_at.take() {
            self.offset = at - wall();
        }
    }

    /// Whether the clock stands still.
    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen_at.is_some()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the simulator stands for AWS, an external system with a clock of its own"
)]
fn wall() -> Ms {
    chrono::Utc::now().timestamp_millis()
}
