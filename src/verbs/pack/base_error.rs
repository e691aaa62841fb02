//! Why a bundle cannot be a base of a delta.

use crate::arrival::Refusal;
use crate::diagnosis::{Code, Diagnose, Diagnosis, count};
use crate::format::plan::BundleMark;
use crate::format::{StreamName, Sum};

/// The reason why a bundle cannot be a base of a delta.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BaseError {
    /// It may not be used.
    #[error("cannot pack a delta: {0}")]
    Refused(#[from] Refusal),
    /// It is of another stream.
    #[error(
        "cannot pack a delta: the base {} ({}) is {}, and the new bundle is {}",
        base.name, base.bundle, of(base.stream.as_ref()), of(stream.as_ref())
    )]
    OtherStream {
        /// The base.
        base: BundleMark,
        /// The stream of the new bundle.
        stream: Option<StreamName>,
    },
    /// It is not before the new bundle in their stream.
    #[error(
        "cannot pack a delta: the base {} ({}) has number {} in its stream, and the new bundle has number {number}; \
         expected a lower number",
        base.name, base.bundle, base.sequence.unwrap_or_default()
    )]
    NotEarlier {
        /// The base.
        base: BundleMark,
        /// The number of the new bundle.
        number: u64,
    },
    /// Two bundles have one number in one stream.
    #[error("cannot pack a delta: stream {stream} is forked at number {number}: {} and {}", bundles[0], bundles[1])]
    Forked {
        /// The stream.
        stream: StreamName,
        /// The number that both have.
        number: u64,
        /// The ids of both bundles.
        bundles: [Sum; 2],
    },
    /// The far side has confirmed none of the bases in full.
    #[error("cannot pack a delta: nothing confirms that the far side has all of a base; {} given", count(*bases as u64, "base was", "bases were"))]
    NotConfirmed {
        /// How many bases were given.
        bases: usize,
    },
    /// A receipt cannot be used.
    #[error("{file}: {problem}")]
    Receipt {
        /// The path of the receipt.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
}

fn of(stream: Option<&StreamName>) -> String {
    stream.map_or_else(|| "of no stream".to_owned(), |stream| format!("of stream {stream}"))
}

impl Diagnose for BaseError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            BaseError::Refused(refusal) => refusal.diagnosis(),
            BaseError::OtherStream { .. } | BaseError::NotEarlier { .. } => Code::BaseRefused.into(),
            BaseError::Forked { .. } => Code::BundleForked.into(),
            BaseError::NotConfirmed { .. } => Code::BaseNotConfirmed.into(),
            BaseError::Receipt { .. } => Code::ReceiptRefused.into(),
        }
    }
}
