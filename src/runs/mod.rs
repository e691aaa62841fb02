//! Records of the runs of pipelines, for years and for auditors.
//!
//! Each run has a [`RunRecord`] in a file of its own, which is replaced while it runs and never changes afterwards. A
//! [`Ledger`] appends a signed line to a chain when a run ends or its record is deleted; each line names the digest of the
//! line before it. So a record that was changed, removed, or moved in time shows: [`verify()`] says which.
//! docs/runs.md describes the files byte for byte.

mod chain;
mod csv_text;
mod error;
mod files;
mod history;
mod judged;
mod ledger;
mod people;
mod reconcile;
mod record;
mod transfer_record;
mod verify;
mod work;

pub use chain::{ChainEvent, ChainLine};
pub use csv_text::{csv_text, run_rows};
pub use error::RunsError;
pub use history::PastRun;
pub use judged::{REASONS_MAX, RunDenial, RunJudgement, RunRuleFile};
pub use ledger::{Ledger, RunHandle};
pub use people::{Person, same_person};
pub use reconcile::{Difference, Reconciliation, reconcile};
pub use record::{
    ArtifactOutcome, PipelineType, Place, Progress, RunCheck, RunFile, RunRecord, RunSigner, RunStatus,
    SourceTrigger, Trigger,
};
pub use transfer_record::{ChainProof, SignatureCheck, TransferRecord};
pub use verify::{Fault, Verified, verify};
pub use work::{Did, Work};
