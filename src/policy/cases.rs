//! The format of `*.test.toml`: people, clusters, and cases with what is expected of them.
//!
//! ```toml
//! [people]                       # who is in which groups
//! alice = ["engineering"]
//! [services]                     # the same for services
//! portal = []
//! [clusters.prod]                # account_id, region and labels where policy looks at them
//! environment = "prod"
//!
//! [[case]]
//! name = "production needs somebody else"
//! as = "alice"                   # who asks
//! request = { clusterName = "prod", principalArn = "arn:aws:iam::111122223333:role/r", duration = "4h" }
//! reviews = ["bob"]              # who approved; denied_by = […] for who turned it down
//! expect = "waiting"             # denied | waiting | satisfied
//! missing = ["needs 1 approval"] # optional; so are counts = […], reasons = […] and deciding = […]
//!
//! [[case]]
//! name = "bob revokes"
//! as = "bob"
//! action = "revoke"              # any other action; expect is then allowed | refused
//! requester = "alice"
//! request = { clusterName = "prod", principalArn = "arn:aws:iam::111122223333:role/r" }
//! expect = "allowed"
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::asked::Asked;
use super::problems::{Problem, line_of};
use crate::domain::identity::Via;

/// One `*.test.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseFile {
    #[serde(default)]
    pub(super) people: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(super) services: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(super) clusters: BTreeMap<String, CaseCluster>,
    #[serde(default, rename = "case")]
    pub(super) cases: Vec<Case>,
}

/// What policy can see of a cluster.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseCluster {
    pub(super) environment: String,
    pub(super) account_id: Option<String>,
    pub(super) region: Option<String>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
}

/// One case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    #[serde(rename = "as")]
    pub(super) who: String,
    pub(super) action: Option<String>,
    pub(super) requester: Option<String>,
    pub(super) submitted_by: Option<String>,
    pub(super) now: Option<DateTime<Utc>>,
    pub(super) via: Option<Via>,
    pub(super) source_ip: Option<IpAddr>,
    pub(super) request: Option<Asked>,
    #[serde(default)]
    pub(super) reviews: Vec<String>,
    #[serde(default)]
    pub(super) denied_by: Vec<String>,
    pub(super) expect: Outcome,
    pub(super) missing: Option<Vec<String>>,
    pub(super) counts: Option<Vec<String>>,
    pub(super) reasons: Option<Vec<String>>,
    pub(super) deciding: Option<Vec<String>>,
}

/// How an ask, or another action, comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// Policy forbids the ask, or a reviewer turned it down.
    Denied,
    /// It may be asked, and is not signed off enough.
    Waiting,
    /// It may be asked, and may be applied.
    Satisfied,
    /// The other action may be done.
    Allowed,
    /// It may not.
    Refused,
}

impl Outcome {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Waiting => "waiting",
            Self::Satisfied => "satisfied",
            Self::Allowed => "allowed",
            Self::Refused => "refused",
        }
    }
}

impl CaseFile {
    /// Reads the files of `dir` that are called `*.test.toml`, in the order of their names.
    pub(super) fn all_of(dir: &Path) -> io::Result<Vec<(String, Result<Self, Problem>)>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".test.toml") && !name.starts_with('.') {
                names.push(name);
            }
        }
        names.sort();
        let read = |name: String| {
            let file = fs::read_to_string(dir.join(&name))
                .map_err(|error| Problem::of_file(&name, error.to_string(), "mend the file or its permissions"))
                .and_then(|text| Self::parse(&name, &text));
            (name, file)
        };
        Ok(names.into_iter().map(read).collect())
    }

    pub(super) fn parse(name: &str, text: &str) -> Result<Self, Problem> {
        toml::from_str(text).map_err(|error| Problem {
            file: name.to_owned(),
            line: error.span().map(|span| line_of(text, span.start)),
            message: error.message().to_owned(),
            help: None,
        })
    }
}
