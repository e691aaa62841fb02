//! The chain of signed lines (docs/runs.md, "The chain").

use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{RunsError, Work};
use crate::chain::{Chain, ChainError};
use crate::format::signature::{Signature, SignatureAlgorithm};
use crate::format::{Sum, Timestamp};
use crate::trust::{PublicKey, Signer};

/// The first line of what is signed, which keeps these signatures apart from all others.
const DOMAIN: &str = "carnet-run-v1\n";

/// Maximum size of a line in bytes.
pub(super) const LINE_BYTES_MAX: usize = 64 << 10;

/// What a line records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChainEvent {
    /// A run has done its work; it may delete its source now. Its record says so.
    Delivered,
    /// A run ended; its record never changes again.
    Finished,
    /// The record of a run was deleted.
    Deleted,
}

/// A line of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainLine {
    /// The number of the line, from 1.
    pub seq: u64,
    /// The SHA-256 of the line before it, with its signature and without its line feed; zeros for the first line.
    pub prev: String,
    /// When it was written.
    pub time: String,
    /// What it records.
    pub event: ChainEvent,
    /// The name of the run.
    pub run: String,
    /// The SHA-256 of the file of the record.
    pub record: String,
    /// What the run did. Lines of `Delivered` and of earlier versions do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
    /// Why the record was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The beginning of the id of the key, in hex.
    pub key: String,
    /// The algorithm of the signature.
    pub algorithm: String,
    /// The signature, in base64. It covers the domain and the line up to here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signature: String,
}

impl ChainLine {
    /// Returns the bytes that are signed.
    fn signed_bytes(&self) -> Vec<u8> {
        let unsigned = ChainLine { signature: String::new(), ..self.clone() };
        let mut bytes = DOMAIN.as_bytes().to_vec();
        bytes.extend(serde_json::to_vec(&unsigned).expect("a line serialises"));
        bytes
    }

    /// Whether this key signed the line.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let id = hex::decode(&self.key).ok().and_then(|id| <[u8; 8]>::try_from(id).ok());
        let (Some(id), Ok(algorithm), Ok(bytes)) =
            (id, self.algorithm.parse::<SignatureAlgorithm>(), STANDARD.decode(&self.signature))
        else {
            return false;
        };
        key.has_signed(&self.signed_bytes(), &Signature { key: id, algorithm, bytes })
    }

    /// Parses a line. It must be exactly what would be written for it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &[u8]) -> Result<ChainLine, String> {
        if text.len() > LINE_BYTES_MAX {
            return Err(format!("it has more than {LINE_BYTES_MAX} bytes"));
        }
        let line: ChainLine = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if serde_json::to_vec(&line).expect("a line serialises") == text {
            Ok(line)
        } else {
            Err("it is not written as lines are".to_owned())
        }
    }
}

/// What a new line says.
pub(super) struct Entry<'a> {
    pub(super) event: ChainEvent,
    pub(super) run: &'a str,
    /// The sum of the file of the record.
    pub(super) record: &'a Sum,
    pub(super) work: Option<Work>,
    pub(super) reason: Option<&'a str>,
}

/// The chain of runs, opened for appending. The caller holds the lock of the state folder.
pub(super) struct RunChain(Chain);

impl RunChain {
    /// Opens the chain, and cuts off a last line that was not written to its end.
    ///
    /// # Errors
    /// If it cannot be read, or its last whole line is damaged.
    pub(super) fn open(path: &Path) -> Result<RunChain, RunsError> {
        let number = |line: &[u8]| ChainLine::parse(line).map(|line| line.seq);
        Ok(RunChain(Chain::open(path, LINE_BYTES_MAX, &number)?))
    }

    /// The digest of the last line.
    pub(super) fn head(&self) -> &str {
        self.0.head()
    }

    /// Appends a line and makes it durable.
    pub(super) fn append(
        &mut self,
        entry: Entry<'_>,
        time: Timestamp,
        signer: &dyn Signer,
    ) -> Result<(), RunsError> {
        let mut line = ChainLine {
            seq: self.0.number() + 1,
            prev: self.0.head().to_owned(),
            time: time.to_string(),
            event: entry.event,
            run: entry.run.to_owned(),
            record: entry.record.to_string(),
            work: entry.work,
            reason: entry.reason.map(str::to_owned),
            key: hex::encode(<[u8; 8]>::from(signer.public_key().id().short())),
            algorithm: signer.public_key().algorithm().to_string(),
            signature: String::new(),
        };
        line.signature = STANDARD.encode(signer.signature(&line.signed_bytes())?.bytes);
        Ok(self.0.append(serde_json::to_vec(&line).expect("a line serialises"))?)
    }
}

pub(super) fn io_error(what: &'static str, path: &Path, source: io::Error) -> RunsError {
    ChainError::io(what, path, source).into()
}
