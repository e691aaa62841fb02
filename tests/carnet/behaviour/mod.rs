//! What a user sees when all is well, and when the world is not: round trips, sizes, failures, outputs.

mod layouts;
mod support;

mod closure;
mod determinism;
mod forms;
mod in_the_way;
mod interrupted;
mod nondistributable;
mod sizes;
