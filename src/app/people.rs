//! The commands for people: no service is wired together here, only called.

use super::{Failure, runtime};
use crate::client::{self, Environment};
use crate::config::environment;

/// `login`, `request`, `list`, `approve`, `wait` and the others that talk to a service.
///
/// # Errors
/// What has been said already, with its exit code.
pub fn person(command: client::Command) -> Result<(), Failure> {
    let environment = Environment::new(environment());
    match runtime()?.block_on(client::run(command, &environment)) {
        0 => Ok(()),
        code => Err(Failure::Told(code)),
    }
}
