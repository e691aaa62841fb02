//! What is remembered of streams: numbers on the low side, verdicts on the far side, and what happens to the memory.
// A failing step is a failing test, here as in the tests themselves.
#![allow(clippy::unwrap_used)]

mod carrying;
mod clock;
mod crash;
mod damage;
mod numbers;
mod receiving;
mod stations;
mod support;
mod texts;
mod verdicts;
