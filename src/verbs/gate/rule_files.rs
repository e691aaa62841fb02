//! The files of rules that an operator names: policies, accepted denials, and what these need.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::error::RuleFileError;
use crate::advisories::vex::Vex;
use crate::content::secrets::{GitleaksFile, SecretRules};
use crate::diagnosis::Code;
use crate::format::Sum;
use crate::rulebook::{Ignores, RegoError, RegoPolicy, Rulebook};
use crate::small_file::{SmallFile, SmallFileError};
use crate::verbs::audit::{CargoKeyFiles, IgnoreFile, NamedSum, PolicyFile, PolicyRules, VexFiles};

/// The most bytes of a VEX document.
const VEX_BYTES_MAX: u64 = 32 << 20;

/// The most bytes of a rule file.
const RULES_BYTES_MAX: u64 = 4 << 20;

/// The most bytes of a file of keys or certificates.
const KEY_BYTES_MAX: u64 = 4 << 20;

/// The paths of files of rules. None of them was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleFiles {
    /// The policies. Without one, nothing is judged.
    pub policies: Vec<PathBuf>,
    /// Files of denials that are accepted for some time.
    pub ignores: Vec<PathBuf>,
    /// Advisory databases: files or folders.
    pub advisories: Vec<PathBuf>,
    /// VEX documents.
    pub vex: Vec<PathBuf>,
    /// Public keys for signatures of cosign.
    pub cosign_keys: Vec<PathBuf>,
    /// Certificates for signatures of Notation.
    pub notation_ca: Vec<PathBuf>,
    /// Rules for secrets, besides those of the program.
    pub secret_rules: Vec<PathBuf>,
}

/// Rules that were read.
pub struct Rules {
    /// The policies.
    pub policies: Vec<PolicyFile>,
    /// The denials that are accepted.
    pub ignores: Vec<IgnoreFile>,
    /// The advisory databases, which are read while something is audited.
    pub advisories: Vec<PathBuf>,
    /// What VEX documents say.
    pub vex: VexFiles,
    /// The keys and certificates for signatures in the cargo.
    pub signature_keys: CargoKeyFiles,
    /// The rules for secrets.
    pub secrets: SecretRules,
    /// The files that some of them come from.
    pub secret_files: Vec<NamedSum>,
    /// What of the files is not used, a sentence each.
    pub not_used: Vec<String>,
}

fn unusable(code: Code, path: &Path, problem: &dyn Display) -> RuleFileError {
    RuleFileError::Unusable { path: path.display().to_string(), problem: problem.to_string(), code }
}

fn named(path: &Path, bytes: &[u8]) -> NamedSum {
    NamedSum { name: path.display().to_string(), sha256: Sum::of(bytes) }
}

/// Reads a file of rules: its text, and its name and sum.
fn rules(path: &Path) -> Result<(String, NamedSum), RuleFileError> {
    let file = SmallFile::read(path, RULES_BYTES_MAX).map_err(|error| unreadable(path, error))?;
    let text = String::from_utf8(file.bytes().to_vec());
    let text = text.map_err(|_| unusable(Code::RulesUnusable, path, &"it is not UTF-8"))?;
    Ok((text, named(path, file.bytes())))
}

fn unreadable(path: &Path, error: SmallFileError) -> RuleFileError {
    RuleFileError::Unreadable { path: path.display().to_string(), error }
}

impl RuleFiles {
    /// Whether there is a policy.
    pub fn is_asked(&self) -> bool {
        !self.policies.is_empty()
    }

    /// Reads all files but the advisory databases.
    ///
    /// # Errors
    /// [`RuleFileError`] with the first file that cannot be used.
    pub fn read(&self) -> Result<Rules, RuleFileError> {
        let mut not_used = Vec::new();
        let (secrets, secret_files) = self.secrets(&mut not_used)?;
        Ok(Rules {
            policies: self.policies.iter().map(|path| policy(path)).collect::<Result<_, _>>()?,
            ignores: self.ignores.iter().map(|path| ignores(path)).collect::<Result<_, _>>()?,
            advisories: self.advisories.clone(),
            vex: self.vex_documents()?,
            signature_keys: self.signature_keys()?,
            secrets,
            secret_files,
            not_used,
        })
    }

    /// Reads the keys and certificates for signatures in the cargo.
    ///
    /// # Errors
    /// [`RuleFileError`] with the first file that cannot be used.
    pub fn signature_keys(&self) -> Result<CargoKeyFiles, RuleFileError> {
        let read =
            |path: &Path| SmallFile::read_once(path, KEY_BYTES_MAX).map_err(|error| unreadable(path, error));
        let mut all = CargoKeyFiles::default();
        for path in &self.cosign_keys {
            let file = read(path)?;
            let text = file.text().map_err(|error| unreadable(path, error))?;
            all.keys.add_key(&path.display().to_string(), text)?;
            all.files.push(named(path, file.bytes()));
        }
        for path in &self.notation_ca {
            let file = read(path)?;
            all.keys.add_certificates(&path.display().to_string(), file.bytes())?;
            all.files.push(named(path, file.bytes()));
        }
        Ok(all)
    }

    fn vex_documents(&self) -> Result<VexFiles, RuleFileError> {
        let mut vex = VexFiles::default();
        for path in &self.vex {
            let file = SmallFile::read(path, VEX_BYTES_MAX).map_err(|error| unreadable(path, error))?;
            let statements =
                Vex::read(file.bytes()).map_err(|error| unusable(Code::VexUnusable, path, &error))?;
            vex.files.push(named(path, file.bytes()));
            vex.statements.push(statements);
        }
        Ok(vex)
    }

    /// Reads files of rules for secrets, and adds them to those of the program.
    fn secrets(&self, not_used: &mut Vec<String>) -> Result<(SecretRules, Vec<NamedSum>), RuleFileError> {
        let builtin = SecretRules::builtin();
        let mut all = builtin.map_err(|error| RuleFileError::Builtin(error.to_string()))?;
        let mut files = Vec::new();
        for path in &self.secret_rules {
            let wrong = |error: &dyn Display| unusable(Code::RulesUnusable, path, error);
            let (text, file) = rules(path)?;
            let GitleaksFile { rules, not_used: sentences } =
                GitleaksFile::parse(&text).map_err(|error| wrong(&error))?;
            not_used.extend(sentences.iter().map(|sentence| format!("{}: {sentence}", path.display())));
            all = all.and(rules).map_err(|error| wrong(&error))?;
            files.push(file);
        }
        Ok((all, files))
    }
}

fn policy(path: &Path) -> Result<PolicyFile, RuleFileError> {
    policy_by(path, RegoPolicy::parse)
}

/// Reads a policy. One in Rego is read by `parse`.
fn policy_by(
    path: &Path,
    parse: impl Fn(&str, &str) -> Result<RegoPolicy, RegoError>,
) -> Result<PolicyFile, RuleFileError> {
    let (text, file) = rules(path)?;
    let wrong = |error: &dyn Display| unusable(Code::RulesUnusable, path, error);
    let rules = if path.extension().is_some_and(|extension| extension == "rego") {
        let policy = parse(&file.name, &text);
        PolicyRules::Rego(policy.map_err(|error| unusable(code_of(&error), path, &error))?)
    } else {
        PolicyRules::Toml(Rulebook::parse(&text).map_err(|error| wrong(&error))?)
    };
    Ok(PolicyFile { file, rules })
}

fn code_of(error: &RegoError) -> Code {
    match error {
        RegoError::NotBuilt => Code::RegoNotBuilt,
        _ => Code::RulesUnusable,
    }
}

fn ignores(path: &Path) -> Result<IgnoreFile, RuleFileError> {
    let (text, file) = rules(path)?;
    let ignores = Ignores::parse(&text).map_err(|error| unusable(Code::RulesUnusable, path, &error))?;
    Ok(IgnoreFile { file, ignores })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a build without the feature says of a policy in Rego. It takes others as every build does.
    #[test]
    fn a_build_without_rego_has_a_code_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let absent = |_: &str, _: &str| Err(RegoError::NotBuilt);
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            policy_by(&path, absent)
        };
        let Err(error) = write("policy.rego", "package carnet\n") else { panic!("there is no engine") };
        let text = error.to_string();
        let RuleFileError::Unusable { code, .. } = error else { panic!("{text}") };
        assert_eq!(code, Code::RegoNotBuilt);
        assert!(text.contains("policy.rego: ") && text.ends_with("without the feature `rego`"), "{text}");
        assert!(write("policy.toml", "version = 1\n").is_ok());
        assert_eq!(code_of(&RegoError::Unusable(String::new())), Code::RulesUnusable);
    }
}
