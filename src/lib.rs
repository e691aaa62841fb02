//! `carnet` carries container-registry artifacts across a boundary that has no network path.
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
//! Blobs flow artifacts → stream → medium when packing and back when unpacking, or from medium straight into
//! a registry when importing; the plan knows every byte's place before any byte moves; nothing flows back
//! before `trust` has accepted the chunks and `arrival` has made a [`arrival::ReleasedBundle`] of them.
//!
//! Layers, each using only what stands above it: [`oci`]; [`http`]; [`mod@format`] and [`registry`]; the seams
//! [`artifacts`], [`medium`], [`trust`], [`clock`], [`observe`]; [`stream`]; [`arrival`] and the verbs; the binary.

pub mod arrival;
pub mod artifacts;
pub mod clock;
pub mod diagnosis;
pub mod environment;
pub mod format;
pub mod http;
pub mod import;
pub mod inspect;
pub mod medium;
pub mod missing;
pub mod observe;
pub mod oci;
pub mod pack;
pub mod registry;
pub mod report;
pub mod sign;
pub mod stream;
pub mod sums;
pub mod trust;
pub mod unpack;
pub mod verify;
