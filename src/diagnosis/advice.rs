//! Circumstances that change the advice for an error code.

use std::io;
use std::path::PathBuf;

/// A circumstance that changes the advice for an error. The program decides on the words and names the options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advice {
    /// The path does not exist.
    CheckPath,
    /// This program cannot check signatures of this key, and another build can.
    VerifyElsewhere,
    /// The system denies access.
    CheckPermissions,
    /// The path is not a regular file.
    PassRegularFile,
    /// The file is longer than the limit.
    PassSmallerFile {
        /// The largest allowed size in bytes.
        limit: u64,
    },
    /// The file is not in UTF-8.
    SaveAsUtf8,
    /// The disk has no free space.
    MakeRoom,
    /// The same command will probably succeed in a second run.
    RunAgain,

    /// Chunks go into volumes only in the file system.
    VolumesNeedFolder,
    /// Pieces are packed into a folder.
    PiecesNeedFolder,
    /// The pieces are to be verified.
    VerifyPieces,
    /// The pieces are to be imported.
    ImportPieces,
    /// The bundle was packed from other sources or with other options.
    RepeatTheFirstPacking,

    /// A source of artifacts has the wrong syntax.
    SourceSyntax,
    /// A destination layout or archive has the wrong syntax.
    DestinationSyntax,
    /// A destination registry has the wrong syntax.
    RegistrySyntax,

    /// A similar name exists.
    DidYouMean {
        /// The similar name.
        name: String,
    },
    /// The repository has neither this tag nor a similar one.
    CheckRepositoryAndTag,
    /// A new archive has nothing that a delta leaves out.
    ArchiveTakesNoDelta,
    /// The registry does not mount what a delta leaves out.
    GiveBaseChunks,
    /// The name is not in the bundle.
    CheckNamesOfBundle,
    /// The archive must be decompressed first.
    DecompressWith {
        /// The program that can decompress it, e.g. `gzip`.
        program: &'static str,
        /// The compressed archive.
        file: PathBuf,
    },
    /// The source must be written in another way.
    PassAs {
        /// The source as it must be written.
        place: String,
    },
    /// A tar archive of the files in a folder is needed.
    ArchiveFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder belongs to the `dir:` transport of skopeo, and a layout can be made of it.
    CopyFromDir {
        /// The folder.
        folder: PathBuf,
    },
    /// The archive has the file system of a container; its image must be saved instead.
    SaveInsteadOfExport,
    /// The archive must be written without sparse files.
    WriteWithoutSparse,
    /// The index has none of the selected platforms; the message lists those that it has.
    SelectOfferedPlatforms,
    /// An index was copied without one of its images.
    PlatformIsNotThere {
        /// The platform of the missing image.
        platform: String,
    },
    /// A URL of a non-distributable layer points at a private address.
    UrlIsPrivate,
    /// Chunk files of another bundle have the file names that the new bundle needs.
    OtherBundleInTheWay,
    /// The same, for a pipeline that does not replace chunk files.
    OverwriteBlobs,
    /// The damaged data is in chunk files.
    ChunksAreDamaged,
    /// The damaged data is in a registry.
    RegistryIsDamaged,

    /// The certificate of the registry does not cover its host name.
    NameNotInCertificate,
    /// The certificate of the registry is not signed by a trusted authority.
    UnknownAuthority,
    /// The certificate of the registry is invalid for another reason.
    CertificateInvalid,
    /// The registry requires a client certificate.
    ClientCertificateNeeded,
    /// The registry uses a version of TLS, a cipher or a kind of key that is not supported.
    TlsUnsupported,
    /// The registry responds to TLS with plain HTTP.
    PlainHttpSpoken,
    /// A registry on loopback does not respond to plain HTTP.
    TlsSpoken,
    /// A registry points to another host that is not allowed.
    HostNotAllowed,
    /// A registry points to another host that does not use HTTPS.
    HostWithoutTls,
    /// A registry refers to itself without HTTPS, because the proxy in front of it does not pass on the scheme.
    ProxyHidesTls,
    /// A registry redirects to a host that requires a login of its own.
    LoginElsewhere {
        /// The host that requires a login.
        host: String,
    },
    /// The registry does not create repositories when something is pushed.
    RepositoryMustExist,
    /// The registry does not accept changes.
    RegistryIsReadOnly,
    /// The registry does not accept manifests of this type.
    TypeRefused,
    /// The registry rejects layers with URLs.
    UrlsRefused,
    /// The registry rejects a manifest, perhaps because of layers with URLs.
    UrlsPerhapsRefused,
    /// The registry refuses to say what refers to a manifest.
    ReferrersRefused,
    /// The server reports an internal problem.
    ServerInTrouble,

    /// A place in an object store has the wrong syntax.
    StoreSyntax,
    /// A token has ended or is not valid yet.
    StoreTokenTime,
    /// A token does not cover what it is used for.
    StoreTokenScope,
    /// A token, user or key lacks a permission.
    StorePermission {
        /// The permission, e.g. `list`.
        permission: String,
    },
    /// An identity lacks a role.
    StoreRole {
        /// The permission that the role must give, e.g. `list`.
        permission: String,
    },
    /// The managed identity does not exist or is not assigned to this machine.
    StoreIdentity,
    /// The credentials of an object store are missing or wrong.
    StoreCredentials,
    /// The store requires HTTPS.
    StoreHttps,
    /// A network rule of the store refuses this machine.
    StoreNetwork,
    /// The clock of this machine is wrong.
    SetClock,

    /// An artifact needs a name that a registry accepts.
    RenameArtifact {
        /// The name of the artifact in the bundle, or its digest.
        name: String,
        /// A suitable tag for the artifact.
        tag: String,
    },
}

impl Advice {
    /// The advice for an error of the operating system, if there is any.
    pub fn of_io(error: &io::Error) -> Option<Advice> {
        match error.kind() {
            io::ErrorKind::NotFound => Some(Advice::CheckPath),
            io::ErrorKind::PermissionDenied => Some(Advice::CheckPermissions),
            io::ErrorKind::StorageFull => Some(Advice::MakeRoom),
            _ => None,
        }
    }
}
