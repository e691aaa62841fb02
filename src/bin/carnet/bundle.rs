//! Collects chunk files, and opens the bundle that `unpack` and `import` work on.

use std::sync::Arc;

use carnet::arrival::{Bundle, OpenRequest, open};
use carnet::diagnosis::Code;
use carnet::logbook::Candidate;
use carnet::medium::{ChunkFile, ChunkPlace, collect};
use carnet::observe::Event;
use carnet::trust::TrustPolicy;

use super::command_error::CommandError;
use super::memory::{Passage, Recall, candidates};
use super::stores::Stores;

/// Returns the files that the places name, and notes what was passed over in folders.
pub(crate) fn chunk_files(
    places: &[ChunkPlace],
    stores: &Stores<'_>,
) -> Result<Vec<Arc<dyn ChunkFile>>, CommandError> {
    let paths = places.iter().filter_map(|place| match place {
        ChunkPlace::Path(path) => Some(path.clone()),
        ChunkPlace::Store(_) => None,
    });
    let collected = collect(&paths.collect::<Vec<_>>())?;
    for passed_over in &collected.passed_over {
        stores.environment.monitor.tell(Event::Note { text: passed_over.to_string() });
    }
    let mut files = collected.files;
    for place in places.iter().filter(|place| matches!(place, ChunkPlace::Store(_))) {
        files.extend(stores.store(place)?.files()?);
    }
    Ok(files)
}

/// What a command is given to open one bundle.
pub(crate) struct Opening<'a> {
    /// Where its files are.
    pub(crate) places: &'a [ChunkPlace],
    /// The stores among these places.
    pub(crate) stores: &'a Stores<'a>,
    /// Whom to trust.
    pub(crate) policy: Option<&'a TrustPolicy>,
    /// The name or id of the bundle, if one is given.
    pub(crate) wanted: Option<&'a str>,
    /// What is remembered of streams.
    pub(crate) recall: &'a Recall,
}

/// The bundle to work on.
pub(crate) struct Chosen<'a> {
    /// The bundle.
    pub(crate) bundle: &'a Bundle,
    /// The bundles beside it, which may carry what it leaves out.
    pub(crate) others: &'a [Bundle],
    /// What its stream says.
    pub(crate) passage: Passage,
    /// Whether another attempt follows.
    pub(crate) attempt: Attempt,
}

impl Opening<'_> {
    /// Opens the bundle among these files.
    pub(crate) fn open(&self, files: &[Arc<dyn ChunkFile>]) -> Result<OpenedBundle, CommandError> {
        let request = OpenRequest { files, policy: self.policy };
        let arrivals = open(&request, self.stores.environment)?;
        let arrived = self.policy.map(|policy| candidates(&arrivals, policy)).unwrap_or_default();
        let (bundle, others) = arrivals.select_beside(self.wanted)?;
        Ok(OpenedBundle { bundle, others, arrived })
    }

    /// Judges it by what is remembered of its stream.
    pub(crate) fn choose<'b>(
        &self,
        opened: &'b OpenedBundle,
        attempt: Attempt,
    ) -> Result<Chosen<'b>, CommandError> {
        let OpenedBundle { bundle, others, arrived } = opened;
        let passage = match self.policy {
            Some(policy) => self.recall.judge(bundle, arrived, policy, self.stores.environment)?,
            None => Passage::default(),
        };
        Ok(Chosen { bundle, others, passage, attempt })
    }
}

/// A bundle among others.
pub(crate) struct OpenedBundle {
    pub(crate) bundle: Bundle,
    others: Vec<Bundle>,
    arrived: Vec<Candidate>,
}

/// Whether another attempt follows if the bundle turns out to be damaged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Another attempt follows, with recovered chunks.
    First,
    /// This is the last attempt.
    Last,
}

/// Whether a code means that bytes of the bundle are damaged or cannot be read.
pub(crate) fn is_damage(code: Code) -> bool {
    matches!(code, Code::BlobMismatch | Code::ChunkUnreadable)
}
