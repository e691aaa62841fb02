//! Bundles that wait together and have one number: if they are of one stream, it is forked.

use super::inbox::InboxBundle;
use crate::arrival::{OpenError, OpenRequest, open};
use crate::environment::Environment;
use crate::format::Sum;
use crate::logbook::Candidate;
use crate::trust::TrustPolicy;

/// Returns the other bundles among `waiting` with the number of this one, which is among them, too, as far as they are released.
/// Most numbers are there once, and then nothing is read.
///
/// # Errors
/// [`OpenError`] if the work was interrupted, or the system is out of memory or threads.
pub fn twins(
    bundle: &Sum,
    waiting: &[InboxBundle],
    policy: &TrustPolicy,
    environment: &Environment<'_>,
) -> Result<Vec<Candidate>, OpenError> {
    let sequence = waiting.iter().find(|own| own.id == *bundle).and_then(|own| own.sequence);
    let is_twin =
        |other: &&InboxBundle| other.id != *bundle && sequence.is_some() && other.sequence == sequence;
    let mut twins = Vec::new();
    for other in waiting.iter().filter(is_twin) {
        let request = OpenRequest { files: &other.files, policy: Some(policy) };
        match open(&request, environment) {
            Ok(arrivals) => {
                twins.extend(arrivals.bundles.iter().filter_map(|bundle| Candidate::of(bundle, policy)));
            }
            // Its files are gone or cannot be read now, so it cannot be used either.
            Err(OpenError::NoChunk { .. } | OpenError::Unreadable { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(twins)
}
