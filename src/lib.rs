//! Carries container-registry artifacts across a boundary that has no network path: packs them into signed chunk files,
//! verifies these on the other side, and unpacks or imports them. The program `carnet` is made of this library.
//!
//! A verb takes a request and an [`Environment`](environment::Environment), and returns a report. It does not print, and does not
//! read the clock or the environment. Its error says what failed, and a [`Diagnosis`](diagnosis::Diagnosis) says what kind of
//! failure it is.
//!
//! | To | Call | With |
//! |---|---|---|
//! | pack artifacts into a bundle | [`pack::pack`] | sources of [`artifacts`], a folder of [`medium`], a key of [`trust`] |
//! | reach a verdict on files | [`verify::verify`] | files of [`medium::collect`], a [`TrustPolicy`](trust::TrustPolicy) |
//! | list the chunks to send again | [`missing::missing`] | the same |
//! | list what a bundle contains | [`inspect::inspect`] | the same |
//! | unpack a bundle into a layout or an archive | [`unpack::unpack`] | a [`WholeBundle`](arrival::WholeBundle) of [`arrival`], a [`DestinationSpec`](artifacts::DestinationSpec) |
//! | push a bundle into a registry | [`import::import`] | a [`WholeBundle`](arrival::WholeBundle), a [`registry`] |
//!
//! [`mod@format`] has the texts of a bundle, as docs/format.md describes them, and [`oci`] what a registry holds. [`report`] has what
//! reports share.
//!
//! # Pack, verify, unpack
//!
//! ```
//! use std::sync::Arc;
//!
//! use carnet::arrival::{Beside, OpenRequest, open};
//! use carnet::artifacts::{DestinationSpec, ExistingName, RegistrySources, SourceSpec};
//! use carnet::clock::Fixed;
//! use carnet::environment::Environment;
//! use carnet::format::Timestamp;
//! use carnet::medium::{Folder, collect};
//! use carnet::observe::Monitor;
//! use carnet::pack::{PackRequest, Wanted, pack};
//! use carnet::registry::{Registries, Settings};
//! use carnet::stream::workers::Workers;
//! use carnet::trust::{KeyFile, Signer as _, TrustPolicy};
//! use carnet::unpack::unpack;
//! use carnet::verify::{BundleVerdict, verify};
//!
//! # let folder = tempfile::tempdir()?;
//! # let images = folder.path().join("images");
//! # let out = folder.path().join("out");
//! # let arrived = folder.path().join("arrived");
//! # {
//! #     use carnet::oci::{Descriptor, Digest, IndexEntry, MediaType};
//! #     let blobs = images.join("blobs/sha256");
//! #     std::fs::create_dir_all(&blobs)?;
//! #     let blob = |bytes: &[u8], media_type| -> std::io::Result<Descriptor> {
//! #         let digest = Digest::sha256(bytes);
//! #         std::fs::write(blobs.join(digest.hex()), bytes)?;
//! #         Ok(Descriptor::new(media_type, digest, bytes.len() as u64))
//! #     };
//! #     let config = blob(b"{}", MediaType::image_config())?;
//! #     let layer = blob(b"a layer", MediaType::image_layer())?;
//! #     let manifest = carnet::oci::image_manifest::image_manifest(&config, &[layer]);
//! #     let manifest = blob(&manifest, MediaType::image_manifest())?;
//! #     let (name, artifact_type) = (Some("app:1.0".parse()?), None);
//! #     let Descriptor { digest, size, media_type, .. } = manifest;
//! #     let entry = IndexEntry { name, digest, size, media_type, artifact_type };
//! #     std::fs::write(images.join("index.json"), carnet::oci::write::index_json(&[entry]))?;
//! #     std::fs::write(images.join("oci-layout"), carnet::oci::write::OCI_LAYOUT)?;
//! # }
//! let now = Timestamp::from_seconds(1_800_000_000).ok_or("expected a time before the year 10000")?;
//! let environment = Environment {
//!     clock: &Fixed(now),
//!     monitor: Monitor::silent(),
//!     workers: &Workers::new(None, Arc::default())?,
//! };
//!
//! // Pack every image of a layout, as skopeo makes it, into chunk files in a folder.
//! let source: SourceSpec = format!("oci:{}", images.display()).parse()?;
//! let registries = RegistrySources::new(Registries::new(Settings::default()), Vec::new());
//! let sources = source.open(&registries)?.into_iter().map(Wanted::all).collect();
//! let key = KeyFile::generate()?;
//! let chunks = Folder::new(&out);
//! let mut request = PackRequest::new(sources, "release42".parse()?, &chunks, now);
//! request.chunk_size = "100m".parse()?;
//! let packed = pack(&request, &key, &environment)?;
//! assert_eq!(packed.artifacts.len(), 1);
//!
//! // On the other side: verify the files that arrived, with the public key of the station.
//! let policy = TrustPolicy::single_key(key.public_key().clone(), "station")?;
//! let files = collect(&[out])?.files;
//! let request = OpenRequest { files: &files, policy: Some(&policy) };
//! let verified = verify(&request, &environment)?;
//! assert_eq!(verified.bundles[0].verdict, BundleVerdict::Complete);
//! assert!(verified.failure().is_none());
//!
//! // Unpack the bundle. Only a bundle that is released and whole can be unpacked, and each byte is hashed again.
//! let bundle = open(&request, &environment)?.select(Some("release42"))?;
//! let whole = bundle.released()?.whole()?;
//! let to: DestinationSpec = format!("oci:{}", arrived.display()).parse()?;
//! let sink = to.open(&[], ExistingName::Refuse)?;
//! let unpacked = unpack(&whole, &Beside::default(), sink, &environment)?;
//! assert_eq!(unpacked.blobs_written, 3);
//! # assert_eq!(std::fs::read(arrived.join("index.json"))?, std::fs::read(images.join("index.json"))?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Errors
//!
//! A damaged or forged chunk is not an error of [`verify::verify`] but its verdict. A bundle that may not be used cannot be
//! unpacked: there is no [`WholeBundle`](arrival::WholeBundle) of it.
//!
//! ```
//! # use std::sync::Arc;
//! # use carnet::clock::Fixed;
//! # use carnet::environment::Environment;
//! # use carnet::format::Timestamp;
//! # use carnet::observe::Monitor;
//! # use carnet::stream::workers::Workers;
//! use carnet::arrival::OpenRequest;
//! use carnet::diagnosis::{Diagnose as _, Failure};
//! use carnet::medium::collect;
//! use carnet::verify::verify;
//!
//! # let folder = tempfile::tempdir()?;
//! # let clock = Fixed(Timestamp::from_seconds(1_800_000_000).ok_or("a time")?);
//! # let workers = Workers::new(None, Arc::default())?;
//! # let environment = Environment { clock: &clock, monitor: Monitor::silent(), workers: &workers };
//! std::fs::write(folder.path().join("notes.tar"), "no chunk")?;
//! let files = collect(&[folder.path().to_owned()])?.files;
//! let verified = verify(&OpenRequest { files: &files, policy: None }, &environment);
//! let error = verified.err().ok_or("expected an error")?;
//! assert_eq!(error.code().to_string(), "no-chunk");
//! assert_eq!(error.failure(), Failure::Damaged);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What stays the same
//!
//! This page and the pages it leads to show all that is meant for other programs. Until version 1.0, a new minor version may
//! change it, and CHANGELOG.md says how; a patch version does not. Requests and reports may get fields, and enumerations may get
//! variants, with a minor version.
//!
//! The program, its tests, fuzz targets and benches use more of the library. That is public too, because they are crates of their
//! own, but hidden on these pages: it may change with every version. Traits that are shown may have hidden methods: make
//! sources, sinks, clocks, signers and observers of your own, but no chunk stores.
//!
//! The bundle format (docs/format.md), the command line, and the JSON that it prints (docs/schemas) have rules of their own.
//! docs/architecture.md explains how the library is built.
//!
//! # Features
//!
//! | Feature | |
//! |---|---|
//! | `full` (default) | all verbs. Without it there are `verify`, `missing`, `inspect` and `unpack`, and no code for networks and private keys |
//! | `verify` | the program `carnet` without `full`; a library does not need it |
//! | `ecdsa` | keys of ECDSA, without `full` |
//! | `schemas` | the JSON schemas of reports, without `full` |
//! | `rego` | policies in Rego, for the program |
//! | `pkcs11` | keys in tokens, for the program |

// What other rooms share with those that are left without `full` has parts that only they use.
#![cfg_attr(not(feature = "full"), allow(dead_code, unused_imports))]

#[cfg(feature = "full")]
#[doc(hidden)]
pub mod advisories;
pub mod arrival;
pub mod artifacts;
#[cfg(feature = "full")]
#[doc(hidden)]
pub mod bom;
#[doc(hidden)]
pub mod chain;
pub mod clock;
#[cfg(feature = "full")]
#[doc(hidden)]
pub mod content;
pub mod diagnosis;
pub mod environment;
#[doc(hidden)]
pub mod erasure;
pub mod format;
#[cfg(feature = "full")]
#[doc(hidden)]
pub mod guard;
#[cfg(feature = "full")]
pub mod http;
pub mod logbook;
pub mod medium;
pub mod observe;
pub mod oci;
#[cfg(feature = "full")]
#[doc(hidden)]
pub mod packages;
#[cfg(feature = "full")]
#[doc(hidden)]
pub mod program;
#[cfg_attr(not(feature = "full"), path = "registry/absent.rs")]
pub mod registry;
#[cfg(feature = "full")]
#[doc(hidden)]
pub mod rootfs;
#[cfg(feature = "full")]
#[doc(hidden)]
pub mod rulebook;
#[cfg(feature = "full")]
#[doc(hidden)]
pub mod runs;
#[doc(hidden)]
pub mod small_file;
#[cfg(feature = "full")]
#[doc(hidden)]
pub mod station;
#[cfg_attr(not(feature = "full"), path = "storage/absent.rs")]
#[doc(hidden)]
pub mod storage;
pub mod stream;
pub mod trust;
mod verbs;
#[cfg(feature = "full")]
#[doc(hidden)]
pub mod versions;

#[cfg(feature = "full")]
pub use verbs::{import, pack};
pub use verbs::{inspect, missing, report, unpack, verify};

#[doc(hidden)]
pub use verbs::sums;
#[cfg(feature = "full")]
#[doc(hidden)]
pub use verbs::{audit, difference, forecast, gate, parity, repair, resend, reshape, sign};
