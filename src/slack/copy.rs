//! Copies of a message, which nobody knows of until somebody uses one.

use slack_morphism::blocks::SlackBlock;

use super::kit::paragraph;

/// `blocks` as a copy shows them: nothing to press, because nobody brings it up to date.
#[must_use]
pub fn as_copy(blocks: Vec<SlackBlock>) -> Vec<SlackBlock> {
    let kept = blocks.into_iter().filter(|block| !matches!(block, SlackBlock::Actions(_)));
    kept.chain([paragraph("This is a copy of the message, which nobody brings up to date any more. The other one is.")])
        .collect()
}
