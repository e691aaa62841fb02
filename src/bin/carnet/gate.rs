//! The options of commands that move content, for the policies that it must pass first.

use carnet::audit::PolicyWarning;
use carnet::diagnosis::Code;
use carnet::format::Sum;
use carnet::gate::{Moving, judged};
use carnet::runs::RunCheck;
use clap::Args;

use super::command::Context;
use super::command_error::CommandError;
use super::judgement::Judgement;
use super::plain::plain;
use super::rule_args::RuleArgs;
use super::screen::say;
use super::tables::count_of;

/// The options of commands that move content, for the policies that it must pass first. They are those of `audit`, and all
/// of them are about a policy.
#[derive(Args, Clone)]
#[command(
    mut_arg("policy", |arg| arg.help(
        "Before anything is written or pushed, audit the content by the rules in FILE; exit code 5 if they deny it. \
         Each layer is read one more time for it; repeatable"
    )),
    mut_arg("advisories", |arg| arg.requires("policy")),
    mut_arg("cosign_key", |arg| arg.requires("policy")),
    mut_arg("notation_ca", |arg| arg.requires("policy")),
    mut_arg("secret_rules", |arg| arg.requires("policy"))
)]
pub(crate) struct GateArgs {
    #[command(flatten)]
    rules: RuleArgs,
}

impl GateArgs {
    /// Whether there is a policy.
    pub(crate) fn is_asked(&self) -> bool {
        self.rules.files().is_asked()
    }

    /// A sum that changes when one of the files of the policies does.
    pub(crate) fn stamp(&self) -> Sum {
        self.rules.files().stamp()
    }

    /// What a transfer record says of the policies that the content has passed.
    pub(crate) fn checks(&self) -> impl Iterator<Item = RunCheck> {
        self.rules.files().policies.into_iter().map(|path| RunCheck {
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
        match judged(&self.rules.read()?, moving, &context.environment)? {
            Some(judgement) if !judgement.allowed => Err(denied(judgement)),
            Some(judgement) => {
                for PolicyWarning { rule, place, text } in &judgement.warnings {
                    say(&plain(&format!("the policy warns: {rule}: {text} ({place})")));
                }
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// The error for what a policy denies.
fn denied(judgement: Judgement) -> CommandError {
    let reasons = count_of(judgement.denials.len(), "reason", "reasons");
    let message = format!("the policy objects: {reasons}; nothing was written");
    CommandError { diagnosis: Code::DeniedByPolicy.into(), message, judgement: Some(Box::new(judgement)) }
}
