//! Which bundles were imported, as the records say.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use super::files::{names, read};
use super::{PipelineType, RunStatus, RunsError};
use crate::format::Sum;

/// What the records that were read so far say.
#[derive(Default)]
pub(super) struct Imports {
    /// The records of runs that have ended. They never change.
    read: HashSet<String>,
    /// The runs that imported each bundle, by pipeline and bundle.
    runs: HashMap<(String, String), BTreeSet<String>>,
}

impl Imports {
    /// Reads the records that are new, and forgets those that were deleted. A record that cannot be read is tried again the
    /// next time; [`super::verify`] tells it.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub(super) fn read(&mut self, folder: &Path) -> Result<(), RunsError> {
        let names: HashSet<String> = names(folder)?.into_iter().collect();
        self.read.retain(|name| names.contains(name));
        self.runs.retain(|_, runs| {
            runs.retain(|name| names.contains(name));
            !runs.is_empty()
        });
        for name in names {
            if self.read.contains(&name) {
                continue;
            }
            let Ok((record, _)) = read(folder, &name) else { continue };
            if record.status == RunStatus::Running {
                continue;
            }
            if let (RunStatus::Succeeded, PipelineType::Import, Some(bundle)) =
                (record.status, record.pipeline_type, record.catalog_digest)
            {
                self.runs.entry((record.pipeline, bundle)).or_default().insert(record.name);
            }
            self.read.insert(name);
        }
        Ok(())
    }

    /// The newest run that imported a bundle. The names of runs begin with their time.
    pub(super) fn newest(&self, pipeline: &str, bundle: &Sum) -> Option<String> {
        self.runs.get(&(pipeline.to_owned(), bundle.to_string()))?.last().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::{Place, RunRecord};

    fn record(folder: &Path, name: &str, status: RunStatus, bundle: Sum) {
        let place = || Place { kind: "Folder".to_owned(), uri: "in".to_owned() };
        let mut record = RunRecord::new("mirror", PipelineType::Import, place(), place());
        (record.name, record.status, record.catalog_digest) =
            (name.to_owned(), status, Some(bundle.to_string()));
        std::fs::write(folder.join("runs").join(format!("{name}.json")), record.render()).unwrap();
    }

    #[test]
    fn follows_the_records() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("runs")).unwrap();
        let (bundle, other) = (Sum::of(b"1"), Sum::of(b"2"));
        let mut imports = Imports::default();
        let mut newest = |bundle: &Sum| {
            imports.read(folder.path()).unwrap();
            (imports.newest("mirror", bundle), imports.newest("elsewhere", bundle))
        };
        record(folder.path(), "a", RunStatus::Succeeded, bundle);
        record(folder.path(), "b", RunStatus::Running, bundle);
        record(folder.path(), "c", RunStatus::Failed, bundle);
        assert_eq!(newest(&bundle), (Some("a".to_owned()), None));
        assert_eq!(newest(&other), (None, None));
        record(folder.path(), "b", RunStatus::Succeeded, bundle);
        assert_eq!(newest(&bundle).0.as_deref(), Some("b"));
        std::fs::remove_file(folder.path().join("runs/b.json")).unwrap();
        assert_eq!(newest(&bundle).0.as_deref(), Some("a"));
        std::fs::remove_file(folder.path().join("runs/a.json")).unwrap();
        assert_eq!(newest(&bundle).0, None);
    }
}
