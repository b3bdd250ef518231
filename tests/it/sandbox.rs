//! The sandbox's configuration is one that the service takes, and one that production refuses.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use entryway::config::{Config, Origin};
use entryway::policy::PolicySet;
use entryway::sandbox::config::SandboxConfig;
use entryway::sandbox::people::{DEMO_TOKENS, PEOPLE};
use uuid::Uuid;

struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("entryway-it-{}", Uuid::new_v4())))
    }

    fn write(&self) -> PathBuf {
        let config = SandboxConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            database_url: "postgres://entryway:s3cret@127.0.0.1:54321/entryway?sslmode=disable",
            sim_url: "http://127.0.0.1:4566",
        };
        config.write(&self.0).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_service_takes_the_configuration_of_the_sandbox() {
    let place = Place::new();
    let path = place.write();
    let config = Config::load(Some(&path), [], Origin::Sandbox).unwrap_or_else(|errors| panic!("{errors}"));
    let clusters: Vec<(&str, &str)> =
        config.clusters.iter().map(|cluster| (cluster.name.as_str(), cluster.environment.as_str())).collect();
    assert_eq!(clusters, [("dev", "dev"), ("prod", "prod"), ("legacy", "legacy")]);
    assert_eq!(config.eks.endpoint_url.as_deref(), Some("http://127.0.0.1:4566"));
    for person in PEOPLE {
        let identity = config.directory.identity(person.user);
        assert_eq!(identity.service, person.service, "{}", person.user);
        let groups: BTreeSet<String> = person.groups.iter().map(ToString::to_string).collect();
        assert_eq!(identity.groups, groups, "{}", person.user);
    }
    PolicySet::load(&config.policy.dir).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn production_refuses_every_token_of_the_sandbox() {
    let place = Place::new();
    let path = place.write();
    let refused = Config::load(Some(&path), [], Origin::Production).unwrap_err().to_string();
    assert_eq!(refused.matches("is that of a sandbox token").count(), DEMO_TOKENS.len(), "{refused}");
}

#[test]
fn only_its_owner_reads_the_file_and_edited_policies_stay() {
    let place = Place::new();
    let path = place.write();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let policies = place.0.join("policies/starter.cedar");
    fs::write(&policies, "// mine").unwrap();
    place.write();
    assert_eq!(fs::read_to_string(policies).unwrap(), "// mine");
}
