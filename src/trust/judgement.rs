//! What the trust policy decides about signatures: for which role, which count, and why others do not.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::key::{KeyId, ShortKeyId};

/// What a key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Signs chunks when a bundle is packed.
    Packer,
    /// Signs the control chunk to release a bundle.
    Releaser,
    /// Signs changes of the trust file.
    Root,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Packer => "packer",
            Role::Releaser => "releaser",
            Role::Root => "root",
        })
    }
}

/// What signatures are judged for.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The role that the signer needs.
    pub role: Role,
    /// The stream of the bundle.
    pub stream: Option<&'a str>,
    /// The number of the bundle in the stream.
    pub sequence: Option<u64>,
    /// The time in the message.
    pub created: Timestamp,
    /// The receiver's time.
    pub now: Timestamp,
}

/// The reason why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RefusalReason {
    /// The policy has no such key.
    UnknownKey,
    /// This version does not know the algorithm.
    UnknownAlgorithm,
    /// No key with this id made the signature over this message.
    WrongSignature,
    /// The key may not act in this role.
    WrongRole,
    /// The key may not act for this stream.
    WrongStream,
    /// The signature was made or is checked before the key is valid.
    NotYetValid,
    /// The signature was made or is checked after the key has expired.
    Expired,
    /// The key is revoked.
    Revoked,
    /// Another signature of the same key already counts.
    SameKey,
    /// A signature of the same holder with another key already counts.
    SameHolder,
    /// The policy does not count signatures of this algorithm.
    AlgorithmNotAllowed,
    /// The policy wants two signatures of each holder, and the other one of this holder is missing or does not count.
    AlgorithmMissing,
    /// The policy wants the token to have verified its holder, and the signature does not show that.
    HolderNotVerified,
    /// The trust file itself has expired.
    PolicyExpired,
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RefusalReason::UnknownKey => "the trust file has no key with this id",
            RefusalReason::UnknownAlgorithm => "the signature algorithm is unknown to this version",
            RefusalReason::WrongSignature => "the signature does not verify with this key and these bytes",
            RefusalReason::WrongRole => "the trust file does not give the key this role",
            RefusalReason::WrongStream => "the trust file does not allow the key for this stream",
            RefusalReason::NotYetValid => "the key is not valid yet",
            RefusalReason::Expired => "the key has expired",
            RefusalReason::Revoked => "the key is revoked",
            RefusalReason::SameKey => "another signature of the same key already counts",
            RefusalReason::SameHolder => "a signature of the same holder with another key already counts",
            RefusalReason::HolderNotVerified => {
                "the trust file wants a PIN or a fingerprint for each signature of this key, and the token asked for none"
            }
            RefusalReason::PolicyExpired => "the trust file has expired",
            RefusalReason::AlgorithmNotAllowed => {
                "the trust file does not count signatures of this algorithm"
            }
            RefusalReason::AlgorithmMissing => {
                "the trust file wants two signatures of this holder, and one is missing or does not count"
            }
        })
    }
}

/// A signature that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub struct Accepted {
    /// The name of the key holder, as in the trust policy.
    pub holder: String,
    /// The full id of the key that signed.
    pub key_id: KeyId,
    /// The ids of further keys of the holder that signed, if the policy wants two signatures of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further_keys: Vec<KeyId>,
}

/// A signature that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub struct Refused {
    /// The short key id that the signature names.
    pub short: ShortKeyId,
    /// Why the signature does not count.
    pub reason: RefusalReason,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.short, self.reason)
    }
}

/// The result for each signature over one message, as a trust policy judged it.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub struct Judgement {
    pub(super) role: Role,
    pub(super) accepted: Vec<Accepted>,
    pub(super) refused: Vec<Refused>,
}

impl Judgement {
    /// The role that the signatures were checked for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The signatures that count, at most one for each key and each holder.
    pub fn accepted(&self) -> &[Accepted] {
        &self.accepted
    }

    /// The signatures that do not count.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// Adds what was judged for another copy of the message, for the same role. A holder still counts once.
    pub(super) fn join(&mut self, other: Judgement) {
        for accepted in other.accepted {
            if self.accepted.iter().all(|counted| counted.holder != accepted.holder) {
                self.accepted.push(accepted);
            }
        }
        for refused in other.refused {
            if !self.refused.contains(&refused) {
                self.refused.push(refused);
            }
        }
    }
}
