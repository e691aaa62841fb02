//! `carnet trust explain`: why chunks are accepted or not, signature by signature.

use std::path::PathBuf;

use carnet::arrival::{OpenError, read_head};
use carnet::format::head::Head;
use carnet::format::{Profile, StreamName, Sum, Timestamp};
use carnet::medium::ChunkPlace;
use carnet::trust::{PolicyKey, Question, RefusalReason, Role, TrustPolicy};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::bundle::chunk_files;
use crate::chunk_place::chunk_place;
use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::plain;
use crate::stores::StoreArgs;

/// Say for each signature of chunks whether it counts, and why not
#[derive(Args)]
#[command(after_help = "Only heads are read: `carnet verify` also checks every byte.\n\nExample:\n  \
    carnet trust explain in --trust trust.toml")]
pub(super) struct Explain {
    /// Chunk files, or folders or places in object stores that hold them
    #[arg(value_name = "PLACE", required = true, value_parser = chunk_place())]
    places: Vec<ChunkPlace>,
    /// The trust file
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    #[command(flatten)]
    stores: StoreArgs,
}

/// The output of `carnet trust explain`.
#[derive(Serialize, JsonSchema)]
pub(super) struct ExplainReport {
    /// The chunks.
    chunks: Vec<ExplainedChunk>,
    /// Files that are no chunks or cannot be read, with the reason.
    others: Vec<String>,
}

/// A chunk.
#[derive(Serialize, JsonSchema)]
struct ExplainedChunk {
    /// The path of the file.
    file: String,
    /// The id of the bundle.
    bundle: Sum,
    /// The name of the bundle.
    name: String,
    /// The number of the chunk.
    number: u32,
    stream: Option<StreamName>,
    sequence: Option<u64>,
    /// When it was sealed, as its packer says.
    created: Timestamp,
    /// When it expired; absent if it has not.
    expired: Option<Timestamp>,
    /// The profile that the trust file demands and the chunk does not keep; absent if there is none.
    lacks_profile: Option<Profile>,
    /// What its signatures are worth.
    roles: Vec<ExplainedRole>,
}

/// What the signatures of a chunk are worth for a role.
#[derive(Serialize, JsonSchema)]
struct ExplainedRole {
    role: Role,
    /// How many holders count.
    holders: usize,
    /// How many are needed.
    needed: u8,
    signatures: Vec<ExplainedSignature>,
}

/// A signature.
#[derive(Serialize, JsonSchema)]
struct ExplainedSignature {
    /// The first 16 digits of the id of its alleged key.
    key: String,
    algorithm: String,
    /// The holder of the key in the trust file; absent if that has no key with this id.
    holder: Option<String>,
    /// Whether it counts.
    counts: bool,
    /// Why it does not count.
    reason: Option<RefusalReason>,
}

impl Explain {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let environment = &context.environment;
        let policy = TrustPolicy::load(&self.trust)?;
        let stores = self.stores.open(environment);
        let now = environment.clock.now();
        let mut report = ExplainReport { chunks: Vec::new(), others: Vec::new() };
        let files = chunk_files(&self.places, &stores)?;
        for file in &files {
            match read_head(file.as_ref()) {
                Ok(head) => report.chunks.push(explain(file.name(), &head, &policy, now)),
                Err(error) => report.others.push(format!("{}: {error}", file.name())),
            }
        }
        if report.chunks.is_empty() {
            let mut others = report.others;
            let first = (!others.is_empty()).then(|| others.swap_remove(0));
            return Err(OpenError::NoChunk { files: files.len(), first }.into());
        }
        report.chunks.sort_by(|a, b| (a.bundle, a.number, &a.file).cmp(&(b.bundle, b.number, &b.file)));
        context.screen.answer(&report, || text(&report));
        let packed =
            |chunk: &ExplainedChunk| chunk.is_current() && chunk.roles.iter().all(ExplainedRole::is_met);
        Ok(if report.chunks.iter().all(packed) {
            exit::DONE
        } else {
            exit::code(carnet::diagnosis::Failure::Untrusted)
        })
    }
}

impl ExplainedChunk {
    /// Whether nothing but its signatures decides.
    fn is_current(&self) -> bool {
        self.expired.is_none() && self.lacks_profile.is_none()
    }
}

impl ExplainedRole {
    fn is_met(&self) -> bool {
        self.holders >= usize::from(self.needed)
    }
}

fn explain(file: &str, head: &Head, policy: &TrustPolicy, now: Timestamp) -> ExplainedChunk {
    let statement = &head.statement;
    let roles: &[Role] =
        if statement.is_control() { &[Role::Packer, Role::Releaser] } else { &[Role::Packer] };
    let role = |&role: &Role| {
        let question = Question {
            role,
            stream: statement.crossing.stream.as_ref().map(StreamName::as_str),
            sequence: statement.crossing.sequence,
            created: statement.created.get(),
            now: now.get(),
        };
        let outcomes = policy.outcomes(&question, &head.statement_bytes, &head.signatures);
        let signatures = head.signatures.iter().zip(outcomes).map(|(signature, outcome)| {
            let known = |key: &&PolicyKey| {
                key.key().algorithm() == signature.algorithm
                    && key.key().id().as_bytes()[..8] == signature.key
            };
            let holder = |key: &PolicyKey| key.holder().to_owned();
            ExplainedSignature {
                key: hex::encode(signature.key),
                algorithm: signature.algorithm.to_string(),
                holder: outcome.ok().or_else(|| policy.keys().iter().find(known)).map(holder),
                counts: outcome.is_ok(),
                reason: outcome.err(),
            }
        });
        let judgement = policy.judge(&question, &head.statement_bytes, &head.signatures);
        let needed = if role == Role::Packer { 1 } else { policy.release_threshold() };
        ExplainedRole { role, holders: judgement.accepted().len(), needed, signatures: signatures.collect() }
    };
    ExplainedChunk {
        file: file.to_owned(),
        bundle: statement.bundle,
        name: statement.crossing.name.to_string(),
        number: statement.number,
        stream: statement.crossing.stream.clone(),
        sequence: statement.crossing.sequence,
        created: statement.created,
        expired: statement.expires.filter(|expires| *expires <= now),
        lacks_profile: policy.algorithms().and_then(|demand| demand.profile_lacking(statement)),
        roles: roles.iter().map(role).collect(),
    }
}

fn text(report: &ExplainReport) -> String {
    let mut out = String::new();
    for chunk in &report.chunks {
        let stream =
            chunk.stream.as_ref().map_or_else(|| "no stream".to_owned(), |stream| format!("stream {stream}"));
        let number = chunk.sequence.map_or_else(String::new, |number| format!(", number {number}"));
        out += &format!(
            "{}: chunk {} of bundle {} ({stream}{number}, sealed {})\n",
            plain(&chunk.file),
            chunk.number,
            chunk.name,
            chunk.created
        );
        if let Some(expired) = chunk.expired {
            out += &format!("  EXPIRED at {expired}\n");
        }
        if let Some(profile) = chunk.lacks_profile {
            out += &format!(
                "  NOT ACCEPTED: packed without the profile {profile}, which the trust file demands\n"
            );
        }
        for role in &chunk.roles {
            let verdict = match (role.role, role.is_met()) {
                (Role::Packer, true) => "accepted",
                (Role::Packer, false) => "NOT ACCEPTED",
                (_, true) => "released",
                (_, false) => "NOT RELEASED",
            };
            out += &format!("  as {}: {verdict}, {} of {} needed\n", role.role, role.holders, role.needed);
            for signature in &role.signatures {
                let holder = signature
                    .holder
                    .as_deref()
                    .map_or_else(|| "unknown".to_owned(), |holder| plain(holder).into_owned());
                let outcome = match &signature.reason {
                    None => "counts".to_owned(),
                    Some(reason) => format!("does not count: {reason}"),
                };
                out += &format!("    {} {} ({holder}) {outcome}\n", signature.key, signature.algorithm);
            }
        }
    }
    for other in &report.others {
        out += &format!("{}\n", plain(other));
    }
    out
}
