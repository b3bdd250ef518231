//! `[policy]`

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::TimeDelta;

use super::reader::Section;
use super::value::{parsed, span, text};

/// `[policy]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Where the `*.cedar` files are.
    pub dir: PathBuf,
    /// What becomes of an active grant whose quorum no longer stands.
    pub on_lost_quorum: OnLostQuorum,
    /// How often the files are looked at for changes; `None` (written `"0s"`) leaves reloading to SIGHUP.
    pub reload: Option<Duration>,
}

/// What becomes of an active grant when a reviewer loses the right to approve it, or policy wants more than it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnLostQuorum {
    /// It lives until its own end.
    #[default]
    Keep,
    /// It is ended, with `endReason: policy`.
    End,
}

impl Policy {
    pub(super) fn read(s: &mut Section<'_>) -> Self {
        let folder = s.reading.folder.clone();
        let dir = s.or("dir", PathBuf::from("policies"), parsed(|text| Ok(PathBuf::from(text))));
        let dir = folder.join(dir);
        if !dir.is_dir() {
            s.wrong("dir", no_dir(&dir));
        }
        let reload = s.or("reload", TimeDelta::seconds(10), span(TimeDelta::zero()));
        let on_lost_quorum = s.or("on_lost_quorum", OnLostQuorum::Keep, |node| match text(node)?.as_str() {
            "keep" => Ok(OnLostQuorum::Keep),
            "end" => Ok(OnLostQuorum::End),
            _ => Err("write \"keep\" or \"end\"".to_owned()),
        });
        Self { dir, on_lost_quorum, reload: reload.to_std().ok().filter(|reload| !reload.is_zero()) }
    }
}

fn no_dir(dir: &Path) -> String {
    format!("{} is no directory; put the *.cedar files there or name another", dir.display())
}
