//! `carnet cat`: one file of an image, or a document, to stdout.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use carnet::audit::browse::{Chosen, config, document, file};
use carnet::observe::Verb;
use carnet::oci::Platform;
use clap::Args;

use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::subject::{SubjectArgs, image_words};

/// Write one file of an image to stdout, or a manifest, configuration or SBOM
#[derive(Args)]
#[command(
    after_help = "The first word that is neither a file, a place in an object store nor a source is REF, the name\n\
    or digest of an artifact; the next one is the path of a file in the image. Without a path, the\n\
    manifest is written. A digest may be that of any blob of a bundle, e.g. of an SBOM.\n\n\
    The bytes are written as they are: send them to a file or a pager, not to a terminal.\n\n\
    Examples:\n  \
    carnet cat out team/app:1.0 etc/os-release --pub station.pub.pem\n  \
    carnet cat oci:images team/app:1.0 --config"
)]
pub(crate) struct Cat {
    /// Chunk files, folders or places in object stores that hold them, or sources; then the artifact,
    /// and a file in it
    #[arg(value_name = "PLACE|SOURCE… REF [FILE]", required = true)]
    words: Vec<OsString>,
    #[command(flatten)]
    options: SubjectArgs,
    /// The platform, if the artifact has several
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// Write the configuration of the image
    #[arg(long)]
    config: bool,
}

impl Command for Cat {
    const VERB: Option<Verb> = Some(Verb::Audit);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let (places, artifact, path) = image_words(&self.words)?;
        let environment = &context.environment;
        let bytes = self.options.with(&places, context, |subject| {
            let chosen = Chosen { artifact: artifact.clone(), platform: self.platform.clone() };
            Ok(match &path {
                Some(path) => file(subject, &chosen, path.as_bytes(), environment)?,
                None if self.config => config(subject, &chosen, environment)?,
                None => document(subject, &artifact, environment)?,
            })
        })?;
        context.screen.bytes(&bytes);
        Ok(exit::DONE)
    }
}
