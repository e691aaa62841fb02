//! The table of all codes.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Advice, Diagnosis, Failure};

/// Each line: the variant, its stable word, the exit class, and what it means.
macro_rules! codes {
    ($($variant:ident $word:literal $failure:ident $meaning:literal)*) => {
        /// What an error is called: a stable kebab-case word for scripts, as `blob-mismatch`. Words are never
        /// reused for something else.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// All codes.
            pub const ALL: &[Code] = &[$(Code::$variant),*];

            /// The stable word.
            pub const fn word(self) -> &'static str {
                match self { $(Code::$variant => $word,)* }
            }

            /// The one kind of failure that it stands for.
            pub const fn failure(self) -> Failure {
                match self { $(Code::$variant => Failure::$failure,)* }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Code::$variant => $meaning,)* }
            }
        }
    };
}

codes! {
    // Everywhere.
    Interrupted "interrupted" Interrupted "A signal ended the run."
    System "system" Failed "The system provides no more memory, threads or other resources."
    FileUnusable "file-unusable" Failed "A file or folder cannot be read or written."
    FileNotRegular "file-not-regular" Failed "A path is neither a regular file nor a folder."
    FileNameOdd "file-name-odd" Failed "A file name has control characters or is not UTF-8, so it cannot stand in a list of sums."
    TooManyFiles "too-many-files" Failed "More files were named than a bundle can have."
    FoldersTooDeep "folders-too-deep" Failed "Folders are nested deeper than is searched."
    TargetExists "target-exists" Failed "A file exists that would have to be replaced."
    TargetBusy "target-busy" Failed "Another process is packing a bundle of this name into this folder."
    DiskFull "disk-full" Failed "The target has less free space than the bundle needs."
    OutputLost "output-lost" Failed "The output could not be written to stdout."

    // Arguments and environment.
    BadPlace "bad-place" Usage "A source or destination is not written as it must be."
    SourceList "source-list" Usage "A list of sources has a line that names no source, or no sources at all."
    SourceDateEpoch "source-date-epoch" Usage "The variable SOURCE_DATE_EPOCH is not a number of seconds since 1970."
    HashKernel "hash-kernel" Usage "The variable CARNET_HASH names a hash kernel that does not exist or that this processor does not have."
    ProxyUnusable "proxy-unusable" Usage "A proxy variable names a proxy with a protocol other than HTTP or HTTPS."
    SeveralBundles "several-bundles" Usage "Several bundles arrived, and the command works on one."
    PassphraseEmpty "passphrase-empty" Usage "The passphrase for a key is empty."

    // Keys.
    KeyUnreadable "key-unreadable" Failed "The file of a key cannot be read."
    KeyUnwritable "key-unwritable" Failed "The file of a key cannot be written."
    KeyTooLong "key-too-long" Failed "The file of a key is longer than any key."
    KeyMalformed "key-malformed" Failed "A file does not hold a key in PEM form."
    KeyWrongKind "key-wrong-kind" Failed "A PEM file holds something other than a key that can be used here."
    KeyIsPublic "key-is-public" Usage "A public key was given where a private key is needed."
    KeyIsPrivate "key-is-private" Usage "A private key was given where a public key is needed."
    KeyNotEd25519 "key-not-ed25519" Failed "A key is of an algorithm other than Ed25519."
    KeyWeak "key-weak" Failed "A public key is a point of small order: anybody can sign under it."
    KeyNotCanonical "key-not-canonical" Failed "A public key is not written in the canonical form of its point."
    KeyEncrypted "key-encrypted" Usage "A private key is encrypted, and no passphrase was given."
    KeyPassphraseWrong "key-passphrase-wrong" Failed "The passphrase does not decrypt the private key."
    KeyEncryptionUnsupported "key-encryption-unsupported" Failed "A private key is encrypted in a way that is not supported."
    KeyHalvesDiffer "key-halves-differ" Failed "A private key file holds a public key that does not belong to it."
    KeyNoRandom "key-no-random" Failed "No key can be generated: the system provides no random bytes."
    KeyExists "key-exists" Failed "A key file of that name exists, and keys are never overwritten."
    KeyName "key-name" Usage "The name for a key pair does not end in a file name."

    // Trust files.
    PolicyUnreadable "policy-unreadable" Failed "The trust file cannot be read."
    PolicyTooLong "policy-too-long" Usage "The trust file is longer than the limit."
    PolicySyntax "policy-syntax" Usage "The trust file is not TOML, or has a key that is unknown, missing or of the wrong type."
    PolicyVersion "policy-version" Usage "The trust file has a version that this release does not read."
    PolicyKeyCount "policy-key-count" Usage "The trust file lists no keys, or too many."
    PolicyThreshold "policy-threshold" Usage "The release threshold of the trust file is out of range."
    PolicyHolder "policy-holder" Usage "The name of a key holder cannot be shown, or differs from another in case only."
    PolicyKeySource "policy-key-source" Usage "A key in the trust file has neither `public-key` nor `public-key-file`, or both."
    PolicyKeyUnreadable "policy-key-unreadable" Failed "A `public-key-file` of the trust file cannot be read."
    PolicyKey "policy-key" Usage "A public key of the trust file cannot be used."
    PolicyKeyTwice "policy-key-twice" Usage "The trust file lists one key twice."
    PolicyNoRole "policy-no-role" Usage "A key of the trust file has no role."
    PolicyStreams "policy-streams" Usage "The list of streams of a key is malformed."
    PolicyTime "policy-time" Usage "A time in the trust file is not one moment, or the times contradict each other."
    PolicyNoPacker "policy-no-packer" Usage "No key of the trust file may pack, so no chunk could be accepted."
    PolicyUnsatisfiable "policy-unsatisfiable" Usage "The release threshold is higher than the number of releasers."

    // Sources and destinations of artifacts.
    ArtifactIo "artifact-io" Failed "The system refuses access to a file of a source or destination."
    NoSuchArtifact "no-such-artifact" Failed "The source or the bundle has no artifact of that name or digest."
    AmbiguousName "ambiguous-name" Damaged "A source gives one name to two artifacts, and tools differ on which one they take."
    BadName "bad-name" Damaged "A source gives an artifact a name that cannot be carried."
    NoCatalogue "no-catalogue" Failed "The registry does not list its repositories, so a pattern cannot be matched."
    NondistributableAbsent "nondistributable-absent" Failed "A non-distributable layer is not in the source, nor at any URL that was tried."
    NotALayout "not-a-layout" Failed "A folder or archive is not an OCI image layout."
    BadIndex "bad-index" Damaged "The index.json of a layout is malformed."
    MalformedDocument "malformed-document" Damaged "A manifest or index is malformed, too large, or not what its descriptor says."
    NotAManifest "not-a-manifest" Failed "A digest was asked for that is not the digest of a manifest or an index."
    NotAnArtifact "not-an-artifact" Failed "What a name points at is neither a manifest nor an index."
    BlobMissing "blob-missing" Damaged "A blob that a manifest or index points at is not there."
    BlobMismatch "blob-mismatch" Damaged "The bytes of a blob do not have its digest."
    BlobSizeMismatch "blob-size-mismatch" Damaged "A blob has more or fewer bytes than its descriptor says."
    BlobSizesDiffer "blob-sizes-differ" Damaged "Two descriptors give one blob different sizes."
    BlobUnreadable "blob-unreadable" Failed "A blob of a source cannot be read to its end."
    BlobNotPlanned "blob-not-planned" Failed "An archive has no place for a blob that is to be written to it."
    FileTooLarge "file-too-large" Damaged "A document in a layout or archive is larger than the limit."
    BadArchive "bad-archive" Damaged "An archive is malformed, or could be read in more than one way."
    CompressedArchive "compressed-archive" Failed "An archive is compressed, so blobs in it cannot be reached."
    NotADockerImage "not-a-docker-image" Failed "An artifact or archive is not something that `docker load` takes."
    UnsafePath "unsafe-path" Damaged "A link, a device or a folder is where a file must be, or a path leads out of the layout."
    NameTaken "name-taken" Failed "The layout has another artifact of that name."
    RefusedGraph "refused-graph" Failed "An artifact is nested too deep, has too many blobs, lacks the platform, or is of Docker schema 1."

    // Packing.
    RenameSeveral "rename-several" Usage "One new name was given for several artifacts."
    NameTwice "name-twice" Failed "Two artifacts of the bundle would have one name."
    BlobTooLarge "blob-too-large" Failed "A blob is larger than a chunk, and cutting blobs was forbidden."
    TooManyChunks "too-many-chunks" Failed "The bundle needs more chunks than there are numbers."
    NothingToPack "nothing-to-pack" Failed "No artifact is left to pack."
    BundleTooLarge "bundle-too-large" Failed "The bundle would exceed a limit of the format."
    ChunkUnwritable "chunk-unwritable" Failed "A chunk file cannot be written."

    // Bundles that arrived.
    NoChunk "no-chunk" Damaged "No chunk is among the files."
    MalformedChunk "malformed-chunk" Damaged "A part of a chunk is not as the format says."
    ControlChunkMissing "control-chunk-missing" Damaged "The control chunk is missing, or cannot be read."
    ControlChunkDamaged "control-chunk-damaged" Damaged "The control chunk is damaged, or contradicts itself."
    AnnexMissing "annex-missing" Damaged "Annex chunks, which hold a part of the control chunk's documents, are missing."
    ChunkUnreadable "chunk-unreadable" Failed "A chunk file cannot be read."
    BundleIncomplete "bundle-incomplete" Damaged "Chunks of the bundle are missing or damaged."
    BundleUnsound "bundle-unsound" Damaged "The plan of the bundle does not match its manifests."
    BundleUntrusted "bundle-untrusted" Untrusted "The bundle is not signed by a trusted packer, or not released by enough releasers."
    BundleForked "bundle-forked" Untrusted "Two control chunks of one bundle differ."
    SignaturesFull "signatures-full" Failed "The control chunk has no room for another signature."
    NoSuchBundle "no-such-bundle" Damaged "The bundle that was asked for did not arrive, or cannot be read."
    TooManyBundles "too-many-bundles" Failed "More bundles arrived than are examined without a trust policy."

    // Registries.
    RegistryUnreachable "registry-unreachable" Failed "A registry cannot be reached, or the connection to it broke."
    RegistryUnauthorized "registry-unauthorized" Failed "A registry requires credentials, or does not accept those that it was given."
    RegistryDenied "registry-denied" Failed "A registry does not permit the request with these credentials."
    RegistryRateLimited "registry-rate-limited" Failed "A registry limits the rate of requests, and still did after all retries."
    RegistryStalled "registry-stalled" Failed "Too few bytes moved on a connection to a registry."
    RegistryFailed "registry-failed" Failed "A registry answered a request with an error."
    RegistryProtocol "registry-protocol" Failed "A registry's answer is not what the distribution specification says."
    RegistryHostRefused "registry-host-refused" Failed "A registry points at another host that must not be contacted."
    RegistryContentMissing "registry-content-missing" Failed "A registry does not have a manifest or blob that is pointed at."
    RegistrySetup "registry-setup" Usage "A certificate, key or credentials file for registries cannot be used."
    UrlUnusable "url-unusable" Failed "A URL of a non-distributable layer does not provide it."

    // Importing.
    RepositoryUnnamed "repository-unnamed" Usage "An artifact of the bundle has no repository name."
    RepositoryName "repository-name" Usage "An artifact would get a repository name that no registry takes."
    TagCollision "tag-collision" Usage "Two artifacts would get one tag."
    TagExists "tag-exists" Failed "A tag of the registry points at another artifact."
    TagBackupExists "tag-backup-exists" Failed "The tag that would keep the old artifact points at something else."
    TagBackupName "tag-backup-name" Usage "The old artifact cannot be kept under the tag that was asked for."
    BundleNarrowed "bundle-narrowed" Failed "The registry refuses an index because the bundle does not carry all of its images."
    ReferrersList "referrers-list" Failed "The tag that lists the referrers of a manifest holds something else, or was changed by others meanwhile."
    ReceiptExists "receipt-exists" Failed "A file exists where the receipt is to be written."
    ReceiptName "receipt-name" Usage "The name of the receipt is not a file name."
    ReceiptUnwritten "receipt-unwritten" Failed "The receipt cannot be written."
}

impl Code {
    /// This code under a circumstance that changes the next step.
    pub fn with(self, advice: impl Into<Option<Advice>>) -> Diagnosis {
        Diagnosis { code: self, advice: advice.into() }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}
