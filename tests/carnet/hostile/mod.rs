//! What the receiving side refuses.
