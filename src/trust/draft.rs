//! A trust file that is being changed. The text is edited line by line, so comments and order stay.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::judgement::Role;
use super::key::PublicKey;
use super::policy::TrustPolicy;
use super::policy_error::PolicyError;
use super::policy_key::{PolicyKey, Revocation};
use crate::diagnosis::{Code, Diagnose, Diagnosis, count};

/// A key that is added to a trust file.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The person or machine that has the private key.
    pub holder: String,
    /// The public key.
    pub key: PublicKey,
    /// What it may sign.
    pub roles: Vec<Role>,
    /// The streams that it may sign for; all if there are none.
    pub streams: Vec<String>,
    /// The time from which it is valid.
    pub valid_from: Option<Timestamp>,
    /// The time until which it is valid.
    pub valid_until: Option<Timestamp>,
    /// How far it may raise the number of a stream.
    pub jump_max: Option<u64>,
    /// Whether each signature must show that a FIDO token verified its holder.
    pub verify_required: bool,
}

impl NewKey {
    fn render(&self) -> String {
        let NewKey { holder, key, roles, streams, valid_from, valid_until, jump_max, verify_required } = self;
        let list =
            |words: &[String]| words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ");
        let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
        let mut out = format!("\n[[keys]]\nholder = {holder:?}\npublic-key = \"{}\"\n", key.to_word());
        let _ = writeln!(out, "roles = [{}]", list(&roles));
        if !streams.is_empty() {
            let _ = writeln!(out, "streams = [{}]", list(streams));
        }
        for (name, time) in [("valid-from", valid_from), ("valid-until", valid_until)] {
            if let Some(time) = time {
                let _ = writeln!(out, "{name} = {time}");
            }
        }
        if let Some(jump_max) = jump_max {
            let _ = writeln!(out, "max-jump = {jump_max}");
        }
        if *verify_required {
            out += "verify-required = true\n";
        }
        out
    }
}

/// A trust file whose text is changed.
#[derive(Debug)]
pub struct TrustDraft {
    path: PathBuf,
    text: String,
    policy: TrustPolicy,
}

/// A trust file could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The trust file cannot be used, before the change or after it.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// No key, or several, are meant.
    #[error("{} of the trust file begin with {wanted:?}", count(*found as u64, "key id", "key ids"))]
    WhichKey {
        /// The beginning of the id that was given.
        wanted: String,
        /// How many ids begin so.
        found: usize,
    },
    /// The text is written in a way that this does not change.
    #[error(
        "{what} of {of} cannot be changed here: it is not on a line of its own, below a line `[[keys]]` if it is that of a key"
    )]
    ByHand {
        /// The TOML key that is set.
        what: &'static str,
        /// What it belongs to.
        of: String,
    },
}

impl Diagnose for DraftError {
    fn diagnosis(&self) -> Diagnosis {
        match self {
            DraftError::Policy(error) => error.diagnosis(),
            DraftError::WhichKey { .. } => Code::TrustWhichKey.into(),
            DraftError::ByHand { .. } => Code::TrustByHand.into(),
        }
    }
}

impl TrustDraft {
    /// Begins with the text of a trust file. Files of keys that it names are relative to the folder of `path`.
    ///
    /// # Errors
    /// A [`PolicyError`] that names the file.
    pub fn new(path: &Path, text: &str) -> Result<TrustDraft, PolicyError> {
        let policy = TrustPolicy::from_text_at(path, text)?;
        Ok(TrustDraft { path: path.to_owned(), text: text.to_owned(), policy })
    }

    /// The trust file as it is now.
    pub fn policy(&self) -> &TrustPolicy {
        &self.policy
    }

    /// The key whose id begins with `wanted`.
    ///
    /// # Errors
    /// [`DraftError::WhichKey`].
    pub fn find(&self, wanted: &str) -> Result<&PolicyKey, DraftError> {
        let begins = |key: &&PolicyKey| key.key().id().to_string().starts_with(wanted);
        let found: Vec<&PolicyKey> = self.policy.keys().iter().filter(begins).collect();
        match found[..] {
            [key] if !wanted.is_empty() => Ok(key),
            _ => Err(DraftError::WhichKey { wanted: wanted.to_owned(), found: found.len() }),
        }
    }

    /// Adds a key.
    ///
    /// # Errors
    /// If the trust file cannot be used then.
    pub fn add(&mut self, key: &NewKey) -> Result<(), DraftError> {
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text += &key.render();
        self.read_again()
    }

    /// Revokes a key.
    ///
    /// # Errors
    /// [`DraftError`].
    pub fn revoke(&mut self, key: &PublicKey, how: Revocation) -> Result<(), DraftError> {
        let value = match how {
            Revocation::Undated => "true".to_owned(),
            Revocation::At(time) => time.to_string(),
            Revocation::CreatedFrom(time) => format!("{{ created-from = {time} }}"),
            Revocation::SequenceFrom(from) => format!("{{ sequence-from = {from} }}"),
        };
        self.set(key, "revoked", &value)?;
        self.expect(key, "revoked", |key| key.revoked() == Some(how))
    }

    /// Lets a key be valid until `time`.
    ///
    /// # Errors
    /// [`DraftError`].
    pub fn end(&mut self, key: &PublicKey, time: Timestamp) -> Result<(), DraftError> {
        self.set(key, "valid-until", &time.to_string())?;
        self.expect(key, "valid-until", |key| key.valid_until() == Some(time))
    }

    /// Returns the text. The number of the trust file is raised, if it has one.
    ///
    /// # Errors
    /// [`DraftError::ByHand`] if the number stands somewhere else than on a line of its own.
    pub fn finish(mut self) -> Result<String, DraftError> {
        let Some(serial) = self.policy.serial() else { return Ok(self.text) };
        let next = serial.saturating_add(1);
        let lines: Vec<&str> = self.text.lines().collect();
        let end = lines.iter().position(|line| line.trim_start().starts_with('[')).unwrap_or(lines.len());
        let mut lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
        if let Some(line) = lines[..end].iter_mut().find(|line| sets(line, "serial")) {
            *line = format!("serial = {next}");
        }
        self.text = lines.join("\n") + "\n";
        self.read_again()?;
        if self.policy.serial() != Some(next) {
            return Err(DraftError::ByHand { what: "serial", of: "the trust file".to_owned() });
        }
        Ok(self.text)
    }

    /// Writes `name = value` into the table of a key, in place of what it says there.
    fn set(&mut self, key: &PublicKey, name: &'static str, value: &str) -> Result<(), DraftError> {
        let Some(known) = self.policy.keys().iter().find(|known| known.key() == key) else {
            return Err(DraftError::WhichKey { wanted: key.id().to_string(), found: 0 });
        };
        let mut lines: Vec<&str> = self.text.lines().collect();
        let start = known.line.saturating_sub(1);
        if lines.get(start).is_none_or(|line| line.split('#').next().map(str::trim) != Some("[[keys]]")) {
            return Err(DraftError::ByHand { what: name, of: format!("the key of {}", known.holder()) });
        }
        let after = &lines[start + 1..];
        let is_table = |line: &&str| line.trim_start().starts_with('[');
        let length = after.iter().position(is_table).unwrap_or(after.len());
        let table = start + 1..start + 1 + length;
        let old = lines[table.clone()].iter().position(|line| sets(line, name));
        let new = format!("{name} = {value}");
        if let Some(at) = old {
            lines[table.start + at] = &new;
        } else {
            // After the last line of the table that says something.
            let says = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
            let last = lines[table.clone()].iter().rposition(says);
            lines.insert(last.map_or(table.start, |last| table.start + last + 1), &new);
        }
        self.text = lines.join("\n") + "\n";
        self.read_again()
    }

    /// Checks that the text now says what it should.
    fn expect(
        &self,
        key: &PublicKey,
        what: &'static str,
        is_so: impl Fn(&PolicyKey) -> bool,
    ) -> Result<(), DraftError> {
        let known = self.policy.keys().iter().find(|known| known.key() == key);
        match known {
            Some(known) if is_so(known) => Ok(()),
            known => {
                let of = known.map(|known| format!("the key of {}", known.holder())).unwrap_or_default();
                Err(DraftError::ByHand { what, of })
            }
        }
    }

    fn read_again(&mut self) -> Result<(), DraftError> {
        self.policy = TrustPolicy::from_text_at(&self.path, &self.text)?;
        Ok(())
    }
}

/// Whether a line sets this key.
fn sets(line: &str, name: &str) -> bool {
    line.trim_start().strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
}

#[cfg(test)]
mod tests;
