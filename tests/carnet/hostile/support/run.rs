//! Runs the real program, and checks what must hold whenever it refuses an input.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{folder, packed};

const PROGRAM: &str = env!("CARGO_BIN_EXE_carnet");

/// The longest time for a run, in seconds. A program that waits for a pipe is killed and fails the test.
const SECONDS_MAX: &str = "120";

/// The result of a run.
pub(in crate::hostile) struct Ran {
    pub(in crate::hostile) code: i32,
    pub(in crate::hostile) stdout: String,
    pub(in crate::hostile) stderr: String,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |text: &str| text.chars().take(4_000).collect::<String>();
        write!(f, "exit {}\nstdout: {}\nstderr: {}", self.code, short(&self.stdout), short(&self.stderr))
    }
}

impl Ran {
    fn of(command: &mut Command) -> Ran {
        let output = command.output().expect("the program starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        let ran = Ran { code, stdout: text(&output.stdout), stderr: text(&output.stderr) };
        ran.check_screen();
        assert!(![101, 124, 134, 137, 139, -1].contains(&code), "it must not panic or hang: {ran}");
        assert!(!ran.stderr.contains("panicked"), "{ran}");
        ran
    }

    /// Asserts that no control character reaches the terminal, whatever the input was.
    fn check_screen(&self) {
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            let steers = |c: &char| (c.is_control() && *c != '\n') || matches!(*c, '\u{202a}'..='\u{202e}');
            let found = text.chars().find(steers);
            assert!(found.is_none(), "{name} has {found:?} raw: {self}");
        }
    }

    pub(in crate::hostile) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self}"))
    }

    /// The stable code of an error.
    pub(in crate::hostile) fn error_code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Runs `carnet`.
pub(in crate::hostile) fn carnet<'a>(args: impl IntoIterator<Item = &'a OsStr>) -> Ran {
    Ran::of(Command::new("timeout").arg(SECONDS_MAX).arg(PROGRAM).args(args))
}

/// Runs `carnet` with a limit on its memory, in KiB.
pub(in crate::hostile) fn carnet_within<'a>(kib: u64, args: impl IntoIterator<Item = &'a OsStr>) -> Ran {
    let script = format!("ulimit -v {kib}; exec timeout {SECONDS_MAX} \"$0\" --jobs 1 \"$@\"");
    Ran::of(Command::new("sh").arg("-c").arg(script).arg(PROGRAM).args(args))
}

/// The memory limit for every refusal. It limits address space, not used pages, so it is generous.
pub(in crate::hostile) const KIB_MAX: u64 = 400_000;

/// The expected verdict of `verify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hostile) enum Expect {
    /// Exit 0 and `complete`; unpacking succeeds too.
    Complete,
    /// Exit 0 and `complete`, but the target lacks what it leaves out, so unpacking fails.
    WithoutBase,
    /// Exit 4 and `incomplete`: a chunk is damaged or missing, or a file is not a chunk.
    Incomplete,
    /// Exit 4 and `unsound`: its manifests contradict its plan.
    Unsound,
    /// Exit 3 and `untrusted`.
    Untrusted,
    /// Exit 3 and `expired`.
    Expired,
    /// Exit 3 and `forked`.
    Forked,
    /// Exit 3 and `unreleased`.
    Unreleased,
    /// Exit 4 and the error `no-chunk`: none of the files is a chunk.
    NoChunk,
}

impl Expect {
    fn verify(self) -> (i32, &'static str) {
        match self {
            Expect::Complete | Expect::WithoutBase => (0, "complete"),
            Expect::Incomplete => (4, "incomplete"),
            Expect::Unsound => (4, "unsound"),
            Expect::Untrusted => (3, "untrusted"),
            Expect::Expired => (3, "expired"),
            Expect::Forked => (3, "forked"),
            Expect::Unreleased => (3, "unreleased"),
            Expect::NoChunk => (4, "no-chunk"),
        }
    }
}

/// Writes `files` to a folder and checks the results of `verify`, `inspect`, `missing` and `unpack`.
///
/// Returns the runs of `verify` and `unpack`.
pub(in crate::hostile) fn deliver(what: &str, files: &[(String, Vec<u8>)], expect: Expect) -> (Ran, Ran) {
    let station = folder();
    let arrived = station.path().join("in");
    fs::create_dir(&arrived).expect("a folder");
    for (name, bytes) in files {
        fs::write(arrived.join(name), bytes).expect("written");
    }
    judge(what, station.path(), &["--pub".as_ref(), packed().public.as_os_str()], expect)
}

/// Checks the results of these verbs for the folder `in` of a station.
pub(in crate::hostile) fn judge(what: &str, station: &Path, trust: &[&OsStr], expect: Expect) -> (Ran, Ran) {
    let arrived = station.join("in");
    let ask = |verb: &str, more: &[&OsStr]| {
        let args = [verb.as_ref(), arrived.as_os_str(), "--json".as_ref()];
        carnet_within(KIB_MAX, args.into_iter().chain(trust.iter().copied()).chain(more.iter().copied()))
    };
    let verified = ask("verify", &[]);
    let (code, word) = expect.verify();
    assert_eq!(verified.code, code, "{what}: verify: {verified}");
    if expect == Expect::NoChunk {
        assert_eq!(verified.error_code(), word, "{what}: {verified}");
    } else {
        let verdicts: Vec<Value> = verified.json()["bundles"]
            .as_array()
            .expect("bundles")
            .iter()
            .map(|b| b["verdict"].clone())
            .collect();
        assert!(verdicts.contains(&word.into()), "{what}: expected {word}: {verified}");
    }
    // These need not succeed, but they must not panic or print control characters.
    ask("inspect", &[]);
    ask("missing", &[]);
    let target = station.join("new");
    let to = format!("oci:{}", target.display());
    let unpacked = ask("unpack", &["--to".as_ref(), to.as_ref()]);
    if expect == Expect::Complete {
        assert_eq!(unpacked.code, 0, "{what}: unpack: {unpacked}");
    } else {
        assert!([3, 4].contains(&unpacked.code), "{what}: unpack: {unpacked}");
        assert!(!unpacked.error_code().is_empty(), "{what}: {unpacked}");
        nothing_visible(what, station, &target);
    }
    (verified, unpacked)
}

/// Asserts that a refused bundle left no file, neither in the target nor beside it.
pub(in crate::hostile) fn nothing_visible(what: &str, station: &Path, target: &Path) {
    let mut left = Vec::new();
    if target.exists() {
        list(target, &mut left);
    }
    left.retain(|name| !name.ends_with("oci-layout"));
    assert!(left.is_empty(), "{what}: left behind: {left:?}");
    for entry in fs::read_dir(station).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        let known = ["in", "new", "source"].iter().any(|known| name == *known);
        assert!(known, "{what}: written beside the target: {}", name.display());
    }
}

/// Every file below `folder`.
pub(in crate::hostile) fn list(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.is_symlink() {
            list(&path, found);
        } else {
            found.push(path.display().to_string());
        }
    }
}
