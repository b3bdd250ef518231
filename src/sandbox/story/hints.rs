//! What to try next: commands that work as they are pasted.

use std::io::{self, Write};

use super::Stage;

/// Prints where everything is, and a command for each of the demo people.
///
/// # Errors
/// What the output says.
pub fn print_hints(stage: &Stage, out: &mut (dyn Write + Send)) -> io::Result<()> {
    let (api, sim) = (&stage.base_url, &stage.sim_url);
    let (bold, dim, plain) = if stage.terminal { ("\x1b[1m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
    writeln!(out, "\n{bold}Try it yourself{plain}  (Ctrl-C stops everything)\n")?;
    writeln!(out, "  {:<16}{api}/docs", "API")?;
    writeln!(out, "  {:<16}{sim}/_sim/entries?cluster=prod", "simulated EKS")?;
    for (about, command) in commands(api, &stage.tokens) {
        writeln!(out, "\n  {dim}# {about}{plain}\n  {command}")?;
    }
    writeln!(out)
}

fn commands(api: &str, tokens: &[(String, String)]) -> Vec<(&'static str, String)> {
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
        ("the portal asks for alice", post("portal", " -H 'Entryway-On-Behalf-Of: alice'", "/v1/requests", ask)),
    ]
}
