//! Slack, against a Slack that is as strict as the real one where it matters: calls that are not its own, people who are not who they
//! seem to be, everything that people do there, and messages that follow requests.

mod abuse;
mod bed;
mod deciding;
mod fake;
mod filing;
mod following;
mod linking;
mod lost;
mod measure;
mod pressure;
