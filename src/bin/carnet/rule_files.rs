//! Files of rules that an operator names: policies, and denials that are accepted.

use std::path::{Path, PathBuf};

use carnet::advisories::vex::Vex;
use carnet::audit::{IgnoreFile, NamedSum, PolicyFile, VexFiles};
use carnet::content::secrets::{GitleaksFile, SecretRules};
use carnet::diagnosis::Code;
use carnet::format::Sum;
use carnet::rulebook::{Ignores, Rulebook, RulebookError};
use carnet::small_file::SmallFile;

use crate::command_error::CommandError;
use crate::screen::say;

/// The most bytes of a VEX document.
const VEX_BYTES_MAX: u64 = 64 << 20;

/// The most bytes of a rule file.
const RULES_BYTES_MAX: u64 = 4 << 20;

/// Reads a file of rules: its text, and its name and sum.
fn rules(path: &Path) -> Result<(String, NamedSum), CommandError> {
    let file =
        SmallFile::read(path, RULES_BYTES_MAX).map_err(|error| CommandError::small_file(path, &error))?;
    let text = String::from_utf8(file.bytes().to_vec()).map_err(|_| {
        CommandError::new(Code::RulesUnusable, format!("{}: it is not UTF-8", path.display()))
    })?;
    Ok((text, NamedSum { name: path.display().to_string(), sha256: Sum::of(file.bytes()) }))
}

fn unusable(path: &Path, error: &RulebookError) -> CommandError {
    CommandError::new(Code::RulesUnusable, format!("{}: {error}", path.display()))
}

/// Reads policies.
pub(crate) fn policies(paths: &[PathBuf]) -> Result<Vec<PolicyFile>, CommandError> {
    let read = |path: &PathBuf| {
        let (text, file) = rules(path)?;
        let rules = Rulebook::parse(&text).map_err(|error| unusable(path, &error))?;
        Ok(PolicyFile { file, rules })
    };
    paths.iter().map(read).collect()
}

/// Reads files of accepted denials.
pub(crate) fn ignores(paths: &[PathBuf]) -> Result<Vec<IgnoreFile>, CommandError> {
    let read = |path: &PathBuf| {
        let (text, file) = rules(path)?;
        let ignores = Ignores::parse(&text).map_err(|error| unusable(path, &error))?;
        Ok(IgnoreFile { file, ignores })
    };
    paths.iter().map(read).collect()
}

/// Reads VEX documents.
pub(crate) fn vex(paths: &[PathBuf]) -> Result<VexFiles, CommandError> {
    let mut vex = VexFiles::default();
    for path in paths {
        let file =
            SmallFile::read(path, VEX_BYTES_MAX).map_err(|error| CommandError::small_file(path, &error))?;
        let statements = Vex::read(file.bytes())
            .map_err(|error| CommandError::new(Code::VexUnusable, format!("{}: {error}", path.display())))?;
        vex.files.push(NamedSum { name: path.display().to_string(), sha256: Sum::of(file.bytes()) });
        vex.statements.push(statements);
    }
    Ok(vex)
}

/// Reads files of rules for secrets, and adds them to those of the program. What of a file is not used is said.
pub(crate) fn secrets(paths: &[PathBuf]) -> Result<(SecretRules, Vec<NamedSum>), CommandError> {
    let mut all = SecretRules::builtin().map_err(CommandError::system)?;
    let mut files = Vec::new();
    for path in paths {
        let wrong = |error: &dyn std::fmt::Display| {
            CommandError::new(Code::RulesUnusable, format!("{}: {error}", path.display()))
        };
        let (text, file) = rules(path)?;
        let GitleaksFile { rules, not_used } = GitleaksFile::parse(&text).map_err(|error| wrong(&error))?;
        for sentence in not_used {
            say(&format!("{}: {sentence}", path.display()));
        }
        all = all.and(rules).map_err(|error| wrong(&error))?;
        files.push(file);
    }
    Ok((all, files))
}
