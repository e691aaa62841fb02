//! The next step that is the same for every error with a code.

use carnet::diagnosis::Code;

/// The next step for a code without a circumstance.
#[expect(clippy::too_many_lines, reason = "a table with one entry per code")]
pub(crate) fn next_step(code: Code) -> &'static str {
    match code {
        Code::Interrupted => {
            "run the same command again; finished work is kept, and no incomplete file has a final name"
        }
        Code::ProgramError => {
            "report it with the lines of the log before it; what was under way is done again at the next start"
        }
        Code::System => "close other programs, raise the resource limits of the process, or use fewer --jobs",
        Code::FileUnusable | Code::ArtifactIo => "check the path, its permissions and the disk",
        Code::FileNotRegular => "pass a regular file or a folder",
        Code::FileNameOdd => "rename the file; chunks are recognised by their content",
        Code::TooManyFiles => "pass only the files of one bundle, or their folder",
        Code::TargetExists => "remove the file, or choose another name",
        Code::TargetBusy => "wait for the other process to end, or stop it",
        Code::DiskFull => "free some disk space, or choose another folder with --to",
        Code::OutputLost => "check the target of stdout, and whether its disk is full",

        Code::BadPlace => {
            "write oci:DIR, oci-archive:FILE, docker-archive:FILE or docker://HOST/REPO:TAG; see the help of the \
             command for those that it accepts"
        }
        Code::CommandAbsent => "run the command in the full carnet, on a machine that may have it",
        Code::SourceList => {
            "write one source per line in the file for --artifacts-from; lines that start with # are comments"
        }
        Code::SourceDateEpoch => "unset SOURCE_DATE_EPOCH, or set it to a number of seconds",
        Code::HashKernel => {
            "unset CARNET_HASH; `carnet version -v` lists the kernels that this processor supports"
        }
        Code::ProxyUnusable => "use a proxy URL that starts with http:// or https://, or unset the variable",
        Code::SeveralBundles => "select one with --bundle",
        Code::PassphraseEmpty => "write the passphrase into the first line of the file for --passphrase-file",

        Code::KeyUnreadable => "check the path and its permissions",
        Code::KeyUnwritable => "check that the folder exists, is writable and has free space",
        Code::KeyTooLong | Code::KeyMalformed => {
            "pass a key file from `carnet keygen`, openssl or ssh-keygen"
        }
        Code::KeyWrongKind | Code::KeyAlgorithm => {
            "generate a key with `carnet keygen` or `openssl genpkey -algorithm ed25519`"
        }
        Code::KeyIsPublic => {
            "pass the file of the private key, or the command that has it with --sign-command"
        }
        Code::KeyIsPrivate => "pass the file that ends in .pub.pem or .pub, and keep the private key secret",
        Code::KeyWeak | Code::KeyNotCanonical => {
            "no honest tool generates such a key: ask its holder where it comes from"
        }
        Code::KeyEncrypted => "pass the passphrase in a file with --passphrase-file",
        Code::KeyPassphraseWrong => "check the passphrase, and that its file ends in at most one newline",
        Code::KeyEncryptionUnsupported => {
            "convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc -in old.pem -out new.pem`; a key of ssh-keygen with \
             `ssh-keygen -p -Z aes256-ctr -f KEY`"
        }
        Code::KeyHalvesDiffer => "do not use this file: restore the key from a backup, or generate a new one",
        Code::KeyNoRandom => "generate the key on a machine with a working random number generator",
        Code::KeyExists => "choose another name, or move the existing key away first",
        Code::KeyName => "pass a name for the key pair, with or without a folder, e.g. keys/station",

        Code::PolicyUnreadable => "check the path of the trust file and its permissions",
        Code::PolicyTooLong => "remove comments and unused keys",
        Code::PolicySyntax => "correct the line; docs/trust.md describes the trust file",
        Code::PolicyVersion => "write `version = 1`, or use a newer release",
        Code::PolicyKeyCount => "list at least one [[keys]] entry, and at most the allowed number",
        Code::PolicyThreshold => "set release-threshold to the number of holders who must release a bundle",
        Code::PolicyRoots => {
            r#"give the file `serial` and `root-threshold`, and as many holders with a key of the role "root""#
        }
        Code::PolicySetting => "write times with date, time and offset, such as 2028-01-01T00:00:00Z",
        Code::TrustNoRoots => {
            r#"add keys with the role "root", `root-threshold` and `serial` by hand, on every machine once"#
        }
        Code::TrustNamesFile => "write the key itself as `public-key`; `carnet trust add` does that",
        Code::TrustWhichKey => "give more digits of the key's id; `carnet trust show` lists the ids",
        Code::TrustByHand => "change the file in an editor, and look at it with `carnet trust show`",
        Code::TrustNotUsable => "let the roots sign a new trust file, or check the clock of this machine",
        Code::TrustNotRoot => {
            r#"sign with a key that has the role "root" in one of the two; `carnet trust show` lists them"#
        }
        Code::TrustUpdateMalformed => "ask for the update again, and compare its SHA-256 by telephone",
        Code::TrustUpdateOther => {
            "nothing is left to do if this update was applied before; if the trust file is older, apply the updates before it first, in their order; \
             if it was edited here, put the signed one back"
        }
        Code::TrustUpdateUnsigned => "let more roots sign it with `carnet trust sign`",
        Code::PolicyAlgorithms => {
            r#"write one or two of ed25519, mldsa87 and ecdsap384, e.g. algorithms = ["ed25519", "mldsa87"], or leave it out"#
        }
        Code::PolicyAlgorithmCount => {
            r#"put those of which one is enough into a list of their own: algorithms = ["mldsa87", ["ed25519", "ecdsap384"]]"#
        }
        Code::PolicyHolder => {
            "give each holder a name of printable ASCII characters that differs from others in more than case"
        }
        Code::PolicyKeySource => "set either public-key or public-key-file for each key",
        Code::PolicyKeyUnreadable => {
            "check the path, which is relative to the trust file, and its permissions"
        }
        Code::PolicyKey => "replace the key with the one from the holder's .pub.pem file",
        Code::PolicyKeyTwice => "list each key once, with all its roles; each holder needs a separate key",
        Code::PolicyNoRole => "give the key the role packer, releaser, or both",
        Code::PolicyStreams => {
            "omit streams to allow every stream; \"-\" stands for bundles without a stream"
        }
        Code::PolicyTime => "write times as 2026-01-01T00:00:00Z, and valid-until after valid-from",
        Code::PolicyJump => "write a number from 1 on, or omit max-jump; it is 1000 then",
        Code::PolicyNoPacker => "give the role packer to a key that is not revoked",
        Code::PolicyUnsatisfiable => {
            "add releasers or lower release-threshold; several keys of one holder count as one"
        }

        Code::SignerListMalformed => "correct the line; ssh-keygen(1) describes it under ALLOWED SIGNERS",
        Code::SignerListEmpty => {
            "list Ed25519 keys with one name each; the warnings say why lines were passed over"
        }

        Code::NoSuchArtifact => "check the name: names must match exactly; omit it to select every artifact",
        Code::AmbiguousName => "select one of them by digest, or copy only the right one to a new layout",
        Code::BadName => "select it by digest from a copy without this name",
        Code::NoCatalogue => "list the repositories in a file for --artifacts-from",
        Code::NondistributableAbsent => {
            "add the layer to the source: download it from one of its URLs, then push it to the registry or \
             store it in the layout under blobs/sha256/; or leave such layers out with --nondistributable omit"
        }
        Code::NotALayout => {
            "pass a folder or archive with oci-layout and index.json, or an empty folder as the destination"
        }
        Code::BadIndex | Code::FileTooLarge | Code::BadArchive => {
            "create it again with the tool that wrote it"
        }
        Code::MalformedDocument | Code::BlobSizesDiffer => {
            "rebuild the artifact, or fetch it again: tools could read this document differently"
        }
        Code::NotAManifest => {
            "pass the digest of a manifest or index; other blobs are packed as parts of one"
        }
        Code::NotAnArtifact => "pass an image, an index or another artifact with a manifest",
        Code::BlobMissing | Code::BlobMismatch | Code::BlobSizeMismatch => {
            "fetch the artifact again from its origin; `carnet pack --continue-on-errors` skips it"
        }
        Code::BlobUnreadable => {
            "check the disk of the source; `carnet pack --continue-on-errors` skips the artifact"
        }
        Code::BlobNotPlanned => "this is a bug in carnet: please report it with the command and the message",
        Code::NotInContent => {
            "`carnet tree` shows the artifacts and platforms, `carnet ls` the files; select a platform with --platform"
        }
        Code::RegoNotBuilt => {
            "use a carnet that was built with the feature `rego`, or write the rules in TOML; docs/policy.md shows both"
        }
        Code::PolicyFailed => {
            "mend the policy: docs/policy.md says what it gets and what it must give. `carnet audit -o json` shows the input"
        }
        Code::RulesUnusable => "docs/policy.md has an example of each rule",
        Code::ProfileUnusable => {
            "docs/guard.md has an example of both forms, an Azure FlowProfile and carnet's own"
        }
        Code::DeniedByPolicy => {
            "each reason names the rule and the place, and `carnet audit` shows all of it; change the content, or accept \
             a reason with --ignore"
        }
        Code::AdvisoriesUnusable => {
            "give OSV records, the JSON of the Debian security tracker, or a secdb; without a database nothing is \
             claimed about flaws"
        }
        Code::VexUnusable => "give documents of OpenVEX, CycloneDX or CSAF, as their author published them",
        Code::SignatureKeyUnusable => {
            "give --cosign-key a public key in PEM, as `cosign public-key` or `openssl pkey -pubout` writes it (ECDSA on \
             P-256, P-384 or P-521, Ed25519, or RSA from 2048 bits on), and --notation-ca certificates in PEM"
        }
        Code::CompressedArchive => {
            "decompress the archive first, or give a folder with room for it with --tmp"
        }
        Code::NotADockerImage => "use oci: or oci-archive:, which accept every artifact",
        Code::UnsafePath => "replace it with a regular file or folder",
        Code::NameTaken => {
            "move the name to the new artifact with --overwrite-tags, or unpack into another layout"
        }
        Code::RefusedGraph => {
            "select platforms of the index with --platform; an artifact that is nested too deeply, has too many \
             blobs or has Docker schema 1 must be rebuilt in another form"
        }

        Code::RenameSeveral => "select one artifact, e.g. oci:DIR:TAG=NAME",
        Code::NameTwice => "give one of them another name, e.g. oci:DIR:TAG=team/app:1.0",
        Code::BlobTooLarge => "leave out --no-split, or choose a larger --chunk-size",
        Code::TooManyChunks => "choose a larger --chunk-size, or pack fewer artifacts",
        Code::NothingToPack => "check the content of the sources, and which artifacts failed",
        Code::BundleTooLarge => "pack fewer artifacts in one bundle",
        Code::VolumeTooSmall => "choose a smaller --chunk-size, or a larger --volume-size or --volume-files",
        Code::ChunkUnwritable => "free some space or replace the medium, and run the same command again",

        Code::NoChunk => "pass the folder with the .tar files of the bundle",
        Code::MalformedChunk => "the file was changed or is not a chunk of this format: request it again",
        Code::ControlChunkMissing => "the control chunk is the file NAME_00000.tar: request it again",
        Code::ControlChunkDamaged | Code::AnnexMissing => "request these chunks again",
        Code::ChunkUnreadable => {
            "check the permissions of the file, or try another drive; request the chunk again only if that does not help"
        }
        Code::BundleIncomplete => {
            "pass all files of the bundle; `carnet missing` lists the chunks to send again"
        }
        Code::TargetNotSaid => "add --to DIR",
        Code::BundleRecoverable => {
            "run `carnet repair` with the same files; `carnet unpack` and `carnet import` also repair as they go"
        }
        Code::NoParity => {
            "pass the files NAME_parity_00000.tar and so on too; without them, `carnet missing` lists what to send again"
        }
        Code::ParityTooMuch => "ask for less parity, or pack the bundle with a larger --chunk-size",
        Code::BundleUnsound => "tell the packing station: the bundle must be packed again",
        Code::SignatureDowngrade => {
            "run `carnet verify` to see which signature is missing; let the same person sign with the other key, too, or have \
             the chunks sent again if the packer signs with both"
        }
        Code::ProfileMissing => {
            "have the bundle packed with `carnet pack --profile cnsa2`; if others may come too, take `profile` out of the trust file"
        }
        Code::BundleUntrusted => {
            "run `carnet verify` to see all reasons; a releaser adds a signature with `carnet sign`"
        }
        Code::BundleExpired => {
            "ask for the artifacts to be packed again; if that date has not passed yet, check the clock of this machine"
        }
        Code::BundlesDiffer => "merge bundles that were packed alike, or carry each of them on its own",
        Code::BaseRefused => "give earlier bundles of the same stream; to use others, pass --allow-base",
        Code::BaseNotConfirmed => {
            "import the earlier bundles in full on the far side with --receipt and --key, or pack without --since"
        }
        Code::ReceiptRefused => {
            "check the public key in --receipt-pub, and ask for the receipt and its .sig file, or for the lines of chain.jsonl, \
             again as they were written"
        }
        Code::BaseMissing => {
            "unpack or import the bundles that the message names first, in this order, or give their chunks too, and \
             --bundle to select the delta"
        }
        Code::BundleForked => "release neither of them until you know why they differ",
        Code::SignerFailed => {
            "check that the command or the agent signs with this key, and signs the bytes themselves, not a hash of them; in a \
             token, see that the public key with the id of the private key belongs to it"
        }
        Code::SignCommandFailed => {
            "run the command by hand, with a file on stdin; docs/keys.md says what it must do"
        }
        Code::SignCommandOutput => {
            "let the command print the bytes of the signature, or one line of base64, and nothing else"
        }
        Code::SecondKeyAlgorithm => "make a key of the other algorithm with `carnet keygen --algorithm`",
        Code::SignCommandKey => "pass the file of the public key with --key; the command has the private key",
        Code::AgentUnreachable => {
            "start one with `eval $(ssh-agent)`, add the key with ssh-add, and see that SSH_AUTH_SOCK is set"
        }
        Code::AgentSlow => "confirm the signature where the agent asks, and run the same command again",
        Code::AgentAnswer => {
            "see that SSH_AUTH_SOCK names the socket of an SSH agent, and that `ssh-add -l` works"
        }
        Code::AgentKeyMissing => {
            "add the key with ssh-add, or unlock the agent with `ssh-add -X`; `ssh-add -l` lists keys, fingerprint first"
        }
        Code::AgentKeyAmbiguous => "name the key by its fingerprint: --key ssh-agent:SHA256:…",
        Code::AgentRefused => {
            "confirm the signature where the agent asks, or see with `ssh-add -l` whether the key is still there"
        }
        Code::AgentMessageTooLong => "sign with a key file or with --sign-command",
        Code::Pkcs11NotBuilt => {
            "use a carnet that was built with the feature `pkcs11`, and not as a static program; or pass the file of the public \
             key with --key, and with --sign-command a program that signs: docs/keys.md has one"
        }
        Code::Pkcs11Module => {
            "name the file of the module with ?module-path=FILE at the end of the key, or with the variable CARNET_PKCS11_MODULE"
        }
        Code::TokenMissing => {
            "see that the token is plugged in and that its service runs; the message lists the tokens that the module has"
        }
        Code::TokenAmbiguous => "add serial=… or slot-id=… to the key; the message has them",
        Code::TokenKeyMissing => {
            "name a key that the message lists; in id=, each byte has a percent sign: id=%01. A key that is not listed may be in \
             another token"
        }
        Code::TokenKeyAmbiguous => "add id=… to the key; the message has them",
        Code::TokenKeyUnusable => {
            "make a key that may sign, without a PIN for each signature, and keep its public half in the token with the same id; \
             docs/keys.md says how"
        }
        Code::TokenPinMissing => {
            "add ?pin-source=file:PATH to the key, pass the file with --passphrase-file, or set the variable CARNET_PIN; on a \
             terminal it is asked for"
        }
        Code::TokenPinWrong => {
            "correct the PIN before you try again: real tokens lock after a few wrong ones"
        }
        Code::TokenLastTry => {
            "log in by hand, which starts the count anew: run `carnet pubkey` on a terminal, without a file or a variable for the PIN"
        }
        Code::TokenLocked => {
            "let the security officer of the token set a new PIN; until then, sign with another key"
        }
        Code::TokenGone => {
            "plug the token in, or see that its service runs, and run the same command again; finished chunks are kept"
        }
        Code::TokenSlow => "touch the token when it blinks, and run the same command again",
        Code::TokenFailed => {
            "look up the code in the manual of the token; docs/keys.md says how to try it by hand"
        }
        Code::PackerUntrusted => {
            "do not release it: ask who packed it, and compare the key id with that of the station"
        }
        Code::ReleaseDoesNotCount => {
            "sign with a key that has the role releaser for this stream now, or have the trust file corrected first"
        }
        Code::ReleaseDeclined => {
            "inspect the bundle; to sign it, type y and the beginning of the id, or pass --yes"
        }
        Code::SignatureMalformed => {
            "pass the file that `carnet sign --detached` or `openssl pkeyutl -sign` wrote"
        }
        Code::SignatureOfOther => {
            "check that the statement came from this bundle, and that the key that signed is in the trust file"
        }
        Code::StatementMalformed => {
            "carry the file from `carnet sign --statement` or `tar xf … 00_statement.txt` without changing a byte"
        }
        Code::StatementNotControl => "take the statement of the control chunk, NAME_00000.tar",
        Code::SeveralStatements => "give one control chunk",
        Code::SignaturesFull => "ask for the bundle to be packed again, and sign with fewer keys",
        Code::NoSuchBundle => "check the name or id; `carnet inspect` lists the bundles",
        Code::TooManyBundles => "pass fewer files, or pass --trust or --pub",

        Code::RequestWrong => {
            "compare that line with what was read or written, word by word, and correct it; white space and line breaks do not \
             matter"
        }
        Code::RequestIncomplete => "ask for the lines that are missing, and add them",
        Code::RequestTooLong => {
            "pass the request as a file, which `carnet missing` writes with --request FILE; to read it aloud, ask for a part of \
             the chunks"
        }
        Code::WorkPlanMalformed => "make the plan again with `carnet plan`",
        Code::ProfileKey => {
            "make a key with `carnet keygen NAME --algorithm mldsa87`; a key of another algorithm can be the second one"
        }
        Code::ProfileDelta => "pack without --base, or without --profile",
        Code::WorkPlanKey => {
            "pass the private key of the public key that `carnet plan` was given, or make the plan again"
        }
        Code::NoSuchPiece => "look at the pieces: they are numbered from 0",
        Code::PiecesMissing => "pack these pieces with `carnet pack-piece`, and seal again",
        Code::PieceResultMalformed => {
            "remove the file, and verify the piece again with `carnet verify-piece`"
        }
        Code::RequestElsewhere => "check the id of the bundle, and pass all places that hold its chunks",
        Code::RequestBeyond => "check on the far side which bundle the request is for, and ask again",
        Code::ResendIncomplete => {
            "pass more places that hold chunks of the bundle; where they are gone, repeat the `carnet pack` of the first time and \
             add --only with the request"
        }

        Code::RegistryUnreachable => {
            "check the host name and port; for a registry without TLS pass --plain-http HOST; to use a proxy set \
             HTTPS_PROXY"
        }
        Code::RegistryUnauthorized => {
            "log in with `skopeo login HOST` or `podman login HOST`, or pass a credentials file with --authfile; if \
             credentials are set, they are wrong or expired"
        }
        Code::RegistryDenied => {
            "log in as a user with access; many registries also deny access to repositories that do not exist"
        }
        Code::RegistryRateLimited => "log in, or run the same command again later; finished work is kept",
        Code::RegistryStalled => {
            "run the same command again; finished work is kept; a slow connection may need a longer --timeout"
        }
        Code::RegistryFailed | Code::RegistryProtocol => {
            "ask the operator of the registry, or of the proxy in front of it"
        }
        Code::RegistryHostRefused => "ask the operator of the registry why it points to that host",
        Code::RegistryContentMissing => "the copy in the registry is incomplete: push the artifact again",
        Code::RegistryContentLost => {
            "run the same command again; if it fails again, ask the operator of the registry about its storage, its \
             caches and its garbage collection"
        }
        Code::RegistrySetup => "check the files of --authfile, --ca, --client-cert and --client-key",
        Code::UrlUnusable => "run the same command again, or push the layer to the registry first",

        Code::StoreSetup | Code::StoreDenied => {
            "check the variables and files that give access to the store; docs/stores.md lists them"
        }
        Code::StoreNotFound => {
            "check the names of the account, the bucket or container, and the prefix; carnet does not create containers"
        }
        Code::StoreChanged => "somebody else writes to this place: run the same command again",
        Code::StoreProtected => "ask the operator of the store, or wait until the protection ends",
        Code::StoreUnreachable => {
            "check the address of the store and the network; to use a proxy set HTTPS_PROXY; then run the same command \
             again"
        }
        Code::StoreFailed | Code::StoreProtocol => {
            "ask the operator of the store, or of the proxy in front of it"
        }

        Code::StreamForked => {
            "use neither of the two bundles until you know why the packer signed both; let the low side pack again under a new number"
        }
        Code::StreamPrevious => {
            "ask the low side which bundles it sent; if this one is right, let it pass with `carnet stream accept`"
        }
        Code::StreamRollback => {
            "pass --allow-rollback if you want to go back to this bundle; if not, nothing is to be done"
        }
        Code::StreamJump => {
            "ask the low side for its highest number; if this one is right, let it pass with `carnet stream accept`, or raise max-jump in the trust file"
        }
        Code::StreamUnnumbered => {
            "ask for the bundle to be packed with a number; to use it nevertheless, pass --allow-rollback"
        }
        Code::StreamsDamaged => {
            "keep the state folder as it is, and find out what happened; `carnet stream verify` names the line, `carnet stream import` restores a copy, and docs/streams.md says what to do without one"
        }
        Code::StreamsBackwards => {
            "look at both with `carnet stream show`; if the other one is right, pass --allow-rollback with a --reason"
        }
        Code::StreamsFull => {
            "begin a new state folder, and set the highest number of each stream there with `carnet stream accept`"
        }

        Code::StateBusy => "wait for the other process to end",
        Code::StationFile => "correct the line; docs/stations.md describes the station file",
        Code::NoSuchPipeline => "check the name; the station file lists the pipelines",
        Code::FieldAbsent => "give the field when you start the run, e.g. --field media-serial=4711",
        Code::SamePerson => "give the names of two people, e.g. --field approved-by='B. Weber'",
        Code::NoSuchRun => "check the name of the run and the state folder",
        Code::RunUnfinished => "wait for the run to end",
        Code::RunUnsigned => {
            "pass every key that the station had with --pub; if none fits, treat the records as forged"
        }
        Code::RunDamaged => {
            "keep the state folder as it is, and find out who changed it; restore it from a backup"
        }

        Code::RepositoryUnnamed => "give it a repository name with --rename 'REGEX=REPO:TAG'",
        Code::RepositoryName => "give it another name with --rename 'REGEX=REPO:TAG'",
        Code::TagCollision => {
            "rename one of them with --rename, select one with --artifact, or leave out referrers with --no-referrers"
        }
        Code::TagExists => {
            "move the tag with --overwrite-tags, or also keep the old artifact with --backup-tags SUFFIX"
        }
        Code::TagNotSet => {
            "check that nobody else sets this tag, and run the same command again; if it fails again, ask the operator \
             of the registry whether tags may be changed, and whether a cache answers for it"
        }
        Code::TagBackupExists => {
            "choose another suffix for --backup-tags, or also pass --overwrite-tags to replace the earlier backup"
        }
        Code::TagBackupName => "choose another suffix for --backup-tags",
        Code::BundleNarrowed => {
            "pack all platforms, or configure the registry to accept incomplete indexes: for a distribution registry \
             (3.0 or later) set validation.manifests.indexes.platforms to none"
        }
        Code::ReferrersList => "remove or rename that tag, and run the same command again",
        Code::ReceiptExists => "receipts are never overwritten: choose another name for --receipt",
        Code::ReceiptName => {
            "pass the name of the JSON file, e.g. receipt.json; the text file becomes receipt.json.txt"
        }
        Code::ReceiptUnwritten => "check the folder, its permissions and its free space",
    }
}
