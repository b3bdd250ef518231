//! What the environment says of traces, in the variables that OpenTelemetry gives a meaning. Most of them its crates read by
//! themselves, and take no notice of what they do not understand; here that is said, by the name of the variable.

use std::collections::BTreeSet;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};

use super::TelemetryError;

/// How long a collector may take for one batch, unless told (`OTLP exporter specification`).
const TIMEOUT: Duration = Duration::from_secs(10);

/// How many spans wait at most, unless told (`OpenTelemetry environment variable specification, batch span processor`).
const QUEUE: usize = 2048;

/// What is needed here, all of it sound.
#[derive(Debug)]
#[cfg_attr(test, derive(PartialEq, Eq))]
#[cfg_attr(not(any(feature = "otel", test)), expect(dead_code, reason = "it is checked all the same"))]
pub(super) struct Settings {
    /// How long the collector may take for one batch.
    pub(super) timeout: Duration,
    /// How many spans may wait for being sent.
    pub(super) queue: usize,
    /// The attributes of the service that the environment sets.
    pub(super) described: BTreeSet<String>,
}

/// What is wrong with a value, and what to write instead.
type Wrong = Result<(), String>;

/// A variable, and what may be written in it.
type Variable = (&'static str, fn(&str) -> Wrong);

/// What is checked where traces are wanted.
const VARIABLES: &[Variable] = &[
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", protocol),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
    ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", compression),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", compression),
    (TRACES_TIMEOUT, positive),
    (ALL_TIMEOUT, positive),
    ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", headers),
    ("OTEL_EXPORTER_OTLP_HEADERS", headers),
    ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", certificate),
    ("OTEL_EXPORTER_OTLP_CERTIFICATE", certificate),
    ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", client_certificate),
    ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", client_certificate),
    ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", client_certificate),
    ("OTEL_EXPORTER_OTLP_CLIENT_KEY", client_certificate),
    (ATTRIBUTES, attributes),
    (SAMPLER, sampler),
    ("OTEL_BSP_SCHEDULE_DELAY", positive),
    ("OTEL_BSP_EXPORT_TIMEOUT", positive),
    (QUEUE_SIZE, positive),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", positive),
    ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", positive),
    ("OTEL_SPAN_EVENT_COUNT_LIMIT", positive),
    ("OTEL_SPAN_LINK_COUNT_LIMIT", positive),
];

const TRACES_TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT";
const ALL_TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const QUEUE_SIZE: &str = "OTEL_BSP_MAX_QUEUE_SIZE";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";

impl Settings {
    /// What `env` says, if it wants traces: where it names a collector, and nothing there switches them off.
    pub(super) fn of(env: &[(String, String)]) -> Result<Option<Self>, TelemetryError> {
        let said = |name: &str| {
            env.iter().find(|(given, text)| given == name && !text.is_empty()).map(|(_, text)| text.as_str())
        };
        let wrong = |variable, reason| TelemetryError::Variable { variable, reason };
        let off = match said("OTEL_SDK_DISABLED").map(str::to_ascii_lowercase).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                return Err(wrong("OTEL_SDK_DISABLED", format!("{other:?} is neither \"true\" nor \"false\"")));
            }
        };
        let off = match said("OTEL_TRACES_EXPORTER") {
            _ if off => true,
            None | Some("otlp") => false,
            Some("none") => true,
            Some(other) => {
                let reason = format!("{other:?} is no way that traces can go; write \"otlp\" or \"none\"");
                return Err(wrong("OTEL_TRACES_EXPORTER", reason));
            }
        };
        let named = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]
            .into_iter()
            .any(|name| said(name).is_some());
        if off || !named {
            return Ok(None);
        }
        for (variable, check) in VARIABLES {
            if let Some(text) = said(variable) {
                check(text).map_err(|reason| wrong(variable, reason))?;
            }
        }
        if said(SAMPLER).is_some_and(|sampler| sampler.ends_with("ratio")) {
            said(SAMPLER_ARG).map_or(Ok(()), share).map_err(|reason| wrong(SAMPLER_ARG, reason))?;
        }
        let timeout = [TRACES_TIMEOUT, ALL_TIMEOUT].into_iter().find_map(said).and_then(|text| text.parse().ok());
        let mut described: BTreeSet<_> =
            pairs(said(ATTRIBUTES).unwrap_or_default()).map(|(key, _)| key.to_owned()).collect();
        described.extend(said("OTEL_SERVICE_NAME").map(|_| "service.name".to_owned()));
        let timeout = timeout.map_or(TIMEOUT, Duration::from_millis);
        let queue = said(QUEUE_SIZE).and_then(|text| text.parse().ok()).unwrap_or(QUEUE);
        Ok(Some(Self { timeout, queue, described }))
    }
}

/// `a=b,c=d`. What has no `=` is a key without a value.
fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split_terminator(',').map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key.trim(), value.trim())
    })
}

fn endpoint(text: &str) -> Wrong {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url else {
        return Err(format!("{text:?} is no address of a collector; write it like \"http://collector:4318\""));
    };
    // Not quoted: there may be a secret in it.
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(
            "leave user, password, query and fragment out of the address; what the collector wants to be shown goes \
                    into OTEL_EXPORTER_OTLP_HEADERS"
                .to_owned(),
        );
    }
    Ok(())
}

fn protocol(text: &str) -> Wrong {
    if text.eq_ignore_ascii_case("http/protobuf") {
        return Ok(());
    }
    Err(format!("{text:?} is not spoken; write \"http/protobuf\" (collectors listen for it on port 4318)"))
}

fn compression(text: &str) -> Wrong {
    let none = text.eq_ignore_ascii_case("none");
    if none { Ok(()) } else { Err(format!("{text:?} is not built in; write \"none\", or leave it out")) }
}

fn positive(text: &str) -> Wrong {
    // What fits here fits wherever OpenTelemetry puts it.
    match text.parse::<u32>() {
        Ok(1..) => Ok(()),
        _ => Err(format!(
            "{text:?} is no number that can be meant; write a whole one above 0 (times are in milliseconds)"
        )),
    }
}

/// Values may be secrets, and are never quoted.
fn headers(text: &str) -> Wrong {
    for (place, (name, value)) in pairs(text).enumerate() {
        let value = percent_decode_str(value).decode_utf8().ok().filter(|value| !value.is_empty());
        let sound =
            HeaderName::try_from(name).is_ok() && value.is_some_and(|value| HeaderValue::from_str(&value).is_ok());
        if !sound {
            return Err(format!(
                "header {} of it is none; write them like \"name=value,other=value\", with %2C for a comma in a value",
                place + 1
            ));
        }
    }
    Ok(())
}

fn certificate(_: &str) -> Wrong {
    Err("authorities are not read from there; put yours where the system keeps them, or name its file in SSL_CERT_FILE"
        .to_owned())
}

fn client_certificate(_: &str) -> Wrong {
    Err("certificates of clients are not supported; show the collector a header (OTEL_EXPORTER_OTLP_HEADERS), or have \
         a collector beside this process hand the spans on"
        .to_owned())
}

fn attributes(text: &str) -> Wrong {
    match pairs(text).find(|(key, value)| key.is_empty() || value.is_empty()) {
        None => Ok(()),
        Some((key, _)) => {
            Err(format!("{key:?} has no value; write it like \"deployment.environment.name=prod,team=platform\""))
        }
    }
}

fn sampler(text: &str) -> Wrong {
    const KNOWN: [&str; 6] = [
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
        "always_on",
        "always_off",
        "traceidratio",
    ];
    if KNOWN.contains(&text) {
        Ok(())
    } else {
        Err(format!("{text:?} is no sampler; write one of {}", KNOWN.join(", ")))
    }
}

fn share(text: &str) -> Wrong {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(()),
        _ => Err(format!("{text:?} is no share of traces; write a number from 0 to 1, like \"0.1\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLLECTOR: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

    fn said(env: &[(&str, &str)]) -> Result<Option<Settings>, String> {
        let env: Vec<_> = env.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Settings::of(&env).map_err(|error| error.to_string())
    }

    #[test]
    fn traces_are_wanted_where_a_collector_is_named_and_nothing_switches_them_off() {
        let wanted = |env: &[(&str, &str)]| said(env).expect("sound").is_some();
        assert!(wanted(&[COLLECTOR]));
        assert!(wanted(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://collector/v1/traces")]));
        assert!(wanted(&[COLLECTOR, ("OTEL_SDK_DISABLED", "False"), ("OTEL_TRACES_EXPORTER", "otlp")]));
        assert!(!wanted(&[]));
        assert!(!wanted(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]), "empty is not said");
        assert!(!wanted(&[COLLECTOR, ("OTEL_SDK_DISABLED", "true")]));
        assert!(!wanted(&[COLLECTOR, ("OTEL_TRACES_EXPORTER", "none")]));
        assert!(!wanted(&[("OTEL_TRACES_SAMPLER", "sometimes")]), "what is not wanted is not looked at");
    }

    #[test]
    fn what_is_needed_is_read() {
        let plain = said(&[COLLECTOR]).expect("sound").expect("wanted");
        assert_eq!(plain, Settings { timeout: TIMEOUT, queue: QUEUE, described: [].into() });
        let all = [
            COLLECTOR,
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "7000"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2000"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20a%2Cb, x-team = platform"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.version=7,team=platform"),
            ("OTEL_SERVICE_NAME", "access"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
        ];
        let all = said(&all).expect("sound").expect("wanted");
        let described = ["service.name", "service.version", "team"].map(str::to_owned).into();
        assert_eq!(all, Settings { timeout: Duration::from_secs(2), queue: 100, described });
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_the_name_of_its_variable_and_no_secret_is_said() {
        let wrong = [
            ("OTEL_SDK_DISABLED", "yes"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "grpc://collector:4317"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://me:pl4nted@collector"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://collector/?key=pl4nted"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "pl4nted"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,two words=pl4nted"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=pl4nted%0A"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.pem"),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/etc/key.pem"),
            ("OTEL_RESOURCE_ATTRIBUTES", "team"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_BSP_SCHEDULE_DELAY", "5s"),
            ("OTEL_SPAN_LINK_COUNT_LIMIT", "-1"),
        ];
        for (name, text) in wrong {
            let error = said(&[COLLECTOR, (name, text)]).expect_err(text);
            assert!(error.starts_with(&format!("{name}: ")), "{name}={text}: {error}");
            assert!(!error.contains("pl4nted"), "{error}");
        }
        for arg in ["a tenth", "1.5", "-0.1", "NaN"] {
            let error = said(&[COLLECTOR, (SAMPLER, "traceidratio"), (SAMPLER_ARG, arg)]).expect_err(arg);
            assert!(error.starts_with("OTEL_TRACES_SAMPLER_ARG: "), "{error}");
        }
    }
}
