//! `carnet receive`: chunks arrive in any order, under any names, half written and twice, and each bundle is used once.

mod arrivals;
mod away;
mod history;
mod late_lists;
mod objects;
pub(crate) mod operator;
mod options;
mod orders;
mod outage;
mod panics;
mod places;
mod policies;
mod recovering;
mod service;
mod signing;
mod supervised;
mod watching;
