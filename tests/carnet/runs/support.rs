//! A state folder with runs in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet::clock::Fixed;
use carnet::runs::{Ledger, PipelineType, Place, RunHandle, RunRecord, RunStatus, Verified, verify};
use carnet::trust::{KeyFile, Signer};

/// A state folder and the key that signs in it.
pub(super) struct State {
    _temporary: tempfile::TempDir,
    pub(super) folder: PathBuf,
    pub(super) key: Arc<KeyFile>,
}

impl State {
    pub(super) fn new() -> State {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("state");
        State { _temporary: temporary, folder, key: Arc::new(KeyFile::generate().unwrap()) }
    }

    pub(super) fn open(&self) -> Ledger {
        let signer: Arc<dyn Signer> = Arc::<KeyFile>::clone(&self.key);
        let clock = Arc::new(Fixed("2026-11-26T12:00:00Z".parse().unwrap()));
        Ledger::open(&self.folder, signer, clock).unwrap()
    }

    /// A ledger with five finished runs, whose names are returned.
    pub(super) fn with_runs(&self) -> (Ledger, Vec<String>) {
        let ledger = self.open();
        let names = (0..5).map(|_| finish(begin(&ledger), RunStatus::Succeeded)).collect();
        (ledger, names)
    }

    pub(super) fn verify(&self) -> Verified {
        verify(&self.folder, &[self.key.public_key().clone()], None).unwrap()
    }

    pub(super) fn record(&self, name: &str) -> PathBuf {
        self.folder.join(format!("runs/{name}.json"))
    }

    pub(super) fn ending(&self, name: &str) -> PathBuf {
        self.folder.join(format!("runs/.{name}.ending"))
    }

    pub(super) fn chain(&self) -> PathBuf {
        self.folder.join("chain.jsonl")
    }

    pub(super) fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.chain()).unwrap().lines().map(str::to_owned).collect()
    }

    pub(super) fn set_lines(&self, lines: &[String]) {
        fs::write(self.chain(), lines.join("\n") + "\n").unwrap();
    }
}

pub(super) fn begin(ledger: &Ledger) -> RunHandle<'_> {
    let place = |kind: &str, uri: &str| Place { kind: kind.to_owned(), uri: uri.to_owned() };
    let (source, target) = (place("Folder", "/in"), place("Registry", "docker://high.example/mirror"));
    let mut record = RunRecord::new("mirror", PipelineType::Import, source, target);
    record.options = vec!["OverwriteTags".to_owned()];
    ledger.begin(record).unwrap()
}

pub(super) fn finish(run: RunHandle<'_>, status: RunStatus) -> String {
    run.finish(status, |record| record.bytes = 7).unwrap().name
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
