//! The configuration that the service is measured with: its own defaults, but for what a section has to change.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use entryway::domain::request::hex;
use sha2::{Digest, Sha256};

use super::calls::{ENGINEERS, REVIEWERS, requester, reviewer, token};

/// The name of the installation, which its entries carry.
pub(crate) const INSTALLATION: &str = "bench";

/// What a section changes, as lines of the tables of the configuration.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Settings<'a> {
    /// Lines of `[verify]`.
    pub(crate) verify: &'a str,
    /// Lines of `[worker]`.
    pub(crate) worker: &'a str,
    /// Lines of `[requests]`.
    pub(crate) requests: &'a str,
    /// The table `[slack]`, its name included.
    pub(crate) slack: &'a str,
}

/// The configuration as TOML.
pub(crate) fn to_toml(listen: SocketAddr, database_url: &str, sim_url: &str, settings: Settings<'_>) -> String {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let Settings { verify, worker, requests, slack } = settings;
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let mut text = format!(
        "installation = \"{INSTALLATION}\"\n[server]\nlisten = \"{listen}\"\ncalls_per_minute = 0\n[database]\nurl = {}\n[eks]\nendpoint_url = {}\n\
         [policy]\ndir = {}\n[verify]\n{verify}\n[worker]\n{worker}\n[requests]\n{requests}\n{slack}\n",
        quoted(database_url),
        quoted(sim_url),
        quoted(&policies.display().to_string()),
    );
    for cluster in ["dev", "prod"] {
        let _ = write!(
            text,
            "[[clusters]]\nname = \"{cluster}\"\nregion = \"eu-central-1\"\naccount_id = \"111122223333\"\n\
             environment = \"{cluster}\"\nallowed_principal_accounts = [\"111122223333\", \"444455556666\"]\n"
        );
    }
    let engineers: Vec<_> = (0..ENGINEERS).map(requester).collect();
    let reviewers: Vec<_> = (0..REVIEWERS).map(reviewer).collect();
    for person in engineers.iter().chain(&reviewers) {
        let sha256 = hex(&Sha256::digest(token(person)));
        let _ = write!(text, "[[auth.tokens]]\nuser = \"{person}\"\nsha256 = \"{sha256}\"\n");
    }
    let _ = write!(text, "[directory.groups]\nengineering = {engineers:?}\nsre = {reviewers:?}\n");
    text
}
