//! Receipts and signed lines of the far side, which confirm that it has what a bundle carried.

use std::collections::HashSet;

use serde::Deserialize;

use super::base_error::BaseError;
use crate::format::Sum;
use crate::format::plan::Plan;
use crate::oci::Digest;
use crate::runs::{ChainEvent, ChainLine, Did};
use crate::trust::PublicKey;

/// What the far side confirms of a bundle.
#[derive(Clone, Debug)]
pub struct Confirmation {
    bundle: Sum,
    arrived: Arrived,
}

/// What arrived of a bundle.
#[derive(Clone, Debug)]
enum Arrived {
    /// All of it.
    Everything,
    /// What a receipt names.
    Named { artifacts: HashSet<Digest>, referrers: HashSet<Digest> },
}

/// The members of a receipt that matter here. It may have others.
#[derive(Deserialize)]
struct Wire {
    receipt: u32,
    complete: bool,
    dry_run: bool,
    bundle: String,
    artifacts: Vec<WireDelivery>,
    referrers: Vec<WireDelivery>,
}

#[derive(Deserialize)]
struct WireDelivery {
    digest: String,
    outcome: String,
}

/// The outcomes of a delivery that mean that everything below it is in the registry.
const DELIVERED: [&str; 5] = ["created", "replaced", "unchanged", "pushed-by-digest", "listed"];

impl Confirmation {
    /// Reads a receipt that one of the `keys` has signed.
    ///
    /// # Errors
    /// [`BaseError::Receipt`] if none has, or if it is no receipt of an import that did everything.
    pub fn read(
        file: &str,
        json: &[u8],
        signature: &[u8],
        keys: &[PublicKey],
    ) -> Result<Confirmation, BaseError> {
        let refuse = |problem: String| BaseError::Receipt { file: file.to_owned(), problem };
        if !keys.iter().any(|key| key.verify(json, signature)) {
            return Err(refuse("it is not signed by any of the keys given, or it was changed".to_owned()));
        }
        let wire: Wire = serde_json::from_slice(json)
            .map_err(|error| refuse(format!("expected a receipt of an import: {error}")))?;
        if wire.receipt != 1 {
            return Err(refuse(format!("expected a receipt of version 1, found version {}", wire.receipt)));
        }
        if !wire.complete || wire.dry_run {
            return Err(refuse("the import did not do everything, so it confirms nothing".to_owned()));
        }
        let bundle = wire.bundle.parse().map_err(|problem| refuse(format!("bundle: expected {problem}")))?;
        let delivered = |all: &[WireDelivery]| -> Result<HashSet<Digest>, BaseError> {
            let done = all.iter().filter(|delivery| DELIVERED.contains(&delivery.outcome.as_str()));
            done.map(|delivery| delivery.digest.parse::<Digest>().map_err(|error| refuse(error.to_string())))
                .collect()
        };
        let (artifacts, referrers) = (delivered(&wire.artifacts)?, delivered(&wire.referrers)?);
        Ok(Confirmation { bundle, arrived: Arrived::Named { artifacts, referrers } })
    }

    /// Reads lines of the chain of a station (docs/runs.md, "The chain"), each of which one of the `keys` has signed. Those of runs
    /// that imported everything in a bundle confirm it. `None` if these are no such lines.
    ///
    /// # Errors
    /// [`BaseError::Receipt`] if a line that would confirm something is not signed by any of the keys, or if none confirms
    /// anything.
    pub fn of_runs(
        file: &str,
        lines: &[u8],
        keys: &[PublicKey],
    ) -> Option<Result<Vec<Confirmation>, BaseError>> {
        lines.starts_with(br#"{"seq":"#).then(|| {
            let refuse = |problem: String| BaseError::Receipt { file: file.to_owned(), problem };
            let mut confirmed = Vec::new();
            // What follows the last line feed was not written to its end.
            for (number, text) in (1..).zip(lines.split_inclusive(|&byte| byte == b'\n')) {
                let Some(text) = text.strip_suffix(b"\n") else { break };
                let line = ChainLine::parse(text).map_err(|problem| {
                    refuse(format!("line {number}: expected a line of a chain of runs: {problem}"))
                })?;
                let imported = line.work.as_ref().filter(|work| work.did == Did::Imported);
                let bundle = imported.and_then(|work| work.bundle.as_ref()?.parse().ok());
                let Some(bundle) = bundle.filter(|_| line.event == ChainEvent::Finished) else { continue };
                if !keys.iter().any(|key| line.is_signed_by(key)) {
                    let problem = "it is not signed by any of the keys given, or it was changed";
                    return Err(refuse(format!("line {number}: {problem}")));
                }
                confirmed.push(Confirmation { bundle, arrived: Arrived::Everything });
            }
            if confirmed.is_empty() {
                return Err(refuse("no line says that a run imported everything in a bundle".to_owned()));
            }
            Ok(confirmed)
        })
    }

    /// Returns whether the far side has all of the bundle with this plan. An import of some of its artifacts confirms
    /// nothing: which blobs it took is not written down.
    pub(super) fn covers(&self, bundle: Sum, plan: &Plan) -> bool {
        let Arrived::Named { artifacts, referrers } = &self.arrived else { return self.bundle == bundle };
        self.bundle == bundle
            && plan.artifacts.iter().all(|artifact| artifacts.contains(&artifact.digest))
            && plan
                .referrers
                .iter()
                .all(|referrer| referrers.contains(&referrer.digest) || artifacts.contains(&referrer.digest))
    }
}
