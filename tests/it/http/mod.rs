//! The API as callers meet it: real sockets, tokens and bodies, over a real desk.

mod bed;
mod bodies;
mod conflicts;
mod decisions;
mod door;
mod lists;
mod once;
mod pages;
mod probes;
mod repairs;
mod routes;
mod socket;
mod submit;
mod unsound;
mod validation;
mod versions;
mod visibility;
mod waits;
mod worker_alone;
