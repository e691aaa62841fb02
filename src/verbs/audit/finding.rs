//! What an audit finds: the table of its rules, and a finding with its place.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::format::Sum;
use crate::oci::Digest;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A fact that a reviewer may want to know. Most images have it.
    Info,
    /// Unusual, with harmless reasons.
    Low,
    /// Needs a reason.
    Medium,
    /// Readers disagree, content is hidden, or somebody may be let in.
    High,
    /// Must be looked at before anything is used.
    Critical,
}

impl Severity {
    /// Returns the word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $Name:ident = $code:literal, $severity:ident;)*) => {
        /// The rules of an audit. Each finding names one.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        pub enum Rule {
            $($(#[doc = $doc])+ #[serde(rename = $code)] $Name,)*
        }

        impl Rule {
            /// All rules, in the order of the table.
            pub const ALL: &[Rule] = &[$(Rule::$Name,)*];

            /// Returns its stable name.
            pub fn code(self) -> &'static str {
                match self { $(Rule::$Name => $code,)* }
            }

            /// Returns how grave it is, where the finding does not say otherwise.
            pub fn severity(self) -> Severity {
                match self { $(Rule::$Name => Severity::$severity,)* }
            }

            /// Returns what it says, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Rule::$Name => concat!($($doc),+).trim_ascii_start(),)* }
            }

            /// Returns the rule with this name.
            pub fn named(code: &str) -> Option<Rule> {
                Rule::ALL.iter().copied().find(|rule| rule.code() == code)
            }
        }
    };
}

rules! {
    /// A blob of the bundle is not there, or not all of it, because chunks are missing.
    BlobAbsent = "blob-absent", Medium;
    /// The bytes of a blob do not have its digest.
    BlobDamaged = "blob-damaged", Critical;
    /// A manifest, index or configuration cannot be read.
    DocumentUnreadable = "document-unreadable", High;
    /// The content of a layer does not have the digest that the image's configuration states.
    DiffIdMismatch = "diff-id-mismatch", High;
    /// The image's configuration lists another number of layers, or of history entries, than the manifest.
    HistoryMismatch = "history-mismatch", Medium;
    /// The media type of a layer says something else than its bytes.
    MediaTypeLies = "media-type-lies", Medium;
    /// A layer is in a form that is not read: it may hold anything.
    OpaqueLayer = "opaque-layer", Medium;
    /// A layer ends before its end.
    Truncated = "truncated", High;
    /// The compressed data of a layer is damaged.
    DamagedStream = "damaged-stream", High;
    /// A compressed part of a layer expands to bytes with another checksum than it states.
    ChecksumMismatch = "checksum-mismatch", High;
    /// A layer can only be expanded with a dictionary that it does not have.
    NeedsDictionary = "needs-dictionary", High;
    /// A blob cannot be read.
    Unreadable = "unreadable", High;
    /// The archive in a layer has no end marker.
    NoEndMarker = "no-end-marker", Low;
    /// A header of an archive is damaged. What follows it was not read.
    BadHeader = "bad-header", High;
    /// A name in an archive is longer than readers take.
    NameTooLong = "name-too-long", Medium;
    /// A header of an archive is larger than readers take.
    HeaderTooLarge = "header-too-large", Medium;
    /// An archive has an entry that extends nothing, or that readers treat differently.
    OddEntry = "odd-entry", Low;
    /// The map of a sparse file is wrong.
    SparseMap = "sparse-map", Medium;
    /// A sparse file expands to too much to be looked at.
    SparseTooLarge = "sparse-too-large", Medium;
    /// Bytes follow after the last compressed part of a layer.
    TrailingData = "trailing-data", Medium;
    /// Data follows after the end of the archive in a layer. Some readers see it, others do not.
    DataAfterEnd = "data-after-end", High;
    /// A compressed layer has a part that readers skip.
    SkippableFrame = "skippable-frame", Low;
    /// The table of contents of a layer differs from the layer.
    TableOfContentsLies = "toc-lies", High;
    /// The headers of an archive contradict each other: readers see different files.
    PaxContradiction = "pax-contradiction", Medium;
    /// A layer expands to far more than its size.
    LayerRatio = "layer-ratio", High;
    /// A layer is larger than what is read of one layer.
    LayerBytes = "layer-bytes", High;
    /// A layer has more entries than are listed.
    EntriesLimit = "entries-limit", Medium;
    /// A layer needs more memory to expand than may be used.
    WindowTooLarge = "window-too-large", High;
    /// An image has more layers than are merged.
    LayersLimit = "layers-limit", High;
    /// The layers of an image were made to be slow to merge.
    MergeSteps = "merge-steps", High;
    /// An entry has an absolute path.
    AbsolutePath = "absolute-path", Low;
    /// A path leads out of its folder.
    ParentPath = "parent-path", High;
    /// A path occurs twice in one layer.
    DuplicateMember = "duplicate-member", Low;
    /// A name has control characters or bytes that are no text.
    OddName = "odd-name", Low;
    /// A hard link leads to nothing. Runtimes refuse the layer.
    BrokenHardLink = "broken-hard-link", Medium;
    /// An entry lies below something that is no folder. Runtimes refuse the layer.
    NotInFolder = "not-in-folder", Medium;
    /// An entry would replace the root folder.
    RootReplaced = "root-replaced", High;
    /// A whiteout hides nothing, or has a form that readers treat differently.
    OddWhiteout = "odd-whiteout", Low;
    /// A layer has a device file.
    Device = "device", Medium;
    /// An executable runs with the rights of its owner.
    Setuid = "setuid", Low;
    /// An executable runs with the rights of its group.
    Setgid = "setgid", Low;
    /// Everybody may change a file.
    WorldWritable = "world-writable", Low;
    /// An executable is for another architecture than the image.
    ForeignArchitecture = "foreign-architecture", Medium;
    /// An executable belongs to no package.
    UnownedExecutable = "unowned-executable", Info;
    /// Links lead in a circle, or through too many links.
    LinkCycle = "link-cycle", Low;
    /// A file holds what looks like a secret.
    Secret = "secret", High;
    /// A lower layer still carries a secret that an upper one hides.
    HiddenSecret = "hidden-secret", High;
    /// A package database or a file of a package cannot be read in full.
    PackagesUnreadable = "packages-unreadable", Medium;
    /// A file that should be read is larger than what is kept in memory.
    TooLargeToRead = "too-large-to-read", Medium;
    /// A file of a layer is an archive.
    NestedArchive = "nested-archive", Info;
    /// An archive or compressed file in a layer was not opened, or not to its end: it may hold anything.
    UnopenedArchive = "unopened-archive", Low;
    /// An archive in a layer was not read to its end, because it expands to too much or has too many files.
    NestedLimit = "nested-limit", Medium;
    /// Archives lie in each other deeper than is read.
    DepthLimit = "depth-limit", Medium;
    /// The image runs as root.
    RunsAsRoot = "runs-as-root", Info;
    /// An SBOM or attestation cannot be read.
    BomUnreadable = "bom-unreadable", Medium;
    /// An SBOM lists a package that is not in the image.
    BomOnlyThere = "bom-only-there", Low;
    /// The image has a package that its SBOM does not list.
    BomOnlyHere = "bom-only-here", Medium;
    /// An SBOM lists another version of a package than the image has.
    BomVersionDiffers = "bom-version-differs", Medium;
    /// An attestation is about something else than what it is attached to.
    OtherSubject = "other-subject", High;
    /// A signature in the cargo is wrong.
    SignatureInvalid = "signature-invalid", High;
    /// A signature in the cargo cannot be checked with the keys that were given.
    SignatureUnverifiable = "signature-unverifiable", Info;
    /// A known flaw concerns a package.
    Advisory = "advisory", Medium;
    /// A record of an advisory database cannot be read.
    AdvisoryUnreadable = "advisory-unreadable", Low;
    /// A content of a chunk exceeds a limit of the guard.
    Guard = "guard", High;
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// One finding. Findings are sorted: the gravest first, then by rule and place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// The SHA-256 of rule, artifact, layer, path and detail. The same finding has the same id in every audit.
    pub id: Sum,
    /// The rule.
    pub rule: Rule,
    /// How grave it is.
    pub severity: Severity,
    /// The digest of the manifest that it concerns, if it concerns one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Digest>,
    /// The digest of the layer or blob that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<Digest>,
    /// The path in the image or layer. Bytes that are not UTF-8 are written `\xNN`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What was found, in a sentence.
    pub text: String,
}

/// The place and words of a finding, before it gets its id.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The manifest.
    pub artifact: Option<Digest>,
    /// The layer or blob.
    pub layer: Option<Digest>,
    /// The path.
    pub path: Option<String>,
}

impl Place {
    /// Returns the place of a manifest.
    pub fn artifact(digest: Digest) -> Place {
        Place { artifact: Some(digest), ..Place::default() }
    }

    /// Returns the place of a layer.
    pub fn layer(digest: Digest) -> Place {
        Place { layer: Some(digest), ..Place::default() }
    }

    /// Returns this place, at a path.
    pub fn at(mut self, path: &[u8]) -> Place {
        self.path = Some(path_text(path));
        self
    }
}

impl Finding {
    /// Creates a finding with the severity of its rule. `detail` tells findings of one rule at one place apart.
    pub fn new(rule: Rule, place: Place, detail: &str, text: String) -> Finding {
        Finding::graded(rule, rule.severity(), place, detail, text)
    }

    /// Creates a finding with its own severity.
    pub fn graded(rule: Rule, severity: Severity, place: Place, detail: &str, text: String) -> Finding {
        let Place { artifact, layer, path } = place;
        let words = |digest: Option<Digest>| digest.map(|digest| digest.to_string()).unwrap_or_default();
        let key = [rule.code(), &words(artifact), &words(layer), path.as_deref().unwrap_or(""), detail];
        Finding { id: Sum::of(key.join("\0").as_bytes()), rule, severity, artifact, layer, path, text }
    }

    /// Returns what findings are sorted by.
    pub fn order(&self) -> impl Ord + use<'_> {
        (std::cmp::Reverse(self.severity), self.rule, &self.path, &self.artifact, &self.layer, &self.id)
    }
}

/// Returns a path as text. Bytes that are not UTF-8 are written `\xNN`.
pub fn path_text(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        text += chunk.valid();
        for byte in chunk.invalid() {
            text += &format!("\\x{byte:02x}");
        }
    }
    text
}
