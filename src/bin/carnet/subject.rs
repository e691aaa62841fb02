//! What the commands that look into content take: chunk files, or sources that are not packed yet.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use carnet::artifacts::{Expansion, RegistrySources, SourceSpec};
use carnet::audit::{Offered, Subject};
use carnet::diagnosis::Code;
use carnet::format::plan::Carriage;
use carnet::medium::ChunkPlace;
use carnet::registry::{Reach, Registries};
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::args::with_hint;
use super::bundle::chunk_files;
use super::chunk_place::parse_chunk_place;
use super::command::Context;
use super::command_error::CommandError;
use super::connection::Connection;
use super::stores::{StoreAccess, Stores};
use super::trust::TrustArgs;
use super::world::proxy;

/// A place of chunk files, or a source.
#[derive(Clone, Debug)]
pub(crate) enum SubjectPlace {
    Chunks(ChunkPlace),
    Source(SourceSpec),
}

/// A parser for places of chunk files and for sources. The prefix of a transport tells them apart.
pub(crate) fn subject_place() -> impl TypedValueParser<Value = SubjectPlace> {
    OsStringValueParser::new().try_map(|text| parse(&text))
}

/// Whether a text names a source by its prefix.
pub(crate) fn is_source(text: &OsStr) -> bool {
    const PREFIXES: [&str; 4] = ["docker://", "oci:", "oci-archive:", "docker-archive:"];
    PREFIXES.iter().any(|prefix| text.as_bytes().starts_with(prefix.as_bytes()))
}

/// Parses a place of chunk files or a source.
pub(crate) fn parse(text: &OsString) -> Result<SubjectPlace, String> {
    if is_source(text) {
        parse_source(text).map(SubjectPlace::Source)
    } else {
        parse_chunk_place(text.clone()).map(SubjectPlace::Chunks)
    }
}

/// Splits words into places of chunk files or sources, an artifact, and a path in it. The first word is a place; the
/// artifact is the first one that is neither a file, a place in an object store nor a source.
pub(crate) fn image_words(
    words: &[OsString],
) -> Result<(Vec<SubjectPlace>, String, Option<OsString>), CommandError> {
    let invalid = |problem: String| CommandError::new(Code::BadPlace, problem);
    let is_place = |(at, word): (usize, &OsString)| {
        let is_store = matches!(ChunkPlace::parse(word.clone()), Ok(ChunkPlace::Store(_)));
        at == 0 || is_source(word) || is_store || Path::new(word).exists()
    };
    let count = words.iter().enumerate().take_while(|(at, word)| is_place((*at, *word))).count();
    let (places, rest) = words.split_at(count);
    let places = places.iter().map(parse).collect::<Result<_, _>>().map_err(invalid)?;
    let mut rest = rest.iter();
    let artifact = rest
        .next()
        .and_then(|word| word.to_str())
        .ok_or_else(|| invalid("name an artifact after the places, by name or digest".to_owned()))?;
    let path = rest.next().cloned();
    match rest.next() {
        None => Ok((places, artifact.to_owned(), path)),
        Some(more) => Err(invalid(format!("{}: there is one artifact and one path at most", more.display()))),
    }
}

/// The options for what is looked into.
#[derive(Args)]
pub(crate) struct SubjectArgs {
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    access: StoreAccess,
    /// Expand archives that are compressed with gzip or zstd into DIR first; nothing is left there
    #[arg(long, value_name = "DIR")]
    tmp: Option<PathBuf>,
}

impl SubjectArgs {
    /// Opens what the places name, and hands it to `work`.
    ///
    /// # Errors
    /// If chunk files and sources are mixed, if one of them cannot be opened, or if `work` fails.
    pub(crate) fn with<T>(
        &self,
        places: &[SubjectPlace],
        context: &Context<'_>,
        work: impl FnOnce(&Subject<'_>) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let environment = &context.environment;
        let chunks: Vec<ChunkPlace> = places
            .iter()
            .filter_map(|place| match place {
                SubjectPlace::Chunks(place) => Some(place.clone()),
                SubjectPlace::Source(_) => None,
            })
            .collect();
        let specs = places.iter().filter_map(|place| match place {
            SubjectPlace::Chunks(_) => None,
            SubjectPlace::Source(spec) => Some(spec),
        });
        if chunks.len() == places.len() {
            let stores = Stores {
                network: &self.connection.network,
                access: &self.access,
                writing: None,
                environment,
            };
            let files = chunk_files(&chunks, &stores)?;
            let policy = self.trust.policy()?;
            return work(&Subject::Chunks { files: &files, policy: policy.as_ref() });
        }
        if !chunks.is_empty() {
            return Err(CommandError::new(Code::BadPlace, "give either chunk files or sources, not both"));
        }
        let is_remote = specs.clone().any(SourceSpec::is_remote);
        let proxy = if is_remote { proxy()? } else { None };
        let settings = self.connection.settings(Reach::Anywhere, proxy, environment.workers.stop());
        let registries = RegistrySources::new(Registries::new(settings), Vec::new());
        let expansion = self.tmp.as_deref().map(|tmp| Expansion::new(tmp, environment.workers.stop()));
        let mut sources: Vec<Offered> = Vec::new();
        for spec in specs {
            let opened = spec.open_expanding(&registries, expansion.as_ref())?;
            sources.extend(opened.into_iter().map(|source| Offered {
                source,
                selection: spec.selection.clone(),
                rename: spec.rename.clone(),
                nondistributable: Carriage::Carry,
            }));
        }
        work(&Subject::Sources(&sources))
    }
}

/// Parses a source. The error says what is wrong and shows the expected syntax.
fn parse_source(text: &OsStr) -> Result<SourceSpec, String> {
    SourceSpec::try_from(text).map_err(|error| with_hint(&error))
}
