//! What texts of the configuration must look like. A message repeats the text only where it cannot be a secret
//! that slipped into the wrong key.

use std::net::SocketAddr;

use crate::domain::arn::{PrincipalArn, PrincipalKind};

/// An address and port to listen on.
pub(super) fn socket(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is no address with a port; write it like \"127.0.0.1:8080\""))
}

/// An `http` or `https` URL without credentials, query or fragment; a slash at its end is dropped.
pub(super) fn http_url(text: &str) -> Result<String, String> {
    if text.contains('?') {
        return Err("has a query; give the URL without it".to_owned());
    }
    url(text, &["https://", "http://"]).map(|url| url.trim_end_matches('/').to_owned())
}

/// Where a secret is sent to: [`http_url`], without TLS on this machine only.
pub(super) fn safe_url(text: &str) -> Result<String, String> {
    issuer(text).map(|url| url.trim_end_matches('/').to_owned())
}

/// The name of an issuer, which is an `https` URL, or one of this machine: exactly as its tokens spell it, slash and all.
pub(super) fn issuer(text: &str) -> Result<String, String> {
    let here = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let mut rests = here.iter().filter_map(|host| text.strip_prefix(host));
    let loopback = rests.any(|rest| rest.is_empty() || rest.starts_with([':', '/']));
    http_url(text)?;
    url(text, if loopback { &["http://"] } else { &["https://"] })
}

/// What stands before names; none is as good.
pub(super) fn prefix(text: &str) -> Result<String, String> {
    if text.is_empty() { Ok(String::new()) } else { word(text) }
}

/// The ARN of an Application Load Balancer.
pub(super) fn load_balancer(text: &str) -> Result<String, String> {
    let parts: Vec<_> = text.split(':').collect();
    let sound = match parts.as_slice() {
        ["arn", partition, "elasticloadbalancing", place, account, resource] => {
            partition.starts_with("aws")
                && region(place).is_ok()
                && account_id(account).is_ok()
                && resource.strip_prefix("loadbalancer/app/").is_some_and(|rest| rest.split('/').count() == 2)
        }
        _ => false,
    };
    if sound { Ok(text.to_owned()) } else { Err(format!("{text:?} is no ARN of an Application Load Balancer")) }
}

/// A URL of one of `schemes`, with a query if it likes.
pub(super) fn url(text: &str, schemes: &[&str]) -> Result<String, String> {
    let wrong = || format!("is no URL; write it like \"{}host.example.com\"", schemes[0]);
    if text.starts_with("http://") && !schemes.contains(&"http://") {
        return Err("would go in the clear; make it https".to_owned());
    }
    let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme)).ok_or_else(wrong)?;
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let clean = rest.chars().all(|c| c.is_ascii_graphic() && !"#\"<>\\^`{|}".contains(c));
    if host.is_empty() || host.starts_with(':') || !clean {
        return Err(wrong());
    }
    if host.contains('@') { Err("has credentials in it; take them out".to_owned()) } else { Ok(text.to_owned()) }
}

/// Looks at the scheme of a Postgres URL. The rest is the driver's to read, and never repeated.
pub(super) fn postgres_url(text: &str) -> Result<(), String> {
    let sound = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
    if sound { Ok(()) } else { Err("is no Postgres URL; it starts with postgres://".to_owned()) }
}

/// The value of an AWS tag (`Tagging AWS resources, tag naming limits`).
pub(super) fn tag_value(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c);
    if text.trim().is_empty() {
        return Err("is empty; name this installation, as in \"acme-platform\"".to_owned());
    }
    if text.trim() != text || text.chars().count() > 256 || !text.chars().all(allowed) {
        return Err("is no tag value; use up to 256 letters, digits, inner spaces and _.:/=+-@".to_owned());
    }
    Ok(text.to_owned())
}

/// A 12-digit AWS account.
pub(super) fn account_id(text: &str) -> Result<String, String> {
    let sound = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    if sound { Ok(text.to_owned()) } else { Err(format!("{text:?} is no AWS account; write its 12 digits in quotes")) }
}

/// The shape of a region, `eu-central-1`; which regions there are changes faster than this program.
pub(super) fn region(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split('-').collect();
    let sound = match parts.as_slice() {
        [area, middle @ .., number] => {
            area.len() == 2
                && !middle.is_empty()
                && middle.iter().chain([area]).all(|word| word.bytes().all(|b| b.is_ascii_lowercase()))
                && middle.iter().all(|word| !word.is_empty())
                && (1..=2).contains(&number.len())
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    };
    if sound { Ok(text.to_owned()) } else { Err(format!("{text:?} is no AWS region; write it like \"eu-central-1\"")) }
}

/// EKS's own rule for the name of a cluster (`EKS API reference, CreateCluster`).
pub(super) fn eks_name(text: &str) -> Result<String, String> {
    name(text, "-_").ok_or_else(|| {
        format!("{text:?} is no EKS cluster name; it starts with a letter or digit and has up to 100 of those, - and _")
    })
}

/// Entryway's name for a cluster: it stands in paths of the API, so it needs no escaping there.
pub(super) fn cluster_name(text: &str) -> Result<String, String> {
    name(text, "-_.").ok_or_else(|| {
        format!("{text:?} is no cluster name; start with a letter or digit, then up to 100 of those, -, _ and .")
    })
}

fn name(text: &str, also: &str) -> Option<String> {
    let sound = (1..=100).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c));
    sound.then(|| text.to_owned())
}

/// The ARN of an IAM role or user.
pub(super) fn principal(text: &str) -> Result<String, String> {
    text.parse::<PrincipalArn>().map(|arn| arn.to_string()).map_err(|error| format!("{text:?}: {error}"))
}

/// The ARN of an IAM role.
pub(super) fn role(text: &str) -> Result<Option<PrincipalArn>, String> {
    let arn: PrincipalArn = text.parse().map_err(|error| format!("{text:?}: {error}"))?;
    match arn.kind() {
        PrincipalKind::Role => Ok(Some(arn)),
        PrincipalKind::User => Err(format!("{text} is a user; only a role can be assumed")),
    }
}

/// What STS takes as an external id (`STS API reference, AssumeRole`).
pub(super) fn external_id(text: &str) -> Result<String, String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b);
    if (2..=1224).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("is no external id; STS takes 2 to 1224 letters, digits and _+=,.@:/-".to_owned())
    }
}

/// Any one-line text that says something.
pub(super) fn word(text: &str) -> Result<String, String> {
    if text.is_empty() || text.trim() != text || text.chars().any(char::is_control) || text.chars().count() > 256 {
        return Err("needs 1 to 256 characters, without spaces around them or control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// A SHA-256 in hex. Never repeated: somebody may have put the token itself there.
pub(super) fn sha256(text: &str) -> Result<[u8; 32], String> {
    let wrong = || "is no SHA-256; write the 64 hex digits that `printf %s \"$TOKEN\" | sha256sum` prints".to_owned();
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}

/// Looks whether it could be a private key, in PEM or its base64 alone. Never repeated.
pub(super) fn private_key(text: &str) -> Result<(), String> {
    let mut lines =
        text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).filter(|line| !line.is_empty());
    let base64 = |line: &str| line.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
    if lines.clone().next().is_some() && lines.all(base64) {
        return Ok(());
    }
    Err("is no private key; make one with `openssl genpkey -algorithm ed25519`".to_owned())
}
