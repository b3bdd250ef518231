//! The command line for people and pipelines: what `entryway request`, `approve`, `wait` and the others do, over HTTP and with
//! the types of the API itself. It needs a service somewhere, and nothing else: no configuration, no database, no AWS.

mod args;
mod ask;
mod connect;
mod decide;
mod ending;
mod failure;
mod http;
mod incident;
mod look;
mod output;
mod possible;
mod problem;
mod profiles;
mod show;
mod sign_in;
mod spoken;
mod table;
mod wait;

pub use args::Command;
pub use connect::Environment;

use args::Connection;
use failure::Failure;
use output::Output;

/// What a command needs besides its own arguments.
struct Session<'a> {
    connection: &'a Connection,
    environment: &'a Environment,
    out: Output,
}

/// Runs `command`, says on stdout what came of it and on stderr what went wrong, and answers the exit code.
pub async fn run(command: Command, environment: &Environment) -> u8 {
    let connection = command.connection().clone();
    let out = Output { json: connection.json };
    let session = Session { connection: &connection, environment, out };
    match done(command, &session).await {
        Ok(()) => 0,
        Err(failure) => {
            session.out.failed(&failure);
            failure.exit_code()
        }
    }
}

async fn done(command: Command, session: &Session<'_>) -> Result<(), Failure> {
    match command {
        Command::Login(login) => sign_in::login(session, &login).await,
        Command::Logout(_) => sign_in::logout(session),
        Command::Whoami(_) => look::whoami(session).await,
        Command::Request(asked) => ask::request(session, *asked).await,
        Command::Extend(extend) => ask::extend(session, extend).await,
        Command::List(list) => look::list(session, &list).await,
        Command::Show(show) => look::show(session, &show).await,
        Command::Clusters(_) => look::clusters(session).await,
        Command::AccessPolicies(asked) => look::access_policies(session, &asked).await,
        Command::Approve(review) => decide::approve(session, review).await,
        Command::Deny(deny) => decide::deny(session, deny).await,
        Command::Acknowledge(review) => decide::acknowledge(session, review).await,
        Command::Wait(wait) => wait::wait(session, &wait).await,
        Command::Withdraw(act) => decide::act(session, "withdraw", act.id, act.reason).await,
        Command::Relinquish(act) => decide::act(session, "relinquish", act.id, act.reason).await,
        Command::Retry(act) => decide::act(session, "retry", act.id, act.reason).await,
        Command::Incident(asked) => incident::incident(session, asked).await,
        Command::Revoke(revoke) => decide::act(session, "revoke", revoke.id, Some(revoke.reason)).await,
    }
}
