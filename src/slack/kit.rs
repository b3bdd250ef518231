//! Texts and blocks as Slack takes them: escaped first, then cut, so that no text is too long once it is escaped, and none is cut in
//! the middle of an escape.

use slack_morphism::blocks::{
    SlackBlock, SlackBlockChoiceItem, SlackBlockMarkDownText, SlackBlockPlainText, SlackBlockPlainTextOnly,
    SlackBlockText, SlackSectionBlock,
};

/// Characters in the text of a section (`Block Kit reference, section`).
pub(super) const SECTION: usize = 3000;
/// Characters in one field of a section.
pub(super) const FIELD: usize = 2000;
/// Characters in the text of a message, which notifications show.
pub(super) const MESSAGE: usize = 3000;
/// Characters in an option, a label of a button and a title of a view are fewer (`Block Kit reference`).
pub(super) const OPTION: usize = 75;
/// Characters in what is typed into a field before it is asked for.
pub(super) const INPUT: usize = 3000;

/// `raw` without anything that Slack acts on (`Formatting text for app surfaces, escaping`), in at most `limit` characters.
#[must_use]
pub fn text(raw: &str, limit: usize) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut length = 0;
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        let piece = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            _ => "",
        };
        let width = piece.len().max(1);
        let is_last = rest.as_str().is_empty();
        // Room for the mark that it was cut, unless nothing follows.
        if length + width + usize::from(!is_last) > limit {
            text.push('…');
            return text;
        }
        length += width;
        if piece.is_empty() { text.push(c) } else { text.push_str(piece) }
    }
    text
}

/// Whether `raw` is shown whole within `limit`.
pub(super) fn fits(raw: &str, limit: usize) -> bool {
    let width = |c| match c {
        '&' => 5,
        '<' | '>' => 4,
        _ => 1,
    };
    raw.chars().map(width).sum::<usize>() <= limit
}

/// `raw` as code, which Slack neither formats nor links.
#[must_use]
pub fn code(raw: &str, limit: usize) -> String {
    format!("`{}`", text(&raw.replace('`', "'"), limit - 2))
}

/// Text that Slack formats in no way.
#[must_use]
pub fn plain(raw: &str, limit: usize) -> SlackBlockPlainTextOnly {
    SlackBlockPlainText { text: text(raw, limit), emoji: Some(false) }.into()
}

/// A paragraph that Slack formats in no way.
pub(super) fn paragraph(raw: &str) -> SlackBlock {
    let text = SlackBlockPlainText { text: text(raw, SECTION), emoji: Some(false) };
    SlackSectionBlock { block_id: None, text: Some(text.into()), fields: None, accessory: None, expand: Some(true) }
        .into()
}

/// Text of our own making, of which every foreign part is escaped, with Slack's formatting.
pub(super) fn formatted(text: String) -> SlackBlockText {
    SlackBlockMarkDownText { text, verbatim: Some(true) }.into()
}

/// A choice that is called what it is.
pub(super) fn choice(value: &str) -> SlackBlockChoiceItem<SlackBlockPlainTextOnly> {
    SlackBlockChoiceItem { text: plain(value, OPTION), value: value.to_owned(), description: None, url: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_slack_acts_on_is_left() {
        assert_eq!(text("<!channel> & <https://x|y>", 100), "&lt;!channel&gt; &amp; &lt;https://x|y&gt;");
        assert_eq!(code("a`b", 100), "`a'b`");
    }

    #[test]
    fn what_is_escaped_is_cut_and_no_escape_is_cut_in_two() {
        for limit in 1..40 {
            let cut = text("<<<>>>&&&a", limit);
            assert!(cut.chars().count() <= limit, "{limit}: {cut}");
            let whole = cut.trim_end_matches('…');
            assert!(whole.is_empty() || whole.ends_with(';') || whole.ends_with('a'), "{limit}: {cut}");
        }
        assert_eq!(text(&"&".repeat(10), 50), "&amp;".repeat(10), "what just fits is not cut");
        assert!(text(&"&".repeat(1000), SECTION).chars().count() <= SECTION);
        assert!(fits(&"&".repeat(600), SECTION) && !fits(&"&".repeat(601), SECTION));
    }
}
