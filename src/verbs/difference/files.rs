//! Files of two images, and in what they differ.

use std::collections::{BTreeMap, BTreeSet};

use super::changes::{Changes, Detail};
use super::entry::Entry;
use super::join::{Unlike, join};
use super::report::{How, Matter};
use crate::diagnosis::count;
use crate::verbs::audit::Rule;

/// The digits of a digest that are shown.
const DIGITS: usize = 12;

/// What is known of the paths of an image before its files are compared.
#[derive(Default)]
pub(super) struct Known {
    /// The rules of the new findings about each path.
    pub rules: BTreeMap<String, BTreeSet<Rule>>,
    /// The paths that have findings on either side.
    pub found: BTreeSet<String>,
    /// The paths of package databases that differ because packages do.
    pub databases: BTreeSet<String>,
}

/// Compares two file lists. Returns the paths with findings whose files differ.
pub(super) fn compare_files(
    old: impl Iterator<Item = Entry>,
    new: impl Iterator<Item = Entry>,
    known: &Known,
    changes: &mut Changes,
    images: &[String],
) -> BTreeSet<String> {
    let mut explained = BTreeSet::new();
    join(old, new, is_same, |unlike| {
        let (path, how, (before, after), is_below) = match unlike {
            Unlike::Gone(entry, below) => (entry.path.clone(), How::Gone, (Some(whole(&entry)), None), below),
            Unlike::New(entry, below) => (entry.path.clone(), How::New, (None, Some(whole(&entry))), below),
            Unlike::Changed(old, new) => {
                let (before, after) = differing(&old, &new);
                (old.path, How::Changed, (Some(before), Some(after)), false)
            }
        };
        let rules = known.rules.get(&path).cloned().unwrap_or_default();
        if known.found.contains(&path) {
            explained.insert(path.clone());
        }
        // What a finding is about is said, even if a folder says that it is new.
        let follows = rules.is_empty() && (is_below || known.databases.contains(&path));
        let detail = Detail { rules, follows, ..Detail::sides(before, after) };
        changes.add(Matter::File, how, path, detail, images);
    });
    explained
}

/// Whether nothing that counts differs. Times do not count, nor the mode of a symbolic link.
fn is_same(old: &Entry, new: &Entry) -> bool {
    parts(old, new).is_empty()
}

/// The attributes that differ, as they were and are.
fn parts(old: &Entry, new: &Entry) -> Vec<(String, String)> {
    let mut parts = Vec::new();
    let mut part = |differs: bool, word: &dyn Fn(&Entry) -> String| {
        if differs {
            parts.push((word(old), word(new)));
        }
    };
    part(old.kind != new.kind, &|entry| entry.kind.to_owned());
    let has_mode = old.kind != "symlink" && new.kind != "symlink";
    part(has_mode && old.mode != new.mode, &|entry| format!("{:04o}", entry.mode));
    part((old.uid, old.gid) != (new.uid, new.gid), &|entry| format!("{}:{}", entry.uid, entry.gid));
    part(old.target != new.target, &|entry| format!("to {}", entry.target));
    if old.kind == "file" && new.kind == "file" {
        part(old.size != new.size, &|entry| count(entry.size, "byte", "bytes"));
        let differs = match (&old.sum, &new.sum) {
            (Some(one), Some(other)) => one != other,
            // Without the sums, only the same layer has the same content for certain.
            _ => old.layer != new.layer,
        };
        part(old.size == new.size && differs, &content);
    }
    parts
}

fn differing(old: &Entry, new: &Entry) -> (String, String) {
    let (before, after): (Vec<String>, Vec<String>) = parts(old, new).into_iter().unzip();
    (before.join(", "), after.join(", "))
}

/// An entry that only one side has.
fn whole(entry: &Entry) -> String {
    let mut words = vec![entry.kind.to_owned()];
    match entry.kind {
        "symlink" => words.push(format!("to {}", entry.target)),
        _ => words.push(format!("{:04o}", entry.mode)),
    }
    words.push(format!("{}:{}", entry.uid, entry.gid));
    if entry.kind == "file" {
        words.push(count(entry.size, "byte", "bytes"));
    }
    words.join(", ")
}

/// What identifies the content of a file.
fn content(entry: &Entry) -> String {
    let digits = |text: String| text.chars().take(DIGITS).collect::<String>();
    match (&entry.sum, &entry.layer) {
        (Some(sum), _) => format!("sha256:{}", digits(crate::format::Sum(*sum).to_string())),
        (None, Some(layer)) => format!("from layer {}", digits(layer.hex())),
        (None, None) => "from no layer".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Digest;

    fn entry(path: &str, kind: &'static str, size: u64) -> Entry {
        let (target, layer, sum) = (String::new(), None, Some([1; 32]));
        Entry { path: path.to_owned(), kind, mode: 0o755, uid: 0, gid: 0, size, target, layer, sum }
    }

    /// The changes, those that follow in brackets.
    fn compared(old: &[Entry], new: &[Entry], known: &Known) -> Vec<String> {
        let mut changes = Changes::default();
        compare_files(old.iter().cloned(), new.iter().cloned(), known, &mut changes, &[]);
        let word = |change: super::super::Change| {
            let text = format!("{} {}", change.how.word(), change.what);
            if change.follows { format!("({text})") } else { text }
        };
        changes.finish().0.into_iter().map(word).collect()
    }

    #[test]
    fn what_is_in_a_new_folder_follows_unless_it_has_findings() {
        let old = [entry("etc", "folder", 0), entry("opt", "file", 1), entry("z", "file", 1)];
        let new = [
            entry("etc", "folder", 0),
            entry("etc/new", "folder", 0),
            entry("etc/new/a", "file", 1),
            entry("etc/new/key", "file", 1),
            entry("etc/new.d", "file", 1),
            entry("opt", "folder", 0),
            entry("opt/a", "file", 1),
        ];
        let mut known = Known::default();
        known.rules.insert("etc/new/key".to_owned(), [Rule::Secret].into());
        let expected = [
            "new etc/new",
            "new etc/new.d",
            "(new etc/new/a)",
            "new etc/new/key",
            "changed opt",
            "(new opt/a)",
            "gone z",
        ];
        assert_eq!(compared(&old, &new, &known), expected);
        assert_eq!(compared(&old, &old, &known), [""; 0]);
        let back = [
            "gone etc/new",
            "gone etc/new.d",
            "(gone etc/new/a)",
            "(gone etc/new/key)",
            "changed opt",
            "(gone opt/a)",
            "new z",
        ];
        assert_eq!(compared(&new, &old, &Known::default()), back);
    }

    #[test]
    fn each_attribute_that_differs_is_said() {
        let old = entry("a", "file", 1);
        let with = |change: &dyn Fn(&mut Entry)| {
            let mut new = old.clone();
            change(&mut new);
            (!is_same(&old, &new)).then(|| differing(&old, &new))
        };
        let sides = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(with(&|_| ()), None);
        assert_eq!(with(&|new| new.mode = 0o4755), sides("0755", "4755"));
        assert_eq!(with(&|new| new.uid = 7), sides("0:0", "7:0"));
        assert_eq!(with(&|new| new.size = 2), sides("1 byte", "2 bytes"));
        assert_eq!(with(&|new| new.sum = Some([2; 32])), sides("sha256:010101010101", "sha256:020202020202"));
        // The same content may come from another layer.
        assert_eq!(with(&|new| new.layer = Some(Digest::sha256(b"x"))), None);
        let unknown = |new: &mut Entry| (new.layer, new.sum) = (Some(Digest::sha256(b"x")), None);
        assert!(with(&unknown).unwrap().1.starts_with("from layer "));
        assert_eq!(with(&|new| new.kind = "fifo"), sides("file", "fifo"));
    }
}
