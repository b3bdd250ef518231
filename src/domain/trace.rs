//! Where in a trace something happens, as W3C Trace Context writes it (`traceparent`).

use std::fmt;
use std::str::FromStr;

/// A place in a trace: which trace, which span of it, and whether whoever began the trace has it recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// Never 0.
    pub trace_id: u128,
    /// Never 0.
    pub span_id: u64,
    /// Whether it is recorded.
    pub sampled: bool,
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

/// The text is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoTraceParent;

impl FromStr for TraceParent {
    type Err = NoTraceParent;

    /// Takes version 00 in the one spelling that the standard allows, and nothing else. Of the flags only `sampled` is kept.
    fn from_str(text: &str) -> Result<Self, NoTraceParent> {
        let mut parts = text.split('-');
        let mut part = |length: usize| {
            let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            parts.next().filter(|part| part.len() == length && part.bytes().all(lower)).ok_or(NoTraceParent)
        };
        let (version, trace_id, span_id, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        let trace_id = u128::from_str_radix(trace_id, 16).map_err(|_| NoTraceParent)?;
        let span_id = u64::from_str_radix(span_id, 16).map_err(|_| NoTraceParent)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| NoTraceParent)?;
        if version != "00" || trace_id == 0 || span_id == 0 || parts.next().is_some() {
            return Err(NoTraceParent);
        }
        Ok(Self { trace_id, span_id, sampled: flags & 1 == 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_read_is_written_the_same_but_for_flags_that_mean_nothing_here() {
        let parent: TraceParent = SOUND.parse().expect("the example of the standard");
        assert_eq!(parent.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(parent.to_string(), SOUND);
        for (flags, kept) in [("00", "00"), ("02", "00"), ("03", "01"), ("ff", "01")] {
            let given = format!("{}{flags}", &SOUND[..53]);
            let parent: TraceParent = given.parse().expect("any flags");
            assert_eq!(parent.to_string(), format!("{}{kept}", &SOUND[..53]));
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        let mut none = vec![String::new(), "00".to_owned(), SOUND.to_uppercase(), format!(" {SOUND}")];
        none.extend([format!("{SOUND}-00"), format!("{SOUND}0"), SOUND.replace('-', "_"), SOUND.replacen('4', "+", 1)]);
        none.extend([SOUND.replacen("00-", "01-", 1), SOUND.replacen("00-", "ff-", 1)]);
        none.push(format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)));
        none.push(format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01", "0".repeat(16)));
        for text in none {
            assert_eq!(text.parse::<TraceParent>(), Err(NoTraceParent), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused_and_never_anything_else(text in "\\PC{0,60}|00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}") {
            if let Ok(parent) = text.parse::<TraceParent>() {
                proptest::prop_assert_eq!(&parent.to_string()[..53], &text[..53]);
            }
        }
    }
}
