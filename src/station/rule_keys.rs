//! The keys of a pipeline for policies, and what these need.

use std::path::{Path, PathBuf};

use crate::gate::RuleFiles;

/// The files of rules, whose relative paths are relative to the folder of the file.
pub(super) fn rules_in(folder: &Path, files: RuleFiles) -> Result<RuleFiles, String> {
    for (key, paths, needs, needed) in [
        ("ignore", &files.ignores, "policy", &files.policies),
        ("advisories", &files.advisories, "policy", &files.policies),
        ("vex", &files.vex, "advisories", &files.advisories),
        ("cosign-keys", &files.cosign_keys, "policy", &files.policies),
        ("notation-ca", &files.notation_ca, "policy", &files.policies),
        ("secret-rules", &files.secret_rules, "policy", &files.policies),
    ] {
        if !paths.is_empty() && needed.is_empty() {
            return Err(format!("{key}: it is for a policy, and {needs} is not set"));
        }
    }
    let at = |paths: Vec<PathBuf>| paths.into_iter().map(|path| folder.join(path)).collect();
    Ok(RuleFiles {
        policies: at(files.policies),
        ignores: at(files.ignores),
        advisories: at(files.advisories),
        vex: at(files.vex),
        cosign_keys: at(files.cosign_keys),
        notation_ca: at(files.notation_ca),
        secret_rules: at(files.secret_rules),
    })
}
