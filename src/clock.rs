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
    /// x
    #[expect(clippy::disallowed_methods, reason = "x")]
    pub fn approximate(&self) -> DateTime<Utc> {
        self.0.unwrap_or_else(Utc::now)
    }
}
