//! What operators deploy (deploy/kubernetes, deploy/compose, the Dockerfile), held against the program: configurations are sound, and
//! what is rendered has what pages say of it. That the manifests are sound YAML, and safe, is tests/clients/test_deploy.py.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use entryway::config::{Config, Origin};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const EXAMPLE: &str = "deploy/kubernetes/overlays/example";
const COMPLETE: &str = "deploy/kubernetes/overlays/complete";

fn at(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(at(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A folder of its own, gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().canonicalize().unwrap().join(format!("entryway-deploy-{}", Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What Kustomize makes of `folder`; `None` where there is no kubectl.
fn rendered(folder: &Path) -> Option<String> {
    let Ok(rendered) = Command::new("kubectl").arg("kustomize").arg(folder).output() else {
        eprintln!("skipped: there is no kubectl here to render {} with", folder.display());
        return None;
    };
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    Some(String::from_utf8(rendered.stdout).unwrap())
}

/// The one object of `kind` called `name`.
fn the<'a>(rendered: &'a str, kind: &str, name: &str) -> &'a str {
    let head = (format!("\nkind: {kind}\n"), format!("\n  name: {name}\n"));
    let found: Vec<_> =
        rendered.split("\n---\n").filter(|one| one.contains(&head.0) && one.contains(&head.1)).collect();
    assert_eq!(found.len(), 1, "{kind} {name} in {rendered}");
    found[0]
}

/// How many times these words stand there, one after the other.
fn count(text: &str, words: &[&str]) -> usize {
    let all: Vec<_> = text.split_whitespace().collect();
    all.windows(words.len()).filter(|window| *window == words).count()
}

/// The environment that `deployment.yaml` sets, written as it is there.
fn environment(manifest: &str) -> Vec<(String, String)> {
    let mut lines = manifest.lines().map(str::trim);
    let mut found = vec![];
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("- name: ").filter(|name| name.starts_with("ENTRYWAY")) {
            let value = lines.next().and_then(|line| line.strip_prefix("value: ")).unwrap();
            found.push((name.to_owned(), value.trim_matches('"').to_owned()));
        }
    }
    found
}

/// The configuration of `overlay` as a pod finds it, with secrets of this content.
fn loaded(overlay: &str) -> Config {
    let folder = Folder::new();
    fs::create_dir_all(folder.0.join("policies")).unwrap();
    folder.put("database/url", "postgres://entryway_service@postgres.example.com/entryway");
    folder.put("secrets/slack-signing", "one\ntwo\n");
    folder.put("secrets/slack-bot-token", "xoxb-1\n");
    folder.put("secrets/webhook-siem", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\n");
    let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n-----END PRIVATE KEY-----\n";
    folder.put("secrets/audit-signing-key", key);
    let here = |text: &str| text.replace("/etc/entryway", folder.0.to_str().unwrap());
    let mut set = environment(&read("deploy/kubernetes/base/deployment.yaml"));
    assert_eq!(set.len(), 5, "{set:?}");
    for (_, value) in &mut set {
        *value = here(value);
    }
    let file = folder.put("entryway.toml", &here(&read(&format!("{overlay}/entryway.toml"))));
    Config::load(Some(&file), set, Origin::Production).unwrap_or_else(|errors| panic!("{overlay}: {errors}"))
}

#[test]
fn the_configurations_of_the_overlays_are_sound_with_what_the_deployment_sets() {
    for overlay in [EXAMPLE, COMPLETE] {
        let config = loaded(overlay);
        assert!(!config.database.migrate, "that is for the Job");
        assert_eq!((config.server.listen.port(), config.server.metrics_listen.unwrap().port()), (8080, 9090));
    }
    let complete = loaded(COMPLETE);
    assert_eq!(complete.slack.unwrap().signing_secrets.len(), 2);
    assert!(complete.audit.signing_key.is_some() && complete.auth.alb.is_some() && complete.webhooks.len() == 1);
}

/// The files that the configuration names are those that the component says to make the secret of.
#[test]
fn every_secret_that_the_configuration_names_is_one_that_is_made() {
    let named: BTreeSet<_> = read(&format!("{COMPLETE}/entryway.toml"))
        .split("/etc/entryway/secrets/")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    let component = read("deploy/kubernetes/secrets/kustomization.yaml");
    let made: BTreeSet<_> = component
        .split("--from-file=")
        .skip(1)
        .map(|rest| rest.split_whitespace().next().unwrap().to_owned())
        .collect();
    assert_eq!(named, made);
}

/// What docs/OPERATIONS.md says to do before a rollout, done; and a mistake is found by it.
#[test]
fn the_check_before_a_rollout_finds_what_is_wrong_and_nothing_else() {
    let page = read("docs/OPERATIONS.md");
    let check = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let [check] = check.filter(|text| text.contains("config check")).collect::<Vec<_>>().try_into().unwrap();
    let folder = Folder::new();
    for file in ["entryway.toml", "check.env"] {
        folder.put(&format!("{COMPLETE}/{file}"), &read(&format!("{COMPLETE}/{file}")));
    }
    for file in ["starter.cedar", "starter.test.toml"] {
        folder.put(&format!("policies/{file}"), &read(&format!("policies/{file}")));
    }
    let program = Path::new(env!("CARGO_BIN_EXE_entryway")).parent().unwrap().display().to_string();
    let path = format!("{program}:{}", std::env::var("PATH").unwrap());
    let run = || {
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", check]).current_dir(&folder.0).env_clear().env("PATH", &path);
        let output = shell.output().unwrap();
        let texts = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.success(), texts.concat())
    };
    let (sound, told) = run();
    assert!(sound && told.contains("sound: installation \"acme-platform\", 1 cluster"), "{told}");
    assert!(!told.contains("note: "), "{told}");
    let toml = read(&format!("{COMPLETE}/entryway.toml")).replace("team_id = \"T0123\"", "team = \"T0123\"");
    folder.put(&format!("{COMPLETE}/entryway.toml"), &toml);
    let (sound, told) = run();
    assert!(!sound && told.contains("slack.team_id"), "{told}");
}

#[test]
fn kustomize_renders_the_example() {
    let Some(rendered) = rendered(&at(EXAMPLE)) else { return };
    let mut kinds: Vec<_> = rendered.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
    kinds.sort_unstable();
    let expected = [
        "ConfigMap",
        "ConfigMap",
        "ConfigMap",
        "Deployment",
        "Job",
        "Namespace",
        "NetworkPolicy",
        "NetworkPolicy",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "PodMonitor",
        "PrometheusRule",
        "Service",
        "ServiceAccount",
        "ServiceAccount",
    ];
    assert_eq!(kinds, expected);
    assert!(rendered.contains("image: registry.example.com/entryway:0.1.0"));
    assert!(rendered.contains("eks.amazonaws.com/role-arn: arn:aws:iam::999988887777:role/entryway"));
    assert_eq!(rendered.matches("cidr: 10.20.30.0/24").count(), 2, "both reach Postgres where the overlay says");
    assert!(!rendered.contains("cidr: 10.0.0.0/8"), "and nowhere else");
    assert!(!rendered.contains("OTEL_"), "traces are a component that is left out");
}

/// Service and Job alike go by the authorities that are mounted, and see nothing secret that they do not need.
#[test]
fn the_complete_overlay_knows_rds_and_mounts_what_is_secret() {
    let Some(rendered) = rendered(&at(COMPLETE)) else { return };
    let (service, job) = (the(&rendered, "Deployment", "entryway"), the(&rendered, "Job", "entryway-migrate"));
    for pod in [service, job] {
        let bundle = ["name:", "PGSSLROOTCERT", "value:", "/etc/entryway/database-ca/bundle.pem"];
        assert_eq!(count(pod, &bundle), 1, "{pod}");
        assert_eq!(count(pod, &["name:", "PGSSLMODE", "value:", "verify-full"]), 1, "{pod}");
        assert_eq!(count(pod, &["mountPath:", "/etc/entryway/database-ca"]), 1, "{pod}");
    }
    assert_eq!(count(service, &["mountPath:", "/etc/entryway/secrets"]), 1, "{service}");
    assert!(!job.contains("/etc/entryway/secrets"), "{job}");
    assert_eq!(count(service, &["OTEL_EXPORTER_OTLP_ENDPOINT", "value:", "http://collector.observability:4318"]), 1);
    assert_eq!(count(the(&rendered, "NetworkPolicy", "entryway"), &["port:", "4318"]), 1, "and the way there");
}

/// The balancer waits for longer than a call that waits says nothing, and closes connections that rest before Entryway does.
#[test]
fn the_load_balancer_fits_the_service_behind_it() {
    let Some(rendered) = rendered(&at(COMPLETE)) else { return };
    let (everything, people) = (the(&rendered, "Ingress", "entryway"), the(&rendered, "Ingress", "entryway-people"));
    let said = |text: &str, key: &str| {
        let line =
            text.lines().find_map(|line| line.trim().strip_prefix(&format!("alb.ingress.kubernetes.io/{key}: ")));
        line.unwrap_or_else(|| panic!("no {key} in {text}")).trim_matches(['\'', '"']).to_owned()
    };
    let attributes = said(everything, "load-balancer-attributes");
    let idle: u32 = attributes
        .split(',')
        .find_map(|one| one.strip_prefix("idle_timeout.timeout_seconds="))
        .unwrap()
        .parse()
        .unwrap();
    // `?wait=` is 60 s at most; src/api/listen.rs keeps a connection for 75 s.
    assert!((61..75).contains(&idle), "{idle}");
    let service = the(&rendered, "Service", "entryway");
    let document: serde_json::Value = serde_json::from_str(&read("openapi/entryway.json")).unwrap();
    assert!(document["paths"].get(said(service, "healthcheck-path")).is_some());
    assert_eq!(said(service, "target-type"), "ip");
    for ingress in [everything, people] {
        assert_eq!(said(ingress, "group.name"), "entryway", "one balancer");
        assert_eq!(said(ingress, "listen-ports"), r#"[{"HTTPS": 443}]"#);
        // What it is told of the provider is what Entryway believes of it.
        let provider: serde_json::Value = serde_json::from_str(&said(ingress, "auth-idp-oidc")).unwrap();
        assert_eq!(provider["issuer"], loaded(COMPLETE).auth.alb.unwrap().token.issuer.as_str());
        assert_eq!(provider["secretName"], "entryway-alb-oidc");
    }
    let policies = [people, everything].map(|ingress| said(ingress, "auth-on-unauthenticated-request"));
    assert_eq!(policies, ["authenticate", "allow"], "programs follow no redirect");
    assert!(said(people, "group.order") < said(everything, "group.order"), "the rule for everything comes last");
    let public = loaded(COMPLETE).server.public_url;
    assert!(rendered.contains(&format!("- host: {}\n", public.trim_start_matches("https://"))));
    let network = the(&rendered, "NetworkPolicy", "entryway");
    let coming_in = network.split("  ingress:\n").nth(1).unwrap();
    assert_eq!(coming_in.matches("- from:").count(), 2, "nobody but whom it names: {network}");
    assert!(coming_in.contains("cidr: 10.20.10.0/24"), "{network}");
    let (deployment, slept) = (the(&rendered, "Deployment", "entryway"), "          sleep:\n              seconds: ");
    let after = |text: &str, mark: &str| {
        let rest = text.split(mark).nth(1).unwrap_or_else(|| panic!("{mark:?} in {text}"));
        rest.lines().next().unwrap().trim().parse::<u64>().unwrap()
    };
    let grace = loaded(COMPLETE).server.shutdown_grace.as_secs();
    assert!(after(deployment, "terminationGracePeriodSeconds: ") > after(deployment, slept) + grace + 3);
}

/// Production runs everything that is built by default, but for the sandbox.
#[test]
fn the_image_of_the_service_leaves_the_sandbox_out_and_nothing_else() {
    let manifest = read("Cargo.toml");
    let default = manifest.split("\ndefault = [").nth(1).unwrap().split(']').next().unwrap();
    let kept: Vec<_> =
        default.split(',').map(|name| name.trim().trim_matches('"')).filter(|name| *name != "sandbox").collect();
    let dockerfile = read("Dockerfile");
    let stages: Vec<_> = dockerfile.split("\nFROM ").collect();
    let stage = |name: &str| {
        stages.iter().find(|stage| stage.lines().next().unwrap().ends_with(&format!(" AS {name}"))).unwrap()
    };
    let wanted = format!("cargo build --release --locked --no-default-features --features {} ", kept.join(","));
    assert!(stage("build-service").contains(&wanted), "{wanted}");
    assert!(stages.last().unwrap().ends_with("CMD [\"serve\", \"--config\", \"/etc/entryway/entryway.toml\"]\n"));
    for image in ["trial", "service"] {
        assert!(stage(image).contains("nonroot AS"), "{image} runs as nobody in particular");
        assert!(stage(image).contains(&format!("COPY --from=build-{image} /entryway /usr/local/bin/entryway")));
    }
    // What the build reads reaches the engine.
    let ignored = read(".dockerignore");
    for needed in ["src", ".sqlx", "migrations", "policies", "openapi", "Cargo.toml", "Cargo.lock"] {
        assert!(ignored.lines().any(|line| line == format!("!{needed}")), "{needed}");
    }
}

/// The tokens that the compose file's page names are those of its people, and its services listen where others look for them.
#[test]
fn what_compose_runs_with_is_sound_and_fits_together() {
    let folder = Folder::new();
    fs::create_dir(folder.0.join("policies")).unwrap();
    let toml = read("deploy/compose/entryway.toml");
    let config = Config::load(Some(&folder.put("entryway.toml", &toml)), [], Origin::Production);
    let config = config.unwrap_or_else(|errors| panic!("{errors}"));
    for token in &config.auth.tokens {
        let shown = format!("compose-{}", token.user);
        assert_eq!(<[u8; 32]>::from(Sha256::digest(&shown)), token.sha256, "{shown}");
        assert!(toml.lines().take(3).any(|line| line.contains(&shown)), "{shown} is not said");
    }
    let compose = read("docker-compose.yml");
    let sim = config.eks.endpoint_url.unwrap();
    assert!(compose.contains(&format!("command: [sim, --listen, \"0.0.0.0:{}\"]", sim.rsplit(':').next().unwrap())));
    assert!(compose.contains(&format!("127.0.0.1:{0}:{0}\"", config.server.listen.port())));
    for host in [sim.as_str(), "http://postgres:5432"] {
        let host = host.trim_start_matches("http://").split(':').next().unwrap();
        assert!(
            compose.contains(&format!("\n  {host}:\n"))
                && compose.contains(&format!("\n      {host}:\n        condition: service_healthy\n")),
            "{host}"
        );
    }
}
