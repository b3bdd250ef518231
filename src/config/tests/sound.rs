//! What a sound configuration means: the defaults of the contract, clusters and people.

use std::time::Duration;

use chrono::TimeDelta;

use super::*;
use crate::config::{Database, Estate, OnLostQuorum};
use crate::domain::cluster::{DriftMode, ExistingEntries};

#[test]
fn the_defaults_are_those_of_the_contract() {
    let home = Home::new();
    let config = home.load(LEAST, &[], Origin::Production).expect("the least");
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!((config.server.metrics_listen, config.server.public_url.as_str()), (None, "http://127.0.0.1:8080"));
    assert_eq!((config.database.max_connections, config.database.migrate), (10, true));
    assert_eq!(config.eks.endpoint_url, None);
    let verify = &config.verify;
    assert_eq!((verify.reads, verify.interval, verify.settle), (3, TimeDelta::seconds(2), TimeDelta::seconds(15)));
    assert_eq!((verify.deadline, verify.visibility), (TimeDelta::minutes(5), TimeDelta::seconds(60)));
    let worker = &config.worker;
    assert_eq!((worker.concurrency, worker.eks_calls_per_second), (16, 10));
    assert_eq!((worker.lease, worker.drift_interval), (TimeDelta::seconds(60), TimeDelta::minutes(10)));
    assert_eq!((worker.apply_deadline, worker.fresh_principal_grace), (TimeDelta::hours(24), TimeDelta::minutes(2)));
    assert_eq!((worker.poll_interval, worker.operation_timeout), (Duration::from_secs(5), Duration::from_secs(15)));
    let requests = &config.requests;
    assert_eq!((requests.pending_ttl, requests.max_duration), (TimeDelta::hours(72), TimeDelta::days(7)));
    assert_eq!((requests.max_start_ahead, requests.max_pending_per_requester), (TimeDelta::days(30), 50));
    assert!(requests.allow_permanent && requests.reason_required);
    assert_eq!(
        (config.policy.dir.clone(), config.policy.on_lost_quorum),
        (home.0.join("policies"), OnLostQuorum::Keep)
    );
    assert!(config.clusters.is_empty() && config.auth.tokens.is_empty());
}

#[test]
fn a_cluster_has_its_defaults_and_takes_all_of_its_keys() {
    let plain = load(&format!("{LEAST}{}", cluster("a", ""))).expect("sound").clusters.remove(0);
    assert_eq!(
        (plain.eks_name.as_str(), plain.existing_entries, plain.drift),
        ("a", ExistingEntries::Refuse, DriftMode::Repair)
    );
    assert_eq!(plain.allowed_principal_accounts, ["111122223333".to_owned()].into(), "the cluster's own");

    let full = cluster(
        "prod.eu",
        "eks_name = \"prod-eu-1\"\nrole_arn = \"arn:aws:iam::111122223333:role/x/entryway\"\nexternal_id = \"e-1\"\n\
         labels = { team = \"payments\" }\nexisting_entries = \"refuse\"\ndrift = \"report\"\n\
         protected_principals = [\"arn:aws:iam::111122223333:role/break-glass\"]\n\
         allowed_principal_accounts = [\"444455556666\"]\n",
    );
    let full = load(&format!("{LEAST}{full}")).expect("sound").clusters.remove(0);
    assert_eq!((full.name.as_str(), full.eks_name.as_str()), ("prod.eu", "prod-eu-1"));
    assert_eq!(full.role_arn.as_deref(), Some("arn:aws:iam::111122223333:role/x/entryway"));
    assert_eq!((full.external_id.as_deref(), full.labels["team"].as_str()), (Some("e-1"), "payments"));
    assert_eq!((full.existing_entries, full.drift), (ExistingEntries::Refuse, DriftMode::Report));
    assert_eq!(full.protected_principals.len(), 1);
    assert_eq!(full.allowed_principal_accounts, ["444455556666".to_owned()].into(), "only those given");
}

#[test]
fn clusters_of_one_name_in_two_places_are_two_clusters() {
    let toml = format!("{LEAST}{}{}", cluster("a", "eks_name = \"x\""), cluster("b", "eks_name = \"x\""));
    let toml = toml.replacen("eu-central-1", "eu-west-1", 1);
    assert_eq!(load(&toml).expect("two regions").clusters.len(), 2);
}

#[test]
fn the_directory_knows_tokens_and_groups_and_who_is_a_service() {
    let toml = format!(
        "{LEAST}[[auth.tokens]]\nuser = \"portal\"\nsha256 = \"{}\"\nservice = true\n\
         [[auth.tokens]]\nuser = \"bob\"\nsha256 = \"{}\"\ngroups = [\"oncall\"]\n\
         [directory.groups]\nsre = [\"bob\", \"carol\"]\nsecurity = [\"carol\"]\n",
        "0a".repeat(32),
        "0B".repeat(32)
    );
    let config = load(&toml).expect("sound");
    assert_eq!(config.auth.tokens[1].sha256, [0x0b; 32], "upper case hex counts as well");
    let bob = config.directory.identity("bob");
    assert_eq!((bob.groups, bob.service), (["oncall".to_owned(), "sre".to_owned()].into(), false));
    assert!(config.directory.identity("portal").service);
    assert_eq!(config.directory.identity("carol").groups.len(), 2);
    assert!(!config.directory.knows("mallory"));
}

#[test]
fn issuers_are_taken_as_they_spell_themselves_and_share_no_names() {
    let toml = format!(
        "{LEAST}[[auth.oidc]]\nissuer = \"https://login.example.com/\"\naudience = \"entryway\"\n\
         [[auth.oidc]]\nissuer = \"https://login.example.com/\"\naudience = \"cli\"\n\
         [[auth.oidc]]\nissuer = \"http://127.0.0.1:9400\"\naudience = \"entryway\"\n\
         groups_claim = \"/realm_access/roles\"\nrequire_nbf = false\n\
         [auth.alb]\nissuer = \"https://other.example.com\"\nclient_id = \"abc\"\nuser_prefix = \"other:\"\n\
         signer = \"arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/x/50dc6c495c0c9188\"\n"
    );
    let auth = load(&toml).expect("sound").auth;
    let [first, again, other] = auth.oidc.as_slice() else { panic!("three") };
    assert_eq!((first.issuer.as_str(), first.user_prefix.as_str()), ("https://login.example.com/", ""));
    assert_eq!((again.audience.as_str(), again.user_prefix.as_str()), ("cli", ""));
    assert_eq!(other.user_prefix, "http://127.0.0.1:9400#");
    assert_eq!((first.user.as_str(), first.groups.as_str(), first.require_nbf), ("sub", "groups", true));
    assert_eq!((other.groups.as_str(), other.require_nbf), ("/realm_access/roles", false));
    assert_eq!((first.max_lifetime, first.remember_groups), (TimeDelta::hours(24), TimeDelta::days(30)));
    let alb = auth.alb.expect("one");
    assert_eq!(alb.keys_url, "https://public-keys.auth.elb.eu-west-1.amazonaws.com");
    assert_eq!((alb.token.audience.as_str(), alb.token.require_nbf), ("abc", false));
}

#[test]
fn reloading_by_time_can_be_turned_off() {
    let reload = |text: &str| load(&format!("{LEAST}[policy]\nreload = \"{text}\"\n")).expect("sound").policy.reload;
    assert_eq!((reload("1m"), reload("0s")), (Some(Duration::from_secs(60)), None));
}

#[test]
fn the_database_can_be_read_without_the_rest() {
    let home = Home::new();
    let path = home.write("entryway.toml", "[database]\nurl = \"postgres://db\"\nmax_connections = 4\n[slack]\n");
    assert_eq!(Database::load(Some(&path), vars(&[])).expect("sound where it matters").max_connections, 4);
    let errors = Database::load(None, vars(&[])).expect_err("no database").to_string();
    assert!(errors.starts_with("database.url: missing") && errors.lines().count() == 2, "{errors}");
    assert!(errors.ends_with("name a file with --config"), "nobody named one: {errors}");
}

#[test]
fn the_clusters_can_be_read_without_the_rest() {
    let home = Home::new();
    let path = home.write("entryway.toml", &format!("installation = \"acme\"\n{}[slack]\n", cluster("a", "")));
    let estate = Estate::load(Some(&path), vars(&[])).expect("sound where it matters");
    assert_eq!((estate.installation.as_str(), estate.clusters.len()), ("acme", 1));
    let path = home.write("entryway.toml", &cluster("a", "regoin = \"x\""));
    let errors = Estate::load(Some(&path), vars(&[])).expect_err("two mistakes").to_string();
    assert!(errors.contains("installation: missing") && errors.contains("did you mean region?"), "{errors}");
    assert_eq!(errors.lines().count(), 2, "{errors}");
}
