//! Showing people what they wrote, and telling what could mislead them.

/// How much of an offending value is shown, in characters.
const SHOWN: usize = 80;

/// `text` in quotes: what cannot be seen or would act on a terminal is escaped, what is long is cut.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", shown(text, SHOWN))
}

/// At most `most` characters of `text`, with what cannot be seen escaped.
pub(super) fn shown(text: &str, most: usize) -> String {
    let mut out: String = text.chars().take(most).flat_map(char::escape_debug).collect();
    if text.chars().nth(most).is_some() {
        out.push('…');
    }
    out
}

/// One step of a JSON pointer (RFC 6901).
pub(super) fn pointer_step(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Characters that act on how the text around them is shown, or hide in it, instead of showing anything themselves:
/// controls, the overrides and isolates that turn the direction of text, spaces, hyphens and fillers that nobody sees, and
/// tags (`Unicode TR 36, security considerations`). Joiners and what picks the look of a sign are none: emoji and several
/// scripts need them.
pub(super) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// As [`is_deceptive`], and what only emoji and running text have a use for: with one of these in it a name is another name
/// that looks the same.
pub(super) fn hides_in_a_name(c: char) -> bool {
    is_deceptive(c) || matches!(c, '\n' | '\t' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// "; did you mean …?" with the known name nearest to `text`, or nothing if none is near.
pub(super) fn did_you_mean<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    if text.len() > SHOWN {
        return String::new();
    }
    let text = text.to_lowercase();
    let near = text.chars().count() / 3 + 1;
    known
        .into_iter()
        .filter(|name| name.len().abs_diff(text.len()) <= near)
        .map(|name| (distance(&text, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= near)
        .min()
        .map(|(_, name)| format!("; did you mean {name}?"))
        .unwrap_or_default()
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replace = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_cannot_act_on_its_reader() {
        assert_eq!(quoted("a\n\u{1b}[31m\u{202e}\u{200b}\"b"), r#""a\n\u{1b}[31m\u{202e}\u{200b}\"b""#);
    }

    #[test]
    fn what_nobody_sees_is_known_for_it() {
        for c in
            "\u{ad}\u{34f}\u{115f}\u{180e}\u{200b}\u{202e}\u{2800}\u{3164}\u{feff}\u{ffa0}\u{e0041}\u{e0100}".chars()
        {
            assert!(is_deceptive(c) && hides_in_a_name(c), "{}", c.escape_unicode());
        }
        for c in "\u{200c}\u{200d}\u{fe0f}\n".chars() {
            assert!(hides_in_a_name(c), "{}", c.escape_unicode());
        }
        for c in "aä-. \u{301}क한👍".chars() {
            assert!(!hides_in_a_name(c), "{c}");
        }
    }

    #[test]
    fn what_is_long_is_cut_between_characters() {
        assert_eq!(quoted(&"ü".repeat(80)), format!("\"{}\"", "ü".repeat(80)));
        assert_eq!(quoted(&"ü".repeat(81)), format!("\"{}…\"", "ü".repeat(80)));
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["prod", "staging", "sandbox"];
        assert_eq!(did_you_mean("prdo", known), "; did you mean prod?");
        assert_eq!(did_you_mean("Staging", known), "; did you mean staging?");
        assert_eq!(did_you_mean("warehouse", known), "");
        assert_eq!(did_you_mean(&"x".repeat(100_000), known), "");
    }

    #[test]
    fn distances() {
        for (a, b, expected) in [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }
}
