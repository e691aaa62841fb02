//! Other tar readers agree with carnet: GNU tar and Python list the same names and sizes.

use std::fs;
use std::process::Command;

use super::support::forge::Parts;
use super::support::{folder, named, other_bundle, packed};

/// Name and size of every entry, in order, as carnet reads them.
fn ours(bytes: &[u8]) -> Vec<(String, u64)> {
    let parts = Parts::of(bytes);
    let text = parts.fitting().render();
    let head = carnet::format::head::Head::parse(bytes, bytes.len() as u64).expect("a head");
    let mut entries = vec![("00_statement.txt".to_owned(), text.len() as u64)];
    entries.extend(
        head.signatures.iter().map(|s| (format!("01_{}.{}.sig", hex::encode(s.key), s.algorithm), 64)),
    );
    entries.push(("02_sums.txt".to_owned(), parts.sums.len() as u64));
    entries.extend(parts.entries.iter().map(|(name, payload)| (name.to_string(), payload.len() as u64)));
    entries
}

/// Lines of `size name`.
fn listed(program: &str, args: &[&str], file: &str) -> Option<Vec<(String, u64)>> {
    let output = Command::new(program).args(args).arg(file).env("TZ", "UTC").output().ok()?;
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("ASCII");
    let entry = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (size, name) = if program == "tar" { (words[2], words[5]) } else { (words[0], words[1]) };
        (name.to_owned(), size.parse().expect("a size"))
    };
    Some(text.lines().map(entry).collect())
}

const PYTHON: &str = "import sys, tarfile
for m in tarfile.open(sys.argv[1], 'r:', errorlevel=2): print(m.size, m.name)";

#[test]
fn other_tar_readers_list_the_same_entries() {
    let station = folder();
    for (name, bytes) in named(&packed().chunks).into_iter().chain(named(other_bundle())) {
        let path = station.path().join(name);
        fs::write(&path, &bytes).expect("written");
        let file = path.to_str().expect("a path");
        let expected = ours(&bytes);
        for (program, args) in [("tar", &["--numeric-owner", "-tvf"][..]), ("python3", &["-c", PYTHON])] {
            if let Some(found) = listed(program, args, file) {
                assert_eq!(found, expected, "{program}");
            }
        }
        let mut archive = tar::Archive::new(&bytes[..]);
        let entries = archive.entries().expect("entries").map(|entry| {
            let entry = entry.expect("an entry");
            (entry.path().expect("a path").display().to_string(), entry.size())
        });
        assert_eq!(entries.collect::<Vec<_>>(), expected, "the tar crate");
    }
}

#[test]
fn gnu_tar_extracts_the_same_bytes() {
    let station = folder();
    for (name, bytes) in named(&packed().chunks) {
        let path = station.path().join(&name);
        fs::write(&path, &bytes).expect("written");
        let to = station.path().join(format!("x{name}"));
        fs::create_dir(&to).expect("a folder");
        let ran = Command::new("tar").arg("-C").arg(&to).arg("-xf").arg(&path).output();
        let Ok(output) = ran else { return };
        assert!(output.status.success());
        for (entry, payload) in Parts::of(&bytes).entries {
            assert_eq!(fs::read(to.join(entry.to_string())).expect("a file"), payload, "{entry}");
        }
        let sums = Command::new("sha256sum")
            .args(["-c", "--strict", "--quiet", "02_sums.txt"])
            .current_dir(&to)
            .output();
        assert!(sums.expect("coreutils").status.success(), "{name}");
    }
}
