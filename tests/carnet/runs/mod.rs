//! Run records: what the ledger writes, and what shows when somebody changes it.

mod ledger;
