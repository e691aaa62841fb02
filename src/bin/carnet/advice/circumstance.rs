//! The next step where a circumstance decides it.

use std::path::Path;

use carnet::diagnosis::Advice;

use crate::shell_word::shell_word;

/// The next step for a circumstance.
#[expect(clippy::too_many_lines, reason = "a table with one entry per circumstance")]
pub(super) fn specific(advice: &Advice) -> String {
    let text = match advice {
        Advice::CheckPath => "check the path",
        Advice::VerifyElsewhere => {
            "verify with the full carnet, or with one that was built with the feature `ecdsa`"
        }
        Advice::CheckPermissions => "check the permissions of the file and its folder",
        Advice::PassRegularFile => {
            "pass a regular file; a key, a passphrase, a trust file or a list may also be a pipe that the shell passes, as \
             in <(COMMAND)"
        }
        Advice::PassSmallerFile { limit } => {
            return format!("check that it is the right file; it may have at most {limit} bytes");
        }
        Advice::SaveAsUtf8 => "save the file as UTF-8, and check that it is the right one",
        Advice::MakeRoom => {
            "free some disk space and run the same command again; when packing, finished chunks are kept"
        }
        Advice::RunAgain => "run the same command again; finished work is kept",
        Advice::VolumesNeedFolder => "pass a folder to --to, or leave out --volume-size and --volume-files",
        Advice::PiecesNeedFolder => {
            "pass --key instead of --unsigned, or pack into a folder that all machines share and copy the bundle once it is sealed"
        }
        Advice::VerifyPieces => {
            "verify these pieces with `carnet verify-piece`, and run the same command again"
        }
        Advice::ImportPieces => {
            "import these pieces with `carnet import-piece`, with the same options, and finish again; if the registry removes \
             content that no manifest names, finish sooner"
        }
        Advice::RepeatTheFirstPacking => {
            "repeat the first command as it was: the same artifacts under the same names, and the same --name, --stream, \
             --sequence, --previous, --label, --chunk-size, --platform, --base, --nondistributable and --no-referrers; a tag or a list of \
             referrers that has moved since gives another bundle: name artifacts by digest, or send a new bundle"
        }
        Advice::SourceSyntax => {
            "write oci:DIR, oci-archive:FILE or docker-archive:FILE, then :REF or @sha256:DIGEST to select one \
             artifact, or docker://HOST/REPO:TAG, then =NAME to rename it; in a path, write \\: \\= \\@ for : = @"
        }
        Advice::DestinationSyntax => {
            "write oci:DIR, oci-archive:FILE or docker-archive:FILE; to push into a registry use `carnet import`"
        }
        Advice::RegistrySyntax => {
            "write docker://HOST[:PORT], then /PREFIX to put all repositories below a prefix"
        }
        Advice::DidYouMean { name } => return format!("did you mean {name:?}?"),
        Advice::CheckRepositoryAndTag => {
            "check the names of the repository and the tag; REPO alone means REPO:latest, REPO:* selects every tag"
        }
        Advice::ArchiveTakesNoDelta => {
            "a new archive has nothing that a delta leaves out: unpack into the layout that has the earlier bundles, or give \
             the chunks of these bundles too, and --bundle to select the delta"
        }
        Advice::GiveBaseChunks => {
            "give the chunks of the earlier bundle too, and --bundle to select the delta: then the content is sent from them"
        }
        Advice::CheckNamesOfBundle => "use a name or digest from the bundle; `carnet inspect` lists them",
        Advice::DecompressWith { program, file } => return decompress(program, file),
        Advice::PassAs { place } => {
            let word = shell_word(Path::new(place));
            return format!("write {}", word.as_deref().unwrap_or(place));
        }
        Advice::ArchiveFolder { folder } => return archive(folder),
        Advice::CopyFromDir { folder } => return copy_from_dir(folder),
        Advice::SaveInsteadOfExport => {
            "save the image instead of a container: docker save -o FILE IMAGE; if there is only the file system, make an \
             image of it: docker import FILE NAME:TAG"
        }
        Advice::WriteWithoutSparse => {
            "write the archive again without sparse files; with GNU tar, leave out -S"
        }
        Advice::SelectOfferedPlatforms => "select platforms that the index has; the message lists them",
        Advice::PlatformIsNotThere { platform } => {
            return format!(
                "the index was copied without its image for {platform}: copy all images, or select the available \
                 ones with --platform"
            );
        }
        Advice::UrlIsPrivate => {
            "to allow a URL with a private address, pass --allow-private-urls HOST; or push the layer to the \
             registry, or leave it out with --nondistributable omit"
        }
        Advice::OtherBundleInTheWay => {
            "choose another --name or folder, or replace the other bundle with --overwrite"
        }
        Advice::OverwriteBlobs => {
            "give the bundle another name with --name, or set OverwriteBlobs in the options of the pipeline to replace it"
        }
        Advice::ChunksAreDamaged => "run `carnet verify` to find all damaged chunks, and request them again",
        Advice::RegistryIsDamaged => "the copy in the registry is damaged: push the artifact again",
        Advice::NameNotInCertificate => "use a host name that the registry's certificate covers",
        Advice::UnknownAuthority => {
            "pass the certificate of the authority that signed it, or the server's own, with --ca FILE"
        }
        Advice::CertificateInvalid => {
            "ask the operator of the registry for a valid certificate, and check the clock of this machine"
        }
        Advice::ClientCertificateNeeded => {
            "the registry requires a client certificate: pass it with --client-cert and --client-key"
        }
        Advice::TlsUnsupported => {
            "ask the operator of the registry to enable TLS 1.3 and a certificate with RSA or the curve P-256"
        }
        Advice::PlainHttpSpoken => {
            "if the registry has no TLS, pass --plain-http HOST; for a loopback registry, leave out --tls"
        }
        Advice::TlsSpoken => {
            "loopback registries are contacted over plain HTTP; if this one has TLS, pass --tls HOST"
        }
        Advice::HostNotAllowed => "if that host belongs to the registry, allow it with --allow-host HOST",
        Advice::HostWithoutTls => {
            "if that host belongs to the registry and has no TLS, pass --plain-http HOST"
        }
        Advice::ProxyHidesTls => {
            "the proxy in front of the registry hides that it is reached over HTTPS, or on which port: ask its operator \
             to pass on Host and X-Forwarded-Proto, or, for a distribution registry, to set http.relativeurls"
        }
        Advice::LoginElsewhere { host } => {
            return format!(
                "credentials do not follow redirects to another host: if {host} is a registry, name it instead of the \
                 first one, and log in there"
            );
        }
        Advice::RepositoryMustExist => {
            "this registry does not create repositories by itself: create the repository or its project there first"
        }
        Advice::RegistryIsReadOnly => {
            "the registry does not accept changes: ask its operator if it is read-only, a mirror, or under maintenance"
        }
        Advice::TypeRefused => {
            "the registry does not accept this manifest; old registries know only images, and not OCI indexes, artifact \
             types or subjects: ask its operator for a newer release"
        }
        Advice::UrlsRefused => {
            "the registry rejects layers with urls; a distribution registry accepts them after \
             validation.manifests.urls.allow is set in its configuration"
        }
        Advice::UrlsPerhapsRefused => {
            "if a layer with urls is the reason: a distribution registry accepts them after \
             validation.manifests.urls.allow is set in its configuration"
        }
        Advice::ReferrersRefused => {
            "log in as a user with access, or run the same command again later; to leave out signatures, SBOMs and \
             other referrers, pass --no-referrers"
        }
        Advice::ServerInTrouble => {
            "the server has a problem: run the same command again later; finished work is kept"
        }
        Advice::StoreSyntax => {
            "write a folder, s3://BUCKET/PREFIX, az://ACCOUNT/CONTAINER/PREFIX, or the URL of an Azure container without \
             its token"
        }
        Advice::StoreTokenTime => {
            "get a new token, and check the clock of this machine; docs/stores.md says how to make one"
        }
        Advice::StoreTokenScope => {
            "make a token for this container, or an account token for the Blob service with the resource types service, \
             container and object (srt=sco); docs/stores.md says how"
        }
        Advice::StorePermission { permission } => {
            return format!(
                "give it the permission to {permission}; docs/stores.md lists what each command needs"
            );
        }
        Advice::StoreRole { permission } => {
            let role = if permission == "list" || permission == "read" { "Reader" } else { "Contributor" };
            return format!(
                "give the identity the role Storage Blob Data {role} for the container; a new role takes some minutes"
            );
        }
        Advice::StoreIdentity => {
            "assign a managed identity to this machine; for a user-assigned one set AZURE_CLIENT_ID to its client id"
        }
        Advice::StoreCredentials => {
            "check the variables and files that give access to the store; docs/stores.md lists them"
        }
        Advice::StoreHttps => "use the https:// address of the store",
        Advice::StoreNetwork => {
            "ask the operator of the store to permit the address of this machine, or use its private endpoint"
        }
        Advice::SetClock => "set the clock of this machine",
        Advice::RenameArtifact { name, tag } => {
            // The left side is a regular expression. A dot also matches itself, but a plus does not.
            let name = name.replace('+', "\\+");
            return format!("give it a repository name: --rename '{name}=team/app:{tag}'");
        }
    };
    text.to_owned()
}

/// The name of a file or folder beside `folder`, with its name and a suffix; `None` if it has none.
fn beside(folder: &Path, suffix: &str) -> Option<String> {
    let name = folder.file_name()?.to_str()?;
    folder.with_file_name(format!("{name}{suffix}")).to_str().map(str::to_owned)
}

/// The command that makes an archive of the files in a folder.
fn archive(folder: &Path) -> String {
    let target = beside(folder, ".tar");
    match (shell_word(folder), target.as_deref().map(Path::new).and_then(shell_word)) {
        (Some(folder), Some(target)) => {
            format!("make an archive of its files: tar -C {folder} -cf {target} .")
        }
        _ => "make an archive of its files: tar -C FOLDER -cf FILE .".to_owned(),
    }
}

/// The command that makes a layout of a folder. skopeo ends a path at its first colon.
fn copy_from_dir(folder: &Path) -> String {
    let word = |text: String| shell_word(Path::new(&text));
    let from = word(format!("dir:{}", folder.display()));
    let target = beside(folder, ".oci").filter(|target| !target.contains(':'));
    match (from, target.and_then(|target| word(format!("oci:{target}:latest")))) {
        (Some(from), Some(to)) => format!("make a layout of it: skopeo copy -a {from} {to}"),
        _ => "make a layout of it: skopeo copy -a dir:FOLDER oci:NEW-FOLDER:TAG".to_owned(),
    }
}

/// The command that decompresses a file. It reads stdin, because the programs refuse a file whose name has no suffix
/// that they know.
fn decompress(program: &str, file: &Path) -> String {
    let name = file.to_string_lossy();
    let suffix = |(from, to): &(&str, &str)| name.strip_suffix(from).map(|stem| format!("{stem}{to}"));
    let suffixes = [
        (".tgz", ".tar"),
        (".tzst", ".tar"),
        (".tbz2", ".tar"),
        (".txz", ".tar"),
        (".gz", ""),
        (".zst", ""),
        (".bz2", ""),
        (".xz", ""),
        (".tar", ".uncompressed.tar"),
    ];
    let target = suffixes.iter().find_map(suffix).unwrap_or_else(|| format!("{name}.tar"));
    let can_expand = matches!(program, "gzip" | "zstd");
    let or = if can_expand { "give a folder with room for it with --tmp DIR, or " } else { "" };
    match (shell_word(file), shell_word(Path::new(&target))) {
        (Some(file), Some(target)) => format!("{or}decompress it first: {program} -dc < {file} > {target}"),
        _ => format!("{or}decompress it first: {program} -dc < FILE > NEW-FILE"),
    }
}
