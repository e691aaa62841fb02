//! Adds a signature to control chunks.

use std::io;
use std::sync::Arc;

use super::controls::{Controls, check_entries, to_sign};
use super::error::SignError;
use super::report::{SignReport, SignedBundle};
use crate::arrival::{Contents, Opened, read_body, read_head};
use crate::environment::Environment;
use crate::format::head::Head;
use crate::format::limits::SIGNATURES_MAX;
use crate::format::signature::{Signature, SignatureAlgorithm};
use crate::format::statement::Statement;
use crate::medium::{ChunkFile, MediumError, release_file_name};
use crate::trust::{
    PolicyKey, PublicKey, Question, RefusalReason, Refused, Role, Signer, TrustPolicy, read_signature,
};

/// Adds a release signature to every control chunk.
///
/// Each is replaced completely or not at all; the bytes of its sealed part do not change. Signing again with the same key
/// changes nothing. With a policy, a signature that would not count as a release is not added.
///
/// # Errors
/// [`SignError`].
pub fn sign(
    controls: &Controls<'_>,
    signer: &dyn Signer,
    environment: &Environment<'_>,
) -> Result<SignReport, SignError> {
    let keys: Vec<&PublicKey> = signer.public_keys().collect();
    let mut bundles = Vec::new();
    for (control, contents) in controls.each() {
        let adding = Adding::begin(control, contents)?;
        let Head { statement_bytes, signatures, .. } = &adding.head;
        let is_there = signer.has_signed(statement_bytes, signatures);
        let new = if is_there { Vec::new() } else { signer.signatures(statement_bytes)? };
        bundles.push(adding.end(&keys, new, controls, environment)?);
    }
    Ok(SignReport { bundles })
}

/// Adds what was signed elsewhere to every control chunk whose statement it is over: a signature, as bytes or as one line of
/// base64, or the signatures of a release file. `keys` are those that may have made them. Otherwise as [`sign`].
///
/// # Errors
/// [`SignError`].
pub fn attach(
    controls: &Controls<'_>,
    attached: &[u8],
    keys: &[PublicKey],
    environment: &Environment<'_>,
) -> Result<SignReport, SignError> {
    let attached = Attached::read(attached)?;
    let mut bundles = Vec::new();
    for (control, contents) in controls.each() {
        let adding = Adding::begin(control, contents)?;
        let found = attached.by(keys, &adding.head.statement_bytes);
        let has_strange = attached.has_strange(&adding.head, &found);
        let is_new = |(key, _): &(&PublicKey, Signature)| {
            let Head { statement_bytes, signatures, .. } = &adding.head;
            !signatures.iter().any(|signature| key.has_signed(statement_bytes, signature))
        };
        let (new, there): (Vec<_>, Vec<_>) = found.into_iter().partition(is_new);
        // The packer's signature is in a release file, too.
        let (signed, new): (Vec<&PublicKey>, Vec<Signature>) = if new.is_empty() {
            (there.into_iter().map(|(key, _)| key).collect(), Vec::new())
        } else {
            new.into_iter().unzip()
        };
        // If a release file brings nothing but a signature of a stranger, that is not passed over.
        if signed.is_empty() || new.is_empty() && has_strange {
            continue;
        }
        bundles.push(adding.end(&signed, new, controls, environment)?);
    }
    if !bundles.is_empty() {
        return Ok(SignReport { bundles });
    }
    let name = |(control, _): (&Opened, &Contents)| {
        format!("{} ({})", control.statement.crossing.name, control.statement.bundle)
    };
    let bundles = controls.each().map(name).collect();
    Err(match attached {
        Attached::Release(release)
            if !controls.each().any(|(control, _)| release.statement == control.statement) =>
        {
            let Statement { bundle, created, .. } = release.statement;
            SignError::ReleaseOfOther { bundle, created, bundles }
        }
        _ => SignError::NotOfThese { keys: keys.len(), bundles },
    })
}

/// What was signed elsewhere.
enum Attached {
    /// The bytes of one signature.
    Signature(Vec<u8>),
    /// A release file.
    Release(Box<Head>),
}

impl Attached {
    fn read(bytes: &[u8]) -> Result<Attached, SignError> {
        match (read_signature(bytes), Head::parse_release(bytes)) {
            (Ok((_, signature)), _) => Ok(Attached::Signature(signature)),
            (_, Ok(release)) => Ok(Attached::Release(Box::new(release))),
            (Err(found), _) => Err(SignError::NotASignature { found }),
        }
    }

    /// Whether a release file has a signature that is neither in a head nor by one of the keys.
    fn has_strange(&self, head: &Head, found: &[(&PublicKey, Signature)]) -> bool {
        let Attached::Release(release) = self else { return false };
        let is_known = |signature: &Signature| {
            head.signatures.contains(signature) || found.iter().any(|(_, found)| found == signature)
        };
        !release.signatures.iter().all(is_known)
    }

    /// The signatures over a statement that these keys have made.
    fn by<'k>(&self, keys: &'k [PublicKey], statement: &[u8]) -> Vec<(&'k PublicKey, Signature)> {
        match self {
            Attached::Signature(bytes) => {
                let made = keys.iter().find(|key| key.verify(statement, bytes));
                let signature = |key: &PublicKey| Signature {
                    key: key.id().short().into(),
                    algorithm: key.algorithm(),
                    bytes: bytes.clone(),
                };
                made.map(|key| (key, signature(key))).into_iter().collect()
            }
            Attached::Release(release) if release.statement_bytes == statement => {
                let made = |signature: &Signature| {
                    let key = keys.iter().find(|key| key.has_signed(statement, signature))?;
                    Some((key, signature.clone()))
                };
                release.signatures.iter().filter_map(made).collect()
            }
            Attached::Release(_) => Vec::new(),
        }
    }
}

/// A control chunk to which a signature is added.
struct Adding<'a> {
    control: &'a Opened,
    contents: &'a Contents,
    head: Head,
}

impl<'a> Adding<'a> {
    /// Reads the head again: others may have signed meanwhile. The statement must still be the one that was checked.
    fn begin(control: &'a Opened, contents: &'a Contents) -> Result<Adding<'a>, SignError> {
        let head =
            read_head(control.file.as_ref()).map_err(|error| unusable(control, io::Error::other(error)))?;
        if head.statement != control.statement {
            return Err(unusable(control, io::Error::other("it has changed since it was checked")));
        }
        Ok(Adding { control, contents, head })
    }

    /// Writes the new signatures of `keys`, if there are any.
    fn end(
        self,
        keys: &[&PublicKey],
        new: Vec<Signature>,
        controls: &Controls<'_>,
        environment: &Environment<'_>,
    ) -> Result<SignedBundle, SignError> {
        let Adding { control, contents, head: old } = self;
        let file = &control.file;
        let mut head = old.clone();
        let already_signed = new.is_empty();
        if !already_signed {
            if let Some(policy) = controls.policy {
                check_counts(policy, control, &old, &new, environment)?;
            }
            for new in new {
                // An invalid signature under the id of this key is replaced by the valid one.
                head.signatures.retain(|old| (old.key, old.algorithm) != (new.key, new.algorithm));
                head.signatures.push(new);
            }
            head.signatures.sort_by_key(|signature| (signature.key, signature.algorithm));
            let is_in_control = controls.release_files.is_none();
            let has_no_room = is_in_control && head.sealed_at() > contents.plan.heads.control;
            if head.signatures.len() > SIGNATURES_MAX || has_no_room {
                let signatures = old.signatures.len();
                return Err(SignError::Full { file: file.name().to_owned(), signatures });
            }
            // The new file is read back and checked before it replaces the old one.
            let check = |new: Arc<dyn ChunkFile>| {
                let found = read_head(new.as_ref()).map_err(io::Error::other)?;
                let body = read_body(new.as_ref(), &found).map_err(io::Error::other)?;
                check_entries(&new, &body, environment).map_err(io::Error::other)?;
                if found == head {
                    Ok(())
                } else {
                    Err(io::Error::other("the new file differs from what was written"))
                }
            };
            if is_in_control {
                file.replace_front(&head.render(), old.sealed_at(), &check)
                    .map_err(|error| unusable(control, error))?;
            }
        }
        let mut release_file = None;
        if let Some(store) = controls.release_files {
            let name = release_file_name(&contents.plan.crossing.name, keys[0].id().short().into());
            store.put_beside(&name, &head.render_release())?;
            release_file = Some(name);
        }
        Ok(SignedBundle {
            content: to_sign(control, contents),
            key: keys[0].id().to_string(),
            second_key: keys.get(1).map(|key| key.id().to_string()),
            waits_for: controls.policy.map(|policy| waits_for(policy, keys, &head)).unwrap_or_default(),
            already_signed,
            signatures: head.signatures.len(),
            release_file,
        })
    }
}

/// With what the policy wants a signature of the holder of these keys, too.
fn waits_for(policy: &TrustPolicy, keys: &[&PublicKey], head: &Head) -> Vec<String> {
    let of = |key: &PublicKey| policy.keys().iter().find(|known| known.key() == key).map(PolicyKey::holder);
    let Some(holder) = keys.iter().find_map(|key| of(key)) else { return Vec::new() };
    let has_signed = |algorithm: SignatureAlgorithm| {
        let mut theirs =
            policy.keys().iter().filter(|key| key.holder() == holder && key.key().algorithm() == algorithm);
        theirs.any(|key| head.signatures.iter().any(|s| key.key().has_signed(&head.statement_bytes, s)))
    };
    policy.algorithms().map(|demand| demand.lacking(has_signed)).unwrap_or_default()
}

/// Refuses a signature that the policy does not count as a release. One of two may come alone: the holder's
/// other key may be somewhere else.
fn check_counts(
    policy: &TrustPolicy,
    control: &Opened,
    head: &Head,
    signatures: &[Signature],
    environment: &Environment<'_>,
) -> Result<(), SignError> {
    let stream = head.statement.crossing.stream.as_ref().map(crate::format::StreamName::as_str);
    let (created, now) = (head.statement.created.get(), environment.clock.now().get());
    let sequence = head.statement.crossing.sequence;
    let question = Question { role: Role::Releaser, stream, sequence, created, now };
    let judgement = policy.judge(&question, &head.statement_bytes, signatures);
    let waits = |refused: &&Refused| refused.reason != RefusalReason::AlgorithmMissing;
    match judgement.refused().iter().find(waits) {
        None => Ok(()),
        Some(refused) => Err(SignError::DoesNotCount {
            file: control.file.name().to_owned(),
            key: refused.short,
            reason: refused.reason,
        }),
    }
}

fn unusable(control: &Opened, source: io::Error) -> SignError {
    MediumError::Io { what: "write", path: control.file.name().to_owned(), source }.into()
}
