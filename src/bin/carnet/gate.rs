//! Holds content against policies before it moves.
//!
//! What moves bytes looks into none of them, so this is a step of its own: the content is audited, and only then packed
//! or imported, or not.

use std::path::PathBuf;

use carnet::audit::{AuditRequest, DEPTH_MAX, PackageScope, Rule, Subject, audit, layer_limits};
use carnet::content::secrets::SecretRules;
use carnet::diagnosis::Code;
use carnet::format::plan::Carriage;
use carnet::oci::Platform;
use carnet::runs::RunCheck;
use clap::Args;

use super::command::Context;
use super::command_error::CommandError;
use super::plain::plain;
use super::rule_files;
use super::signature_keys::SignatureKeyArgs;

/// The options of commands that move content, for the policies that it must pass first.
#[derive(Args, Clone)]
pub(crate) struct GateArgs {
    /// Before anything is written or pushed, audit the content by the rules in FILE; exit code 5 if they
    /// deny it. Each layer is read one more time for it; repeatable
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Accept the denials in FILE, each for a reason and until a day; repeatable
    #[arg(long, value_name = "FILE", requires = "policy")]
    ignore: Vec<PathBuf>,
    /// For the policy, look packages up in an advisory database, as `carnet audit` does; repeatable
    #[arg(long, value_name = "PATH", requires = "policy")]
    advisories: Vec<PathBuf>,
    /// For the policy, check signatures in the cargo with the public key in FILE, as `carnet audit` does;
    /// repeatable
    #[arg(long, value_name = "FILE", requires = "policy")]
    cosign_key: Vec<PathBuf>,
    /// For the policy, check signatures in the cargo with the certificates in FILE, as `carnet audit` does;
    /// repeatable
    #[arg(long, value_name = "FILE", requires = "policy")]
    notation_ca: Vec<PathBuf>,
}

/// What of the content moves.
pub(crate) struct Moving<'a> {
    /// Where it is.
    pub(crate) subject: Subject<'a>,
    /// The names or digests of its artifacts; empty for all.
    pub(crate) artifacts: &'a [String],
    /// The platforms of indexes; empty for all.
    pub(crate) platforms: &'a [Platform],
    /// Whether referrers move, too.
    pub(crate) referrers: Carriage,
}

impl GateArgs {
    /// Whether there is a policy.
    pub(crate) fn is_asked(&self) -> bool {
        !self.policy.is_empty()
    }

    /// What a transfer record says of the policies that the content has passed.
    pub(crate) fn checks(&self) -> impl Iterator<Item = RunCheck> {
        self.policy.iter().map(|path| RunCheck {
            check: format!("policy {}", path.display()),
            result: "the content was audited and allowed".to_owned(),
        })
    }

    /// Audits what moves, if there is a policy.
    ///
    /// # Errors
    /// If the policy denies it, or if the audit reached no result.
    pub(crate) fn pass(&self, moving: &Moving<'_>, context: &Context<'_>) -> Result<(), CommandError> {
        if !self.is_asked() {
            return Ok(());
        }
        let policies = rule_files::policies(&self.policy)?;
        let ignores = rule_files::ignores(&self.ignore)?;
        let keys =
            SignatureKeyArgs { cosign_key: self.cosign_key.clone(), notation_ca: self.notation_ca.clone() };
        let keys = keys.read()?;
        let rules = SecretRules::builtin().map_err(CommandError::system)?;
        let request = AuditRequest {
            subject: moving.subject,
            artifacts: moving.artifacts.to_vec(),
            platforms: moving.platforms.to_vec(),
            referrers: moving.referrers,
            scope: PackageScope::Squashed,
            limits: layer_limits(),
            secrets: Some(&rules),
            hash_files: false,
            secret_rules: Vec::new(),
            depth_max: DEPTH_MAX,
            vex: None,
            advisories: self.advisories.clone(),
            signature_keys: &keys,
            policies: &policies,
            ignores: &ignores,
            guard: None,
            files: None,
            at: context.environment.clock.now(),
            build: format!("carnet {}", env!("CARGO_PKG_VERSION")),
        };
        let report = audit(&request, &context.environment)?.report;
        // What is damaged is not judged, and would not move either.
        for finding in &report.findings {
            let code = match finding.rule {
                Rule::BlobDamaged => Code::BlobMismatch,
                Rule::BlobAbsent => Code::BlobMissing,
                Rule::DocumentUnreadable => Code::MalformedDocument,
                _ => continue,
            };
            return Err(CommandError::new(code, plain(&finding.text)));
        }
        match report.policy {
            Some(judgement) if !judgement.allowed => Err(CommandError::denied(judgement)),
            _ => Ok(()),
        }
    }
}
