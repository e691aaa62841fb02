//! `carnet runs verify`: checks that no record was changed, removed or moved.

use std::path::PathBuf;

use carnet::diagnosis::{Code, count};
use carnet::runs::{Fault, Verified, verify};
use carnet::trust::{PublicKey, TrustPolicy};
use clap::Args;

use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::{plain, plain_path};
use crate::screen::say;
use crate::state_args::StateArgs;

/// Check that no record was changed, removed or moved
#[derive(Args)]
#[command(
    after_help = "Note the head that it prints elsewhere: with --expect it shows later that nothing was cut off.\n\n\
    Example:\n  carnet runs verify --pub station.pub.pem"
)]
pub(super) struct Verify {
    /// The public key of the station; repeatable. Without it, signatures are not checked
    #[arg(long = "pub", value_name = "FILE", conflicts_with = "trust")]
    public: Vec<PathBuf>,
    /// A trust file; each of its keys may sign
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// A head that was printed before; it must still be in the chain
    #[arg(long, value_name = "DIGEST")]
    expect: Option<String>,
    #[command(flatten)]
    state: StateArgs,
}

impl Verify {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let mut keys = self.public.iter().map(|path| PublicKey::load(path)).collect::<Result<Vec<_>, _>>()?;
        if let Some(path) = &self.trust {
            keys.extend(TrustPolicy::load(path)?.keys().iter().map(|key| key.key().clone()));
        }
        let verified = verify(&self.state.folder(), &keys, self.expect.as_deref())?;
        context.screen.answer(&verified, || text(&verified, !keys.is_empty()));
        if verified.faults.is_empty() {
            return Ok(exit::DONE);
        }
        let unsigned = |fault: &Fault| matches!(fault, Fault::LineNotSigned { .. });
        let code = if verified.faults.iter().all(unsigned) { Code::RunUnsigned } else { Code::RunDamaged };
        let faults = count(verified.faults.len() as u64, "fault", "faults");
        say(&format!("error[{code}]: {faults} in {}", plain_path(&self.state.folder())));
        Ok(exit::code(code.failure()))
    }
}

fn text(verified: &Verified, signatures: bool) -> String {
    let Verified { lines, head, records, deleted, running, faults } = verified;
    let mut out =
        format!("lines   {lines}{}\n", if signatures { ", signed" } else { ", signatures NOT checked" });
    out += &format!("records {records} as they were written, {deleted} deleted, {running} running\n");
    out += &format!("head    {head}\n");
    for fault in faults {
        out += &format!("FAULT   {}\n", plain(&sentence(fault)));
    }
    out
}

fn sentence(fault: &Fault) -> String {
    match fault {
        Fault::LineDamaged { line, problem } => format!("line {line} was changed: {problem}"),
        Fault::LineOutOfPlace { line, run } => {
            format!("line {line}, about the run {run}: lines before it were removed, inserted or moved")
        }
        Fault::LineNotSigned { line, run } => {
            format!("line {line}, about the run {run}, is signed by none of the keys")
        }
        Fault::RecordChanged { run } => format!("the record of the run {run} was changed"),
        Fault::RecordMissing { run } => format!("the record of the run {run} was removed"),
        Fault::RecordUnknown { run } => format!("the record of the run {run} was added by somebody else"),
        Fault::HeadMissing { head } => {
            format!("the chain no longer contains the head {head}: its end was cut off")
        }
    }
}
