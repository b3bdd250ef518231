//! The server process and the shell that watches over it.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};
use tokio::time::{Instant, sleep, timeout};

use super::data_dir::{DataDir, last_line};
use super::error::{Doing, PostgresError};
use super::postmaster::{self, ENDINGS, POLL, PidFile};
use super::programs::Programs;
use super::{Durability, PostgresOptions};

/// How long a start may take; replaying the log after a crash is the long case.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// The port that another Postgres of this machine would have: never taken, even when it is free just now.
const POSTGRES_PORT: u16 = 5432;

/// Runs the server as a child and passes on the signals whose names come in on standard input. When the input ends,
/// the owner is gone, killed perhaps: the server is ended too. `$1`, unless empty, is removed at the end.
///
/// This is the shell's job because no process can run code at its own `kill -9`, and asking the kernel to
/// signal the child (`PR_SET_PDEATHSIG`) is neither portable nor safe Rust.
const WATCH: &str = r#"
remove=$1; shift
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
{ while read -r signal; do kill -s "$signal" "$server"; done <&3; kill -s QUIT "$server"; } 2>/dev/null &
listener=$!
exec 3<&-
wait "$server"; status=$?
kill -s KILL "$listener" 2>/dev/null; wait "$listener"
if [ -n "$remove" ]; then rm -rf -- "$remove"; fi
exit "$status"
"#;

/// A server that takes connections.
#[derive(Debug)]
pub(super) struct Server {
    /// The shell of [`WATCH`]; it ends when the server has ended.
    watch: Child,
    /// Its standard input. Dropping it ends the server.
    control: ChildStdin,
    port: u16,
}

/// Why an attempt to start came to nothing.
enum Refusal {
    /// For a reason that passes: the port was taken meanwhile, or backends of a killed server are still ending.
    Passing(String),
    Lasting(PostgresError),
}

impl From<PostgresError> for Refusal {
    fn from(error: PostgresError) -> Self {
        Self::Lasting(error)
    }
}

impl Server {
    /// Starts the server and waits until it takes connections.
    pub(super) async fn start(
        programs: &Programs,
        data: &DataDir,
        options: &PostgresOptions,
    ) -> Result<Self, PostgresError> {
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            match Self::attempt(programs, data, options, deadline).await {
                Ok(server) => return Ok(server),
                Err(Refusal::Passing(said)) if Instant::now() < deadline => {
                    tracing::debug!(%said, "Postgres did not start; trying again");
                    sleep(POLL * 10).await;
                }
                Err(Refusal::Passing(said)) => return Err(PostgresError::DidNotStart { said, log: data.log() }),
                Err(Refusal::Lasting(error)) => return Err(error),
            }
        }
    }

    async fn attempt(
        programs: &Programs,
        data: &DataDir,
        options: &PostgresOptions,
        deadline: Instant,
    ) -> Result<Self, Refusal> {
        // Whoever has written down where the database is finds it there again.
        let usual = postmaster::last_port(data.path()).filter(|port| is_free(*port));
        let port = usual.map_or_else(free_port, Ok)?;
        let mut server = Self::spawn(programs, data, options, port)?;
        loop {
            if let Some(status) = server.watch.try_wait().doing(|| "cannot wait for Postgres".to_owned())? {
                return Err(refusal(data, status));
            }
            if PidFile::read(data.path()).is_some_and(|file| file.ready && file.port == Some(port)) {
                return Ok(server);
            }
            if Instant::now() >= deadline {
                server.stop(data.path()).await?;
                let said = format!("it was not ready after {} s", START_PATIENCE.as_secs());
                return Err(PostgresError::DidNotStart { said, log: data.log() }.into());
            }
            sleep(POLL).await;
        }
    }

    fn spawn(programs: &Programs, data: &DataDir, options: &PostgresOptions, port: u16) -> Result<Self, PostgresError> {
        let cannot = || format!("cannot write {}", data.log().display());
        let log = File::create(data.log()).doing(cannot)?;
        let remove = if options.temporary { data.path().parent() } else { None };
        let mut shell = data.account().command("/bin/sh");
        shell.args(["-c", WATCH, "entryway-postgres"]).arg(remove.unwrap_or(Path::new("")));
        shell.arg(&programs.postgres).arg("-D").arg(data.path());
        for setting in settings(options, port) {
            shell.arg("-c").arg(setting);
        }
        shell.stdin(Stdio::piped()).stdout(log.try_clone().doing(cannot)?).stderr(log);
        // Its own group: Ctrl-C in the terminal is ours to handle, and must not end the database before we drained.
        shell.process_group(0);
        let mut watch = shell.spawn().doing(|| "cannot run /bin/sh".to_owned())?;
        let control = watch.stdin.take().expect("standard input was asked for as a pipe");
        Ok(Self { watch, control, port })
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// Asks in rising urgency, and returns when nothing runs on `data_dir` any more.
    pub(super) async fn stop(mut self, data_dir: &Path) -> Result<(), PostgresError> {
        for (signal, patience) in ENDINGS {
            // A shell that is gone cannot be written to; then its end is what the wait below finds.
            let _ = self.control.write_all(format!("{signal}\n").as_bytes()).await;
            if timeout(patience, self.watch.wait()).await.is_ok() {
                break;
            }
        }
        drop(self.control);
        // Nothing is left to do here, unless somebody killed the shell.
        postmaster::clear(data_dir).await
    }
}

/// Reads out of the log why the server went down while it started.
fn refusal(data: &DataDir, status: ExitStatus) -> Refusal {
    let log = fs::read_to_string(data.log()).unwrap_or_default();
    let fatal = log.lines().rfind(|line| line.contains("FATAL:") || line.contains("PANIC:"));
    let said = fatal.map_or_else(|| format!("{} ({status})", last_line(&log)), str::to_owned);
    let passes = ["Address already in use", "pre-existing shared memory block"];
    if passes.iter().any(|cause| log.contains(cause)) {
        return Refusal::Passing(said);
    }
    Refusal::Lasting(PostgresError::DidNotStart { said, log: data.log() })
}

/// TCP only (a socket's path must stay under 108 bytes, which nobody's directory promises), small memory, nothing
/// that a server without replicas needs.
fn settings(options: &PostgresOptions, port: u16) -> Vec<String> {
    let mut settings = vec![format!("port={port}"), format!("max_connections={}", options.max_connections)];
    let fixed = [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "shared_buffers=32MB",
        "wal_level=minimal",
        "max_wal_senders=0",
        "jit=off",
        "logging_collector=off",
        "timezone=UTC",
        "log_timezone=UTC",
    ];
    // Not `synchronous_commit=off`: that would lose commits even when only Postgres is killed, as tests do.
    let careless = ["fsync=off", "full_page_writes=off"];
    settings.extend(fixed.map(str::to_owned));
    if options.durability == Durability::TestFast {
        settings.extend(careless.map(str::to_owned));
    }
    settings
}

/// Whether nobody has `port` just now.
fn is_free(port: u16) -> bool {
    port != POSTGRES_PORT && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port that is free now. Somebody may take it before Postgres does; that attempt is made again.
fn free_port() -> Result<u16, PostgresError> {
    loop {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing(|| "cannot bind to 127.0.0.1".to_owned())?;
        let port = socket.local_addr().doing(|| "cannot bind to 127.0.0.1".to_owned())?.port();
        if port != POSTGRES_PORT {
            return Ok(port);
        }
    }
}
