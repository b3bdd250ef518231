//! What to try next: commands that work as they are pasted.

use std::io::{self, Write};
use std::net::SocketAddr;

use super::Stage;

/// What is true of this start only.
#[derive(Debug, Clone)]
pub struct Whereabouts {
    /// Where everything is kept from one start to the next.
    pub data_dir: String,
    /// How this program is called, as it was typed.
    pub program: String,
    /// The address that was taken by something else, so that another one had to do.
    pub taken: Option<SocketAddr>,
}

/// Prints where everything is, and a command for each of the demo people.
///
/// # Errors
/// What the output says.
pub fn print_hints(stage: &Stage, here: &Whereabouts, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let (api, sim) = (&stage.base_url, &stage.sim_url);
    let Whereabouts { data_dir, program, taken } = here;
    let (bold, dim, plain) = if stage.terminal { ("\x1b[1m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
    writeln!(out, "\n{bold}Try it yourself{plain}  (Ctrl-C stops everything)\n")?;
    writeln!(out, "  {:<16}{api}/docs", "API")?;
    if let Some(taken) = taken {
        writeln!(out, "  {:<16}{taken} is taken; write {api} where the pages say http://{taken}", "")?;
    }
    writeln!(out, "  {:<16}{sim}/_sim/entries?cluster=prod", "simulated EKS")?;
    writeln!(out, "  {:<16}{data_dir}", "data")?;
    writeln!(out, "  {:<16}is kept there; to start afresh, stop it and run: rm -rf {}", "", quoted(data_dir))?;
    for (about, command) in commands(api, program, &stage.tokens) {
        writeln!(out, "\n  {dim}# {about}{plain}\n  {command}")?;
    }
    writeln!(out)
}

/// `text` as one word of a shell.
fn quoted(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

fn commands(api: &str, program: &str, tokens: &[(String, String)]) -> Vec<(&'static str, String)> {
    let curl = |user: &str, rest: String| {
        let token = tokens.iter().find(|(name, _)| name == user).map_or("", |(_, token)| token);
        format!("curl -s -H 'Authorization: Bearer {token}' {rest}")
    };
    let post = |user: &str, more: &str, path: &str, body: &str| {
        let json = "-H 'Content-Type: application/json'";
        curl(user, format!("{json}{more} \\\n    -d '{body}' \\\n    '{api}{path}'"))
    };
    let ask = r#"{"clusterName":"prod","principalArn":"arn:aws:iam::111122223333:role/dev/apps/my-role","accessPolicies":[{"policyArn":"AmazonEKSViewPolicy","accessScope":{"type":"namespace","namespaces":["payments"]}}],"duration":"8h","reason":"Look around"}"#;
    let approve = r#"{"decision":"approve"}"#;
    vec![
        ("alice asks; the answer has the id of the request", post("alice", "", "/v1/requests", ask)),
        ("bob sees what waits for him", curl("bob", format!("'{api}/v1/requests?reviewable=true'"))),
        ("bob signs off; put the id in", post("bob", "", "/v1/requests/ID/reviews", approve)),
        ("carol reads what happened to it", curl("carol", format!("{api}/v1/requests/ID/events"))),
        ("dan sees what would become of an ask", post("dan", "", "/v1/requests?dryRun=true", ask)),
        (
            "the same from the command line: bob lists what there is",
            format!("ENTRYWAY_URL={api} ENTRYWAY_TOKEN=bob-token {} list", quoted(program)),
        ),
        ("the portal asks for alice", post("portal", " -H 'Entryway-On-Behalf-Of: alice'", "/v1/requests", ask)),
    ]
}
