//! The options for files of rules: policies, accepted denials, and what these need.

use std::path::PathBuf;

use carnet::gate::{RuleFiles, Rules};
use clap::Args;

use super::command_error::CommandError;
use super::plain::plain;
use super::screen::say;
use super::signature_keys::SignatureKeyArgs;

/// The options of commands that judge content.
#[derive(Args, Clone)]
pub(crate) struct RuleArgs {
    /// Judge the content by the rules in FILE (TOML, or Rego if its name ends in .rego); exit code 5 if they deny
    /// it; repeatable
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Accept the denials in FILE, each for a reason and until a day; repeatable
    #[arg(long, value_name = "FILE", requires = "policy")]
    ignore: Vec<PathBuf>,
    /// Look packages up in an advisory database: OSV records (a folder, or zip files), the JSON of the
    /// Debian security tracker, or an Alpine secdb; repeatable
    #[arg(long, value_name = "PATH")]
    advisories: Vec<PathBuf>,
    /// Say what the VEX document FILE says of known flaws: OpenVEX, CycloneDX or CSAF; repeatable. A policy
    /// does not count the flaws that do no harm
    #[arg(long, value_name = "FILE", requires = "advisories")]
    vex: Vec<PathBuf>,
    #[command(flatten)]
    signature_keys: SignatureKeyArgs,
    /// Look for secrets by the rules in FILE, too, which has the form of gitleaks.toml; repeatable
    #[arg(long, value_name = "FILE")]
    secret_rules: Vec<PathBuf>,
}

impl RuleArgs {
    /// The files.
    pub(crate) fn files(&self) -> RuleFiles {
        RuleFiles {
            policies: self.policy.clone(),
            ignores: self.ignore.clone(),
            advisories: self.advisories.clone(),
            vex: self.vex.clone(),
            secret_rules: self.secret_rules.clone(),
            ..self.signature_keys.files()
        }
    }

    /// Reads the files. What of them is not used is said.
    pub(crate) fn read(&self) -> Result<Rules, CommandError> {
        let rules = self.files().read()?;
        for sentence in &rules.not_used {
            say(&plain(sentence));
        }
        Ok(rules)
    }
}
