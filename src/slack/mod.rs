//! Slack: what its calls look like and whether they are its own, what it is told, and what its people see. The shapes are those of
//! `slack-morphism`; only what is said and where is decided here. Nothing here decides about access.

mod card;
mod client;
mod copy;
mod form;
mod guest;
mod kit;
mod signature;

pub use card::Card;
pub use client::{Client, POST, SlackError, UPDATE};
pub use copy::as_copy;
pub use form::{
    ASK, Asking, CLUSTER, DENY, DENY_FIELD, Denial, ask_view, deny_view, field_of, read, said_in, told_view,
};
pub use guest::{Member, member};
pub use kit::{code, plain, text};
pub use signature::Verifier;
pub use slack_morphism::blocks::SlackBlock;

/// The command people give in Slack.
pub const COMMAND: &str = "/eks-access";

/// The destination of deliveries that messages are.
pub const DESTINATION: &str = "slack";
