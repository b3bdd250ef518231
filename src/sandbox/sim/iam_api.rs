//! IAM's `GetRole` and `GetUser`: does the principal exist, and under which unique id.

use super::arn::{Principal, partition_of};
use super::iam::Identity;
use super::knobs::Principals;
use super::page::parameter_of;
use super::refusal::{Refusal, Refused, denied};
use super::state::Cx;
use super::sts::iso8601;
use super::wire::{Done, xml_escape};

/// `GetRole`.
///
/// # Errors
/// As IAM answers.
pub(crate) fn get_role(cx: &mut Cx<'_>, form: &[(String, String)]) -> Refused<Done> {
    let name = parameter_of(form, "RoleName").ok_or_else(|| invalid("RoleName is required"))?;
    let role = look_up(cx, "role", name)?;
    // Trust policies travel percent-encoded, as IAM sends them.
    let trust = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D";
    Ok(Done::xml(format!(
        "<GetRoleResult><Role><Path>{}</Path><RoleName>{}</RoleName><RoleId>{}</RoleId><Arn>{}</Arn>\
         <CreateDate>{}</CreateDate><AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument>\
         <MaxSessionDuration>3600</MaxSessionDuration></Role></GetRoleResult>",
        xml_escape(&role.principal.path),
        role.principal.name,
        role.unique_id,
        xml_escape(&role.principal.text),
        iso8601(role.created_at)
    )))
}

/// `GetUser`.
///
/// # Errors
/// As IAM answers.
pub(crate) fn get_user(cx: &mut Cx<'_>, form: &[(String, String)]) -> Refused<Done> {
    let name = parameter_of(form, "UserName").ok_or_else(|| invalid("UserName is required"))?;
    let user = look_up(cx, "user", name)?;
    Ok(Done::xml(format!(
        "<GetUserResult><User><Path>{}</Path><UserName>{}</UserName><UserId>{}</UserId><Arn>{}</Arn>\
         <CreateDate>{}</CreateDate></User></GetUserResult>",
        xml_escape(&user.principal.path),
        user.principal.name,
        user.unique_id,
        xml_escape(&user.principal.text),
        iso8601(user.created_at)
    )))
}

/// IAM looks a principal up by name alone; the answer tells its path.
fn look_up(cx: &mut Cx<'_>, kind: &str, name: &str) -> Refused<Identity> {
    let (account, partition) = (&cx.caller.account, partition_of(&cx.caller.region));
    let arn = format!("arn:{partition}:iam::{account}:{kind}/{name}");
    let action = if kind == "role" { "iam:GetRole" } else { "iam:GetUser" };
    cx.authorize(action, &arn).map_err(|_| denied_look(cx, action, kind, name))?;
    let plain = Principal::parse(&arn).ok_or_else(|| invalid(format!("{kind} name {name} is not valid")))?;
    let missing = || {
        let title = if kind == "role" { "role" } else { "user" };
        Refusal::new(404, "NoSuchEntity", format!("The {title} with name {name} cannot be found."))
    };
    match cx.iam.named(account, plain.is_role, name) {
        Some(known) => known.clone().ok_or_else(missing),
        // It exists, but under which path only its first mention in full will tell. IAM has no word for that; not being
        // allowed to look comes nearest.
        None if cx.knobs.principals == Principals::Any => Err(denied_look(cx, action, kind, name)),
        None => Err(missing()),
    }
}

/// IAM names its own resources by kind and name, not by ARN (`IAM user guide, access denied error messages`).
fn denied_look(cx: &Cx<'_>, action: &str, kind: &str, name: &str) -> Refusal {
    Refusal { code: "AccessDenied".into(), ..denied(&cx.caller.arn, action, &format!("{kind} {name}")) }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ValidationError", message)
}
