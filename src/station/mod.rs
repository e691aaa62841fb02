//! Stations: export and import pipelines that run unattended.
//!
//! A [`Station`] is read from a file. An export pipeline packs artifacts of a registry into a place for chunk files. An
//! import pipeline watches such a place, its inbox, and imports each bundle that is complete and released. Every run
//! leaves a record ([`crate::runs`]). [`serve()`] runs all pipelines until it is told to stop.

mod alive;
mod arrived_facts;
mod attempts;
mod board;
mod duration;
mod equipment;
mod error;
mod export;
mod file_state;
mod import;
mod inbox;
mod judging;
mod log;
mod mending;
mod numbering;
mod packed_facts;
mod passage;
mod pipeline;
mod places_asked;
mod progress;
mod reach;
mod reception;
mod rule_keys;
mod schedule;
mod serve;
mod serving;
mod shelf;
mod signing_key;
mod spare_memory;
mod station_file;
mod survey;
mod twins;
mod values;
mod watch;

pub use alive::Alive;
pub use arrived_facts::{Proven, note_arrived, note_file_sums, note_imported};
pub use board::{Board, BundleView, PipelineView};
pub use duration::seconds;
pub use equipment::Equipment;
pub use error::{StationError, require_fields};
pub use export::{ExportRequest, export};
pub use file_state::{FileState, count_passed_over};
pub use import::{ImportRun, NotReady, import, ready};
pub use inbox::{Inbox, InboxBundle, InboxFile, InboxLimits};
pub use log::{Level, Log};
pub use mending::Mending;
pub use packed_facts::note_packed;
pub use passage::refused_by_stream;
pub use pipeline::{ExportPipeline, ImportPipeline, PipelineOption};
pub use reception::{Fate, Looks, Reception, bundle_folder, unfinished_line};
pub use serve::serve;
pub use serving::Serving;
pub use shelf::{move_aside, shelve};
pub use station_file::{Station, StationFileError};
pub use survey::{WithForeignLayers, foreign_layers};
pub use twins::twins;
