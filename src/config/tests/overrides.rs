//! The environment's say.

use secrecy::ExposeSecret;

use super::*;

#[test]
fn overrides_and_adds_at_any_depth_and_reads_what_the_key_wants() {
    let toml = format!("{LEAST}[verify]\nreads = 5\n{}", cluster("a", "drift = \"repair\""));
    let config = load_with(
        &toml,
        &[
            ("ENTRYWAY__INSTALLATION", "0123"),
            ("ENTRYWAY__VERIFY__READS", "7"),
            ("ENTRYWAY__VERIFY__INTERVAL", "250ms"),
            ("ENTRYWAY__REQUESTS__ALLOW_PERMANENT", "false"),
            ("ENTRYWAY__CLUSTERS__0__DRIFT", "report"),
            ("ENTRYWAY__CLUSTERS__0__ALLOWED_PRINCIPAL_ACCOUNTS", "000000000001, 000000000002"),
            ("ENTRYWAY__CLUSTERS__1__NAME", "b"),
            ("ENTRYWAY__CLUSTERS__1__REGION", "us-gov-west-1"),
            ("ENTRYWAY__CLUSTERS__1__ACCOUNT_ID", "012345678901"),
            ("ENTRYWAY__CLUSTERS__1__ENVIRONMENT", "prod"),
            ("ENTRYWAY__DIRECTORY__GROUPS", "{ sre = [\"bob\"], \"on call\" = [\"bob\"] }"),
            ("ENTRYWAY_PORT", "tcp://10.0.0.1:80"),
            ("ENTRYWAY__SERVER__METRICS_LISTEN", ""),
        ],
    )
    .expect("sound overrides");
    assert_eq!(config.installation, "0123", "text stays text");
    assert_eq!((config.verify.reads, config.verify.interval.num_milliseconds()), (7, 250));
    assert!(!config.requests.allow_permanent);
    assert_eq!(config.clusters[0].drift, crate::domain::cluster::DriftMode::Report);
    let accounts: Vec<_> = config.clusters[0].allowed_principal_accounts.iter().collect();
    assert_eq!(accounts, ["000000000001", "000000000002"]);
    assert_eq!((config.clusters[1].name.as_str(), config.clusters[1].account_id.as_str()), ("b", "012345678901"));
    assert_eq!(config.directory.identity("bob").groups.len(), 2);
    assert_eq!(config.server.metrics_listen, None, "an empty variable is not set");
}

#[test]
fn the_whole_configuration_can_come_from_the_environment() {
    let home = Home::new();
    let policies = home.0.join("policies").display().to_string();
    let env = [
        ("ENTRYWAY__INSTALLATION", "acme"),
        ("ENTRYWAY__POLICY__DIR", policies.as_str()),
        (
            "ENTRYWAY__CLUSTERS",
            "[{ name = \"a\", region = \"eu-west-1\", account_id = \"111122223333\", environment = \"dev\" }]",
        ),
        ("DATABASE_URL", "postgres://from-env/db"),
    ];
    let config = Config::load(None, vars(&env), Origin::Production).expect("sound");
    assert_eq!((config.clusters.len(), config.database.url.expose_secret()), (1, "postgres://from-env/db"));
}

#[test]
fn mistakes_name_the_variable() {
    let toml = format!("{LEAST}{}", cluster("a", ""));
    for (name, text, expected) in [
        ("ENTRYWAY__VERIFY__READS", "many", "verify.reads: needs a whole number (from ENTRYWAY__VERIFY__READS)"),
        ("ENTRYWAY__REQUESTS__ALLOW_PERMANENT", "yes", "requests.allow_permanent: needs true or false (from "),
        (
            "ENTRYWAY__VERIFY__REEDS",
            "3",
            "verify.reeds: unknown key; did you mean reads? (from ENTRYWAY__VERIFY__REEDS)",
        ),
        ("ENTRYWAY__CLUSTERS__2__NAME", "c", "clusters[2] leaves a gap: the next free one is clusters[1] (from "),
        ("ENTRYWAY__CLUSTERS__NAME", "c", "clusters is a list: name the item, as in CLUSTERS__0 (from "),
        ("ENTRYWAY__INSTALLATION__NAME", "c", "installation is text: there is nothing below it (from "),
        ("ENTRYWAY__SERVER__", "c", "names no key; write it like ENTRYWAY__SERVER__LISTEN (from ENTRYWAY__SERVER__)"),
        ("ENTRYWAY__0__NAME", "c", "has a number where a key belongs"),
    ] {
        let lines = mistakes(&toml, &[(name, text)]);
        assert!(lines.starts_with(expected) && lines.lines().count() == 1, "{name}: {lines}");
    }
}

#[test]
fn database_url_fills_in_only_where_nothing_of_ours_names_the_database() {
    let url =
        |toml: &str, env: &[(&str, &str)]| load_with(toml, env).expect("sound").database.url.expose_secret().to_owned();
    let other = ("DATABASE_URL", "postgres://other/db");
    assert_eq!(url("installation = \"acme\"", &[other]), "postgres://other/db");
    assert_eq!(url(LEAST, &[other]), "postgres://db/entryway");
    assert_eq!(url(LEAST, &[other, ("ENTRYWAY__DATABASE__URL", "postgres://ours/db")]), "postgres://ours/db");
}

#[test]
fn items_come_in_the_order_of_their_numbers() {
    let vars: Vec<(String, String)> = (0..12)
        .rev()
        .flat_map(|n| {
            let key = |key: &str| format!("ENTRYWAY__CLUSTERS__{n}__{key}");
            [
                (key("NAME"), format!("c{n}")),
                (key("REGION"), "eu-west-1".to_owned()),
                (key("ACCOUNT_ID"), "111122223333".to_owned()),
                (key("ENVIRONMENT"), "dev".to_owned()),
            ]
        })
        .collect();
    let env: Vec<(&str, &str)> = vars.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let config = load_with(LEAST, &env).expect("twelve clusters");
    let names: Vec<String> = config.clusters.iter().map(|cluster| cluster.name.clone()).collect();
    assert_eq!(names, (0..12).map(|n| format!("c{n}")).collect::<Vec<_>>());
}
