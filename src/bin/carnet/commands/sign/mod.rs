//! `carnet sign`: releases a bundle.

pub(super) mod asking;
mod text;

use std::path::{Path, PathBuf};

use carnet::diagnosis::Code;
use carnet::format::head::RELEASE_BYTES_MAX;
use carnet::format::limits::STATEMENT_BYTES_MAX;
use carnet::medium::{ChunkPlace, NewFile};
use carnet::observe::Verb;
use carnet::sign::{
    BundleToSign, Controls, DetachedReport, DetachedStatement, SignReport, SignRequest, attach, sign,
};
use carnet::small_file::SmallFile;
use carnet::trust::{KeyPlace, PublicKey, Signer, TrustPolicy};
use clap::{ArgGroup, Args};
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use crate::bundle::chunk_files;
use crate::chunk_place::chunk_place;
use crate::command::{Command, Context};
use crate::command_error::CommandError;
use crate::exit;
use crate::keys::{KeyAccess, SecondKey, key_place};
use crate::stores::{StoreArgs, StoreWriting, Stores};

/// Release a bundle: add a signature to its control chunk, and change nothing else
#[derive(Args)]
#[command(group(ArgGroup::new("verifier").args(["trust", "public"])))]
#[command(after_help = "On a terminal, it shows what is signed and asks.\n\nExamples:\n  \
    carnet inspect out --trust trust.toml\n  carnet sign out --trust trust.toml --key alice.key.pem\n  \
    carnet sign out --trust trust.toml --key alice.key.pem --second-key alice-pq.key.pem\n\n\
    With the key on a machine that never has the bundle:\n  \
    carnet sign out --trust trust.toml --statement release42.txt\n  \
    carnet sign release42.txt --detached release42.sig --key alice.key.pem\n  \
    carnet sign out --trust trust.toml --attach release42.sig\n\n\
    With a release file that travelled beside the chunks:\n  \
    carnet sign in --trust trust.toml --attach release42_release_752d3056a10a160e.tar")]
pub(crate) struct Sign {
    /// Control chunks, or folders or places in object stores that hold them; with --detached, a statement
    #[arg(value_name = "PLACE", required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    /// The private key to sign with: a file, ssh-agent:COMMENT, ssh-agent:FINGERPRINT, or pkcs11:… for a token
    #[arg(
        long,
        value_name = "KEY",
        value_parser = key_place(),
        required_unless_present_any = ["statement", "attach"],
        conflicts_with_all = ["statement", "attach"]
    )]
    key: Option<KeyPlace>,
    #[command(flatten)]
    key_access: KeyAccess,
    #[command(flatten)]
    second: SecondKey,
    /// The trust file: sign only what one of its packers has packed, and only with a key that it lets release
    #[arg(long, value_name = "FILE", conflicts_with = "detached")]
    trust: Option<PathBuf>,
    /// Instead of a trust file, with --attach: the public key that made the signature
    #[arg(long = "pub", value_name = "FILE", id = "public", requires = "attach")]
    public: Option<PathBuf>,
    /// Do not ask on a terminal
    #[arg(long, short)]
    yes: bool,
    /// Write the statement that is to be signed to FILE; sign nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["attach", "detached"])]
    statement: Option<PathBuf>,
    /// Sign a statement, and write the signature to FILE
    #[arg(long, value_name = "FILE", conflicts_with = "attach")]
    detached: Option<PathBuf>,
    /// Add the signature in FILE, which was made elsewhere, or those in a release file, after they were verified
    #[arg(long, value_name = "FILE", requires = "verifier")]
    attach: Option<PathBuf>,
    /// Write the release into a small file of its own here, and change no control chunk
    #[arg(long, value_name = "PLACE", value_parser = chunk_place(), conflicts_with_all = ["statement", "detached"])]
    release_file: Option<ChunkPlace>,
    #[command(flatten)]
    stores: StoreArgs,
    #[command(flatten)]
    writing: StoreWriting,
}

/// The output of `carnet sign --statement`.
#[derive(Serialize, JsonSchema)]
struct StatementReport {
    /// The path of the file with the statement.
    statement: String,
    /// What a signature over it covers.
    bundles: Vec<BundleToSign>,
}

impl Command for Sign {
    const VERB: Option<Verb> = Some(Verb::Sign);

    fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        if let Some(file) = &self.detached {
            return self.detached(file, context);
        }
        let environment = &context.environment;
        let stores = Stores { writing: Some(&self.writing), ..self.stores.open(environment) };
        let policy = self.trust.as_deref().map(TrustPolicy::load).transpose()?;
        let signer = self.key(context)?;
        let files = chunk_files(&self.places, &stores)?;
        let request = SignRequest { files: &files, policy: policy.as_ref() };
        let store = self.release_file.as_ref().map(|place| stores.store(place)).transpose()?;
        let mut controls = Controls::open(&request, environment)?;
        if let Some(store) = store.as_deref() {
            controls = controls.into_release_files(store);
        }
        if let Some(file) = &self.statement {
            return write_statement(file, &controls, context);
        }
        let report = match (&self.attach, &signer) {
            (Some(file), _) => {
                // A signature in base64 is shorter.
                let signature = read(file, RELEASE_BYTES_MAX)?;
                let mut keys: Vec<PublicKey> =
                    policy.iter().flat_map(TrustPolicy::keys).map(|key| key.key().clone()).collect();
                keys.extend(self.public.as_deref().map(PublicKey::load).transpose()?);
                attach(&controls, signature.raw(), &keys, environment)?
            }
            (None, Some(signer)) => {
                let mut to_sign = controls.to_sign();
                // Copies of a control chunk are one question.
                to_sign.dedup_by_key(|bundle| (bundle.bundle, bundle.created, bundle.expires));
                for bundle in to_sign {
                    asking::confirm(&bundle.bundle, &text::to_sign(&bundle), self.yes, context)?;
                }
                sign(&controls, signer.as_ref(), environment)?
            }
            (None, None) => unreachable!("clap requires a key"),
        };
        context.screen.report(&report, || text::signed(&report));
        Ok(exit::DONE)
    }

    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![
            ("sign", schema_for!(SignReport)),
            ("sign-statement", schema_for!(StatementReport)),
            ("sign-detached", schema_for!(DetachedReport)),
        ]
    }
}

impl Sign {
    fn key(&self, context: &Context<'_>) -> Result<Option<std::sync::Arc<dyn Signer>>, CommandError> {
        let first = self.key.as_ref().map(|key| self.key_access.load(key, context)).transpose()?;
        first.map(|first| self.second.beside(first, context)).transpose()
    }

    /// Signs a statement on a machine that does not have the bundle.
    fn detached(&self, file: &Path, context: &Context<'_>) -> Result<u8, CommandError> {
        let [ChunkPlace::Path(path)] = &self.places[..] else {
            let message = "--detached signs one statement: give one file, not several and no object store";
            return Err(CommandError::new(Code::BadPlace, message));
        };
        if self.second.is_given() {
            let message = "--detached makes one signature: sign with each key into a file of its own";
            return Err(CommandError::new(Code::SecondKeyAlgorithm, message));
        }
        let statement = DetachedStatement::parse(read(path, STATEMENT_BYTES_MAX)?.raw())?;
        let target = NewFile::reserve(file)?;
        let Some(signer) = self.key(context)? else { unreachable!("clap requires a key") };
        let shown = text::statement(statement.statement());
        asking::confirm(&statement.statement().bundle, &shown, self.yes, context)?;
        let report = statement.sign(signer.as_ref())?;
        target.place(format!("{}\n", report.signature).as_bytes())?;
        context.screen.report(&report, || text::detached(&report, file));
        Ok(exit::DONE)
    }
}

/// Writes the statement that is to be signed.
fn write_statement(file: &Path, controls: &Controls<'_>, context: &Context<'_>) -> Result<u8, CommandError> {
    let bundles = controls.to_sign();
    let Some(statement) = controls.statement() else {
        let names = bundles.iter().map(|bundle| bundle.bundle.to_string()).collect::<Vec<_>>().join(", ");
        let message = format!("the control chunks have several statements: {names}");
        return Err(CommandError::new(Code::SeveralStatements, message));
    };
    NewFile::reserve(file)?.place(&statement)?;
    let report = StatementReport { statement: file.display().to_string(), bundles };
    context.screen.report(&report, || {
        let shown: String = report.bundles.iter().map(text::to_sign).collect();
        format!("{shown}statement written to {}\n", crate::plain::plain_path(file))
    });
    Ok(exit::DONE)
}

/// Reads a statement or a signature.
fn read(path: &Path, bytes_max: u64) -> Result<SmallFile, CommandError> {
    SmallFile::read_once(path, bytes_max).map_err(|error| CommandError::small_file(path, &error))
}
