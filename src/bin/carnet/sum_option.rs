//! The sum functions, as `--file-sums` names them.

use carnet::sums::SumFunction;
use clap::ValueEnum;

/// A sum function.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SumOption {
    Sha256,
    Md5,
}

impl From<SumOption> for SumFunction {
    fn from(option: SumOption) -> Self {
        match option {
            SumOption::Sha256 => SumFunction::Sha256,
            SumOption::Md5 => SumFunction::Md5,
        }
    }
}
