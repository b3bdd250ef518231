//! What processes have computed and hold, as Linux tells it. On other systems nothing is told, and the explanations that
//! rest on it are left out.

use std::fs;
use std::time::Duration;

/// Linux counts in hundredths of a second, whatever its own clock ticks at (`proc(5)`, `USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// Fields of `/proc/<pid>/stat` after the name, from 0: `ppid`, `utime` and `stime`, `cutime` and `cstime`.
const PARENT: usize = 1;
const OWN: [usize; 2] = [11, 12];
const CHILDREN: [usize; 2] = [13, 14];

/// The time that a process has computed.
pub(crate) fn of_process(pid: u32) -> Option<Duration> {
    Some(sum(&stat(pid)?, OWN))
}

/// The time that a process and its children have computed, those that have ended included.
pub(crate) fn of_family(pid: u32) -> Option<Duration> {
    let parent = stat(pid)?;
    let mut all = sum(&parent, OWN) + sum(&parent, CHILDREN);
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let child = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(stat);
        all += child
            .filter(|fields| fields.get(PARENT) == Some(&u64::from(pid)))
            .map_or(Duration::ZERO, |fields| sum(&fields, OWN));
    }
    Some(all)
}

/// A line of `/proc/<pid>/status` in KiB: `VmRSS`, `RssAnon`, `RssFile`.
pub(crate) fn memory(pid: u32, line: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'))?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// The numbers after the name, which stands in brackets and may contain anything; what is no number counts as 0.
fn stat(pid: u32) -> Option<Vec<u64>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split_whitespace().map(|field| field.parse().unwrap_or_default()).collect())
}

fn sum(fields: &[u64], which: [usize; 2]) -> Duration {
    let ticks: u64 = which.iter().filter_map(|field| fields.get(*field)).sum();
    TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
}
