//! `carnet ls`: the files of an image.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use carnet::audit::FileLine;
use carnet::audit::browse::{Chosen, list};
use carnet::observe::Verb;
use carnet::oci::Platform;
use clap::Args;
use schemars::{Schema, schema_for};
use serde::Serialize;

use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::plain;
use crate::subject::{SubjectArgs, image_words};
use crate::tables::{letter, table};

/// List the files of an image, as a container would see them
#[derive(Args)]
#[command(
    after_help = "The first word that is neither a file, a place in an object store nor a source is REF, the name\n\
    or digest of an artifact; the next one is a path in the image.\n\n\
    Examples:\n  \
    carnet ls out team/app:1.0 --pub station.pub.pem\n  \
    carnet ls oci:images team/app:1.0 etc -l\n  \
    carnet ls oci:images team/app:1.0 --layer 0"
)]
pub(crate) struct Ls {
    /// Chunk files, folders or places in object stores that hold them, or sources; then the artifact,
    /// and a path in it
    #[arg(value_name = "PLACE|SOURCE… REF [PATH]", required = true)]
    words: Vec<OsString>,
    #[command(flatten)]
    options: SubjectArgs,
    /// The platform, if the artifact has several
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// List one layer as its archive has it, counted from 0, the base
    #[arg(long, value_name = "N")]
    layer: Option<usize>,
    /// Show permissions, owners, sizes and layers
    #[arg(short = 'l', long)]
    long: bool,
}

/// The files of an image.
#[derive(Serialize, schemars::JsonSchema)]
struct LsReport {
    /// The files, sorted by path.
    files: Vec<FileLine>,
}

impl Command for Ls {
    const VERB: Option<Verb> = Some(Verb::Audit);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let (places, artifact, path) = image_words(&self.words)?;
        let chosen = Chosen { artifact, platform: self.platform.clone() };
        let path = path.map(|path| path.as_bytes().to_vec()).unwrap_or_default();
        let files = self.options.with(&places, context, |subject| {
            Ok(list(subject, &chosen, self.layer, &path, &context.environment)?)
        })?;
        let report = LsReport { files };
        context.screen.answer(&report, || text(&report.files, self.long));
        Ok(exit::DONE)
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("ls", schema_for!(LsReport))]
    }
}

fn text(files: &[FileLine], long: bool) -> String {
    if !long {
        return files.iter().map(|file| format!("{}\n", plain(&file.path))).collect();
    }
    let row = |file: &FileLine| {
        let target = file.target.as_ref().map_or_else(String::new, |target| format!(" -> {target}"));
        vec![
            format!("{}{}", letter(&file.kind), permissions(file.mode)),
            format!("{}:{}", file.uid, file.gid),
            file.size.to_string(),
            file.layer.map_or_else(|| "-".to_owned(), |layer| layer.hex().chars().take(12).collect()),
            format!("{}{target}", file.path),
        ]
    };
    table(&["mode", "owner", "bytes", "layer", "path"], &[2], files.iter().map(row).collect())
}

/// The permission bits as ls(1) shows them.
fn permissions(mode: u32) -> String {
    let mut text = String::new();
    for (shift, special, sign) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => sign,
            (false, true) => sign.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}
