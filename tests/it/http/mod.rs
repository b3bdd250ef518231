//! The API as callers meet it: real sockets, tokens and bodies, over a real desk.

mod bed;
mod bodies;
mod break_glass;
mod conflicts;
mod decisions;
mod door;
mod events;
mod extend;
mod inventory;
mod lists;
mod once;
mod pages;
mod probes;
mod repairs;
mod revocations;
mod routes;
mod socket;
mod story;
mod submit;
mod unsound;
mod validation;
mod versions;
mod visibility;
mod waits;
mod worker_alone;
