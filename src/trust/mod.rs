//! Who is trusted for what: keys, signers and the trust policy.
