//! The pages for people, line by line: every snippet of them is run as it stands, and what a page says comes of it must come.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::Office;

/// What the pages call, which is where `make demo` listens.
const DEMO: &str = "http://127.0.0.1:8080";

fn page(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// All snippets in `language`, in the order of the page.
fn snippets(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// Runs a script as whoever pastes it, one line after the other, and stops at the first that fails. Programs in the `bin` of their
/// home come first.
async fn run(office: &Office, script: String) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_entryway")).parent().unwrap().display().to_string();
    let path = format!("{}/bin:{program}:{}", office.home.0.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", &script.replace(DEMO, &office.url)]);
    command.env_clear().env("PATH", path).env("HOME", &office.home.0).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output().unwrap()).await.unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    out
}

/// Runs the page, and looks for what it says comes of it.
async fn play(name: &str, results: &[&str]) {
    let text = page(name);
    let snippets = snippets(&text, "sh");
    assert!(snippets.len() >= 4, "{name} has {} snippets", snippets.len());
    assert_eq!(text.matches("```").count() % 2, 0, "{name}");
    let office = Office::new().await;
    let out = run(&office, snippets.join("\n")).await;
    for result in results {
        assert!(out.contains(result), "{name}: no {result:?} in\n{out}");
    }
}

#[tokio::test]
async fn the_page_for_requesters_does_what_it_says() {
    play(
        "docs/REQUESTING.md",
        &["nothing is stored by a dry run", "active: Proven", "given back: ", "ended (relinquished)"],
    )
    .await;
}

/// The programs of others that bring a token are played by scripts that insist on what the page gives them, and answer as those do.
#[tokio::test]
async fn tokens_of_providers_go_through_a_pipe_into_a_profile() {
    if Command::new("jq").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: there is no jq here");
        return;
    }
    let office = Office::new().await;
    let bin = office.home.0.join("bin");
    std::fs::create_dir(&bin).unwrap();
    let credential = json!({ "kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
        "status": { "token": "alice-token", "expirationTimestamp": "2030-01-01T00:00:00Z" } });
    let kubectl = format!(
        "[ \"$*\" = 'oidc-login get-token --oidc-issuer-url=https://login.example.com --oidc-client-id=entryway-cli' ] && echo '{credential}'"
    );
    let az = "[ \"$*\" = 'account get-access-token --scope api://entryway/.default --query accessToken --output tsv' ] && echo bob-token";
    for (name, script) in [("kubectl", kubectl.as_str()), ("az", az)] {
        std::fs::write(bin.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(bin.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let text = page("docs/REQUESTING.md");
    let [ways] = snippets(&text, "bash").try_into().unwrap();
    let out = run(&office, ways.replace("https://access.example.com", DEMO)).await;
    assert!(out.contains("alice") && out.contains("bob"), "{out}");
    office.types_alone(&["whoami"], "").await.ends(0).shows(&["user         bob\n"]);
}

#[tokio::test]
async fn the_page_for_reviewers_does_what_it_says() {
    play(
        "docs/REVIEWING.md",
        &["approved: ", "denied: ", "revoked: ", "request.reviewed", "bob revoked it", "nothing matches"],
    )
    .await;
}

#[tokio::test]
async fn the_page_for_portals_does_what_it_says() {
    play(
        "docs/PORTALS.md",
        &["\"submittedBy\":\"portal\"", "idempotency-replayed: true", "group-reserved-prefix", "403"],
    )
    .await;
}

/// The first request of the README: two snippets of curl, with the id of the first answer where the second says `…`, and one for
/// people.
#[tokio::test]
async fn the_first_request_of_the_readme_does_what_it_says() {
    let text = page("README.md");
    let first = text.split("## The first request").nth(1).unwrap();
    let snippets = snippets(first, "sh");
    // The id is the first thing that is said.
    let id = format!("ID=$({} | cut -d'\"' -f4)", snippets[0].trim_end());
    let second = snippets[1].replace("ID=…   # the id from above", &id);
    assert!(second.contains(&id), "{second}");
    let office = Office::new().await;
    let out = run(&office, format!("{second}{}", snippets[2])).await;
    assert!(out.contains("\"state\":\"active\"") && out.contains("active: Proven"), "{out}");
}

/// What the Backstage action does to Entryway, in the runtime that Backstage has. Where that is not installed, nothing can be said.
#[tokio::test]
async fn the_backstage_action_files_and_waits_on_behalf_of_its_user() {
    if Command::new("node").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("node is not there: the Backstage action is not tried");
        return;
    }
    let office = Office::new().await;
    let call = |cluster: &str, reason: &str| {
        format!(
            "node --input-type=module -e '
               import {{ fileAndWait }} from \"./deploy/backstage/entryway.mjs\";
               const ask = {{ clusterName: \"{cluster}\", principalArn: \"{ROLE}\", duration: \"8h\", reason: \"{reason}\",
                 accessPolicies: [{{ policyArn: \"AmazonEKSViewPolicy\", accessScope: {{ type: \"namespace\", namespaces: [\"payments\"] }} }}] }};
               const said = [];
               await fileAndWait({{ baseUrl: \"{DEMO}\", token: \"portal-token\", user: \"alice\", key: \"task-1-{cluster}\", ask,
                 log: line => said.push(line) }})
                 .then(request => console.log(request.state, request.requester, request.submittedBy, said.length > 1))
                 .catch(error => console.log(error.message));'",
            ROLE = crate::harness::ROLE
        )
    };
    assert_eq!(run(&office, call("dev", "a test")).await, "active alice portal true\n");
    assert_eq!(
        run(&office, call("dev", "a test")).await,
        "active alice portal true\n",
        "a step run again files nothing"
    );
    let listed = office.types("bob", &["list", "--quiet"]).await.ends(0).out;
    assert_eq!(listed.lines().count(), 1);
    let refused = run(&office, call("nowhere", "")).await;
    assert!(refused.contains("cluster-unknown") && refused.contains("reason-required"), "{refused}");
}

/// A restart of Entryway, or a sibling task with the same key, costs a portal's task some seconds and not its life.
#[tokio::test]
async fn the_backstage_action_goes_on_after_no_answer_and_half_an_answer_and_while_its_key_is_in_flight() {
    const SCRIPT: &str = r#"
        import { createServer } from "node:http";
        import { fileAndWait } from "./deploy/backstage/entryway.mjs";
        const keys = [];
        const busy = { status: 409, code: "idempotency-in-flight", detail: "in flight", requestId: "r", errors: [] };
        const server = createServer((call, answer) => {
          keys.push(call.headers["idempotency-key"] ?? call.method);
          const say = (status, body) => answer.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
          if (keys.length === 1) return call.socket.destroy();
          if (keys.length === 2) return say(409, busy);
          if (keys.length === 3) {
            answer.writeHead(201, { "Content-Length": 1000 }).write("{", () => call.socket.destroy());
            return;
          }
          if (keys.length === 4) return say(201, { id: "x", state: "applying", reviews: [] });
          return say(200, { id: "x", state: "active", reviews: [] });
        });
        server.listen(0, "127.0.0.1", async () => {
          const baseUrl = `http://127.0.0.1:${server.address().port}`;
          const done = await fileAndWait({ baseUrl, token: "t", user: "alice", key: "k", ask: {}, log: () => {} }).catch(error => error);
          console.log(done.state ?? done.message, keys.join(" "));
          server.close();
          server.closeAllConnections();
          await fileAndWait({ baseUrl, token: "t", user: "alice", key: "k", ask: {}, log: () => {}, pause: 0 })
            .catch(error => console.log(error.message));
        });"#;
    let node = Command::new("node")
        .args(["--input-type=module", "-e", SCRIPT])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let Ok(out) = node else {
        eprintln!("node is not there: the Backstage action is not tried");
        return;
    };
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let (first, second) = said.split_once('\n').unwrap_or_default();
    assert_eq!(first, "active k k k k GET", "{}", String::from_utf8_lossy(&out.stderr));
    assert!(second.contains("does not answer") && second.contains("is Entryway running there?"), "{second}");
}

/// The template can ask for nothing that the action does not take, and the catalogue's entity leads to the description of the API.
#[test]
fn what_backstage_reads_fits_together() {
    let entity = page("catalog-info.yaml");
    let definition = entity.lines().find_map(|line| line.trim().strip_prefix("$text: ")).unwrap();
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(definition).exists(), "{definition}");
    assert!(entity.contains("kind: API") && entity.contains("type: openapi"));
    let (template, module) = (page("deploy/backstage/template.yaml"), page("deploy/backstage/module.mjs"));
    let action = module.split("id: '").nth(1).unwrap().split('\'').next().unwrap();
    assert!(template.contains(&format!("action: {action}")), "{action}");
    let given = template.split("input:\n").nth(1).unwrap().lines().take_while(|line| line.starts_with("        "));
    let names: Vec<_> = given.filter_map(|line| line.trim().split_once(':').map(|(name, _)| name)).collect();
    assert!(names.len() > 4, "{names:?}");
    for name in names {
        assert!(module.contains(&format!("{name}: z =>")), "the action takes no {name}");
        let parameter = format!("parameters.{name} ");
        assert!(template.contains(&parameter), "no parameter for {name}");
    }
}
