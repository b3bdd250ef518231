//! temporary
use chrono::{DateTime, Utc};
/// Clock.
#[derive(Debug, Clone)]
pub struct Clock(Option<DateTime<Utc>>);
impl Clock {
    /// x
    pub fn database() -> Self {
        Self(None)
    }
    /// x
    pub fn sql(&self) -> Option<DateTime<Utc>> {
        self.0
    }
}
