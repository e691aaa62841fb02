//! The table of all error codes.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Advice, Diagnosis, Failure};

/// One line for each code: the variant, its stable word, the kind of failure, and its meaning.
macro_rules! codes {
    ($($variant:ident $word:literal $failure:ident $meaning:literal)*) => {
        /// The code of an error: a stable kebab-case word for scripts, e.g. `blob-mismatch`. A word is never reused
        /// for another error.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// All codes.
            pub const ALL: &[Code] = &[$(Code::$variant),*];

            /// The stable word for scripts.
            pub const fn word(self) -> &'static str {
                match self { $(Code::$variant => $word,)* }
            }

            /// The kind of failure, which decides the exit code.
            pub const fn failure(self) -> Failure {
                match self { $(Code::$variant => Failure::$failure,)* }
            }

            /// The meaning of the code, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Code::$variant => $meaning,)* }
            }
        }
    };
}

codes! {
    // General errors.
    Interrupted "interrupted" Interrupted "A signal ended the run."
    System "system" Failed "The system is out of memory, threads or another resource."
    ProgramError "program-error" Failed "A part of the program ended by an error of the program itself."
    FileUnusable "file-unusable" Failed "A file or folder cannot be read or written."
    FileNotRegular "file-not-regular" Failed "A path is neither a regular file nor a folder."
    FileNameOdd "file-name-odd" Failed "A file name has control characters or is not UTF-8, so it cannot be written into a list of checksums."
    TooManyFiles "too-many-files" Failed "More files were given than a bundle can have."
    TargetExists "target-exists" Failed "The target file already exists and would have to be replaced."
    TargetBusy "target-busy" Failed "Another process is packing a bundle with this name into this folder."
    DiskFull "disk-full" Failed "The target has less free space than the bundle needs."
    OutputLost "output-lost" Failed "The output could not be written to stdout."

    // Arguments and environment.
    BadPlace "bad-place" Usage "A source or destination has the wrong syntax."
    CommandAbsent "command-absent" Usage "The program was built to verify and unpack only, and does not have the command."
    TargetNotSaid "target-not-said" Usage "The command does not know where to write, because it reads from several places."
    SourceList "source-list" Usage "A list of sources has an invalid line, or is empty."
    SourceDateEpoch "source-date-epoch" Usage "The environment variable SOURCE_DATE_EPOCH is not a number of seconds since 1970."
    HashKernel "hash-kernel" Usage "The environment variable CARNET_HASH names an unknown hash kernel, or one that this processor does not support."
    ProxyUnusable "proxy-unusable" Usage "A proxy environment variable has a proxy URL with a protocol other than HTTP or HTTPS."
    SeveralBundles "several-bundles" Usage "The files belong to several bundles, but the command works on one."
    PassphraseEmpty "passphrase-empty" Usage "The passphrase for a key is empty."

    // Keys.
    KeyUnreadable "key-unreadable" Failed "A key file cannot be read."
    KeyUnwritable "key-unwritable" Failed "A key file cannot be written."
    KeyTooLong "key-too-long" Failed "A key file is longer than the limit."
    KeyMalformed "key-malformed" Failed "A file does not contain a key in PEM format."
    KeyWrongKind "key-wrong-kind" Failed "A PEM file contains something other than the expected kind of key."
    KeyIsPublic "key-is-public" Usage "A public key was given where a private key is needed."
    KeyIsPrivate "key-is-private" Usage "A private key was given where a public key is needed."
    KeyAlgorithm "key-algorithm" Failed "A key uses an algorithm other than Ed25519, ML-DSA-87 and ECDSA P-384."
    KeyWeak "key-weak" Failed "A public key is a point of small order, so anybody can forge its signatures."
    KeyNotCanonical "key-not-canonical" Failed "A public key is not in the canonical encoding of its point."
    KeyEncrypted "key-encrypted" Usage "A private key is encrypted, and no passphrase was given."
    KeyPassphraseWrong "key-passphrase-wrong" Failed "The passphrase does not decrypt the private key."
    KeyEncryptionUnsupported "key-encryption-unsupported" Failed "The encryption of a private key is not supported."
    KeyHalvesDiffer "key-halves-differ" Failed "A private key file contains a public key that does not match the private key."
    KeyNoRandom "key-no-random" Failed "No key can be generated because the system provides no random bytes."
    KeyExists "key-exists" Failed "A key file with this name exists, and keys are never overwritten."
    KeyName "key-name" Usage "The name for a key pair does not end in a file name."

    // Trust files.
    PolicyUnreadable "policy-unreadable" Failed "The trust file cannot be read."
    PolicyTooLong "policy-too-long" Usage "The trust file is longer than the limit."
    PolicySyntax "policy-syntax" Usage "The trust file is not TOML, or has a key that is unknown, missing or of the wrong type."
    PolicyVersion "policy-version" Usage "The trust file has a version that this release does not support."
    PolicyKeyCount "policy-key-count" Usage "The trust file lists no keys, or too many."
    PolicyThreshold "policy-threshold" Usage "The release threshold of the trust file is out of range."
    PolicyRoots "policy-roots" Usage "The trust file has roots without root-threshold or serial, or fewer roots than the threshold."
    PolicySetting "policy-setting" Usage "A number or a time of the trust file is not valid."
    TrustNoRoots "trust-no-roots" Usage "A trust file has no roots, so a signed update can neither replace it nor bring it."
    TrustNamesFile "trust-names-file" Usage "The trust file of an update names a file with a key, which does not travel with it."
    TrustWhichKey "trust-which-key" Usage "The key that should be changed is not in the trust file, or the beginning of its id is that of several."
    TrustByHand "trust-by-hand" Failed "The trust file is written in a way that cannot be changed automatically."
    TrustNotUsable "trust-not-usable" Untrusted "The trust file cannot accept or release bundles at this time."
    TrustNotRoot "trust-not-root" Untrusted "The key that should sign a trust update is a root neither of the old trust file nor of the new one."
    TrustUpdateMalformed "trust-update-malformed" Damaged "A file is not a trust update, or it was changed on the way."
    TrustUpdateOther "trust-update-other" Untrusted "A trust update does not follow the trust file that is there: it is older, or was made for another one."
    TrustUpdateUnsigned "trust-update-unsigned" Untrusted "Too few roots of the old trust file or of the new one have signed a trust update."
    PolicyAlgorithms "policy-algorithms" Usage "The list of algorithms of the trust file is empty, names one twice, or names one that carnet does not have."
    PolicyAlgorithmCount "policy-algorithm-count" Usage "The trust file wants more signatures of each holder than a chunk can have of its packer."
    PolicyHolder "policy-holder" Usage "The name of a key holder has characters that are not allowed, is too long, or differs from another name only in case."
    PolicyKeySource "policy-key-source" Usage "A key in the trust file has neither `public-key` nor `public-key-file`, or both."
    PolicyKeyUnreadable "policy-key-unreadable" Failed "A `public-key-file` of the trust file cannot be read."
    PolicyKey "policy-key" Usage "A public key of the trust file cannot be used."
    PolicyKeyTwice "policy-key-twice" Usage "The trust file lists one key twice."
    PolicyNoRole "policy-no-role" Usage "A key of the trust file has no role."
    PolicyStreams "policy-streams" Usage "The list of streams of a key is malformed."
    PolicyTime "policy-time" Usage "A time in the trust file lacks a date, a time of day or an offset, or the times contradict each other."
    PolicyJump "policy-jump" Usage "The jump limit of a key is out of range."
    PolicyNoPacker "policy-no-packer" Usage "No key of the trust file may pack, so no chunk could be accepted."
    PolicyUnsatisfiable "policy-unsatisfiable" Usage "The release threshold is higher than the number of holders who can release."

    SignerListMalformed "signer-list-malformed" Usage "A line in a list of allowed signers is malformed."
    SignerListEmpty "signer-list-empty" Failed "A list of allowed signers has no key that a trust file can have."

    // Sources and destinations of artifacts.
    ArtifactIo "artifact-io" Failed "A file of a source or destination cannot be read or written."
    NoSuchArtifact "no-such-artifact" Failed "The source or the bundle has no artifact with this name or digest."
    AmbiguousName "ambiguous-name" Damaged "One name points at two artifacts, and tools differ on which one they use."
    BadName "bad-name" Damaged "A source lists an artifact under a name that a bundle cannot carry."
    NoCatalogue "no-catalogue" Failed "The registry does not list its repositories, so a pattern cannot be matched."
    NondistributableAbsent "nondistributable-absent" Failed "A non-distributable layer is neither in the source nor at any of its URLs."
    NotALayout "not-a-layout" Failed "A folder or archive is not an OCI image layout."
    BadIndex "bad-index" Damaged "The index.json of a layout is malformed."
    MalformedDocument "malformed-document" Damaged "A manifest or index is malformed, too large, or does not match its descriptor."
    NotAManifest "not-a-manifest" Failed "The requested digest is not the digest of a manifest or index."
    NotAnArtifact "not-an-artifact" Failed "A name points at something other than a manifest or index."
    BlobMissing "blob-missing" Damaged "A blob that a manifest or index references is missing."
    BlobMismatch "blob-mismatch" Damaged "The content of a blob does not match its digest."
    BlobSizeMismatch "blob-size-mismatch" Damaged "A blob has more or fewer bytes than its descriptor says."
    BlobSizesDiffer "blob-sizes-differ" Damaged "Two descriptors state different sizes for one blob."
    BlobUnreadable "blob-unreadable" Failed "A blob of a source cannot be read completely."
    BlobNotPlanned "blob-not-planned" Failed "A blob is not in the plan of the archive that it should be written to."
    FileTooLarge "file-too-large" Damaged "A document in a layout or archive is larger than the limit."
    BadArchive "bad-archive" Damaged "An archive is malformed, or tools could read it differently."
    NotInContent "not-in-content" Failed "An image, layer or file that was asked for is not in the bundle or source, or cannot be read."
    RulesUnusable "rules-unusable" Usage "A policy file, a file of ignored denials or a file of rules for secrets cannot be used."
    RegoNotBuilt "rego-not-built" Usage "A policy is written in Rego, and this build of carnet has no engine for it."
    PolicyFailed "policy-failed" Failed "A policy in Rego could not be evaluated, so there is no judgement."
    ProfileUnusable "profile-unusable" Usage "The profile of a guard cannot be used."
    DeniedByPolicy "denied-by-policy" Denied "A policy denies what should be packed or imported."
    AdvisoriesUnusable "advisories-unusable" Failed "An advisory database cannot be read, or is none of the known forms."
    VexUnusable "vex-unusable" Usage "A VEX document cannot be read, or is none of the known forms."
    SignatureKeyUnusable "signature-key-unusable" Usage "A key or certificate for signatures in the cargo cannot be used."
    CompressedArchive "compressed-archive" Failed "An archive is compressed, so the blobs in it cannot be accessed."
    NotADockerImage "not-a-docker-image" Failed "An artifact or archive is not a Docker image that `docker load` accepts."
    UnsafePath "unsafe-path" Damaged "A path is a link, a device or a folder where a regular file is expected, or has no file name."
    NameTaken "name-taken" Failed "The layout already has another artifact with this name."
    RefusedGraph "refused-graph" Failed "An artifact is nested too deeply, has too many blobs, lacks the selected platform, or has Docker schema 1."

    // Packing.
    RenameSeveral "rename-several" Usage "One new name was given for several artifacts."
    NameTwice "name-twice" Failed "Two artifacts of the bundle would have the same name."
    BlobTooLarge "blob-too-large" Failed "A blob is larger than a chunk, but splitting blobs is disabled."
    TooManyChunks "too-many-chunks" Failed "The bundle needs more chunks than the format can number."
    BundlesDiffer "bundles-differ" Usage "Bundles to be merged were packed with options that do not fit together."
    NothingToPack "nothing-to-pack" Failed "No artifact is left to pack."
    BundleTooLarge "bundle-too-large" Failed "The bundle would exceed a limit of the format."
    VolumeTooSmall "volume-too-small" Usage "A chunk does not fit into a volume, or the bundle needs too many volumes."
    ChunkUnwritable "chunk-unwritable" Failed "A chunk file cannot be written."

    // Received bundles.
    NoChunk "no-chunk" Damaged "None of the files is a chunk."
    MalformedChunk "malformed-chunk" Damaged "A part of a chunk violates the format."
    ControlChunkMissing "control-chunk-missing" Damaged "The control chunk is missing, or cannot be read."
    ControlChunkDamaged "control-chunk-damaged" Damaged "The control chunk is damaged or inconsistent."
    AnnexMissing "annex-missing" Damaged "Annex chunks, which hold documents of the control chunk, are missing."
    ChunkUnreadable "chunk-unreadable" Failed "A chunk file cannot be read."
    BundleIncomplete "bundle-incomplete" Damaged "Chunks of the bundle are missing or damaged."
    BundleRecoverable "bundle-recoverable" Damaged "Chunks of the bundle are missing or damaged, and its parity files can recover them."
    NoParity "no-parity" Damaged "No parity file of the bundle arrived that a trusted packer signed."
    ParityTooMuch "parity-too-much" Usage "The parity does not fit into files within the limit of the bundle."
    BundleUnsound "bundle-unsound" Damaged "The plan of the bundle does not match its manifests."
    SignatureDowngrade "signature-downgrade" Untrusted "The trust file wants two signatures of different algorithms from each holder, and one of them is missing or does not count: it may have been removed on the way."
    BundleUntrusted "bundle-untrusted" Untrusted "The bundle is not signed by a trusted packer, or too few trusted releasers have released it."
    ProfileMissing "profile-missing" Untrusted "The trust file demands the profile cnsa2, and the bundle was packed without it."
    BundleExpired "bundle-expired" Untrusted "The bundle has expired."
    BaseRefused "base-refused" Untrusted "A bundle cannot be the base of a delta: it is of another stream, or not before the new bundle."
    BaseNotConfirmed "base-not-confirmed" Failed "No receipt of the far side confirms all of a base."
    ReceiptRefused "receipt-refused" Untrusted "A receipt, or a line of a chain of runs, is not signed by a given key, or is not of an import that did everything."
    BaseMissing "base-missing" Damaged "The target lacks content that a delta leaves out because an earlier bundle carried it."
    BundleForked "bundle-forked" Untrusted "Two different chunks of one bundle have the same number and valid signatures."
    SignerFailed "signer-failed" Failed "A key, an agent, a token or a command returned a signature that does not verify with the public key."
    SignCommandFailed "sign-command-failed" Failed "The command that signs cannot be run, failed, or took too long."
    SignCommandOutput "sign-command-output" Failed "The command that signs printed something other than a signature."
    SecondKeyAlgorithm "second-key-algorithm" Usage "The second key has the algorithm of the first, or cannot be used here."
    SignCommandKey "sign-command-key" Usage "A command signs, and the key is not the file of a public key."
    AgentUnreachable "agent-unreachable" Failed "The SSH agent cannot be reached."
    AgentSlow "agent-slow" Failed "The SSH agent takes too long to answer."
    AgentAnswer "agent-answer" Failed "The answer of the SSH agent is not one of an agent."
    AgentKeyMissing "agent-key-missing" Failed "The SSH agent does not have the key."
    AgentKeyAmbiguous "agent-key-ambiguous" Usage "The SSH agent has several keys with the same comment."
    AgentRefused "agent-refused" Failed "The SSH agent refuses to sign."
    AgentMessageTooLong "agent-message-too-long" Failed "What should be signed is longer than SSH agents take."
    Pkcs11NotBuilt "pkcs11-not-built" Usage "A key is in a token, and this build of carnet cannot load modules of PKCS#11."
    Pkcs11Module "pkcs11-module" Failed "A module of PKCS#11 cannot be found, loaded or started."
    TokenMissing "token-missing" Failed "No token is the one that was asked for."
    TokenAmbiguous "token-ambiguous" Usage "Several tokens are the one that was asked for."
    TokenKeyMissing "token-key-missing" Failed "The token does not have the private key."
    TokenKeyAmbiguous "token-key-ambiguous" Usage "The token has several private keys that are the one that was asked for."
    TokenKeyUnusable "token-key-unusable" Failed "A key in a token may not sign, has no public half there, or asks for the PIN each time."
    TokenPinMissing "token-pin-missing" Usage "A token asks for its PIN, and none was given."
    TokenPinWrong "token-pin-wrong" Failed "The PIN of a token is wrong. It was tried once."
    TokenLastTry "token-last-try" Failed "A wrong PIN would lock the token, so a PIN that nobody types is not tried."
    TokenLocked "token-locked" Failed "The PIN of a token is locked after too many wrong tries."
    TokenGone "token-gone" Failed "A token went away while it was in use."
    TokenSlow "token-slow" Failed "A token takes too long to answer."
    TokenFailed "token-failed" Failed "A token, or its module, reports an error."
    PackerUntrusted "packer-untrusted" Untrusted "A control chunk that should be released is not signed by a packer of the trust file."
    ReleaseDoesNotCount "release-does-not-count" Untrusted "The trust file does not count the signature as a release."
    ReleaseDeclined "release-declined" Failed "The question before a signature was not answered with yes."
    SignatureMalformed "signature-malformed" Usage "A file does not contain a signature."
    SignatureOfOther "signature-of-other" Untrusted "A signature is by another key, or over another statement, than those that were given."
    StatementMalformed "statement-malformed" Damaged "A file is not the statement of a chunk, byte for byte."
    StatementNotControl "statement-not-control" Usage "A statement is not that of a control chunk, so it releases nothing."
    SeveralStatements "several-statements" Usage "The control chunks have several statements, and only one can be written."
    SignaturesFull "signatures-full" Failed "The control chunk has no room for another signature."
    NoSuchBundle "no-such-bundle" Damaged "The requested bundle is missing or cannot be read."
    TooManyBundles "too-many-bundles" Failed "There are more bundles, or more entries in them, than can be examined without a trust file."

    // Requests to send chunks again.
    RequestWrong "request-wrong" Usage "A line of a resend request has a wrong word or number, or the text has no request."
    RequestIncomplete "request-incomplete" Usage "Lines of a resend request are missing."
    RequestTooLong "request-too-long" Usage "A resend request is longer than what is read, or than a QR code holds."
    WorkPlanMalformed "work-plan-malformed" Damaged "A plan of `carnet plan` is malformed, or of another version."
    ProfileKey "profile-key" Usage "A bundle of the profile cnsa2 needs a key of ML-DSA-87."
    ProfileDelta "profile-delta" Usage "A bundle of the profile cnsa2 cannot be a delta."
    WorkPlanKey "work-plan-key" Usage "A key is not the one that a plan of `carnet plan` names."
    NoSuchPiece "no-such-piece" Usage "There is no piece of this number."
    PiecesMissing "pieces-missing" Damaged "Some pieces of a bundle are not packed, verified or imported yet."
    PieceResultMalformed "piece-result-malformed" Damaged "The result of a verified piece is malformed, or of another version."
    RequestElsewhere "request-elsewhere" Failed "A resend request is for another bundle than those that are there."
    RequestBeyond "request-beyond" Usage "A resend request asks for chunks that the bundle does not have."
    ResendIncomplete "resend-incomplete" Damaged "Chunks that were asked for again are missing or damaged where they should be copied from."

    // Registries.
    RegistryUnreachable "registry-unreachable" Failed "A registry cannot be reached, or the connection to it broke."
    RegistryUnauthorized "registry-unauthorized" Failed "A registry requires credentials, or rejects those that were sent."
    RegistryDenied "registry-denied" Failed "A registry does not permit the request with these credentials."
    RegistryRateLimited "registry-rate-limited" Failed "A registry limits the rate of requests, and all retries were used up."
    RegistryStalled "registry-stalled" Failed "The connection to a registry stalled or became too slow."
    RegistryFailed "registry-failed" Failed "A registry returned an error."
    RegistryProtocol "registry-protocol" Failed "The response of a registry violates the distribution specification."
    RegistryHostRefused "registry-host-refused" Failed "A registry points to another host that is not allowed."
    RegistryContentMissing "registry-content-missing" Failed "A registry lacks a manifest or blob that is referenced."
    RegistryContentLost "registry-content-lost" Failed "A registry confirmed a push, but does not have what was pushed."
    RegistrySetup "registry-setup" Usage "A certificate, key or credentials file for registries cannot be used."
    UrlUnusable "url-unusable" Failed "A URL of a non-distributable layer does not provide the layer."

    // Object stores.
    StoreSetup "store-setup" Usage "A variable, file or setting that gives access to an object store is missing or cannot be used."
    StoreDenied "store-denied" Failed "An object store does not permit a request with this access."
    StoreNotFound "store-not-found" Failed "An object store has no such container, account or object."
    StoreChanged "store-changed" Failed "An object changed between the time it was checked and the time it was used."
    StoreProtected "store-protected" Failed "An object is protected by a policy or a hold, or is in an archive."
    StoreUnreachable "store-unreachable" Failed "An object store cannot be reached, or the connection to it broke or stalled."
    StoreFailed "store-failed" Failed "An object store returned an error."
    StoreProtocol "store-protocol" Failed "The response of an object store is not what its protocol prescribes."

    // The memory of streams.
    StreamForked "stream-forked" Untrusted "Another bundle has the same number in the stream."
    StreamPrevious "stream-previous" Untrusted "A bundle names another bundle before it than the one that was accepted."
    StreamRollback "stream-rollback" Untrusted "A bundle is not newer than what was accepted of its stream."
    StreamJump "stream-jump" Untrusted "The number of a bundle is further above the highest one than the trust file allows its key."
    StreamUnnumbered "stream-unnumbered" Untrusted "A bundle has no number, although others of its stream have one."
    StreamsDamaged "streams-damaged" Damaged "The memory of streams is not what was written, or a part of it is gone."
    StreamsBackwards "streams-backwards" Failed "A memory of streams that was carried in would forget something."
    StreamsFull "streams-full" Failed "The memory of streams is full, or the numbers of a stream are used up."

    // Runs of pipelines.
    StateBusy "state-busy" Failed "Another process runs this pipeline, uses this stream, or runs this station."
    NoSuchRun "no-such-run" Failed "There is no run of this name."
    RunUnfinished "run-unfinished" Failed "A run that is not finished cannot be deleted."
    RunUnsigned "run-unsigned" Untrusted "A line of the chain of runs is signed by another key."
    StationFile "station-file" Usage "The station file has an error."
    NoSuchPipeline "no-such-pipeline" Usage "The station file has no pipeline of this name."
    FieldAbsent "field-absent" Usage "A run was started without a field that its pipeline requires."
    SamePerson "same-person" Usage "A transfer record names one person twice, and two people must sign it."
    RunDamaged "run-damaged" Damaged "A run record or a line of the chain is not what was written."

    // Importing.
    RepositoryUnnamed "repository-unnamed" Usage "An artifact of the bundle has no repository name."
    RepositoryName "repository-name" Usage "An artifact would get a repository name that registries do not accept."
    TagCollision "tag-collision" Usage "Two artifacts, or an artifact and a list of referrers, would get the same tag."
    TagExists "tag-exists" Failed "A tag in the registry already points at another artifact."
    TagNotSet "tag-not-set" Failed "A registry confirmed a tag, but the tag points at another artifact."
    TagBackupExists "tag-backup-exists" Failed "The backup tag for the old artifact already points at something else."
    TagBackupName "tag-backup-name" Usage "The backup tag for the old artifact is not a valid tag."
    BundleNarrowed "bundle-narrowed" Failed "The registry rejects an index because the bundle does not contain all of its images."
    ReferrersList "referrers-list" Failed "The referrers tag of a manifest points at something else, or was changed by others during the import."
    ReceiptExists "receipt-exists" Failed "The file for the receipt already exists."
    ReceiptName "receipt-name" Usage "The path of the receipt does not end in a file name."
    ReceiptUnwritten "receipt-unwritten" Failed "The receipt cannot be written."
}

impl Code {
    /// This code with a circumstance that changes the advice.
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
