//! What holds for the source tree and its documents.
