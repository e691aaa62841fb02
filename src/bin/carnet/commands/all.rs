//! All commands, in the order in which the help lists them.

use carnet::observe::Verb;
use clap::Subcommand;

use super::import::piece as import_piece;
use super::reshape::{extract, merge, resplit};
use super::scale::{pack_piece, plan, seal, verify_piece};
use super::{
    audit, cat, completions, diff, explain, guard, import, inspect, keygen, ls, man, missing, pack, parity,
    pubkey, receive, repair, resend, runs, schemas as schema_files, sign, station, stream, sums, tree, trust,
    unpack, verify, version,
};
use crate::command::{Command, Context};
use crate::command_error::CommandError;

/// What the program is for.
pub(crate) const ABOUT: &str =
    "Carries container images and other OCI artifacts across a boundary without a network path";

/// What the help ends with.
pub(crate) const EXAMPLES: &str = "Examples:\n  \
    carnet keygen station\n  \
    carnet pack oci:images --to out --name release42 --key station.key.pem\n  \
    carnet pack docker://low.example/team/app:1.0 --to out --name app --key station.key.pem\n  \
    carnet verify out --pub station.pub.pem\n  \
    carnet unpack out --pub station.pub.pem --to oci:arrived\n  \
    carnet import out --pub station.pub.pem --to docker://high.example\n\n\
    Exit codes: 0 success, 1 failure, 2 usage error, 3 not trusted, 4 damaged or incomplete,\n\
    5 denied by a policy, 130 interrupted.";

commands![
    keygen::Keygen,
    pubkey::Pubkey,
    pack::Pack,
    plan::Plan,
    pack_piece::PackPiece,
    seal::Seal,
    parity::Parity,
    sign::Sign,
    verify::Verify,
    verify_piece::VerifyPiece,
    missing::Missing,
    repair::Repair,
    resend::Resend,
    inspect::Inspect,
    audit::Audit,
    diff::Diff,
    tree::Tree,
    ls::Ls,
    cat::Cat,
    unpack::Unpack,
    import::Import,
    import_piece::ImportPiece,
    resplit::Resplit,
    extract::Extract,
    merge::Merge,
    sums::Sums,
    guard::Guard,
    receive::Receive,
    station::Station,
    runs::Runs,
    stream::Stream,
    trust::Trust,
    explain::Explain,
    completions::Completions,
    man::Man,
    version::Version,
    schema_files::Schemas
];
