//! The configuration: a TOML file, overridden by `ENTRYWAY__SECTION__KEY`, read into types and held against itself.
//!
//! Nothing stops at the first mistake. [`node`] reads TOML into a tree that remembers where everything was written,
//! [`env`] lays the environment over it, [`reader`] hands each section its keys, and every section is one `read`
//! next to the struct it fills; keys nobody asked for are mistakes as well.

mod audit;
mod channels;
mod clusters;
mod env;
mod errors;
mod node;
mod people;
mod policy;
mod reader;
mod server;
mod shapes;
mod sign_in;
#[cfg(test)]
mod tests;
mod timing;
mod value;

use std::path::Path;

pub use audit::{Audit, Records};
pub use channels::{Slack, SlackRoute, Webhook};
pub use env::environment;
pub use errors::{ConfigError, ConfigErrors, Source};
pub use people::{Auth, Token};
pub use policy::{OnLostQuorum, Policy};
pub use server::{Database, Eks, Server};
pub use sign_in::{Alb, Oidc};
pub use timing::{Requests, Verify, Worker};

use errors::Mistakes;
use reader::{Reading, Section};

use crate::domain::cluster::Cluster;
use crate::domain::identity::Directory;

/// Who wrote the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An operator. Anything from the sandbox is refused.
    Production,
    /// The sandbox itself.
    Sandbox,
}

/// Everything an operator can decide. A value of this type is sound as far as it can be known without asking
/// Postgres, AWS or the policy files.
#[derive(Debug, Clone)]
pub struct Config {
    /// Value of the tag `entryway/installation` that entries of this installation carry.
    pub installation: String,
    /// `[server]`
    pub server: Server,
    /// `[database]`
    pub database: Database,
    /// `[eks]`
    pub eks: Eks,
    /// `[[clusters]]`, in the order of the file.
    pub clusters: Vec<Cluster>,
    /// `[verify]`
    pub verify: Verify,
    /// `[worker]`
    pub worker: Worker,
    /// `[requests]`
    pub requests: Requests,
    /// `[auth]`
    pub auth: Auth,
    /// Everybody in `[directory.groups]` and `[[auth.tokens]]`.
    pub directory: Directory,
    /// `[policy]`
    pub policy: Policy,
    /// `[audit]`
    pub audit: Audit,
    /// `[slack]`, if any.
    pub slack: Option<Slack>,
    /// `[[webhooks]]`
    pub webhooks: Vec<Webhook>,
}

impl Config {
    /// Reads the file at `path` (none: the environment alone) and what `env` overrides, usually [`environment`].
    /// Relative paths within start at the folder of the file.
    ///
    /// # Errors
    /// Every mistake there is, each with its path in the file.
    pub fn load(
        path: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
        origin: Origin,
    ) -> Result<Self, ConfigErrors> {
        read(path, env, |root| Self::read(root, origin))
    }

    fn read(root: &mut Section<'_>, origin: Origin) -> Self {
        let installation = installation(root);
        let clusters = clusters::read(root);
        let known = channels::Known::of(&clusters);
        let (auth, directory) = people::read(root, origin);
        Self {
            installation,
            server: root.section("server", Server::read),
            database: root.section("database", Database::read),
            eks: root.section("eks", Eks::read),
            verify: root.section("verify", Verify::read),
            worker: root.section("worker", Worker::read),
            requests: root.section("requests", Requests::read),
            policy: root.section("policy", Policy::read),
            audit: root.section("audit", Audit::read),
            slack: channels::read_slack(root, &known),
            webhooks: channels::read_webhooks(root, &known),
            clusters,
            auth,
            directory,
        }
    }
}

impl Database {
    /// Reads `[database]` alone, for commands that need nothing else: they also run where the clusters, policies
    /// and tokens are not at hand, such as in a migration job.
    ///
    /// # Errors
    /// Every mistake in `[database]`.
    pub fn load(path: Option<&Path>, env: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigErrors> {
        read(path, env, |root| {
            let database = root.section("database", Self::read);
            root.ignore_the_rest();
            database
        })
    }
}

/// Who we are and which clusters there are: what the policies in AWS are made of.
#[derive(Debug, Clone)]
pub struct Estate {
    /// As [`Config::installation`].
    pub installation: String,
    /// As [`Config::clusters`].
    pub clusters: Vec<Cluster>,
}

impl Estate {
    /// Reads `installation` and `[[clusters]]` alone: the rights in AWS are often asked for before there is a database
    /// or a token, and by people who have neither.
    ///
    /// # Errors
    /// Every mistake in the two.
    pub fn load(path: Option<&Path>, env: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigErrors> {
        read(path, env, |root| {
            let estate = Self { installation: installation(root), clusters: clusters::read(root) };
            root.ignore_the_rest();
            estate
        })
    }
}

fn installation(root: &mut Section<'_>) -> String {
    root.required("installation", "\"acme-platform\"", value::parsed(shapes::tag_value))
}

fn read<T>(
    path: Option<&Path>,
    env: impl IntoIterator<Item = (String, String)>,
    how: impl FnOnce(&mut Section<'_>) -> T,
) -> Result<T, ConfigErrors> {
    let reading = Reading {
        mistakes: Mistakes::default(),
        folder: path.and_then(Path::parent).map(Path::to_owned).unwrap_or_default(),
    };
    let text = path.map_or(Ok(String::new()), |path| read_file(path, &reading.mistakes));
    let Some(mut table) = text.ok().and_then(|text| node::from_toml(&text, &reading.mistakes)) else {
        return Err(reading.mistakes.into_errors());
    };
    env::overlay(&mut table, env.into_iter(), &reading.mistakes);
    let value = Section::root(table, &reading).finish(how);
    reading.mistakes.or(value).map_err(|errors| match path {
        Some(_) => errors,
        None => errors.and("only the environment was read; name a file with --config"),
    })
}

fn read_file(path: &Path, mistakes: &Mistakes) -> Result<String, ()> {
    std::fs::read_to_string(path).map_err(|error| {
        mistakes.add(
            path.display().to_string(),
            Source::Unknown,
            format!("cannot be read: {error}; name another with --config"),
        );
    })
}
