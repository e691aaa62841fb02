//! A desk for commands that use registries, with its own home and a time limit for each command.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::server::{Registry, Repository};
use crate::behaviour::support::{Desk, Run, Source};

/// No command may take longer, whatever a registry does.
const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct Station {
    pub(crate) desk: Desk,
}

impl Station {
    pub(crate) fn new() -> Station {
        let station = Station { desk: Desk::new() };
        for folder in ["home", "scratch"] {
            std::fs::create_dir(station.path(folder)).unwrap();
        }
        station
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.desk.path(name)
    }

    pub(crate) fn source(&self, name: &str) -> Source {
        self.desk.source(name)
    }

    /// The program with these arguments, separated by spaces, in an environment without credentials.
    pub(crate) fn command(&self, args: &str) -> Command {
        let mut command = self.desk.command(args);
        self.furnish(&mut command);
        command
    }

    /// Sets the station's environment and folder for a command.
    pub(crate) fn furnish(&self, command: &mut Command) {
        for name in ["XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "http_proxy", "https_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command.env("HOME", self.path("home")).env("TMPDIR", self.path("scratch"));
        command.env("SOURCE_DATE_EPOCH", "1700000000").current_dir(self.path(""));
    }

    /// Runs the program, which must end within the time limit.
    #[track_caller]
    pub(crate) fn carnet(&self, args: &str) -> Run {
        in_time(&mut self.command(args), PATIENCE)
    }

    /// Packs into the folder `out` as the bundle `b`.
    #[track_caller]
    pub(crate) fn pack(&self, args: &str) -> Run {
        self.carnet(&format!("pack {args} --to out --name b --key k.key.pem"))
    }

    /// Imports the bundle in `out`.
    #[track_caller]
    pub(crate) fn import(&self, registry: &str, args: &str) -> Run {
        self.carnet(&format!("import out --pub k.pub.pem --to docker://{registry} {args}"))
    }

    #[track_caller]
    pub(crate) fn skopeo(&self, args: &str) -> Run {
        let mut command = Command::new("skopeo");
        command.arg("--insecure-policy").args(args.split_whitespace());
        self.furnish(&mut command);
        in_time(&mut command, PATIENCE)
    }

    /// Writes a credentials file with this name, from pairs of a host and `user:password`.
    pub(crate) fn credentials(&self, file: &str, entries: &[(&str, &str)]) {
        use base64::Engine as _;
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let auths: Value =
            entries.iter().map(|(host, secret)| (*host, json!({ "auth": encode(secret) }))).collect();
        self.write(file, &json!({ "auths": auths }).to_string());
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Names of the visible chunk files in `out`.
    pub(crate) fn chunks(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path("out")) else { return Vec::new() };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }

    /// Asserts that there is no chunk, and no file in the home or the temporary folder.
    #[track_caller]
    pub(crate) fn is_tidy(&self) {
        assert_eq!(self.chunks(), Vec::<String>::new());
        for folder in ["home", "scratch"] {
            let left: Vec<_> = self.desk.files(folder).into_keys().collect();
            let left: Vec<_> = left.iter().filter(|name| !name.starts_with(".docker/")).collect();
            assert!(left.is_empty(), "left in {folder}: {left:?}");
        }
    }
}

/// Runs a command, and kills it if it takes longer than `patience`.
#[track_caller]
pub(crate) fn in_time(command: &mut Command, patience: Duration) -> Run {
    let text = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    let (stdout, stderr) = (drain(child.stdout.take().unwrap()), drain(child.stderr.take().unwrap()));
    let status = wait(&mut child, patience);
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    let Some(status) = status else {
        panic!("{text}\nwas not done after {patience:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
    };
    Run { command: text, code: status.code(), stdout, stderr }
}

fn drain(mut from: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn wait(child: &mut Child, patience: Duration) -> Option<std::process::ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < patience {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

/// Asserts that two repositories have the same manifests, blobs and tags.
#[track_caller]
pub(crate) fn assert_same(left: &Repository, right: &Repository) {
    assert_eq!(left.tags, right.tags, "tags differ");
    let digests = |one: &Repository| {
        let manifests = one.manifests.iter();
        manifests.map(|(digest, one)| (digest.clone(), one.media_type.clone())).collect::<Vec<_>>()
    };
    assert_eq!(digests(left), digests(right), "manifests differ");
    assert_eq!(left.blobs.keys().collect::<Vec<_>>(), right.blobs.keys().collect::<Vec<_>>(), "blobs differ");
    assert!(left == right, "bytes differ");
}

/// Bytes of blobs that a registry sent, by digest.
pub(crate) fn blob_bytes(registry: &Registry) -> std::collections::BTreeMap<String, u64> {
    let mut bytes = std::collections::BTreeMap::new();
    for exchange in registry.log() {
        if exchange.is("GET", "/blobs/sha") {
            let digest = exchange.path().rsplit('/').next().unwrap().to_owned();
            *bytes.entry(digest).or_default() += exchange.sent;
        }
    }
    bytes
}
