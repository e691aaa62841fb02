//! What to do after an error, in words: here are the commands and options, which the library does not know.

use carnet::diagnosis::{Advice, Code, Diagnosis};

/// The hint that is shown with an error.
pub(crate) fn hint(diagnosis: &Diagnosis) -> String {
    match &diagnosis.advice {
        Some(advice) => specific(advice),
        None => next_step(diagnosis.code).to_owned(),
    }
}

/// The next step where a circumstance decides it.
fn specific(advice: &Advice) -> String {
    let text = match advice {
        Advice::CheckPath => "check the path",
        Advice::CheckPermissions => "check who may read and write there",
        Advice::MakeRoom => {
            "make room and run the same command again; when packing, finished chunks are kept"
        }
        Advice::RunAgain => "run the same command again: what is finished is kept",
        Advice::SourceSyntax => {
            "write oci:DIR, oci-archive:FILE or docker-archive:FILE, then :REF or @sha256:DIGEST to select one \
             artifact, or docker://HOST/REPO:TAG, then =NAME to rename it"
        }
        Advice::DestinationSyntax => {
            "write oci:DIR, oci-archive:FILE or docker-archive:FILE; to push into a registry use `carnet import`"
        }
        Advice::RegistrySyntax => {
            "write docker://HOST[:PORT], then /PREFIX if all repositories are to be below one"
        }
        Advice::DidYouMean { name } => return format!("did you mean {name:?}?"),
        Advice::CheckRepositoryAndTag => {
            "check the names of repository and tag: REPO alone means REPO:latest, REPO:* is every tag"
        }
        Advice::CheckNamesOfBundle => {
            "name it as the bundle does, or by its digest; `carnet inspect` lists all"
        }
        Advice::DecompressWith { program } => return format!("decompress it first: {program} -d"),
        Advice::PlatformIsNotThere { platform } => {
            return format!(
                "the index was copied without its image for {platform}: fetch all of it, or carry only what is \
                 there with --platform"
            );
        }
        Advice::UrlIsPrivate => {
            "if a URL may lead to a private address, allow its host with --allow-private-urls HOST; or put the \
             layer into the registry, or leave it out with --nondistributable omit"
        }
        Advice::OtherBundleInTheWay => "choose another --name or folder, or replace it with --overwrite",
        Advice::ChunksAreDamaged => {
            "run `carnet verify` to find all that is damaged, and ask for those chunks again"
        }
        Advice::RegistryIsDamaged => "the registry's copy is damaged: push the artifact into it again",
        Advice::NameNotInCertificate => "use a host name that the registry's certificate covers",
        Advice::UnknownAuthority => "name the authority that signed its certificate with --ca FILE",
        Advice::CertificateInvalid => {
            "ask the operator of the registry for a valid certificate, and check the clock of this machine"
        }
        Advice::ClientCertificateNeeded => {
            "the registry requires a client certificate that it knows: name it with --client-cert and --client-key"
        }
        Advice::PlainHttpSpoken => {
            "if the registry has no TLS, pass --plain-http HOST; on loopback leave out --tls"
        }
        Advice::TlsSpoken => {
            "loopback registries are contacted over plain HTTP; if this one has TLS, pass --tls HOST"
        }
        Advice::HostNotAllowed => "if that host belongs to the registry, allow it with --allow-host HOST",
        Advice::HostWithoutTls => {
            "if that host belongs to the registry and has no TLS, pass --plain-http HOST"
        }
        Advice::UrlsRefused => {
            "the registry refuses layers with urls; a distribution registry takes them once \
             validation.manifests.urls.allow in its configuration says so"
        }
        Advice::UrlsPerhapsRefused => {
            "if that is a layer with urls: a distribution registry takes them once \
             validation.manifests.urls.allow in its configuration says so"
        }
        Advice::ServerInTrouble => {
            "the server has a problem: run the same command again later; what is finished is kept"
        }
        Advice::RenameArtifact { name, tag } => {
            // The left side is an expression, in which a dot matches itself, too; a plus does not.
            let name = name.replace('+', "\\+");
            return format!("say where it belongs: --rename '{name}=team/app:{tag}'");
        }
    };
    text.to_owned()
}

/// The next step that a code alone suggests.
#[expect(clippy::too_many_lines, reason = "a table: one entry a code")]
pub(crate) fn next_step(code: Code) -> &'static str {
    match code {
        Code::Interrupted => {
            "run the same command again: what was finished is kept, and nothing half-written was left"
        }
        Code::System => "close other programs, raise the limits of this process, or use fewer --jobs",
        Code::FileUnusable | Code::ArtifactIo => "check the path, the disk, and who may read and write there",
        Code::FileNotRegular => "name a regular file or a folder",
        Code::FileNameOdd => "rename the file; chunks are known by content",
        Code::TooManyFiles => "name the files of one bundle, or the folder with them",
        Code::FoldersTooDeep => "name the folder with the chunk files itself",
        Code::TargetExists => "remove it, or write to another name",
        Code::TargetBusy => "wait for the other process to end, or stop it",
        Code::DiskFull => "make room, or name another folder with --to",
        Code::OutputLost => "check where stdout leads, and whether the disk there is full",

        Code::BadPlace => {
            "write oci:DIR, oci-archive:FILE, docker-archive:FILE or docker://HOST/REPO:TAG; the help of the \
             command says which of them it takes"
        }
        Code::SourceList => {
            "write one source a line in the file for --artifacts-from; a line that begins with # is a comment"
        }
        Code::SourceDateEpoch => "unset SOURCE_DATE_EPOCH, or set it to a number of seconds",
        Code::HashKernel => {
            "unset CARNET_HASH; `carnet version -v` lists the kernels that this processor has"
        }
        Code::ProxyUnusable => "name a proxy that begins with http:// or https://, or unset the variable",
        Code::SeveralBundles => "name one with --bundle",
        Code::PassphraseEmpty => "write the passphrase in the first line of the file for --passphrase-file",

        Code::KeyUnreadable => "check the path, and who may read the file",
        Code::KeyUnwritable => "check that the folder exists, has room, and may be written to",
        Code::KeyTooLong | Code::KeyMalformed => "give the file that `carnet keygen` or openssl wrote",
        Code::KeyWrongKind | Code::KeyNotEd25519 => {
            "make a key with `carnet keygen` or `openssl genpkey -algorithm ed25519`"
        }
        Code::KeyIsPublic => "give the file that ends in .key.pem",
        Code::KeyIsPrivate => "give the file that ends in .pub.pem, and keep the private key to yourself",
        Code::KeyWeak | Code::KeyNotCanonical => {
            "no honest tool makes such a key: ask its holder where it comes from"
        }
        Code::KeyEncrypted => "give the passphrase in a file with --passphrase-file",
        Code::KeyPassphraseWrong => {
            "check the passphrase, and that its file ends in no more than one newline"
        }
        Code::KeyEncryptionUnsupported => {
            "write it again with `openssl pkcs8 -topk8 -v2 aes-256-cbc -in old.pem -out new.pem`"
        }
        Code::KeyHalvesDiffer => "do not use this file: restore the key from a backup, or make a new one",
        Code::KeyNoRandom => "make the key on a machine whose random number generator works",
        Code::KeyExists => "choose another name, or move the old key away first",
        Code::KeyName => "name the pair, with its folder if you like, as keys/station",

        Code::PolicyUnreadable => "check the path of the trust file, and who may read it",
        Code::PolicyTooLong => "leave out comments and keys that no one uses any more",
        Code::PolicySyntax => "correct the line; docs/trust.md lists the keys of a trust file",
        Code::PolicyVersion => "write `version = 1`, or use a newer release",
        Code::PolicyKeyCount => "list at least one [[keys]] entry, and no more than the limit",
        Code::PolicyThreshold => "set release-threshold to the number of holders who must release a bundle",
        Code::PolicyHolder => "give each holder a name of printable ASCII that differs in more than case",
        Code::PolicyKeySource => "give each key either public-key or public-key-file",
        Code::PolicyKeyUnreadable => {
            "check the path, which is relative to the trust file, and who may read the key"
        }
        Code::PolicyKey => "replace it with the holder's .pub.pem file",
        Code::PolicyKeyTwice => {
            "list each key once and give it all its roles; each holder needs a key of their own"
        }
        Code::PolicyNoRole => "give the key the role packer, releaser, or both",
        Code::PolicyStreams => {
            "leave streams out for every stream; \"-\" stands for bundles without a stream"
        }
        Code::PolicyTime => "write it as 2026-01-01T00:00:00Z",
        Code::PolicyNoPacker => "give the role packer to a key that is not revoked",
        Code::PolicyUnsatisfiable => {
            "add releasers or lower release-threshold; several keys of one holder count once"
        }

        Code::NoSuchArtifact => "names must match in full; leave the name out to take every artifact",
        Code::AmbiguousName => "select one of them by digest, or copy the right one alone into a new layout",
        Code::BadName => "select it by digest from a copy without that name",
        Code::NoCatalogue => "name the repositories one by one, in a file for --artifacts-from",
        Code::NondistributableAbsent => {
            "put each layer into the source (its URLs say where it may be had): push it into the registry, or \
             store it in the layout under blobs/sha256/; or leave such layers out with --nondistributable omit"
        }
        Code::NotALayout => {
            "name the directory or archive that has oci-layout and index.json, or an empty directory to write to"
        }
        Code::BadIndex | Code::FileTooLarge | Code::BadArchive => "write it again with the tool that made it",
        Code::MalformedDocument | Code::BlobSizesDiffer => {
            "the source holds a document that tools would read differently: rebuild the artifact, or fetch it again"
        }
        Code::NotAManifest => "name the digest of a manifest or an index; other blobs travel as parts of one",
        Code::NotAnArtifact => "name an image, an index or another artifact that has a manifest",
        Code::BlobMissing | Code::BlobMismatch | Code::BlobSizeMismatch => {
            "fetch the artifact again from where it came from; `carnet pack --continue-on-errors` leaves it out"
        }
        Code::BlobUnreadable => {
            "check the disk that the source is on; `carnet pack --continue-on-errors` leaves the artifact out"
        }
        Code::BlobNotPlanned => "this is a defect of carnet: report it, with the command and the message",
        Code::CompressedArchive => "decompress the archive first",
        Code::NotADockerImage => "use oci: or oci-archive:, which take every artifact",
        Code::UnsafePath => "put a regular file or directory there",
        Code::NameTaken => {
            "let it point at the new artifact with --overwrite-tags, or unpack into another layout"
        }
        Code::RefusedGraph => {
            "choose platforms that the index has with --platform; an artifact that is nested too deep, has too \
             many blobs or is of Docker schema 1 must be built again in another form"
        }

        Code::RenameSeveral => "name the artifact too, as in oci:DIR:TAG=NAME",
        Code::NameTwice => "give one of them another name, as in oci:DIR:TAG=team/app:1.0",
        Code::BlobTooLarge => "leave out --no-split, or choose a larger --chunk-size",
        Code::TooManyChunks => "choose a larger --chunk-size, or pack fewer artifacts",
        Code::NothingToPack => "check what the sources hold, and which artifacts failed",
        Code::BundleTooLarge => "pack fewer artifacts in one bundle",
        Code::ChunkUnwritable => "make room or replace the medium, and run the same command again",

        Code::NoChunk => "name the folder with the .tar files of the bundle",
        Code::MalformedChunk => "the file was altered or is no chunk of this format: ask for it again",
        Code::ControlChunkMissing => "the control chunk is the file NAME_00000.tar: ask for it again",
        Code::ControlChunkDamaged | Code::AnnexMissing => "ask for these chunks again",
        Code::ChunkUnreadable => "check the medium and who may read the file, or ask for the chunk again",
        Code::BundleIncomplete => {
            "name all files of the bundle; `carnet missing` lists the chunks to send again"
        }
        Code::BundleUnsound => "tell the packing station: the bundle must be packed anew",
        Code::BundleUntrusted => {
            "run `carnet verify` for all the reasons; a releaser adds a signature with `carnet sign`"
        }
        Code::BundleForked => "release neither of them before you know why they differ",
        Code::SignaturesFull => "ask for the bundle to be packed again, and sign with fewer keys",
        Code::NoSuchBundle => "check the name or id; `carnet inspect` lists the bundles that arrived",
        Code::TooManyBundles => "name fewer files, or pass --trust or --pub",

        Code::RegistryUnreachable => {
            "check the host's name and port; for a registry without TLS pass --plain-http HOST, to use a proxy set \
             HTTPS_PROXY"
        }
        Code::RegistryUnauthorized => {
            "log in with `skopeo login HOST` or `podman login HOST`, or name a credentials file with --authfile; if \
             credentials are set, they are wrong or expired"
        }
        Code::RegistryDenied => {
            "log in as a user who has the right; many registries also answer so for a repository that does not exist"
        }
        Code::RegistryRateLimited => "log in, or run the same command again later: what is finished is kept",
        Code::RegistryStalled => {
            "run the same command again: what is finished is kept; a slow line may need a longer --timeout"
        }
        Code::RegistryFailed | Code::RegistryProtocol => {
            "if this is not the registry but a proxy in front of it, ask its operator"
        }
        Code::RegistryHostRefused => "ask the operator of the registry why it does that",
        Code::RegistryContentMissing => "the registry's copy is incomplete: push the artifact into it again",
        Code::RegistrySetup => "check the files of --authfile, --ca, --client-cert and --client-key",
        Code::UrlUnusable => "run the same command again, or put the layer into the registry first",

        Code::RepositoryUnnamed => "say where it belongs with --rename 'REGEX=REPO:TAG'",
        Code::RepositoryName => "give it another name with --rename 'REGEX=REPO:TAG'",
        Code::TagCollision => "tell them apart with --rename, or choose with --artifact",
        Code::TagExists => "replace with --overwrite-tags, or keep the old one too with --backup-tags SUFFIX",
        Code::TagBackupExists => {
            "choose another suffix for --backup-tags; with --overwrite-tags beside it the earlier backup is replaced"
        }
        Code::TagBackupName => "choose another suffix for --backup-tags",
        Code::BundleNarrowed => {
            "pack the whole artifact, or let the registry take indexes that are not whole: a distribution registry \
             (3.0 or later) does once validation.manifests.indexes.platforms in its configuration says none"
        }
        Code::ReferrersList => "move that tag away, and run the same command again",
        Code::ReceiptExists => "receipts are kept: choose another name for --receipt",
        Code::ReceiptName => "name the JSON file, as receipt.json; the text becomes receipt.json.txt",
        Code::ReceiptUnwritten => "check the folder, its free space, and who may write there",
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Every option and command that this file names.
    #[test]
    fn options_and_commands_exist() {
        let program = super::super::args::Args::command();
        let commands: Vec<_> = program.get_subcommands().collect();
        let options: Vec<&str> = commands
            .iter()
            .flat_map(|command| command.get_arguments())
            .chain(program.get_arguments())
            .filter_map(|argument| argument.get_long())
            .collect();
        let word = |text: &'static str| {
            let end = text.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(text.len());
            &text[..end]
        };
        let words = include_str!("advice.rs").split("mod tests").next().unwrap();
        let mut found = 0;
        for option in words.split(" --").skip(1).map(word) {
            assert!(options.contains(&option), "--{option}");
            found += 1;
        }
        for command in words.split("`carnet ").skip(1).map(word) {
            assert!(commands.iter().any(|known| known.get_name() == command), "carnet {command}");
            found += 1;
        }
        assert!(found > 30, "this file names more than {found}");
    }

    #[test]
    fn a_circumstance_outdoes_the_code() {
        assert_eq!(hint(&Code::DiskFull.into()), next_step(Code::DiskFull));
        assert_eq!(hint(&Code::ArtifactIo.with(Advice::CheckPath)), "check the path");
        let name = "a+b:1".to_owned();
        let advice = Advice::RenameArtifact { name, tag: "1.0".to_owned() };
        assert!(specific(&advice).ends_with("--rename 'a\\+b:1=team/app:1.0'"));
    }
}
