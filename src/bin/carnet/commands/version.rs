//! `carnet version`: prints the version and the hash kernels.

use carnet::format::Profile;
use carnet::stream::hash::Kernel;
use carnet::trust::CAN_LOAD_MODULES;
use clap::Args;
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;

/// What differs between builds, and whether this one has it.
const FEATURES: &[(&str, bool)] = &[("rego", cfg!(feature = "rego")), ("pkcs11", CAN_LOAD_MODULES)];

/// The profiles that this program packs and verifies.
const PROFILES: [Profile; 1] = [Profile::Cnsa2];

/// Print the version; with -v, also the CPU instructions used for hashing, and what this build can do
#[derive(Args)]
#[command(
    after_help = "CARNET_HASH=portable, avx2, avx512 or sha-ni forces a hash kernel, for tests and support.\n\n\
    Example:\n  carnet version -v"
)]
pub(crate) struct Version {}

/// The output of `carnet version`.
#[derive(Serialize, JsonSchema)]
struct VersionReport {
    /// The version of the program.
    version: String,
    /// The hash kernel in use: `portable`, `avx2`, `avx512` or `sha-ni`.
    hash: String,
    /// All hash kernels that this machine supports, including the one in use.
    hash_available: Vec<String>,
    /// The features that this program was built with. All others are in every build.
    features: Vec<String>,
    /// The profiles that this program packs and verifies.
    profiles: Vec<Profile>,
    /// Whether a FIPS-validated module hashes and signs; no build has one yet.
    fips_validated: bool,
}

impl Command for Version {
    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let report = VersionReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            hash: Kernel::chosen().to_string(),
            hash_available: Kernel::available().map(|kernel| kernel.to_string()).collect(),
            features: FEATURES
                .iter()
                .filter(|(_, is_on)| *is_on)
                .map(|(name, _)| (*name).to_owned())
                .collect(),
            profiles: PROFILES.to_vec(),
            fips_validated: false,
        };
        context.screen.answer(&report, || {
            let mut out = format!("carnet {}\n", report.version);
            if context.screen.verbose {
                out += &format!("hash   {} (of {})\n", report.hash, report.hash_available.join(", "));
                for (name, is_on) in FEATURES {
                    out += &format!("{name:<6} {}\n", if *is_on { "built in" } else { "not in this build" });
                }
                for profile in PROFILES {
                    out += &format!("{:<6} built in, without a FIPS-validated module\n", profile.to_string());
                }
            }
            out
        });
        Ok(exit::DONE)
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("version", schema_for!(VersionReport))]
    }
}
