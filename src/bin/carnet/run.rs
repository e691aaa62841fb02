//! Runs a command: reads what it names, calls the library, hands the report to the screen.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use carnet::arrival::Bundle;
use carnet::artifacts::{DestinationSpec, ExistingName, RegistryDestination, RegistrySources, SourceSpec};
use carnet::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use carnet::environment::Environment;
use carnet::format::plan::Carriage;
use carnet::format::statement::Crossing;
use carnet::import::{ImportRequest, OnFailure as ImportFailure, Receipt, ReceiptFiles, TagPolicy};
use carnet::medium::Replace;
use carnet::observe::{Monitor, Run, RunId, Verb};
use carnet::oci::Digest;
use carnet::pack::{OnFailure, PackError, PackReport, PackRequest, Splitting, Wanted};
use carnet::registry::{Reach, Registries, Settings};
use carnet::stream::workers::Workers;
use carnet::sums::{SumFunction, SumsReport};
use carnet::trust::{KeyFile, PublicKey, Signer, TrustPolicy};
use carnet::verify::VerifyRequest;
use clap::CommandFactory as _;

use super::advice;
use super::args::{self, Args, Command, Screen, Trust};
use super::explain::explain;
use super::progress::Progress;
use super::render::{self, Keys};
use super::world::{SystemClock, created, force_kernel, proxy, stop_on_signals};
use super::{exit, schema};

/// Why a command ended without a report.
pub(crate) struct Trouble {
    pub(crate) diagnosis: Diagnosis,
    pub(crate) message: String,
}

impl<E: Diagnose> From<E> for Trouble {
    fn from(error: E) -> Self {
        Trouble { diagnosis: error.diagnosis(), message: error.to_string() }
    }
}

fn trouble(code: Code, message: impl Into<String>) -> Trouble {
    Trouble { diagnosis: code.into(), message: message.into() }
}

fn unusable(what: &str, path: &Path, error: &std::io::Error) -> Trouble {
    let path = path.display().to_string().escape_debug().to_string();
    Trouble {
        diagnosis: Code::FileUnusable.with(Advice::of_io(error)),
        message: format!("cannot {what} {path}: {error}"),
    }
}

/// Runs the command and gives the exit code.
pub(crate) fn run(args: Args) -> u8 {
    let screen = args.screen;
    match dispatch(args.command, screen) {
        Ok(exit::DONE) if render::output_lost() => exit::FAILED,
        Ok(code) => code,
        Err(trouble) => {
            render::trouble(&trouble, screen);
            exit::code(trouble.diagnosis.code.failure())
        }
    }
}

fn dispatch(command: Command, screen: Screen) -> Result<u8, Trouble> {
    force_kernel().map_err(|message| trouble(Code::HashKernel, message))?;
    let stop = stop_on_signals().map_err(|error| trouble(Code::System, error.to_string()))?;
    let workers =
        Workers::new(screen.jobs, stop).map_err(|error| trouble(Code::System, error.to_string()))?;
    let observer = Progress::new(screen);
    let monitor =
        verb(&command).map_or(Monitor::silent(), |verb| Monitor::new(&observer, Run { id: RunId(0), verb }));
    let environment = Environment { clock: &SystemClock, monitor, workers: &workers };
    match command {
        Command::Keygen(args) => keygen(&args, screen),
        Command::Pack(args) => pack(*args, screen, &environment),
        Command::Sign(args) => {
            let key = load_key(&args.key, screen)?;
            let report = carnet::sign::sign(&args.paths, &key, &environment)?;
            render::sign(&report, screen);
            Ok(exit::DONE)
        }
        Command::Verify(args) => {
            let policy = policy(&args.trust)?;
            let request = VerifyRequest { paths: &args.paths, policy: policy.as_ref() };
            let report = carnet::verify::verify(&request, &environment)?;
            render::verify(&report, screen);
            Ok(report.failure().map_or(exit::DONE, exit::code))
        }
        Command::Missing(args) => {
            let policy = policy(&args.trust)?;
            let request = VerifyRequest { paths: &args.paths, policy: policy.as_ref() };
            let report = carnet::missing::missing(&request, &environment)?;
            render::missing(&report, screen);
            Ok(if report.bundles.is_empty() { exit::DONE } else { exit::DAMAGED })
        }
        Command::Inspect(args) => inspect(&args, screen, &environment),
        Command::Unpack(args) => unpack(&args, screen, &environment),
        Command::Import(args) => import(&args, screen, &environment),
        Command::Sums(args) => {
            let mut functions = Vec::new();
            if args.sha256 || !args.md5 {
                functions.push(SumFunction::Sha256);
            }
            if args.md5 {
                functions.push(SumFunction::Md5);
            }
            let report = carnet::sums::sums(&args.paths, &functions, &environment)?;
            render::sums(&report, &functions, screen);
            Ok(exit::DONE)
        }
        Command::Explain(args) => Ok(explain(&args, screen)),
        Command::Completions(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Args::command(), "carnet", &mut script);
            render::bytes(&script);
            Ok(exit::DONE)
        }
        Command::Man(args) => man(args.to.as_deref()),
        Command::Version(_) => {
            render::version(screen);
            Ok(exit::DONE)
        }
        Command::Schemas(args) => {
            schema::write_all(&args.to).map_err(|error| unusable("write", &args.to, &error))?;
            Ok(exit::DONE)
        }
    }
}

/// The verb of the library that a command runs.
fn verb(command: &Command) -> Option<Verb> {
    match command {
        Command::Pack(_) => Some(Verb::Pack),
        Command::Sign(_) => Some(Verb::Sign),
        Command::Verify(_) => Some(Verb::Verify),
        Command::Missing(_) => Some(Verb::Missing),
        Command::Inspect(_) => Some(Verb::Inspect),
        Command::Unpack(_) => Some(Verb::Unpack),
        Command::Import(_) => Some(Verb::Import),
        Command::Sums(_) => Some(Verb::Sums),
        _ => None,
    }
}

fn man(to: Option<&Path>) -> Result<u8, Trouble> {
    if let Some(folder) = to {
        std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(Args::command(), folder))
            .map_err(|error| unusable("write", folder, &error))?;
    } else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Args::command())
            .render(&mut page)
            .map_err(|error| trouble(Code::System, error.to_string()))?;
        render::bytes(&page);
    }
    Ok(exit::DONE)
}

/// The first line of a passphrase file, without its line end.
fn passphrase(path: Option<&Path>) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, Trouble> {
    let Some(path) = path else { return Ok(None) };
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    std::fs::File::open(path)
        .and_then(|file| file.take(64 << 10).read_to_end(&mut bytes))
        .map_err(|error| unusable("read", path, &error))?;
    let line = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        let path = path.display().to_string().escape_debug().to_string();
        return Err(trouble(Code::PassphraseEmpty, format!("the first line of {path} is empty")));
    }
    Ok(Some(zeroize::Zeroizing::new(line.to_vec())))
}

fn keygen(args: &args::Keygen, screen: Screen) -> Result<u8, Trouble> {
    let passphrase = passphrase(args.passphrase_file.as_deref())?;
    let key = KeyFile::generate()?;
    let (private_key, public_key) = key.write_pair(&args.name, passphrase.as_ref().map(|p| p.as_slice()))?;
    let shown = |path: PathBuf| path.display().to_string().escape_debug().to_string();
    let keys = Keys {
        key: key.public_key().id().to_string(),
        private_key: shown(private_key),
        public_key: shown(public_key),
        encrypted: passphrase.is_some(),
    };
    render::keygen(&keys, screen);
    Ok(exit::DONE)
}

fn load_key(args: &args::Key, screen: Screen) -> Result<KeyFile, Trouble> {
    let passphrase = passphrase(args.passphrase_file.as_deref())?;
    let key = KeyFile::load(&args.key, passphrase.as_ref().map(|p| p.as_slice()))?;
    if key.permissions_too_open() && !screen.quiet {
        let path = args.key.display().to_string().escape_debug().to_string();
        super::progress::say(&format!("warning: others can read {path}; run chmod 600 on it"));
    }
    Ok(key)
}

fn policy(args: &Trust) -> Result<Option<TrustPolicy>, Trouble> {
    match (&args.trust, &args.public) {
        (Some(path), _) => Ok(Some(TrustPolicy::load(path)?)),
        (None, Some(path)) => {
            let key = PublicKey::load(path)?;
            let holder = path.file_name().unwrap_or_default().to_string_lossy();
            let holder: String = holder.chars().filter(char::is_ascii_graphic).take(64).collect();
            let holder = if holder.is_empty() { "key".to_owned() } else { holder };
            Ok(Some(TrustPolicy::single_key(key, &holder)?))
        }
        (None, None) => Ok(None),
    }
}

/// The sources of the command line and of `--artifacts-from`.
fn sources(args: &args::Pack) -> Result<Vec<SourceSpec>, Trouble> {
    let mut specs = args.sources.clone();
    let Some(path) = &args.artifacts_from else { return Ok(specs) };
    let text = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.map_err(|error| unusable("read", path, &error))?;
    for (line, number) in text.lines().zip(1..) {
        let line = line.split_once(" #").map_or(line, |(source, _)| source).trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        specs.push(line.parse::<SourceSpec>().map_err(|error| {
            let path = path.display().to_string().escape_debug().to_string();
            trouble(Code::SourceList, format!("{path}, line {number}: {error}"))
        })?);
    }
    if specs.is_empty() {
        return Err(trouble(Code::SourceList, "the list names no source"));
    }
    Ok(specs)
}

fn pack(args: args::Pack, screen: Screen, environment: &Environment<'_>) -> Result<u8, Trouble> {
    let created = created().map_err(|message| trouble(Code::SourceDateEpoch, message))?;
    let key = load_key(&args.key, screen)?;
    let mut wanted = Vec::new();
    let mut unopened = Vec::new();
    let specs = sources(&args)?;
    let proxy = if args.push_nondistributable_to.is_some() || specs.iter().any(SourceSpec::is_remote) {
        proxy().map_err(|message| trouble(Code::ProxyUnusable, message))?
    } else {
        None
    };
    let settings = args.connection.settings(Reach::Anywhere, proxy, environment.workers.stop());
    let registries = RegistrySources::new(Registries::new(settings.clone()), args.allow_private_urls.clone());
    for spec in specs {
        match spec.open(&registries) {
            Ok(sources) => wanted.extend(sources.into_iter().map(|source| Wanted {
                source,
                selection: spec.selection.clone(),
                rename: spec.rename.clone(),
            })),
            Err(error) if args.continue_on_errors => {
                unopened.push(carnet::pack::ArtifactFailure {
                    artifact: spec.to_string(),
                    error: error.to_string(),
                });
            }
            Err(error) => return Err(error.into()),
        }
    }
    let carriage = |omit: bool| if omit { Carriage::Omit } else { Carriage::Carry };
    let file_sums: Vec<SumFunction> = args.file_sums.iter().map(|&word| word.into()).collect();
    let request = PackRequest {
        sources: wanted,
        crossing: Crossing {
            name: args.name.clone(),
            stream: args.stream,
            sequence: args.sequence,
            previous: args.previous,
            label: args.label,
        },
        folder: &args.to,
        chunk_size: args.chunk_size,
        splitting: if args.no_split { Splitting::Forbidden } else { Splitting::Allowed },
        nondistributable: args.nondistributable,
        referrers: carriage(args.no_referrers),
        platforms: args.platform,
        created,
        expires: args.expires,
        replace: if args.overwrite { Replace::WhenComplete } else { Replace::Never },
        on_failure: if args.continue_on_errors { OnFailure::Continue } else { OnFailure::Stop },
        file_sums: file_sums.iter().map(|&function| function.into()).collect(),
    };
    let packed = if args.dry_run {
        carnet::pack::plan(&request, &key, environment)
    } else {
        carnet::pack::pack(&request, &key, environment)
    };
    let mut report: PackReport = match packed {
        Err(PackError::Nothing { mut failures }) => {
            failures.extend(unopened);
            return Err(PackError::Nothing { failures }.into());
        }
        packed => packed?,
    };
    report.failures.extend(unopened);
    if !args.dry_run {
        let sums = SumsReport::of_packed(&report, &file_sums);
        carnet::sums::write(&sums, &file_sums, &args.to, &args.name)?;
    }
    if let Some(to) = args.push_nondistributable_to.as_ref().filter(|_| !args.dry_run) {
        push_nondistributable(&report, &args.to, &key, to, settings, environment)?;
        report.nondistributable_pushed_to = Some(to.to_string());
    }
    render::pack(&report, &args.to, screen);
    Ok(if report.failures.is_empty() { exit::DONE } else { exit::DAMAGED })
}

/// Pushes the non-distributable layers of the bundle that was just packed, from its chunk files.
fn push_nondistributable(
    report: &PackReport,
    folder: &Path,
    key: &KeyFile,
    to: &RegistryDestination,
    settings: Settings,
    environment: &Environment<'_>,
) -> Result<(), Trouble> {
    let paths: Vec<PathBuf> = report.chunks.iter().map(|chunk| folder.join(&chunk.file)).collect();
    // The bundle is ours: whoever packed it may read it.
    let policy = TrustPolicy::single_key(key.public_key().clone(), "packer")?;
    let request = VerifyRequest { paths: &paths, policy: Some(&policy) };
    let (bundles, _) = carnet::verify::open(&request, environment)?;
    let ours = bundles.iter().find(|bundle| bundle.id == report.bundle);
    let released = ours
        .and_then(Bundle::released)
        .ok_or_else(|| trouble(Code::NoSuchBundle, "the bundle that was packed cannot be read again"))?;
    let connections = settings.http.connections;
    let registries = Registries::new(settings);
    let request = ImportRequest {
        bundle: &released,
        registry: registries.registry(&to.host)?,
        to,
        artifacts: &[],
        rename: &[],
        tags: TagPolicy { overwrite: false, backup: None },
        on_failure: ImportFailure::Stop,
        dry_run: false,
        connections,
    };
    carnet::import::push_nondistributable(&request, environment)?;
    Ok(())
}

fn inspect(args: &args::Inspect, screen: Screen, environment: &Environment<'_>) -> Result<u8, Trouble> {
    let policy = policy(&args.trust)?;
    let request = VerifyRequest { paths: &args.paths, policy: policy.as_ref() };
    let report = carnet::inspect::inspect(&request, environment)?;
    render::inspect(&report, screen);
    Ok(if report.unknown.iter().any(|bundle| bundle.untrusted) {
        exit::UNTRUSTED
    } else if report.unknown.is_empty() {
        exit::DONE
    } else {
        exit::DAMAGED
    })
}

/// The one bundle among the paths that is meant.
fn one_bundle(
    paths: &[PathBuf],
    trust: &Trust,
    wanted: Option<&str>,
    environment: &Environment<'_>,
) -> Result<Bundle, Trouble> {
    let policy = policy(trust)?;
    let request = VerifyRequest { paths, policy: policy.as_ref() };
    let (mut bundles, _) = carnet::verify::open(&request, environment)?;
    if let Some(wanted) = wanted {
        bundles.retain(|bundle| {
            let id = bundle.id.to_string();
            bundle.name().as_str() == wanted || (wanted.len() >= 8 && id.starts_with(wanted))
        });
    }
    // A stranger's files beside ours must not stop ours.
    let trusted = |bundle: &Bundle| bundle.files.iter().any(|opened| opened.accepted.is_some());
    if bundles.iter().any(trusted) {
        bundles.retain(trusted);
    }
    if bundles.len() > 1 {
        let ids: Vec<String> = bundles.iter().map(|bundle| bundle.id.to_string()).collect();
        let message = format!("several bundles arrived: {}", ids.join(", "));
        return Err(trouble(Code::SeveralBundles, message));
    }
    bundles.pop().ok_or_else(|| {
        let message = format!("no bundle {:?} arrived", wanted.unwrap_or_default());
        trouble(Code::NoSuchBundle, message)
    })
}

fn unpack(args: &args::Unpack, screen: Screen, environment: &Environment<'_>) -> Result<u8, Trouble> {
    let bundle = one_bundle(&args.paths, &args.trust, args.bundle.as_deref(), environment)?;
    let Some(released) = bundle.released() else { return Err(carnet::unpack::refusal(&bundle).into()) };
    carnet::unpack::check_complete(&released)?;
    let plan = &released.contents().plan;
    let blobs: Vec<(Digest, u64)> = plan.blobs.iter().map(|blob| (blob.digest, blob.size)).collect();
    let existing = if args.overwrite_tags { ExistingName::Replace } else { ExistingName::Refuse };
    let to: &DestinationSpec = &args.to;
    let sink = to.open(&blobs, existing)?;
    let report = carnet::unpack::unpack(&released, sink, environment)?;
    render::unpack(&report, screen);
    Ok(exit::DONE)
}

fn import(args: &args::Import, screen: Screen, environment: &Environment<'_>) -> Result<u8, Trouble> {
    let started = environment.clock.now();
    let key = match &args.key {
        Some(key) => {
            let key = args::Key { key: key.clone(), passphrase_file: args.passphrase_file.clone() };
            Some(load_key(&key, screen)?)
        }
        None => None,
    };
    let signer = key.as_ref().map(|key| key as &dyn Signer);
    let files = match &args.receipt {
        Some(path) => Some(ReceiptFiles::reserve(path, signer.is_some())?),
        None => None,
    };
    let bundle = one_bundle(&args.paths, &args.trust, args.bundle.as_deref(), environment)?;
    let Some(released) = bundle.released() else { return Err(carnet::unpack::refusal(&bundle).into()) };
    let mut hosts = vec![args.to.host.clone()];
    hosts.extend(args.allow_host.iter().cloned());
    let proxy = proxy().map_err(|message| trouble(Code::ProxyUnusable, message))?;
    let registries =
        Registries::new(args.connection.settings(Reach::Only(hosts), proxy, environment.workers.stop()));
    let request = ImportRequest {
        bundle: &released,
        registry: registries.registry(&args.to.host)?,
        to: &args.to,
        artifacts: &args.artifact,
        rename: &args.rename,
        tags: TagPolicy { overwrite: args.overwrite_tags, backup: args.backup_tags.clone() },
        on_failure: if args.continue_on_errors { ImportFailure::Continue } else { ImportFailure::Stop },
        dry_run: args.dry_run,
        connections: args.connection.connections,
    };
    let mut imported = carnet::import::import(&request, environment);
    // What was done is told, also when it ended early.
    let report = match &mut imported {
        Ok(report) => Some(report),
        Err(stopped) => stopped.report.as_deref_mut(),
    };
    let report = report.map(|report| {
        report.add_hints(&advice::hint);
        &*report
    });
    let written = match (files, report) {
        (Some(files), Some(report)) => {
            let times = [started, environment.clock.now()];
            let receipt = Receipt::new(&released, &args.to.host, report, times, signer);
            files.write(&receipt, signer)
        }
        _ => Ok(()),
    };
    match imported {
        Ok(report) => {
            render::import(&report, screen);
            written?;
            Ok(if report.failed() == 0 { exit::DONE } else { exit::DAMAGED })
        }
        Err(stopped) => {
            if let Err(error) = written {
                super::progress::say(&format!("warning: {error}"));
            }
            Err(stopped.error.into())
        }
    }
}
