//! A folder with a key pair to run the program in, and functions that compare layouts.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use super::layouts::Source;

/// The program under test.
pub(crate) const CARNET: &str = env!("CARGO_BIN_EXE_carnet");

/// A temporary folder in which commands run, with the key pair `k`.
pub(crate) struct Desk {
    folder: TempDir,
}

/// The output and the exit code of a command.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) command: String,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Runs `command` to its end.
    pub(crate) fn of(command: &mut Command) -> Run {
        let out = command.stdin(Stdio::null()).output().expect("the command starts");
        Run {
            command: format!("{command:?}"),
            code: out.status.code(),
            stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
        }
    }

    /// Asserts that it ended with this code.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Run {
        assert_eq!(
            self.code,
            Some(code),
            "{}\n--- stdout\n{}\n--- stderr\n{}",
            self.command,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Asserts that it succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Run {
        self.ends(0)
    }

    /// Asserts that each of `words` is in its output.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Run {
        let said = format!("{}\n{}", self.stdout, self.stderr);
        for word in words {
            assert!(said.contains(word), "{}\nhas no {word:?} in\n{said}", self.command);
        }
        self
    }

    /// The JSON document that it printed.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", self.command, self.stdout))
    }
}

impl Desk {
    pub(crate) fn new() -> Desk {
        let desk = Desk { folder: TempDir::new().expect("a temporary folder") };
        desk.carnet("keygen k").ok();
        desk
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A new layout with this name.
    pub(crate) fn source(&self, name: &str) -> Source {
        Source::new(self.path(name))
    }

    /// The program with these arguments, separated by spaces, in the desk's folder.
    pub(crate) fn command(&self, args: &str) -> Command {
        let mut command = Command::new(CARNET);
        command.args(args.split_whitespace()).current_dir(self.folder.path()).env_remove("SOURCE_DATE_EPOCH");
        command
    }

    pub(crate) fn carnet(&self, args: &str) -> Run {
        Run::of(&mut self.command(args))
    }

    /// Runs the program without the right of the superuser to read and write everything.
    pub(crate) fn ordinary(&self, args: &str) -> Run {
        self.sh(&if rustix::process::geteuid().is_root() {
            format!("exec setpriv --bounding-set=-dac_override,-dac_read_search {CARNET} {args}")
        } else {
            format!("exec {CARNET} {args}")
        })
    }

    /// Packs `oci:SOURCE` into the folder `out` as the bundle `b`.
    pub(crate) fn pack(&self, args: &str) -> Run {
        self.carnet(&format!("pack {args} --to out --name b --key k.key.pem"))
    }

    /// A shell line in the desk's folder.
    pub(crate) fn sh(&self, line: &str) -> Run {
        Run::of(Command::new("sh").args(["-c", line]).current_dir(self.folder.path()))
    }

    /// The bundle's files in `folder`, with their bytes.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        files(&self.path(folder))
    }

    /// The report of `inspect --json` on `folder`.
    pub(crate) fn inspected(&self, folder: &str) -> Value {
        let report = self.carnet(&format!("inspect {folder} --pub k.pub.pem --json")).ok().json();
        report["bundles"][0].clone()
    }

    /// Packs the layout `source` with `options`, verifies, unpacks to the new layout `back`, and asserts that
    /// both are the same.
    #[track_caller]
    pub(crate) fn round_trip(&self, source: &str, options: &str) {
        self.pack(&format!("oci:{source} {options}")).ok();
        self.carnet("verify out --pub k.pub.pem").ok();
        self.carnet("unpack out --pub k.pub.pem --to oci:back").ok();
        assert_same_layout(&self.path(source), &self.path("back"));
    }
}

/// Every file below `folder`, by its relative path.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(at) = waiting.pop() {
        for entry in std::fs::read_dir(&at).unwrap_or_else(|error| panic!("{}: {error}", at.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The entries of a layout's `index.json`: name, digest, media type, size.
pub(crate) fn entries(layout: &Path) -> BTreeSet<(Option<String>, String, String, u64)> {
    let text = std::fs::read_to_string(layout.join("index.json")).expect("there is an index.json");
    let index: Value = serde_json::from_str(&text).unwrap();
    let entry = |entry: &Value| {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        (
            text(&entry["annotations"]["org.opencontainers.image.ref.name"]),
            text(&entry["digest"]).unwrap(),
            text(&entry["mediaType"]).unwrap(),
            entry["size"].as_u64().unwrap(),
        )
    };
    index["manifests"].as_array().unwrap().iter().map(entry).collect()
}

/// Asserts that two layouts have the same blobs and tags.
#[track_caller]
pub(crate) fn assert_same_layout(left: &Path, right: &Path) {
    assert_same_blobs(left, right);
    assert_eq!(entries(left), entries(right), "tags differ");
    let version = |layout: &Path| -> Value {
        serde_json::from_slice(&std::fs::read(layout.join("oci-layout")).unwrap()).unwrap()
    };
    assert_eq!(version(left), version(right));
    let mut strays = files(right);
    strays.retain(|name, _| {
        !name.starts_with("blobs/") && !["index.json", "oci-layout"].contains(&name.as_str())
    });
    assert!(strays.is_empty(), "also there: {:?}", strays.keys());
}

#[track_caller]
pub(crate) fn assert_same_blobs(left: &Path, right: &Path) {
    let (left, right) = (files(&left.join("blobs")), files(&right.join("blobs")));
    let names = |blobs: &BTreeMap<String, Vec<u8>>| blobs.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&left), names(&right), "blobs differ");
    for (name, bytes) in left {
        assert!(right[&name] == bytes, "the bytes of {name} differ");
    }
}

/// Bytes that do not repeat. The same seed gives the same bytes.
pub(crate) fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(bytes + 8);
    while out.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend(state.to_le_bytes());
    }
    out.truncate(bytes);
    out
}

/// Waits until `ready` is true. Returns false if the process ended before that.
pub(crate) fn wait_for(child: &mut Child, ready: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if ready() {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "it neither gets on nor ends");
        std::thread::sleep(Duration::from_micros(200));
    }
}

pub(crate) fn signal(child: &Child, name: &str) {
    Run::of(Command::new("kill").args([&format!("-{name}"), &child.id().to_string()])).ok();
}

/// Reports that a test was skipped. The test runner hides `eprintln!` in a test that passes.
pub(crate) fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// The place of something that `scripts/setup` puts into the cache of this machine. It may not be there.
#[allow(clippy::disallowed_methods)] // The library does not read the environment, but its tests may.
pub(crate) fn cached(path: &str) -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    cache.or_else(home).expect("a home folder").join("carnet-tests").join(path)
}

/// Whether all of these programs are installed. Reports the missing ones as a reason to skip.
pub(crate) fn installed(programs: &[&str]) -> bool {
    let there = |name: &&str| {
        let found = Command::new("sh").args(["-c", "command -v \"$0\" >/dev/null", name]).status();
        found.is_ok_and(|status| status.success())
    };
    let absent: Vec<_> = programs.iter().filter(|name| !there(name)).collect();
    if !absent.is_empty() {
        skipped(&format!("{absent:?} not installed"));
    }
    absent.is_empty()
}

/// The layout that `scripts/sample-image` makes, once for all tests. Do not write to it.
pub(crate) fn sample_image() -> PathBuf {
    static MADE: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    let make = || {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/sample-image");
        let text = std::fs::read(&script).unwrap();
        let name = format!("sample-{}", &carnet::oci::Digest::sha256(&text).hex()[..12]);
        let layout = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if !layout.exists() {
            let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            let made = folder.path().join("layout");
            Run::of(Command::new(&script).arg(&made)).ok();
            // Another process may have been first.
            if std::fs::rename(&made, &layout).is_err() {
                assert!(layout.exists());
            }
        }
        layout
    };
    MADE.get_or_init(make).clone()
}
