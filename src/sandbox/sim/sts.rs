//! STS: whom the caller is, and credentials of another role.

use super::arn::{Principal, partition_of};
use super::caller::{Caller, Session};
use super::clock::Ms;
use super::iam::base32;
use super::page::parameter_of;
use super::refusal::{Refusal, Refused, denied};
use super::sigv4::secret_of;
use super::state::Cx;
use super::wire::{Done, xml_escape};

/// Seconds a session lasts unless asked otherwise (`STS API reference, AssumeRole`).
const DEFAULT_SECONDS: Ms = 3_600;

/// `GetCallerIdentity`.
pub(crate) fn get_caller_identity(caller: &Caller) -> Done {
    Done::xml(format!(
        "<GetCallerIdentityResult><Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account></GetCallerIdentityResult>",
        xml_escape(&caller.arn),
        xml_escape(&caller.user_id),
        caller.account
    ))
}

/// `AssumeRole`: the access key id that comes back stands for the role and its account from then on.
///
/// # Errors
/// As STS answers.
pub(crate) fn assume_role(cx: &mut Cx<'_>, form: &[(String, String)]) -> Refused<Done> {
    let arn = parameter_of(form, "RoleArn").unwrap_or_default();
    let refused = Refusal { code: "AccessDenied".into(), ..denied(&cx.caller.arn, "sts:AssumeRole", arn) };
    let not_allowed = || refused.clone();
    cx.authorize("sts:AssumeRole", arn).map_err(|_| not_allowed())?;
    let role = Principal::parse(arn)
        .filter(|principal| principal.is_role)
        .ok_or_else(|| invalid(format!("{arn} is invalid")))?;
    let name = parameter_of(form, "RoleSessionName").unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    if !(2..=64).contains(&name.len()) || !name.bytes().all(plain) {
        return Err(invalid(r"roleSessionName must be 2 to 64 characters and satisfy the pattern [\w+=,.@-]*"));
    }
    let seconds = match parameter_of(form, "DurationSeconds") {
        None => DEFAULT_SECONDS,
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| (900..=43_200).contains(seconds))
            .ok_or_else(|| invalid("durationSeconds must be from 900 to 43200"))?,
    };
    if role.partition != partition_of(&cx.caller.region) {
        return Err(not_allowed());
    }
    let identity = cx.iam.resolve(&role, cx.knobs.principals, cx.now, cx.rng).ok_or_else(not_allowed)?;
    let wanted = identity.external_id.as_deref();
    if wanted.is_some() && wanted != parameter_of(form, "ExternalId") {
        return Err(not_allowed());
    }

    let role_id = identity.unique_id.clone();
    let key_id = format!("ASIA{}", base32(16, &mut *cx.rng));
    let token = base32(64, &mut *cx.rng);
    let expires_at = cx.now + seconds * 1_000;
    let session = Session {
        account: role.account.clone(),
        arn: format!("arn:{}:sts::{}:assumed-role/{}/{name}", role.partition, role.account, role.name),
        user_id: format!("{role_id}:{name}"),
        expires_at,
    };
    let answer = Done::xml(format!(
        "<AssumeRoleResult><Credentials><AccessKeyId>{key_id}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
         <SessionToken>{token}</SessionToken><Expiration>{}</Expiration></Credentials><AssumedRoleUser>\
         <AssumedRoleId>{}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser></AssumeRoleResult>",
        secret_of(&key_id),
        iso8601(expires_at),
        session.user_id,
        session.arn
    ));
    cx.keys.sessions.insert(key_id, session);
    Ok(answer)
}

/// A moment as the query protocol writes it.
pub(crate) fn iso8601(ms: Ms) -> String {
    chrono::DateTime::from_timestamp_millis(ms).unwrap_or_default().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ValidationError", message)
}
