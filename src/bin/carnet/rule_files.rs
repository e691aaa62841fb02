//! Files of rules that an operator names: policies, and denials that are accepted.

use std::path::{Path, PathBuf};

use carnet::audit::{IgnoreFile, NamedSum, PolicyFile};
use carnet::diagnosis::Code;
use carnet::format::Sum;
use carnet::rulebook::{Ignores, Rulebook, RulebookError};
use carnet::small_file::SmallFile;

use crate::command_error::CommandError;

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
