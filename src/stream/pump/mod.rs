//! The engine: workers that move many flows at once, and hash their blocks together.

mod crew;
mod engine;
mod lane;
mod numbered;
mod pumping;

pub use pumping::{Halted, pump, pump_list};

#[cfg(test)]
mod tests;
