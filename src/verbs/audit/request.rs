//! What an audit is asked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::judging::{IgnoreFile, PolicyFile};
use super::report::{FileLine, NamedSum, PackageScope};
use super::signatures::CargoKeyFiles;
use super::subjects::Subject;
use super::vex_files::VexFiles;
use crate::content::LayerLimits;
use crate::content::secrets::SecretRules;
use crate::format::Timestamp;
use crate::format::plan::Carriage;
use crate::oci::Platform;
use crate::verbs::forecast::ProfileFile;

/// Returns how much of a layer is read unless something else is asked for. A window may take half of the memory that it may have
/// elsewhere, because there is more to be kept.
pub fn layer_limits() -> LayerLimits {
    let LayerLimits { mut inflate, entries_max } = LayerLimits::default();
    inflate.window_bytes_max /= 2;
    LayerLimits { inflate, entries_max }
}

/// How deep archives in archives are read unless something else is asked for: a library in a web application in an
/// enterprise application has depth 3.
pub const DEPTH_MAX: usize = 3;

/// What an audit is asked.
#[derive(Clone)]
pub struct AuditRequest<'a> {
    /// What is audited.
    pub subject: Subject<'a>,
    /// The names or digests of the artifacts; empty for all.
    pub artifacts: Vec<String>,
    /// The platforms of indexes; empty for all.
    pub platforms: Vec<Platform>,
    /// Whether referrers are audited, too.
    pub referrers: Carriage,
    /// Which packages are listed.
    pub scope: PackageScope,
    /// How much of a layer is read.
    pub limits: LayerLimits,
    /// The rules for secrets; `None` to look for none.
    pub secrets: Option<&'a SecretRules>,
    /// The files that rules for secrets come from, besides those of the program.
    pub secret_rules: Vec<NamedSum>,
    /// Whether the content of each file is hashed, for the lists of files.
    pub hash_files: bool,
    /// How deep archives in archives are read, 1 for no archives in archives.
    pub depth_max: usize,
    /// The advisory databases: files or folders.
    pub advisories: Vec<PathBuf>,
    /// What VEX documents say of known flaws.
    pub vex: Option<&'a VexFiles>,
    /// The keys and certificates that signatures in the cargo are checked with.
    pub signature_keys: &'a CargoKeyFiles,
    /// The policy files; without one, nothing is judged.
    pub policies: &'a [PolicyFile],
    /// The files of denials that are accepted for some time.
    pub ignores: &'a [IgnoreFile],
    /// The guard whose count is foreseen, if one is given. It counts chunk files: of a source, there is nothing to count.
    pub guard: Option<&'a ProfileFile>,
    /// Takes the entries of the root file system of each image, image after image, each sorted by path.
    pub files: Option<&'a dyn Fn(FileLine)>,
    /// The time that ages are measured at.
    pub at: Timestamp,
    /// The program and its version, for the report.
    pub build: String,
}

impl AuditRequest<'_> {
    /// The limits by the names of their options.
    pub(super) fn limits_by_option(&self) -> BTreeMap<String, u64> {
        let LayerLimits { inflate, entries_max } = self.limits;
        let limits = [
            ("max-depth", self.depth_max as u64),
            ("max-bytes", inflate.expanded_bytes_max),
            ("max-entries", entries_max),
            ("max-ratio", inflate.ratio_max),
            ("max-window", inflate.window_bytes_max),
        ];
        limits.into_iter().map(|(name, limit)| (name.to_owned(), limit)).collect()
    }
}
