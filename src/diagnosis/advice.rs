//! Circumstances that change the next step beyond what the code says.

use std::io;

/// A circumstance that changes the next step. Which words say so, and with which options, the program decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advice {
    /// The path does not exist.
    CheckPath,
    /// The system denies access.
    CheckPermissions,
    /// The disk is full.
    MakeRoom,
    /// Nothing is wrong here that a second run would not get past.
    RunAgain,

    /// The text is not what a source of artifacts looks like.
    SourceSyntax,
    /// The text is not what a layout or an archive to write to looks like.
    DestinationSyntax,
    /// The text is not what a registry to push to looks like.
    RegistrySyntax,

    /// Another name is there, and looks alike.
    DidYouMean {
        /// That name.
        name: String,
    },
    /// A repository has no such tag, and none that looks alike.
    CheckRepositoryAndTag,
    /// The names are those of a bundle.
    CheckNamesOfBundle,
    /// The archive must be decompressed first.
    DecompressWith {
        /// The program that decompresses it.
        program: &'static str,
    },
    /// An index was copied without one of its images.
    PlatformIsNotThere {
        /// The platform of that image.
        platform: String,
    },
    /// A URL of a non-distributable layer leads to a private address.
    UrlIsPrivate,
    /// Chunk files of another bundle have the names that the new one needs.
    OtherBundleInTheWay,
    /// The damaged bytes are those of chunk files.
    ChunksAreDamaged,
    /// The damaged bytes are those of a registry.
    RegistryIsDamaged,

    /// The registry's certificate is for other names.
    NameNotInCertificate,
    /// Nobody who is trusted signed the registry's certificate.
    UnknownAuthority,
    /// The registry's certificate is not valid for another reason.
    CertificateInvalid,
    /// The registry asks for a certificate of ours.
    ClientCertificateNeeded,
    /// The registry does not answer with TLS.
    PlainHttpSpoken,
    /// A registry on loopback does not answer to plain HTTP.
    TlsSpoken,
    /// A registry points at another host that no one allowed.
    HostNotAllowed,
    /// A registry points at another host, which does not speak HTTPS.
    HostWithoutTls,
    /// The registry refuses layers with URLs.
    UrlsRefused,
    /// The registry refuses a manifest, perhaps because of layers with URLs.
    UrlsPerhapsRefused,
    /// The server has a problem of its own.
    ServerInTrouble,

    /// An artifact needs a name that a registry takes.
    RenameArtifact {
        /// Its name in the bundle, or its digest.
        name: String,
        /// A tag for it.
        tag: String,
    },
}

impl Advice {
    /// What the system's error says of the next step.
    pub fn of_io(error: &io::Error) -> Option<Advice> {
        match error.kind() {
            io::ErrorKind::NotFound => Some(Advice::CheckPath),
            io::ErrorKind::PermissionDenied => Some(Advice::CheckPermissions),
            io::ErrorKind::StorageFull => Some(Advice::MakeRoom),
            _ => None,
        }
    }
}
