//! A sum that changes when one of the files of rules does.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::rule_files::RuleFiles;
use crate::format::Sum;
use crate::small_file::SmallFile;

/// Files up to this size in bytes count by their content, larger ones by size and time.
const CONTENT_BYTES_MAX: u64 = 1 << 20;

/// How many entries of folders are looked at, and how deep folders in folders are. Databases in one file each stay far below.
const ENTRIES_MAX: usize = 10_000;
const DEPTH_MAX: usize = 8;

impl RuleFiles {
    /// Returns a sum over all files. Small files count by their content; large files, and those in folders, by name, size and
    /// time. A file that cannot be read counts as such.
    pub fn stamp(&self) -> Sum {
        let kinds = [
            ("policy", &self.policies),
            ("ignore", &self.ignores),
            ("advisories", &self.advisories),
            ("vex", &self.vex),
            ("cosign-key", &self.cosign_keys),
            ("notation-ca", &self.notation_ca),
            ("secret-rules", &self.secret_rules),
        ];
        let mut text = String::new();
        for (kind, paths) in kinds {
            for path in paths {
                text += &format!("{kind} {} ", path.display());
                match SmallFile::read(path, CONTENT_BYTES_MAX) {
                    Ok(file) => text += &format!("{}\n", Sum::of(file.bytes())),
                    Err(_) => list(path, 0, &mut 0, &mut text),
                }
            }
        }
        Sum::of(text.as_bytes())
    }
}

/// Lists a file, or a folder with what is in it.
fn list(path: &Path, depth: usize, entries: &mut usize, text: &mut String) {
    *entries += 1;
    if *entries > ENTRIES_MAX {
        return;
    }
    let Ok(metadata) = fs::metadata(path) else {
        text.push_str("cannot be read\n");
        return;
    };
    text.push_str(&format!(
        "{} {} {} {}\n",
        path.display(),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec()
    ));
    if !metadata.is_dir() || depth == DEPTH_MAX {
        return;
    }
    let Ok(folder) = fs::read_dir(path) else { return };
    let mut paths: Vec<_> = folder.flatten().take(ENTRIES_MAX).map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        list(&path, depth + 1, entries, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_changes_with_each_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("policy.toml"), "version = 1\n").unwrap();
        fs::create_dir_all(path("osv/npm")).unwrap();
        fs::write(path("osv/npm/all.zip"), "one").unwrap();
        let files = RuleFiles {
            policies: vec![path("policy.toml")],
            advisories: vec![path("osv")],
            ignores: vec![path("none.toml")],
            ..RuleFiles::default()
        };
        let mut seen = vec![files.stamp()];
        assert_eq!(files.stamp(), seen[0]);
        fs::write(path("policy.toml"), "version = 1\nallow-setuid = false\n").unwrap();
        seen.push(files.stamp());
        fs::write(path("osv/npm/all.zip"), "other").unwrap();
        seen.push(files.stamp());
        fs::write(path("none.toml"), "version = 1\n").unwrap();
        seen.push(files.stamp());
        let large = vec![b'x'; usize::try_from(CONTENT_BYTES_MAX).unwrap() + 1];
        fs::write(path("none.toml"), large).unwrap();
        seen.push(files.stamp());
        seen.push(RuleFiles { vex: files.ignores.clone(), ..files.clone() }.stamp());
        // The same content counts as the same, whenever it was written.
        fs::write(path("none.toml"), "version = 1\n").unwrap();
        assert_eq!(files.stamp(), seen[3]);
        seen.sort_unstable_by_key(ToString::to_string);
        seen.dedup();
        assert_eq!(seen.len(), 6);
    }
}
