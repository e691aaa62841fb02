//! What stands for the engine in a build without the feature `rego`. It is built for tests, too, so that it is tested without such a
//! build.

use super::{RegoError, RegoVerdict};

/// A policy, of which this build cannot have one.
#[derive(Debug, Clone)]
pub enum RegoPolicy {}

impl RegoPolicy {
    /// Parses a policy.
    ///
    /// # Errors
    /// Always [`RegoError::NotBuilt`].
    pub fn parse(_name: &str, _text: &str) -> Result<RegoPolicy, RegoError> {
        Err(RegoError::NotBuilt)
    }

    /// Asks the policy.
    ///
    /// # Errors
    /// There is no policy to ask.
    pub fn ask(&self, _input: &str) -> Result<RegoVerdict, RegoError> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_policy_is_taken() {
        let error = RegoPolicy::parse("policy.rego", "package carnet").unwrap_err();
        assert_eq!(error, RegoError::NotBuilt);
        let words = "this carnet cannot read policies in Rego: it was built without the feature `rego`";
        assert_eq!(error.to_string(), words);
    }
}
