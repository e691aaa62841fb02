//! `carnet receive`: chunks arrive in any order, under any names, half written and twice, and each bundle is used once.

mod arrivals;
mod history;
mod late_lists;
mod operator;
mod orders;
mod places;
mod service;
mod watching;
