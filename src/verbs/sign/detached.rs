//! Signs a statement on a machine that does not have the bundle.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::Serialize;

use super::error::SignError;
use crate::format::statement::{Crossing, Statement};
use crate::format::{Sum, Timestamp};
use crate::trust::Signer;

/// The statement of a control chunk, without the chunk. Who packed it, and what is in the bundle, is not known.
pub struct DetachedStatement {
    statement: Statement,
}

/// What was signed, and the signature.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DetachedReport {
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name, stream, sequence and label of the bundle.
    #[serde(flatten)]
    pub crossing: Crossing,
    /// The time at which the control chunk was sealed, as its packer says.
    pub created: Timestamp,
    /// The time from which the control chunk is no longer accepted.
    pub expires: Option<Timestamp>,
    /// The number of chunks of the bundle.
    pub chunks: u32,
    /// The id of the key that signed.
    pub key: String,
    /// The signature, in base64.
    pub signature: String,
}

impl DetachedStatement {
    /// Reads the statement of a control chunk.
    ///
    /// # Errors
    /// [`SignError::NotAStatement`], [`SignError::NotControl`].
    pub fn parse(bytes: &[u8]) -> Result<DetachedStatement, SignError> {
        let statement = Statement::parse(bytes).map_err(SignError::NotAStatement)?;
        if !statement.is_control() {
            return Err(SignError::NotControl { bundle: statement.bundle, number: statement.number });
        }
        Ok(DetachedStatement { statement })
    }

    /// The statement.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Signs exactly the bytes that were parsed.
    ///
    /// # Errors
    /// [`SignError::Signer`].
    pub fn sign(self, signer: &dyn Signer) -> Result<DetachedReport, SignError> {
        let DetachedStatement { statement } = self;
        // Parsing accepts only the bytes that rendering gives.
        let signature = signer.signature(&statement.render())?;
        Ok(DetachedReport {
            bundle: statement.bundle,
            crossing: statement.crossing,
            created: statement.created,
            expires: statement.expires,
            chunks: statement.last + 1,
            key: signer.public_key().id().to_string(),
            signature: STANDARD.encode(signature.bytes),
        })
    }
}
