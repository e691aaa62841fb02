//! The commands, one file each: the arguments with their help, the run, the text output, and the schema of the
//! JSON output. Large commands have a folder with the same parts.
//!
//! To add a command, add a file here with a type that implements [`Command`], and add its name to the list
//! below and to the one in `all`. `few` lists those of the program that only verifies.

/// Declares an enum of all commands, which runs the one given on the command line.
macro_rules! commands {
    ($($module:ident::$Name:ident),* $(; $Other:ident)?) => {
        /// The command given on the command line.
        #[derive(Subcommand)]
        pub(crate) enum AnyCommand {
            $($Name(Box<$module::$Name>),)*
            $(#[command(external_subcommand)] $Other(Vec<OsString>),)?
        }

        impl AnyCommand {
            /// The library verb that the command runs, if any.
            pub(crate) fn verb(&self) -> Option<Verb> {
                match self {
                    $(AnyCommand::$Name(_) => $module::$Name::VERB,)*
                    $(AnyCommand::$Other(_) => None,)?
                }
            }

            /// Runs the command. Returns the exit code.
            pub(crate) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
                match self {
                    $(AnyCommand::$Name(command) => command.run(context),)*
                    $(AnyCommand::$Other(words) => Err(absent(&words)),)?
                }
            }
        }

        /// The names and schemas of all JSON documents.
        #[cfg(feature = "schemas")]
        pub(super) fn schemas() -> Vec<(&'static str, schemars::Schema)> {
            [$($module::$Name::schemas()),*].concat()
        }
    };
}

#[cfg(feature = "full")]
mod all;
#[cfg(feature = "full")]
mod audit;
#[cfg(feature = "full")]
mod cat;
#[cfg(feature = "full")]
mod completions;
#[cfg(feature = "full")]
mod diff;
#[cfg(feature = "full")]
mod explain;
#[cfg(not(feature = "full"))]
mod few;
#[cfg(feature = "full")]
mod guard;
#[cfg(feature = "full")]
mod import;
mod inspect;
#[cfg(feature = "full")]
mod keygen;
#[cfg(feature = "full")]
mod ls;
#[cfg(feature = "full")]
mod man;
mod missing;
#[cfg(feature = "full")]
mod pack;
#[cfg(feature = "full")]
mod parity;
#[cfg(feature = "full")]
mod pubkey;
#[cfg(feature = "full")]
mod receive;
#[cfg(feature = "full")]
mod repair;
#[cfg(feature = "full")]
mod resend;
#[cfg(feature = "full")]
mod reshape;
#[cfg(feature = "full")]
mod runs;
#[cfg(feature = "full")]
mod scale;
#[cfg(feature = "full")]
mod schemas;
#[cfg(feature = "full")]
mod sign;
#[cfg(feature = "full")]
mod station;
#[cfg(feature = "full")]
mod stream;
mod sums;
#[cfg(feature = "full")]
mod tree;
#[cfg(feature = "full")]
mod trust;
mod unpack;
mod verify;
#[cfg(feature = "full")]
mod version;

#[cfg(feature = "full")]
pub(crate) use all::{ABOUT, AnyCommand, EXAMPLES};
#[cfg(not(feature = "full"))]
pub(crate) use few::{ABOUT, AnyCommand, EXAMPLES};
#[cfg(feature = "full")]
pub(crate) use station::text as record_text;
