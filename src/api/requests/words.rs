//! What people say when they act. It is shown to others and kept in the audit log, so nothing in it may pose as
//! something else.

use super::super::problem::{Code, FieldError, Problem};
use crate::domain::rules;

/// The longest text, in characters.
const LONGEST: usize = 1000;

/// A field for such words, with the codes of what may be wrong with them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// Where it is in the body: a JSON pointer.
    pointer: &'static str,
    too_long: &'static str,
    invalid: &'static str,
}

/// Why somebody withdraws, revokes, relinquishes, retries or repairs.
pub(crate) const REASON: Field = Field { pointer: "/reason", too_long: "reason-too-long", invalid: "reason-invalid" };

/// What a reviewer says beside the decision.
pub(crate) const COMMENT: Field =
    Field { pointer: "/comment", too_long: "comment-too-long", invalid: "comment-invalid" };

/// The words as they are kept: without space around them, and none where that leaves nothing.
///
/// # Errors
/// `validation-failed` for what is too long, or holds characters that mislead.
pub(crate) fn said(field: Field, given: Option<&String>) -> Result<Option<String>, Problem> {
    let words = given.map(|text| text.trim().replace("\r\n", "\n")).unwrap_or_default();
    let refused = |code, detail: String| {
        let error = FieldError::at(field.pointer, code, detail.clone());
        Err(Problem::new(Code::ValidationFailed, detail).listing(vec![error]))
    };
    // As it was sent: that is what the document of the API promises about it.
    let length = given.map_or(0, |text| text.chars().count());
    if length > LONGEST {
        return refused(field.too_long, format!("it has {length} characters and may have {LONGEST}; shorten it"));
    }
    if let Some(c) = rules::misleading(&words) {
        return refused(field.invalid, format!("it holds the control character {}; remove it", c.escape_unicode()));
    }
    Ok(Some(words).filter(|words| !words.is_empty()))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn reason(text: &str) -> Result<Option<String>, Cow<'static, str>> {
        said(REASON, Some(&text.to_owned())).map_err(|problem| problem.errors()[0].code.clone())
    }

    #[test]
    fn keeps_what_people_can_read() {
        assert_eq!(reason(" two\r\nlines \n"), Ok(Some("two\nlines".to_owned())));
        assert_eq!(reason(&"ü".repeat(LONGEST)), Ok(Some("ü".repeat(LONGEST))));
        assert_eq!(reason(&format!("x{}", "\u{85}".repeat(LONGEST))), Err("reason-too-long".into()));
        assert_eq!((reason("  "), said(COMMENT, None).ok()), (Ok(None), Some(None)));
    }

    #[test]
    fn refuses_what_is_too_long_or_misleads() {
        assert_eq!(reason(&"ü".repeat(LONGEST + 1)), Err("reason-too-long".into()));
        assert_eq!(reason("all fine\u{1b}[2J"), Err("reason-invalid".into()));
        assert_eq!(reason("a\u{202e}b"), Err("reason-invalid".into()));
    }
}
