//! The inside of the program `carnet`, which carries container-registry artifacts across a boundary that has no
//! network path. It is not meant for other programs: nothing in it is stable, from one version to the next. What is
//! stable is the bundle format (docs/format.md), the command line, and the JSON that it prints (docs/schemas).
//!
//! It is a library all the same, so that the program is only arguments and screen, and so that tests, fuzz targets and
//! benches can call each part. docs/architecture.md explains it.
//!
//! ```text
//!  registry · layout · archive                              layout · archive        registry
//!          │                                                       ▲                   ▲
//!      artifacts ── ArtifactSource               ArtifactSink ── artifacts         registry
//!          │                                                       ▲ unpack            ▲ import
//!          ▼        gather → place → load → seal        open → check → move      → name → push → tag
//!        stream ════════════════════ threads ═════════════════════════════════════════ stream
//!          │                                                                           ▲
//!       medium ── ChunkSink ═══════ guard · diode · disc ═════════════════ ChunkFile ── medium
//!          │                                                                           │
//!        trust ── Signer signs statements                    TrustPolicy accepts them ── trust
//! ```
//!
//! The rooms, each using only those above it:
//!
//! | Room | |
//! |---|---|
//! | [`diagnosis`] | what every error can say: code, exit class, what changes the next step |
//! | [`small_file`], [`program`] | reads the small files that an operator names; runs the programs |
//! | [`oci`] | the vocabulary of the cargo: digests, descriptors, manifests, names |
//! | [`http`], [`content`], [`versions`] | the HTTP client; what is inside blobs; the orders of versions |
//! | [`mod@format`], [`packages`], [`rootfs`] | the vocabulary of bundles; packages, as databases describe them; merged layers |
//! | [`registry`] | the client of registries |
//! | [`artifacts`], [`medium`], [`storage`], [`trust`], [`clock`], [`observe`] | the seams: where artifacts and chunk files live, object stores, who is trusted, time, onlookers |
//! | [`bom`], [`advisories`], [`guard`], [`rulebook`] | SBOMs and attestations that travel; databases of known flaws; what a guard counts; the rules of policies |
//! | [`stream`], [`environment`] | bytes on their way, and the threads that move them |
//! | [`arrival`], [`chain`], [`runs`], [`logbook`] | files become bundles that may be used; files of chained lines; records of the runs of pipelines; what is remembered of streams |
//! | [`erasure`] | parity: computing it, and computing lost chunks from it |
//! | the verbs: [`pack`], [`verify`], [`missing`], [`resend`], [`inspect`], [`sign`], [`unpack`], [`import`], [`sums`], [`audit`], [`difference`], [`gate`], [`parity`], [`repair`], [`reshape`] | a request in, a report out |
//! | [`station`] | pipelines that run the verbs unattended |
//!
//! A verb takes a request and an [`environment::Environment`]:
//!
//! ```
//! use std::sync::Arc;
//!
//! use carnet::arrival::{OpenError, OpenRequest};
//! use carnet::clock::Fixed;
//! use carnet::environment::Environment;
//! use carnet::format::Timestamp;
//! use carnet::medium::collect;
//! use carnet::observe::Monitor;
//! use carnet::stream::workers::Workers;
//! use carnet::verify::verify;
//!
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("notes.txt"), "no chunk")?;
//! let files = collect(&[folder.path().to_owned()])?.files;
//! let environment = Environment {
//!     clock: &Fixed(Timestamp::from_seconds(1_800_000_000).ok_or("a time")?),
//!     monitor: Monitor::silent(),
//!     workers: &Workers::new(None, Arc::default())?,
//! };
//! let verified = verify(&OpenRequest { files: &files, policy: None }, &environment);
//! assert!(matches!(verified, Err(OpenError::NoChunk { files: 1, .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// What other rooms share with those that are left without `full` has parts that only they use.
#![cfg_attr(not(feature = "full"), allow(dead_code, unused_imports))]

#[cfg(feature = "full")]
pub mod advisories;
pub mod arrival;
pub mod artifacts;
#[cfg(feature = "full")]
pub mod bom;
pub mod chain;
pub mod clock;
#[cfg(feature = "full")]
pub mod content;
pub mod diagnosis;
pub mod environment;
pub mod erasure;
pub mod format;
#[cfg(feature = "full")]
pub mod guard;
#[cfg(feature = "full")]
pub mod http;
pub mod logbook;
pub mod medium;
pub mod observe;
pub mod oci;
#[cfg(feature = "full")]
pub mod packages;
#[cfg(feature = "full")]
pub mod program;
#[cfg_attr(not(feature = "full"), path = "registry/absent.rs")]
pub mod registry;
#[cfg(feature = "full")]
pub mod rootfs;
#[cfg(feature = "full")]
pub mod rulebook;
#[cfg(feature = "full")]
pub mod runs;
pub mod small_file;
#[cfg(feature = "full")]
pub mod station;
#[cfg_attr(not(feature = "full"), path = "storage/absent.rs")]
pub mod storage;
pub mod stream;
pub mod trust;
mod verbs;
#[cfg(feature = "full")]
pub mod versions;

#[cfg(feature = "full")]
pub use verbs::{audit, difference, forecast, gate, import, pack, parity, repair, resend, reshape, sign};
pub use verbs::{inspect, missing, report, sums, unpack, verify};
