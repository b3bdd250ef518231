//! The pages for people, line by line: every snippet of them is run as it stands, and what a page says comes of it must come.

use std::path::Path;
use std::process::{Command, Stdio};

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

/// Runs a script as whoever pastes it, one line after the other, and stops at the first that fails.
async fn run(office: &Office, script: String) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_entryway")).parent().unwrap().display().to_string();
    let path = format!("{program}:{}", std::env::var("PATH").unwrap());
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
