//! Every mistake, in words that mend it; and all of them at once.

use super::*;

/// Each: what is added to [`LEAST`], and the one line it must be answered with.
#[test]
fn names_each_mistake_with_its_place_and_its_cure() {
    let role = |role: &str| cluster("a", &format!("role_arn = \"{role}\""));
    let token = |more: &str| format!("[[auth.tokens]]\nuser = \"u\"\nsha256 = \"{}\"\n{more}", "0a".repeat(32));
    let cases: Vec<(String, &str)> = vec![
        (
            "[verify]\nreads = \"3\"".into(),
            "verify.reads: needs a whole number, but is text; write it without quotes (line 5)",
        ),
        ("[verify]\nreads = 0".into(), "verify.reads: 0 is out of range; write 1 to 100 (line 5)"),
        (
            "[verify]\nreads = 2.5".into(),
            "verify.reads: needs a whole number, but is a number with a decimal point (line 5)",
        ),
        (
            "[verify]\ninterval = 2".into(),
            "verify.interval: needs text, but is a whole number; put it in quotes, with its unit, such as \"2s\" or \"1h30m\" (line 5)",
        ),
        ("[verify]\ninterval = \"soon\"".into(), "verify.interval: \"soon\" is not a duration"),
        ("[verify]\ninterval = \"0s\"".into(), "verify.interval: 0s is too short; the least is 1ms"),
        ("[requests]\nmax_duration = \"9999d\"".into(), "requests.max_duration: 9999d is too long; the most is 3650d"),
        ("[verfy]\nreads = 3".into(), "verfy: unknown key; did you mean verify? (line 4)"),
        ("[verify]\nread = 3".into(), "verify.read: unknown key; did you mean reads? (line 5)"),
        ("[eks]\nbanana = 1".into(), "eks.banana: unknown key; known here: mode, endpoint_url (line 5)"),
        (
            "[eks]\nmode = \"sim\"".into(),
            "eks.mode: write \"aws\"; a simulator is reached by endpoint_url or AWS_ENDPOINT_URL (line 5)",
        ),
        ("[eks]\nendpoint_url = \"localhost:4566\"".into(), "eks.endpoint_url: is no URL"),
        (
            "[worker]\noperation_timeout = \"30s\"".into(),
            "worker.lease: must be more than twice worker.operation_timeout (30000ms); raise it",
        ),
        ("[worker]\nconcurrency = -1".into(), "worker.concurrency: -1 is out of range; write 1 to 1000"),
        (
            "[requests]\nallow_permanent = \"yes\"".into(),
            "requests.allow_permanent: needs true or false, but is text; write it without quotes",
        ),
        (
            "[server]\nlisten = \"8080\"".into(),
            "server.listen: \"8080\" is no address with a port; write it like \"127.0.0.1:8080\"",
        ),
        (
            "[server]\nmetrics_listen = \"127.0.0.1:8080\"".into(),
            "server.metrics_listen: is the address of server.listen",
        ),
        (
            "[server]\npublic_url = \"https://u:p@host\"".into(),
            "server.public_url: has credentials in it; take them out",
        ),
        ("[server]\npublic_url = \"https://host?x=1\"".into(), "server.public_url: has a query"),
        (
            "[policy]\ndir = \"nowhere\"".into(),
            "nowhere is no directory; put the *.cedar files there or name another (line 5)",
        ),
        ("[policy]\non_lost_quorum = \"drop\"".into(), "policy.on_lost_quorum: write \"keep\" or \"end\" (line 5)"),
        ("clusters = 3".into(), "database.clusters: unknown key"),
        (cluster("a", "regoin = \"x\""), "clusters[0].regoin: unknown key; did you mean region? (line 9)"),
        (cluster("a b", ""), "clusters[0].name: \"a b\" is no cluster name"),
        (
            cluster("a.b", ""),
            "clusters[0].eks_name: missing; name stands in for it, but \"a.b\" is no EKS cluster name",
        ),
        (cluster("a", "eks_name = \"-x\""), "clusters[0].eks_name: \"-x\" is no EKS cluster name"),
        (cluster("a", "drift = \"repare\""), "clusters[0].drift: write \"repair\" or \"report\""),
        (cluster("a", "existing_entries = \"Layer\""), "clusters[0].existing_entries: write \"refuse\" or \"layer\""),
        (
            cluster("a", "labels = { team = 3 }"),
            "clusters[0].labels.team: needs text, but is a whole number; put it in quotes",
        ),
        (cluster("a", "labels = \"team\""), "clusters[0].labels: needs a table, but is text"),
        (
            cluster("a", "protected_principals = [\"arn:aws:iam::111122223333:role/a\", \"root\"]"),
            "clusters[0].protected_principals[1]: \"root\": this is not an ARN",
        ),
        (
            cluster("a", "protected_principals = \"root\""),
            "clusters[0].protected_principals: needs a list, but is text; put it in [brackets]",
        ),
        (
            cluster("a", "allowed_principal_accounts = [\"1\"]"),
            "clusters[0].allowed_principal_accounts[0]: \"1\" is no AWS account; write its 12 digits in quotes",
        ),
        (
            cluster("a", "external_id = \"abc\""),
            "clusters[0].external_id: is used only to assume a role; add role_arn or remove it",
        ),
        (
            role("arn:aws:iam::111122223333:user/u"),
            "clusters[0].role_arn: arn:aws:iam::111122223333:user/u is a user; only a role can be assumed",
        ),
        (
            role("arn:aws:sts::111122223333:assumed-role/r/s"),
            "clusters[0].role_arn: \"arn:aws:sts::111122223333:assumed-role/r/s\": this is an STS session; give the IAM role itself",
        ),
        (
            role("arn:aws:iam::444455556666:role/r"),
            "clusters[0].role_arn: is in account 444455556666, the cluster in 111122223333",
        ),
        (
            role("arn:aws-cn:iam::111122223333:role/r"),
            "clusters[0].role_arn: is in partition aws-cn, eu-central-1 in aws",
        ),
        (
            cluster("a", "") + &cluster("a", "eks_name = \"b\""),
            "clusters[1].name: \"a\" is the name of clusters[0] too; names must differ (line 11)",
        ),
        (
            cluster("a", "") + &cluster("b", "eks_name = \"a\""),
            "clusters[1].eks_name: is the same EKS cluster as clusters[0] (account, region and EKS name); keep one of them (line 15)",
        ),
        (
            "[[auth.tokens]]\nuser = \"u\"\nsha256 = \"abc\"".into(),
            "auth.tokens[0].sha256: is no SHA-256; write the 64 hex digits",
        ),
        ("[[auth.tokens]]\nuser = \"u\"".into(), "auth.tokens[0].sha256: missing; add sha256"),
        (token("") + &token(""), "auth.tokens[1].sha256: is that of auth.tokens[0] too; every token is its own"),
        (
            token("").replace("\"u\"", "\"entryway\""),
            "auth.tokens[0].user: \"entryway\" is the name of Entryway's own doings; choose another",
        ),
        (
            token("") + &token("service = true").replace("0a", "0b"),
            "auth.tokens[1].user: has another service or groups than in auth.tokens[0]",
        ),
        (
            token("") + "[directory.groups]\nsre = [\"U\"]",
            "directory.groups.sre[0]: \"U\" is spelt \"u\" in auth.tokens[0]; spell it one way",
        ),
        (
            "[directory.groups]\nsre = \"bob\"".into(),
            "directory.groups.sre: needs a list, but is text; put it in [brackets]",
        ),
        ("[directory.groups]\n\"s re\" = [\"\"]".into(), "directory.groups.\"s re\"[0]: needs 1 to 256 characters"),
        (
            "[[slack.routes]]\nchannel = \"C\"\nclusters = [\"a\"]".into(),
            "slack.routes[0].clusters[0]: no [[clusters]] table has the name \"a\"; correct it or add the cluster",
        ),
        (
            "[[slack.routes]]\nchannel = \"C\"\nenvironments = [\"a\"]".into(),
            "slack.routes[0].environments[0]: no [[clusters]] table has the environment \"a\"",
        ),
        (
            "[slack]\nteam_id = \"T\"".into(),
            "slack.signing_secrets: missing; add signing_secrets = [\"…\"] or signing_secrets_file (one to a line)",
        ),
        ("[slack]\nteam_id = \"T\"".into(), "slack.bot_token: missing; add bot_token or bot_token_file"),
        (
            "[slack]\nsigning_secrets = [\"\"]".into(),
            "slack.signing_secrets: needs one or two secrets; Slack shows them",
        ),
        (
            "[[slack.routes]]\nchannel = \"#ops\"".into(),
            "slack.routes[0].channel: \"#ops\" is a name; write the id (C0123)",
        ),
        (
            "[[webhooks]]\nname = \"siem\"\nevents = [\"requests.*\"]".into(),
            "webhooks[0].events[0]: \"requests.*\" matches no event",
        ),
        ("[[webhooks]]\nurl = \"http://siem\"".into(), "webhooks[0].url: would go in the clear; make it https"),
        (
            "[slack]\napi_url = \"http://slack.example.com/api\"".into(),
            "slack.api_url: would go in the clear; make it https",
        ),
        ("[[webhooks]]\nsecret = \"whsec_AAAA\"".into(), "webhooks[0].secret: is no Standard Webhooks secret"),
        (
            "[[webhooks]]\nname = \"a\"\n[[webhooks]]\nname = \"a\"".into(),
            "webhooks[1].name: \"a\" is the name of webhooks[0] too",
        ),
        ("[[webhooks]]\nurl = \"https://2130706433\"".into(), "webhooks[0].url: leads to a private address"),
        ("[[webhooks]]\nurl = \"https://0x7f.1\"".into(), "webhooks[0].url: leads to a private address"),
        ("[[webhooks]]\nurl = \"https://[::ffff:a00:1]/x\"".into(), "webhooks[0].url: leads to a private address"),
        ("[[webhooks]]\nurl = \"https://a.localhost\"".into(), "webhooks[0].url: leads to a private address"),
        (
            "[[webhooks]]\nurl = \"http://169.254.169.254/latest\"\nallow_private = true".into(),
            "webhooks[0].url: leads to an address that nothing is ever sent to",
        ),
        (
            "[[webhooks]]\nurl = \"http://8.8.8.8\"\nallow_private = true".into(),
            "webhooks[0].url: leads out of private networks; make it https",
        ),
        (
            "[[webhooks]]\nsecret = \"whsec_AAAA\"\nsecrets = [\"whsec_AAAA\"]".into(),
            "webhooks[0].secrets: is there beside secret",
        ),
        (
            "[[webhooks]]\nsecrets = [\"whsec_AAAA\"]".into(),
            "webhooks[0].secrets: the 1. is no Standard Webhooks secret",
        ),
        ("[[webhooks]]\nsecrets = []".into(), "webhooks[0].secrets: names none"),
        (
            "[[clusters]]\nname = \"a\"\n[[webhooks]]\nevents = [\"audit.*\"]\nclusters = [\"a\"]".into(),
            "webhooks[0].events: \"audit.*\" concerns no cluster",
        ),
        (
            "[[auth.oidc]]\nissuer = \"http://login\"\naudience = \"x\"".into(),
            "auth.oidc[0].issuer: would go in the clear; make it https",
        ),
        (
            "[[auth.oidc]]\nissuer = \"https://login\"".into(),
            "auth.oidc[0].audience: missing; add audience = \"entryway\"",
        ),
        (
            "[[auth.oidc]]\nissuer = \"http://127.0.0.1.example.com\"\naudience = \"x\"".into(),
            "auth.oidc[0].issuer: would go in the clear",
        ),
        (
            "[[auth.oidc]]\nissuer = \"https://login\"\naudience = \"x\"\nservice_values = [\"app\"]".into(),
            "auth.oidc[0].service_values: says nothing without service_claim",
        ),
        (
            "[[auth.oidc]]\nissuer = \"https://login\"\naudience = \"x\"\ngroups_claim = \"/a~b\"".into(),
            "auth.oidc[0].groups_claim: is no JSON pointer",
        ),
        (
            "[[auth.oidc]]\nissuer = \"https://login\"\naudience = \"x\"\nremember_groups = \"1h\"".into(),
            "auth.oidc[0].remember_groups: is shorter than max_lifetime",
        ),
        (
            "[[auth.oidc]]\nissuer = \"https://a\"\naudience = \"x\"\n\
             [[auth.oidc]]\nissuer = \"https://b\"\naudience = \"x\"\nuser_prefix = \"\""
                .into(),
            "auth.oidc[1].user_prefix: lets people of this issuer be called what people of \"https://a\" are",
        ),
        (
            "[[auth.oidc]]\nissuer = \"https://a\"\naudience = \"x\"\n\
             [[auth.oidc]]\nissuer = \"https://a\"\naudience = \"y\"\nuser_claim = \"email\""
                .into(),
            "auth.oidc[1].user_prefix: an issuer has one user_claim",
        ),
        (
            "[auth.alb]\nsigner = \"arn:aws:iam::111122223333:role/x\"".into(),
            "auth.alb.signer: \"arn:aws:iam::111122223333:role/x\" is no ARN of an Application Load Balancer",
        ),
        ("[auth.alb]\nissuer = \"https://a\"".into(), "auth.alb.client_id: missing; add client_id"),
    ];
    for (toml, expected) in cases {
        let lines = mistakes(&format!("{LEAST}{toml}\n"), &[]);
        assert!(lines.lines().any(|line| line.contains(expected)), "for\n{toml}\nwanted\n{expected}\ngot\n{lines}");
    }
}

#[test]
fn names_what_is_missing_altogether() {
    assert_eq!(
        mistakes("", &[]),
        "installation: missing; add installation = \"acme-platform\"\n\
         database.url: missing; add url = \"postgres://…\" or url_file, or set DATABASE_URL"
    );
}

#[test]
fn an_installation_must_fit_an_aws_tag() {
    for name in ["", " ", " acme", "acme#1", &"a".repeat(257)] {
        let lines = mistakes(&LEAST.replace("acme", name), &[]);
        assert!(lines.starts_with("installation: ") && lines.lines().count() == 1, "{name:?}: {lines}");
    }
}

#[test]
fn names_every_mistake_of_a_file_at_once_in_one_run() {
    let toml = "instalation = \"acme\"\n[database]\nurl = \"mysql://db\"\n[verify]\nreads = true\nsetle = \"1s\"\n"
        .to_owned()
        + &cluster("a", "")
        + "[[clusters]]\nname = \"a\"\naccount_id = \"1\"\nenvironment = \"dev\"\n"
        + "[[auth.tokens]]\nuser = \"\"\nsha256 = \"x\"\n";
    let errors = load(&toml).expect_err("nine mistakes");
    let mut paths: Vec<&str> = errors.0.iter().map(|error| error.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "auth.tokens[0].sha256",
            "auth.tokens[0].user",
            "clusters[1].account_id",
            "clusters[1].name",
            "clusters[1].region",
            "database.url",
            "instalation",
            "installation",
            "verify.reads",
            "verify.setle",
        ]
    );
}

#[test]
fn names_every_syntax_error_by_its_line_and_nothing_that_follows_from_it() {
    let errors = load("installation = acme\n[database\nurl = \"postgres://db\"\nurl2 == 3\n").expect_err("not TOML");
    let lines: Vec<String> = errors.0.iter().map(ToString::to_string).collect();
    assert!(lines.len() >= 3 && lines.iter().all(|line| line.starts_with("not TOML: ")), "{lines:#?}");
    assert!(lines[0].ends_with("(line 1)") && lines.iter().any(|line| line.ends_with("(line 4)")), "{lines:#?}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let path = std::path::Path::new("/nowhere/entryway.toml");
    let errors = Config::load(Some(path), vars(&[]), Origin::Production).expect_err("no file");
    assert!(errors.to_string().starts_with("/nowhere/entryway.toml: cannot be read: "), "{errors}");
}

#[test]
fn only_the_sandbox_may_use_the_demo_tokens() {
    // printf %s bob-token | sha256sum
    let toml = format!(
        "{LEAST}[[auth.tokens]]\nuser = \"bob\"\n\
         sha256 = \"97dd3707015dcf069cf73022ed7173b1165db6eff24b441cb57fd069a8c4e525\"\n"
    );
    let refused = mistakes(&toml, &[]);
    assert!(refused.contains("auth.tokens[0].sha256: is that of a sandbox token"), "{refused}");
    assert!(Home::new().load(&toml, &[], Origin::Sandbox).is_ok());
}
