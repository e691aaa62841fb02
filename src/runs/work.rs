//! What a run did with a bundle, as the chain keeps it: it outlives the record of the run.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{PipelineType, RunRecord, RunStatus};
use crate::format::{BundleName, StreamName, Sum};

/// What a run did with a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Did {
    /// It wrote the bundle, perhaps without artifacts that failed.
    Exported,
    /// It imported everything in the bundle.
    Imported,
    /// It took a number for the bundle, and did not finish it.
    Began,
    /// There is no bundle that counts.
    Nothing,
}

/// What a run did, and with which bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// What it did.
    pub did: Did,
    /// The id of the bundle, if it was finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    /// The name of the bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The digest of everything that was packed, whatever the name of the bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The stream of the bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The number of the bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
}

/// Returns a text that is an id or a name. Anything else would make the line too long, or is a lie.
fn known<T: FromStr>(text: Option<&String>) -> Option<String> {
    text.filter(|text| text.parse::<T>().is_ok()).cloned()
}

impl Work {
    /// What a record says. A record of a run that is under way is not signed, so what is no id or name is left out.
    pub(super) fn of(record: &RunRecord) -> Work {
        let is_export = record.pipeline_type == PipelineType::Export;
        let bundle = known::<Sum>(record.catalog_digest.as_ref());
        let did = match record.status {
            RunStatus::Succeeded if !is_export && bundle.is_some() => Did::Imported,
            RunStatus::Succeeded | RunStatus::Failed if is_export && bundle.is_some() => Did::Exported,
            RunStatus::Skipped => Did::Nothing,
            _ if is_export && record.sequence.is_some() => Did::Began,
            _ => Did::Nothing,
        };
        if did == Did::Nothing {
            return Work { did, bundle: None, name: None, content: None, stream: None, sequence: None };
        }
        Work {
            did,
            bundle,
            name: known::<BundleName>(record.bundle_name.as_ref()),
            content: known::<Sum>(record.content_digest.as_ref()),
            stream: known::<StreamName>(record.stream.as_ref()),
            sequence: record.sequence,
        }
    }
}
