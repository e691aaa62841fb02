//! The limits of the format (docs/format.md, "Limits"). A test compares them with the table there.

/// Largest statement, in bytes.
pub const STATEMENT_BYTES_MAX: u64 = 4096;

/// Longest signature of any algorithm, in bytes.
pub const SIGNATURE_BYTES_MAX: u64 = 8192;

/// Maximum number of signatures on one chunk.
pub const SIGNATURES_MAX: usize = 16;

/// Maximum number of signatures on a chunk that is not the control chunk.
pub const DATA_SIGNATURES_MAX: usize = 2;

/// Maximum number of entries in `02_sums.txt` of one chunk.
pub const ENTRIES_MAX: usize = 10_000;

/// Largest `02_sums.txt`, in bytes.
pub const SUMS_BYTES_MAX: u64 = 2_240_000;

/// Largest `03_sums384.txt`, in bytes.
pub const SUMS384_BYTES_MAX: u64 = 2_560_000;

/// Largest `plan.txt`, in bytes.
pub const PLAN_BYTES_MAX: u64 = 64 << 20;

/// Largest `chunks.txt`, in bytes.
pub const CHUNKS_BYTES_MAX: u64 = 16 << 20;

/// Largest `index.json` of a bundle, in bytes.
pub const INDEX_BYTES_MAX: u64 = 32 << 20;

/// Largest `annex.txt`, in bytes.
pub const ANNEX_BYTES_MAX: u64 = 1 << 20;

/// Largest `recover.txt`, in bytes.
pub const RECOVER_BYTES_MAX: u64 = 64 << 10;

/// Largest blob that counts as metadata, in bytes. A larger configuration is treated as a layer.
pub const METADATA_BYTES_MAX: u64 = 4 << 20;

/// Smallest chunk limit, in bytes.
pub const CHUNK_BYTES_MIN: u64 = 64 << 10;

/// Largest chunk limit, in bytes: the largest value of the size field in ustar.
pub const CHUNK_BYTES_MAX: u64 = (8 << 30) - 1;

/// Maximum number of `artifact` and `referrer` lines of a plan, together.
pub const REFERENCES_MAX: usize = 65_536;

/// Maximum number of pieces of all blobs of a bundle, together.
pub const PIECES_MAX: usize = 524_288;

/// Maximum number of bundles that a bundle is made of.
pub const ORIGINS_MAX: usize = 256;

/// Highest chunk number.
pub const CHUNK_NUMBER_MAX: u32 = 99_999;

/// Highest sequence number.
pub const SEQUENCE_MAX: u64 = i64::MAX as u64;

/// How many accepted copies of one chunk a reader opens.
pub const COPIES_MAX: usize = 16;

/// Maximum number of entries of all chunks together that a reader keeps without a trust policy.
pub const UNVERIFIED_ENTRIES_MAX: u64 = 1_048_576;

/// Maximum size of all statements and signatures together that a reader keeps without a trust policy, in bytes.
pub const UNVERIFIED_HEADS_BYTES_MAX: u64 = 256 << 20;

/// Largest `parity.txt`, in bytes.
pub const PARITY_BYTES_MAX: u64 = 32 << 20;

/// Maximum number of chunks in a parity group.
pub const PARITY_CHUNKS_MAX: usize = 1024;

/// Maximum number of parity files of a group.
pub const PARITY_FILES_MAX: u32 = 2048;

/// Longest stripe, in bytes.
pub const PARITY_STRIPE_BYTES_MAX: u32 = 64 << 10;

/// Maximum number of blocks of all chunks of a parity group, together.
pub const PARITY_BLOCKS_MAX: u64 = 1_048_576;

/// Most memory that computing one row of a parity group takes, in bytes.
pub const PARITY_WORK_BYTES_MAX: u64 = 128 << 20;
