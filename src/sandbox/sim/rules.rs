//! EKS's rules that need nothing but the request and the caller's account. Where the texts have been measured they
//! are EKS's own; they fire even when the cluster does not exist.

use std::collections::BTreeMap;

use super::arn::Principal;
use super::entry::{Kind, Scope};
use super::refusal::{Refused, parameter, service_linked_role};

const RESERVED: [&str; 5] = ["system:", "eks:", "aws:", "amazon:", "iam:"];
const NODE_TYPES: &str = "[EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, HYBRID_LINUX, EC2]";
const SESSION_PLACEHOLDERS: [&str; 2] = ["{{SessionName}}", "{{SessionNameRaw}}"];

/// Tags per resource (`EKS API reference, TagMap`).
pub(crate) const MAX_TAGS: usize = 50;

/// Reads a principal ARN.
///
/// # Errors
/// `InvalidParameterException`.
pub(crate) fn principal(text: &str) -> Refused<Principal> {
    Principal::parse(text).ok_or_else(|| parameter("The principalArn parameter format is not valid"))
}

/// Reads the principal of a write: the entries of service-linked roles are AWS's own.
///
/// # Errors
/// `InvalidParameterException`.
pub(crate) fn writable_principal(text: &str) -> Refused<Principal> {
    let principal = principal(text)?;
    if principal.is_service_linked() {
        return Err(service_linked_role());
    }
    Ok(principal)
}

/// A username may not look like one of the system's, and must set the session name off with a colon.
///
/// # Errors
/// `InvalidParameterException`.
pub(crate) fn username(text: &str) -> Refused<()> {
    if let Some(prefix) = RESERVED.iter().find(|prefix| text.starts_with(**prefix)) {
        return Err(parameter(format!("The username must not begin with {prefix}")));
    }
    for placeholder in SESSION_PLACEHOLDERS {
        if let Some(at) = text.find(placeholder)
            && !text[..at].contains(':')
        {
            return Err(parameter(format!("The username must have a colon before {placeholder}")));
        }
    }
    Ok(())
}

/// A group may not be one of the system's.
///
/// # Errors
/// `InvalidParameterException`.
pub(crate) fn groups(groups: &[String]) -> Refused<()> {
    for group in groups {
        if let Some(prefix) = RESERVED.iter().find(|prefix| group.starts_with(**prefix)) {
            return Err(parameter(format!(
                "The kubernetes group name {group} is invalid, it cannot start with {prefix}"
            )));
        }
    }
    Ok(())
}

/// Reads a type; omitted means `STANDARD`.
///
/// # Errors
/// `InvalidParameterException`.
pub(crate) fn kind(text: Option<&str>) -> Refused<Kind> {
    text.map_or(Some(Kind::Standard), Kind::parse)
        .ok_or_else(|| parameter("The specified type is invalid: it is none of the access entry types"))
}

/// Node types are for roles of the cluster's own account.
///
/// # Errors
/// `InvalidParameterException`.
pub(crate) fn node_principal(kind: Kind, principal: &Principal, account: &str) -> Refused<()> {
    if kind == Kind::Standard {
        return Ok(());
    }
    if principal.account != account {
        return Err(parameter(format!(
            "AccessEntry principalArn must be from the same account as the cluster when using types {NODE_TYPES}"
        )));
    }
    if !principal.is_role {
        return Err(parameter(format!("AccessEntry principalArn must be IAM role when using types {NODE_TYPES}")));
    }
    Ok(())
}

/// Node types have a username and groups that EKS computes, and no others.
///
/// # Errors
/// `InvalidParameterException`.
pub(crate) fn node_content(kind: Kind, username: Option<&str>, groups: &[String]) -> Refused<()> {
    let not_allowed = |field: &str| {
        let name = kind.name();
        parameter(format!(
            "The specified {field} is invalid: setting {field} is not allowed when the type is \"{name}\""
        ))
    };
    match kind {
        Kind::Standard => Ok(()),
        _ if username.is_some() => Err(not_allowed("username")),
        _ if !groups.is_empty() => Err(not_allowed("kubernetesGroups")),
        _ => Ok(()),
    }
}

/// Tags within EKS's limits, none of them AWS's own. The text says what is wrong.
///
/// # Errors
/// What is wrong.
pub(crate) fn tags(tags: &BTreeMap<String, String>) -> Result<(), String> {
    if tags.len() > MAX_TAGS {
        return Err(format!("there are more than {MAX_TAGS} tags"));
    }
    for (key, value) in tags {
        if !(1..=128).contains(&key.chars().count()) {
            return Err("a tag key is not 1 to 128 characters long".to_owned());
        }
        if value.chars().count() > 256 {
            return Err(format!("the value of tag {key} is longer than 256 characters"));
        }
        let reserved = |text: &str| text.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("aws:"));
        if reserved(key) || reserved(value) {
            return Err(format!("tag {key} begins with aws:, which is reserved"));
        }
        let plain = |c: char| c.is_alphanumeric() || c == ' ' || "+-=._:/@".contains(c);
        if !key.chars().all(plain) || !value.chars().all(plain) {
            return Err(format!("tag {key} has characters other than letters, digits, spaces and + - = . _ : / @"));
        }
    }
    Ok(())
}

/// Reads the scope of an association.
///
/// # Errors
/// `InvalidParameterException`.
pub(crate) fn scope(scope: Option<Scope>) -> Refused<Scope> {
    let scope = scope.ok_or_else(|| parameter("The accessScope parameter is required"))?;
    match (scope.kind.as_str(), scope.namespaces.is_empty()) {
        ("cluster", true) | ("namespace", false) => Ok(scope),
        ("cluster", false) => {
            Err(parameter("accessScope should not include namespaces if the type is not set as namespace"))
        }
        ("namespace", true) => Err(parameter("At least 1 namespace must be provided if the type is set as namespace")),
        _ => Err(parameter("The accessScope type must be one of [cluster, namespace]")),
    }
}
