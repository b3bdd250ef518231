//! Logs: to stderr, for people on a terminal, as JSON (one object to a line) anywhere else. Traces: to a collector, where the
//! environment names one ([`spans`] is what they are made of).

mod asked;
mod settings;
pub mod spans;
#[cfg(feature = "otel")]
mod traces;
#[cfg(not(feature = "otel"))]
#[path = "telemetry/without.rs"]
mod traces;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};

use thiserror::Error;
use tracing::error;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use asked::Asked;
use settings::Settings;
pub use traces::Traces;

/// What is logged unless somebody asks for more. sqlx logs every statement at `info`.
const USUAL: &str = "info,sqlx=warn";

/// What is logged in the sandbox, where people read what it prints: only what went wrong.
const QUIET: &str = "error";

/// What is never logged, however much somebody asks for: sqlx tells of parameters of the database's URL that it does not know,
/// with their values, and those may be secrets; and the spans of traces are for those alone.
const NEVER: [&str; 2] = ["sqlx_postgres::options=off", "entryway_trace=off"];

/// Whatever writes the log.
type Logs = Box<dyn Layer<Registry> + Send + Sync>;

/// How much is said where nobody says how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volume {
    /// What a service says.
    Usual,
    /// Only what went wrong.
    Quiet,
}

/// Why logging or traces could not be set up.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("{variable}: {reason}; write it like \"info,entryway=debug\"")]
    Filter {
        /// The variable it came from.
        variable: &'static str,
        /// What the parser says.
        reason: String,
    },
    /// Neither of the two formats.
    #[error("ENTRYWAY_LOG_FORMAT: {0:?} is no format; write \"text\" or \"json\"")]
    Format(String),
    /// A variable of OpenTelemetry's says what cannot be meant.
    #[error("{variable}: {reason}")]
    Variable {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it, and what to write instead.
        reason: String,
    },
    /// Traces cannot be sent.
    #[error("traces cannot be set up: {0}; leave OTEL_EXPORTER_OTLP_ENDPOINT out to start without them")]
    Traces(String),
    /// Something else logs already.
    #[error("logging is set up already: {0}")]
    Twice(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Json,
}

/// What `env` says about logging.
#[derive(Debug, Default)]
struct Wanted {
    own_filter: Option<String>,
    rust_log: Option<String>,
    format: Option<String>,
}

impl Wanted {
    fn of(env: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut wanted = Self::default();
        for (name, text) in env.into_iter().filter(|(_, text)| !text.is_empty()) {
            match name.as_str() {
                "ENTRYWAY_LOG" => wanted.own_filter = Some(text),
                "RUST_LOG" => wanted.rust_log = Some(text),
                "ENTRYWAY_LOG_FORMAT" => wanted.format = Some(text),
                _ => {}
            }
        }
        wanted
    }

    fn filter(&self, volume: Volume) -> Result<EnvFilter, TelemetryError> {
        let (variable, text) = match (&self.own_filter, &self.rust_log) {
            (Some(text), _) => ("ENTRYWAY_LOG", text.as_str()),
            (None, Some(text)) => ("RUST_LOG", text.as_str()),
            (None, None) if volume == Volume::Quiet => ("the default filter", QUIET),
            (None, None) => ("the default filter", USUAL),
        };
        // After the others, so that it has the last word.
        let text = format!("{text},{}", NEVER.join(","));
        EnvFilter::builder().parse(text).map_err(|error| TelemetryError::Filter { variable, reason: error.to_string() })
    }

    fn format(&self, on_a_terminal: bool) -> Result<Format, TelemetryError> {
        match self.format.as_deref() {
            Some("text") => Ok(Format::Text),
            Some("json") => Ok(Format::Json),
            Some(other) => Err(TelemetryError::Format(other.to_owned())),
            None if on_a_terminal => Ok(Format::Text),
            None => Ok(Format::Json),
        }
    }
}

/// Starts logging as `env` wants it, or else at `volume`: `ENTRYWAY_LOG` or else `RUST_LOG` filters, `ENTRYWAY_LOG_FORMAT` is `text` or
/// `json`. Panics are logged like everything else, so that no line of the log is anything but JSON where JSON is
/// wanted. With `traced`, and where the variables of OpenTelemetry name a collector, traces are sent there; what this answers
/// sends the last of them.
///
/// # Errors
/// When a variable says something unknown, or logging is set up already.
pub fn init(
    env: impl IntoIterator<Item = (String, String)>,
    volume: Volume,
    traced: bool,
) -> Result<Traces, TelemetryError> {
    let env: Vec<_> = env.into_iter().collect();
    let settings = if traced { Settings::of(&env)? } else { None };
    let wanted = Wanted::of(env);
    let terminal = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    // On a terminal the library heeds NO_COLOR; elsewhere colours are noise whatever it says.
    let log = if terminal { log } else { log.with_ansi(false) };
    let log: Logs = match wanted.format(terminal)? {
        Format::Text => log.boxed(),
        Format::Json => log.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let log: Logs = log.with_filter(Asked(wanted.filter(volume)?)).boxed();
    let traces = traces::install(tracing_subscriber::registry().with(log), settings.as_ref())?;
    panic::set_hook(Box::new(log_panic));
    Ok(traces)
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let cause = panic.payload_as_str().unwrap_or("no text");
    // Captured only where RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    error!(place, cause, backtrace, "panic");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(env: &[(&str, &str)]) -> Wanted {
        Wanted::of(env.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())))
    }

    #[test]
    fn our_own_filter_comes_first() {
        let filter = |env: &[(&str, &str)]| wanted(env).filter(Volume::Usual).expect("a filter").to_string();
        for (own, expected) in [("debug", "debug"), ("", "warn"), ("trace", "trace")] {
            let filter = filter(&[("RUST_LOG", "warn"), ("ENTRYWAY_LOG", own)]);
            let directives: std::collections::BTreeSet<_> = filter.split(',').collect();
            assert_eq!(directives, NEVER.into_iter().chain([expected]).collect());
        }
        assert!(filter(&[]).contains("sqlx=warn"));
    }

    #[test]
    fn the_terminal_decides_the_format_unless_told() {
        let format = |env: &[(&str, &str)], terminal| wanted(env).format(terminal).expect("a format");
        assert_eq!((format(&[], true), format(&[], false)), (Format::Text, Format::Json));
        assert_eq!(format(&[("ENTRYWAY_LOG_FORMAT", "json")], true), Format::Json);
        assert_eq!(format(&[("ENTRYWAY_LOG_FORMAT", "text")], false), Format::Text);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_the_name_of_its_variable() {
        let error = wanted(&[("RUST_LOG", "entryway=loud")]).filter(Volume::Usual).expect_err("no level").to_string();
        assert!(error.starts_with("RUST_LOG: "), "{error}");
        let error = wanted(&[("ENTRYWAY_LOG_FORMAT", "xml")]).format(true).expect_err("no format").to_string();
        assert!(error.contains("\"xml\" is no format"), "{error}");
    }
}
