//! Who counts as somebody of the workspace. What Slack does not say in so many words is a no.

use serde_json::Value;

use crate::domain::rules::misleading;

/// A member of the workspace, as Slack calls them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// How Slack shows them.
    pub name: String,
}

/// Whether `user`, as `users.info` tells of them, is a full member of the workspace `team_id`.
///
/// # Errors
/// Why not, in words for them.
pub fn member(user: &Value, team_id: &str) -> Result<Member, &'static str> {
    let no = |field: &str| user[field].as_bool() == Some(false);
    if !no("deleted") {
        return Err("Slack says that you have been deactivated");
    }
    let in_team = user["team_id"].as_str() == Some(team_id)
        || user["enterprise_user"]["teams"].as_array().is_some_and(|teams| teams.iter().any(|team| team == team_id));
    if !in_team || user["is_stranger"].as_bool() == Some(true) {
        return Err(
            "you belong to another workspace; only members of the workspace that Entryway is set up for can use it",
        );
    }
    if !no("is_bot") || user["is_workflow_bot"].as_bool() == Some(true) {
        return Err("bots cannot ask for access or sign it off");
    }
    if !no("is_restricted") || !no("is_ultra_restricted") {
        return Err("guests of the workspace cannot ask for access or sign it off; ask a full member");
    }
    let names = [&user["profile"]["display_name"], &user["real_name"], &user["name"], &user["id"]];
    let mut names = names.into_iter().filter_map(Value::as_str).map(in_the_open).filter(|name| !name.is_empty());
    Ok(Member { name: names.next().unwrap_or_else(|| "somebody without a name".to_owned()) })
}

/// `name` without what hides in it or turns the text around it: it is shown to whoever decides whether that is them.
fn in_the_open(name: &str) -> String {
    let open = |c: &char| *c != '\n' && *c != '\t' && misleading(c.encode_utf8(&mut [0; 4])).is_none();
    name.chars().filter(open).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(change: Value) -> Result<Member, &'static str> {
        let mut user = json!({
            "id": "U1", "team_id": "T1", "name": "bob", "deleted": false, "is_bot": false, "is_restricted": false,
            "is_ultra_restricted": false, "profile": {"display_name": "", "email": "bob@example.com"}, "real_name": "Bob",
        });
        for (key, value) in change.as_object().expect("an object") {
            user[key] = value.clone();
        }
        member(&user, "T1")
    }

    #[test]
    fn only_full_members_of_the_workspace_are_taken() {
        assert_eq!(with(json!({})), Ok(Member { name: "Bob".to_owned() }));
        for change in [
            json!({"deleted": true}),
            json!({"team_id": "T2"}),
            json!({"is_stranger": true}),
            json!({"is_bot": true}),
            json!({"is_workflow_bot": true}),
            json!({"is_restricted": true}),
            json!({"is_ultra_restricted": true}),
            json!({"is_restricted": null}),
            json!({"is_bot": "false"}),
        ] {
            assert!(with(change.clone()).is_err(), "{change}");
        }
        let odd = json!({"profile": {"display_name": "\u{202e}\u{2066}\n"}, "real_name": "B\u{202e}o\u{7}b\u{200b}\n"});
        assert_eq!(with(odd), Ok(Member { name: "Bob".to_owned() }), "what cannot be seen is no part of a name");
        assert!(with(json!({"team_id": "T9", "enterprise_user": {"teams": ["T1"]}})).is_ok());
    }
}
