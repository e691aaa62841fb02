//! A bundle that is judged by what is remembered of its stream.

use super::Channel;
use crate::arrival::Bundle;
use crate::format::statement::Crossing;
use crate::format::{Sum, Timestamp};
use crate::trust::TrustPolicy;

/// A bundle that was accepted and released, so that what it says of its stream counts.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What it is judged by.
    pub channel: Channel,
    /// Its name, stream and number.
    pub crossing: Crossing,
    /// Its id.
    pub bundle: Sum,
    /// When its control chunk was sealed, as the packer says.
    pub created: Timestamp,
    /// How far above the highest number its number may be.
    pub jump_max: u64,
}

impl Candidate {
    /// A bundle as `policy` judged it; `None` if it is not released, or its control chunk is not there.
    pub fn of(bundle: &Bundle, policy: &TrustPolicy) -> Option<Candidate> {
        let crossing = bundle.contents()?.plan.crossing.clone();
        bundle.release.as_ref()?.as_ref().ok()?;
        let control =
            bundle.files.iter().find(|file| file.statement.is_control() && file.accepted.is_some())?;
        Some(Candidate {
            channel: Channel::of(crossing.stream.as_ref()),
            bundle: bundle.id,
            created: control.statement.created,
            jump_max: policy.jump_max(control.accepted.as_ref()?.packers()),
            crossing,
        })
    }

    /// The same bundle, as a pipeline of a station sees it.
    pub fn in_pipeline(mut self, pipeline: &str) -> Candidate {
        self.channel = self.channel.in_pipeline(pipeline);
        self
    }
}
