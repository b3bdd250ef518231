//! (to be written)

pub mod sim;
