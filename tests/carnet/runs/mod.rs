//! Run records: what the ledger writes, what shows when somebody changes it, and the commands on it.

mod by_hand;
mod commands;
mod crash;
mod ledger;
mod reconcile;
mod support;
