//! Why a stream was not read to its end.

use super::StreamKind;

/// Why a stream was not read to its end. What was read before it is good, except after a wrong checksum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// The stream ends too early.
    #[error("the {kind} stream ends after {bytes_in} bytes, within {} {number}", .kind.part())]
    Truncated {
        /// How the stream is encoded.
        kind: StreamKind,
        /// The number of the member or frame; the first is 1.
        number: u64,
        /// The compressed bytes that were there.
        bytes_in: u64,
    },
    /// The bytes are not what the format demands.
    #[error("{} {number} of the {kind} stream is damaged near byte {bytes_in}: {problem}", .kind.part())]
    Damaged {
        /// How the stream is encoded.
        kind: StreamKind,
        /// The number of the member or frame; the first is 1.
        number: u64,
        /// The compressed bytes that were read.
        bytes_in: u64,
        /// What the decoder says.
        problem: String,
    },
    /// The expanded bytes of a member or frame do not have its checksum.
    #[error("{} {number} of the {kind} stream expands to bytes with another checksum or length", .kind.part())]
    Checksum {
        /// How the stream is encoded.
        kind: StreamKind,
        /// The number of the member or frame; the first is 1.
        number: u64,
    },
    /// A zstd frame asks for too much memory.
    #[error("frame {number} of the zstd stream needs a window of {bytes} bytes; the limit is {limit}")]
    Window {
        /// The number of the frame; the first is 1.
        number: u64,
        /// The window in its header, in bytes.
        bytes: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A zstd frame can only be read with a dictionary, which no layer has.
    #[error("frame {number} of the zstd stream needs the dictionary {id}")]
    Dictionary {
        /// The number of the frame; the first is 1.
        number: u64,
        /// The dictionary's number.
        id: u32,
    },
    /// The stream expands too much for its size.
    #[error("{bytes_in} bytes expand to more than {expanded} bytes; the limit is {limit} times as many")]
    Ratio {
        /// The compressed bytes that were read.
        bytes_in: u64,
        /// The expanded bytes until then.
        expanded: u64,
        /// The most expanded bytes for each compressed byte.
        limit: u64,
    },
    /// The stream expands to too many bytes.
    #[error("the stream expands to more than {limit} bytes")]
    ExpandedBytes {
        /// The limit.
        limit: u64,
    },
}

impl InflateError {
    /// The kind of the error of a reader that holds this one: whether another reader may get further.
    pub(super) const fn kind(&self) -> std::io::ErrorKind {
        match self {
            InflateError::Window { .. } | InflateError::Ratio { .. } | InflateError::ExpandedBytes { .. } => {
                std::io::ErrorKind::Unsupported
            }
            _ => std::io::ErrorKind::InvalidData,
        }
    }

    /// The name of the rule that the stream breaks, for findings and policies.
    pub const fn rule(&self) -> &'static str {
        match self {
            InflateError::Truncated { .. } => "truncated",
            InflateError::Damaged { .. } => "damaged-stream",
            InflateError::Checksum { .. } => "checksum-mismatch",
            InflateError::Window { .. } => "window-too-large",
            InflateError::Dictionary { .. } => "needs-dictionary",
            InflateError::Ratio { .. } => "layer-ratio",
            InflateError::ExpandedBytes { .. } => "layer-bytes",
        }
    }
}
