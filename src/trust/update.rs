//! Changes of a trust file, signed by the roots of the old file and of the new one (docs/trust.md, "Changes").

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp as Time;
use schemars::JsonSchema;
use serde::Serialize;

use super::judgement::{Judgement, Question, Role};
use super::key::PublicKey;
use super::policy::TrustPolicy;
use super::policy_error::PolicyProblem;
use super::signer::{Signer, SignerError};
use super::update_error::UpdateError;
use crate::format::error::FormatError;
use crate::format::lines::{Lines, Number};
use crate::format::signature::{Signature, SignatureAlgorithm};
use crate::format::{Sum, Timestamp};

/// The first line, which tells the text from all others that keys sign.
const FIRST_LINE: &str = "carnet-trust v1";

/// The line between the signatures and the trust file.
const SEPARATOR: &str = "\nfile-begins\n";

/// Maximum number of signatures: 16 holders of the old file and 16 of the new one, with two algorithms.
const SIGNATURES_MAX: usize = 64;

/// Maximum size of the part before the trust file, in bytes.
const HEAD_BYTES_MAX: u64 = 1 << 20;

/// Maximum size of an update, in bytes: its head, and the largest trust file.
pub const UPDATE_BYTES_MAX: u64 = 2 << 20;

/// What the roots sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct UpdateStatement {
    /// The number of the new trust file: one more than that of the old one.
    pub serial: u64,
    /// The SHA-256 of the old trust file.
    pub previous: Sum,
    /// The SHA-256 of the new trust file.
    pub file: Sum,
    /// When the update was made, as the one who made it says.
    pub created: Timestamp,
}

impl UpdateStatement {
    /// The bytes that are signed.
    pub fn render(&self) -> Vec<u8> {
        let UpdateStatement { serial, previous, file, created } = self;
        format!("{FIRST_LINE}\nserial {serial}\nprevious {previous}\nfile {file}\ncreated {created}\n").into()
    }
}

/// A new trust file, and signatures that let it replace the old one.
#[derive(Clone, Debug)]
pub struct TrustUpdate {
    statement: UpdateStatement,
    signatures: Vec<Signature>,
    text: String,
    policy: TrustPolicy,
}

/// Who has signed an update, and whether that is enough.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct UpdateStanding {
    /// The roots of the old file.
    pub old: Judgement,
    /// How many of them must sign.
    pub old_threshold: u8,
    /// The roots of the new file.
    pub new: Judgement,
    /// How many of them must sign.
    pub new_threshold: u8,
}

impl UpdateStanding {
    /// Whether enough roots of both files have signed.
    pub fn is_enough(&self) -> bool {
        self.old.accepted().len() >= usize::from(self.old_threshold)
            && self.new.accepted().len() >= usize::from(self.new_threshold)
    }
}

impl TrustUpdate {
    /// An update without signatures, from the `old` trust file to the text of the new one.
    ///
    /// # Errors
    /// [`UpdateError`] if one of them has no roots, the new one names files of keys, or it does not have the next number.
    pub fn new(old: &TrustPolicy, text: &str, created: Timestamp) -> Result<TrustUpdate, UpdateError> {
        let policy = parse(text)?;
        let previous = *old.file_sum().ok_or(UpdateError::NoRoots { which: "old" })?;
        let serial = serial(&policy, "new")?;
        let statement = UpdateStatement { serial, previous, file: Sum::of(text.as_bytes()), created };
        let update = TrustUpdate { statement, signatures: Vec::new(), text: text.to_owned(), policy };
        update.check_follows(old)?;
        Ok(update)
    }

    /// Parses an update.
    ///
    /// # Errors
    /// [`UpdateError`] if any byte is not as [`TrustUpdate::render`] writes it, or if the trust file is not the one that was
    /// signed.
    pub fn parse(bytes: &[u8]) -> Result<TrustUpdate, UpdateError> {
        let text = std::str::from_utf8(bytes).map_err(|_| whole("UTF-8 text", "other bytes".to_owned()))?;
        let Some((head, file)) = text.split_once(SEPARATOR) else {
            return Err(whole("a line `file-begins` before the trust file", "none".to_owned()));
        };
        let head = format!("{head}\n");
        let mut lines = Lines::new("trust update", head.as_bytes(), HEAD_BYTES_MAX)?;
        lines.exactly(FIRST_LINE)?;
        let statement = UpdateStatement {
            serial: lines.parsed::<Number>("serial")?.0,
            previous: lines.parsed("previous")?,
            file: lines.parsed("file")?,
            created: lines.parsed("created")?,
        };
        let mut signatures: Vec<Signature> = Vec::new();
        while lines.next_is("signature") {
            let signature = signature(&mut lines)?;
            let order = |signature: &Signature| (signature.key, signature.algorithm);
            let ascends = signatures.last().is_none_or(|before| order(before) < order(&signature));
            if !ascends || signatures.len() == SIGNATURES_MAX {
                let expected = format!("at most {SIGNATURES_MAX} signatures in ascending order");
                return Err(lines.refuse(expected, None).into());
            }
            signatures.push(signature);
        }
        lines.end()?;
        let found = Sum::of(file.as_bytes());
        if found != statement.file {
            return Err(whole(&format!("a trust file with the sum {}", statement.file), found.to_string()));
        }
        let policy = parse(file)?;
        if serial(&policy, "new")? != statement.serial {
            return Err(whole("the serial of the trust file", statement.serial.to_string()));
        }
        Ok(TrustUpdate { statement, signatures, text: file.to_owned(), policy })
    }

    /// Renders the update.
    pub fn render(&self) -> Vec<u8> {
        let mut out = String::from_utf8(self.statement.render()).expect("a statement is ASCII");
        for Signature { key, algorithm, bytes } in &self.signatures {
            let _ = writeln!(out, "signature {}.{algorithm} {}", hex::encode(key), STANDARD.encode(bytes));
        }
        out.push_str(&SEPARATOR[1..]);
        out.push_str(&self.text);
        out.into_bytes()
    }

    /// What the roots sign.
    pub fn statement(&self) -> &UpdateStatement {
        &self.statement
    }

    /// The signatures.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The text of the new trust file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The new trust file.
    pub fn policy(&self) -> &TrustPolicy {
        &self.policy
    }

    /// Whether `key` has signed the update.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let message = self.statement.render();
        self.signatures.iter().any(|signature| key.has_signed(&message, signature))
    }

    /// Adds the signatures of `signer`, in place of bad ones under its keys.
    ///
    /// # Errors
    /// If the key cannot be used.
    pub fn sign(&mut self, signer: &dyn Signer) -> Result<(), SignerError> {
        for new in signer.signatures(&self.statement.render())? {
            self.signatures.retain(|old| (old.key, old.algorithm) != (new.key, new.algorithm));
            self.signatures.push(new);
        }
        self.signatures.sort_by_key(|signature| (signature.key, signature.algorithm));
        Ok(())
    }

    /// Who has signed, judged by the roots of the `old` trust file and by those of the new one at the same time.
    ///
    /// # Errors
    /// [`UpdateError::Other`] if the update does not follow the old file.
    pub fn standing(&self, old: &TrustPolicy, now: Time) -> Result<UpdateStanding, UpdateError> {
        let old_threshold = self.check_follows(old)?;
        let new_threshold = self.policy.root_threshold().ok_or(UpdateError::NoRoots { which: "new" })?;
        let question = Question {
            role: Role::Root,
            stream: None,
            sequence: None,
            created: self.statement.created.get(),
            now,
        };
        let message = self.statement.render();
        let judge = |policy: &TrustPolicy| policy.judge(&question, &message, &self.signatures);
        Ok(UpdateStanding { old: judge(old), old_threshold, new: judge(&self.policy), new_threshold })
    }

    /// Checks that the update was made for this trust file, and returns how many of its roots must sign.
    fn check_follows(&self, old: &TrustPolicy) -> Result<u8, UpdateError> {
        let threshold = old.root_threshold().ok_or(UpdateError::NoRoots { which: "old" })?;
        let (is, was) = (self.statement.serial, serial(old, "old")?);
        let there = old.file_sum().copied();
        if there != Some(self.statement.previous) || was.checked_add(1) != Some(is) {
            let previous = self.statement.previous;
            return Err(UpdateError::Other { is, previous, was, there });
        }
        Ok(threshold)
    }
}

fn serial(policy: &TrustPolicy, which: &'static str) -> Result<u64, UpdateError> {
    policy.serial().filter(|_| policy.root_threshold().is_some()).ok_or(UpdateError::NoRoots { which })
}

/// Parses a trust file that stands alone.
fn parse(text: &str) -> Result<TrustPolicy, UpdateError> {
    TrustPolicy::from_text(text).map_err(|error| match error.problem() {
        PolicyProblem::KeyFile { holder, .. } => UpdateError::NamesFile { holder: holder.clone() },
        _ => UpdateError::Policy(error),
    })
}

fn signature(lines: &mut Lines<'_>) -> Result<Signature, FormatError> {
    let [name, text] = lines.words("signature")?;
    let (key, algorithm) = name.split_once('.').unwrap_or_default();
    let key = crate::oci::digest::decode_hex(key);
    let algorithm: SignatureAlgorithm = lines.word(algorithm)?;
    match (key, STANDARD.decode(text)) {
        (Some(key), Ok(bytes)) if algorithm.allows(bytes.len()) => Ok(Signature { key, algorithm, bytes }),
        _ => Err(lines.refuse("KEY.ALGORITHM and a signature in base64".to_owned(), Some(name))),
    }
}

fn whole(expected: &str, found: String) -> UpdateError {
    FormatError::whole("trust update", expected, found).into()
}

#[cfg(test)]
mod tests;
