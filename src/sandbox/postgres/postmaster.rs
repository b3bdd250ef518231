//! What a data directory tells about the server that runs, or ran, on it: its `postmaster.pid` and `postmaster.opts`.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::error::{Doing, PostgresError};

/// How often something that has no event to wait for is looked at again.
pub(super) const POLL: Duration = Duration::from_millis(10);

/// The signals that end a postmaster, each with the time it gets: fast, immediate, and not Postgres' choice any more.
pub(super) const ENDINGS: [(&str, Duration); 3] =
    [("INT", Duration::from_secs(20)), ("QUIT", Duration::from_secs(5)), ("KILL", Duration::from_secs(5))];

/// The lines of `postmaster.pid` that matter here (`miscadmin.h`: 1 pid, 4 port, 8 status).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: u32,
    pub(super) port: Option<u16>,
    pub(super) ready: bool,
}

impl PidFile {
    /// Reads the file. `None` when there is none, or not a whole first line yet.
    pub(super) fn read(data_dir: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(data_dir.join("postmaster.pid")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let line = |number: usize| text.lines().nth(number - 1).map(str::trim);
        Some(Self {
            pid: line(1)?.parse().ok()?,
            port: line(4).and_then(|port| port.parse().ok()),
            ready: line(8) == Some("ready"),
        })
    }
}

/// The port that the last server on this data directory had. Postgres writes down what it was started with, once it has its port,
/// and leaves that there when it stops.
pub(super) fn last_port(data_dir: &Path) -> Option<u16> {
    port_among(&fs::read_to_string(data_dir.join("postmaster.opts")).ok()?)
}

fn port_among(options: &str) -> Option<u16> {
    let number = options.split("\"port=").nth(1)?.split('"').next()?;
    number.parse().ok()
}

/// Ends the server that a killed owner left behind on this data directory, and removes its `postmaster.pid`.
///
/// The caller holds the lock beside the data, so whatever still runs on it is nobody's. The file would be in the way
/// when its process is long gone and another program has got the same number. Removing it loses no protection:
/// Postgres (12 and newer) also finds live backends by the shared memory that belongs to the directory's inode.
pub(super) async fn clear(data_dir: &Path) -> Result<(), PostgresError> {
    if let Some(PidFile { pid, .. }) = PidFile::read(data_dir) {
        end(pid, data_dir).await?;
    }
    match fs::remove_file(data_dir.join("postmaster.pid")) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).doing(|| format!("cannot remove {}/postmaster.pid", data_dir.display()))
        }
        _ => Ok(()),
    }
}

/// Signals the process until it is gone; at once done when it is not a postmaster on this directory.
async fn end(pid: u32, data_dir: &Path) -> Result<(), PostgresError> {
    for (signal, patience) in ENDINGS {
        if !runs_on(pid, data_dir).await {
            return Ok(());
        }
        tracing::debug!(pid, signal, data_dir = %data_dir.display(), "ending a Postgres that was left behind");
        let mut kill = Command::new("/bin/sh");
        kill.args(["-c", "kill -s \"$1\" \"$2\" 2>/dev/null", "sh", signal, &pid.to_string()]);
        kill.status().await.doing(|| "cannot run /bin/sh".to_owned())?;
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline && runs_on(pid, data_dir).await {
            sleep(POLL).await;
        }
    }
    if runs_on(pid, data_dir).await {
        return Err(PostgresError::WouldNotStop { pid, data_dir: data_dir.to_owned() });
    }
    Ok(())
}

/// Whether process `pid` is a postmaster on `data_dir`, by its command line: process numbers are given out again.
async fn runs_on(pid: u32, data_dir: &Path) -> bool {
    let arguments = if Path::new("/proc/self/cmdline").exists() {
        fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
    } else {
        let ps = Command::new("ps").args(["-o", "args=", "-p", &pid.to_string()]).output().await;
        ps.map(|said| said.stdout).unwrap_or_default()
    };
    let arguments = String::from_utf8_lossy(&arguments).replace(['\0', '\n'], " ");
    arguments.contains(&format!("postgres -D {} ", data_dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_found_among_what_postgres_was_started_with() {
        let options =
            r#"/usr/lib/postgresql/17/bin/postgres "-D" "/data" "-c" "port=54321" "-c" "max_connections=100""#;
        assert_eq!(port_among(options), Some(54321));
        for none in ["", "postgres \"-D\" \"/data\"", "\"port=\"", "\"port=x\""] {
            assert_eq!(port_among(none), None, "{none}");
        }
    }

    #[test]
    fn reads_a_pid_file_at_every_stage() {
        let starting = "4711\n/data\n1700000000\n54321\n\n127.0.0.1\n";
        assert_eq!(PidFile::parse(starting), Some(PidFile { pid: 4711, port: Some(54321), ready: false }));
        let ready = format!("{starting}  1234567    163840\nready   \n");
        assert_eq!(PidFile::parse(&ready), Some(PidFile { pid: 4711, port: Some(54321), ready: true }));
        assert_eq!(PidFile::parse(""), None);
    }
}
