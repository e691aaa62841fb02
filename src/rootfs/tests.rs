//! Stacks of layers that are made here.

use std::sync::Arc;

use proptest::prelude::*;

use super::{Cause, Entry, MemberId, Members, Rootfs, RootfsLimits, RootfsProblem, Unresolved};
use crate::content::tar::{EntryKind, TarReader};

/// An entry: a path with a slash at its end is a folder, `a -> b` is a symbolic link, `a => b` a hard link. The size of a
/// file is the length of its path, and its owner the number of the entry.
fn layer(entries: &[&str]) -> Arc<Members> {
    let mut builder = tar::Builder::new(Vec::new());
    for (number, text) in (0..).zip(entries) {
        let mut header = tar::Header::new_gnu();
        let (path, link, kind) = if let Some((path, link)) = text.split_once(" -> ") {
            (path, link, tar::EntryType::Symlink)
        } else if let Some((path, link)) = text.split_once(" => ") {
            (path, link, tar::EntryType::Link)
        } else if text.ends_with('/') {
            (*text, "", tar::EntryType::Directory)
        } else {
            (*text, "", tar::EntryType::Regular)
        };
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
        let size = if kind == tar::EntryType::Regular { path.len() } else { 0 };
        header.set_size(size as u64);
        header.set_entry_type(kind);
        header.set_mode(0o700);
        header.set_uid(number);
        header.set_cksum();
        builder.append(&header, vec![b'x'; size].as_slice()).unwrap();
    }
    let archive = builder.into_inner().unwrap();
    let mut reader = TarReader::new(archive.as_slice());
    let mut members = Members::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        assert!(members.push(&entry));
    }
    Arc::new(members)
}

fn merge(layers: &[&[&str]]) -> Rootfs {
    let layers: Vec<_> = layers.iter().map(|entries| layer(entries)).collect();
    Rootfs::merge(&layers, &RootfsLimits::default())
}

/// Each path with the layer and number of its content.
fn list(rootfs: &Rootfs) -> Vec<String> {
    let show = |entry: Entry<'_>| {
        let path = String::from_utf8(entry.path()).unwrap();
        match entry.body() {
            Some(MemberId { layer, number }) => format!("{path} {layer}.{number}"),
            None => format!("{path} -"),
        }
    };
    rootfs.iter().map(show).collect()
}

fn rules(rootfs: &Rootfs) -> Vec<&'static str> {
    rootfs.problems().kept().iter().map(RootfsProblem::rule).collect()
}

#[track_caller]
fn check(layers: &[&[&str]], expected: &[&str]) {
    let rootfs = merge(layers);
    assert_eq!(list(&rootfs), expected);
    assert_eq!(rules(&rootfs), Vec::<&str>::new());
}

#[test]
fn layers_add_up() {
    check(
        &[&["./", "./etc/", "./etc/a", "usr/bin/x"], &["etc/a", "etc/b"]],
        &["etc 0.1", "etc/a 1.0", "etc/b 1.1", "usr -", "usr/bin -", "usr/bin/x 0.3"],
    );
    let rootfs = merge(&[&["b", "a-b", "a/c", "a"]]);
    assert_eq!(list(&rootfs), ["a 0.3", "a-b 0.1", "b 0.0"]);
    assert_eq!(rootfs.root().kind(), EntryKind::Folder);
    assert_eq!((rootfs.root().uid(), rootfs.root().member()), (0, None));
}

#[test]
fn whiteouts_remove_what_lower_layers_hold() {
    check(&[&["a", "d/x", "d/y"], &[".wh.a", "d/.wh.x"]], &["d -", "d/y 0.2"]);
    // The order in the layer does not matter: a new file stays.
    check(&[&["a"], &["a", ".wh.a"]], &["a 1.0"]);
    check(&[&["a"], &[".wh.a", "a"]], &["a 1.1"]);
    check(&[&["d/x", "d/y"], &["d/z", ".wh.d"]], &["d -", "d/z 1.0"]);
    check(&[&["d/x", "d/y/z"], &["d/n", "d/.wh..wh..opq"]], &["d -", "d/n 1.0"]);
    check(&[&["d/x", "d/y/z"], &["d/.wh..wh..opq", "d/y/n"]], &["d -", "d/y -", "d/y/n 1.1"]);
    check(&[&["a", "b"], &[".wh..wh..opq"]], &[]);
    check(&[&["a"], &[".wh.a"], &["a"]], &["a 2.0"]);
}

#[test]
fn traps_of_whiteouts() {
    // Links on the way are followed inside the root.
    check(&[&["d/x", "d/y", "l -> /d"], &["l/.wh.x"]], &["d -", "d/y 0.1", "l 0.2"]);
    check(&[&["d/x", "l -> ../../d"], &["l/.wh..wh..opq"]], &["d -", "l 0.1"]);
    // These only look like the mark of an opaque folder.
    check(&[&["d/x"], &["d/.wh..wh..opqX", "d/.wh..wh.plnk"]], &["d -", "d/x 0.0"]);
    // The base has nothing below it.
    check(&[&[".wh.a", "a", ".wh..wh..opq"]], &["a 0.1"]);
    check(&[&["a"], &["no/.wh.a", "a/.wh.b", "a/.wh..wh..opq"]], &["a 0.0"]);
    for odd in ["d/.wh.", "d/.wh..", "d/.wh..."] {
        let rootfs = merge(&[&["d/x"], &[odd]]);
        assert_eq!(list(&rootfs), ["d -", "d/x 0.0"]);
        assert_eq!(rules(&rootfs), ["odd-whiteout"]);
    }
}

#[test]
fn types_change() {
    check(&[&["d/x"], &["d"]], &["d 1.0"]);
    check(&[&["d"], &["d/"]], &["d 1.0"]);
    check(&[&["e/x", "d -> e"], &["d/"]], &["d 1.0", "e -", "e/x 0.0"]);
    check(&[&["d/x", "d/y/"], &["d -> e"], &["d/", "d/z"]], &["d 2.0", "d/z 2.1"]);
    check(&[&["d/"], &["d/"]], &["d 1.0"]);
}

#[test]
fn a_folder_that_moves_behind_a_link_is_found() {
    let rootfs = merge(&[
        &["var/lib/dpkg/status"],
        &["opt/dpkg/status", "var/lib/.wh.dpkg", "var/lib/dpkg -> /opt/dpkg"],
    ]);
    let status = rootfs.resolve(b"/var/lib/dpkg/status").unwrap();
    assert_eq!(status.body(), Some(MemberId { layer: 1, number: 0 }));
    assert_eq!(status.path(), b"opt/dpkg/status");
    let hidden = rootfs.hidden();
    assert_eq!((hidden.len(), hidden[0].member), (1, MemberId { layer: 0, number: 0 }));
    assert_eq!((hidden[0].by_layer, hidden[0].cause), (1, Cause::Whiteout));
    assert_eq!(rootfs.member(hidden[0].member).unwrap().path(), b"var/lib/dpkg/status");
}

#[test]
fn hard_links_share_their_content_across_layers() {
    let rootfs = merge(&[
        &["opt/s", "var/lib/dpkg/status"],
        &["var/lib/dpkg/status => opt/s", "third => /var/lib/dpkg/status"],
        &["opt/.wh.s"],
    ]);
    assert_eq!(rules(&rootfs), Vec::<&str>::new());
    let status = rootfs.resolve(b"var/lib/dpkg/status").unwrap();
    assert_eq!(status.body(), Some(MemberId { layer: 0, number: 0 }));
    assert_eq!(status.member(), Some(MemberId { layer: 1, number: 0 }));
    assert!(status.is_hard_link());
    assert_eq!((status.size(), status.kind(), status.uid()), (5, EntryKind::File, 0));
    // The content of opt/s is still shown under other names, that of the first status is not.
    let hidden: Vec<_> = rootfs.hidden().iter().map(|hidden| hidden.member).collect();
    assert_eq!(hidden, [MemberId { layer: 0, number: 1 }]);
    // A new file under one name leaves the other names alone.
    check(&[&["a", "b => a"], &["a"]], &["a 1.0", "b 0.0"]);
    for broken in ["x => no", "x => d", "x => x", "x => d/no/y"] {
        let rootfs = merge(&[&["d/y", "x"], &[broken]]);
        assert_eq!(rules(&rootfs), ["broken-hard-link"], "{broken}");
    }
    check(&[&["l -> no", "x => l"]], &["l 0.0", "x 0.0"]);
}

#[test]
fn names_lead_nowhere_outside() {
    check(
        &[&["/abs", "../up", "a/../b/../../c", "l -> ../../..", "l/in"]],
        &["abs 0.0", "c 0.2", "in 0.4", "l 0.3", "up 0.1"],
    );
    // What a link names is made if it does not exist.
    check(&[&["l -> new/folder", "l/x"]], &["l 0.0", "new -", "new/folder -", "new/folder/x 0.1"]);
    for (entries, rule) in [
        (&["a -> b", "b -> a", "a/x"][..], "link-cycle"),
        (&["f", "f/x"], "not-in-folder"),
        (&["f", "f/y/x"], "not-in-folder"),
        (&["l -> f", "f", "l/x"], "not-in-folder"),
        (&["."], "root-replaced"),
        (&[".. -> etc"], "root-replaced"),
        (&["a", "a"], "duplicate-member"),
        (&["a", "a -> b"], "duplicate-member"),
        (&["a/", "a"], "duplicate-member"),
    ] {
        assert_eq!(rules(&merge(&[entries])), [rule], "{entries:?}");
    }
    let twice = merge(&[&["a", "a"]]);
    assert_eq!(list(&twice), ["a 0.1"]);
    assert_eq!(twice.problems().kept()[0].to_string(), "layer 0 has more than one entry for \"a\"");
    check(&[&["d/", "d/x", "./d/"]], &["d 0.2", "d/x 0.1"]);
}

#[test]
fn paths_are_resolved_inside_the_root() {
    let rootfs = merge(&[&[
        "usr/bin/dash",
        "bin -> usr/bin",
        "usr/bin/sh -> dash",
        "abs -> /bin/sh",
        "up -> ../../../bin/../bin/sh",
        "loop -> loop",
        "gone -> nowhere",
    ]]);
    for path in ["bin/sh", "/abs", "up", "usr/../bin/./dash", "//bin//dash", "../../bin/dash"] {
        assert_eq!(rootfs.resolve(path.as_bytes()).unwrap().path(), b"usr/bin/dash", "{path}");
    }
    assert_eq!(rootfs.resolve_link(b"bin/sh").unwrap().link(), b"dash");
    assert_eq!(rootfs.resolve(b"").unwrap().path(), b"");
    for path in ["gone", "nothing", "bin/dash/x", "bin/dash/..", "gone/x"] {
        assert_eq!(rootfs.resolve(path.as_bytes()).unwrap_err(), Unresolved::Missing, "{path}");
    }
    assert_eq!(rootfs.resolve(b"loop/x").unwrap_err(), Unresolved::LinkCycle);
    let names: Vec<_> =
        rootfs.resolve(b"bin").unwrap().children().map(|entry| entry.name().to_vec()).collect();
    assert_eq!(names, [b"dash".to_vec(), b"sh".to_vec()]);
}

#[test]
fn limits_hold() {
    let layers = [layer(&["a/b/c/d", "e", "f"])];
    let limits = RootfsLimits { entries_max: 4, ..RootfsLimits::default() };
    let rootfs = Rootfs::merge(&layers, &limits);
    assert_eq!((list(&rootfs).len(), rules(&rootfs)), (3, vec!["entries-limit"]));
    let limits = RootfsLimits { steps_max: 4, ..RootfsLimits::default() };
    let rootfs = Rootfs::merge(&[layer(&["a/b/c", "a/b/d", "a/b/e"])], &limits);
    assert_eq!(rules(&rootfs), ["merge-steps"]);
    let limits = RootfsLimits { layers_max: 1, ..RootfsLimits::default() };
    let rootfs = Rootfs::merge(&[layer(&["a"]), layer(&["b"])], &limits);
    assert_eq!((list(&rootfs), rules(&rootfs)), (vec!["a 0.0".to_owned()], vec!["layers-limit"]));
}

/// The same long layer may be in an image many times, and be hidden each time.
#[test]
fn what_is_hidden_is_bounded() {
    let files: Vec<String> = (0..100).map(|number| format!("d/{number}")).collect();
    let files = layer(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let (files, clears) = (&files, &layer(&[".wh.d"]));
    let layers: Vec<_> = (0..10).flat_map(|_| [files.clone(), clears.clone()]).collect();
    let hidden = |entries_max: usize| {
        let rootfs = Rootfs::merge(&layers, &RootfsLimits { entries_max, ..RootfsLimits::default() });
        (rootfs.hidden().len(), rules(&rootfs))
    };
    assert_eq!(hidden(1000), (1000, vec![]));
    assert_eq!(hidden(999), (999, vec!["entries-limit"]));
}

/// Links that double with each hop end at a limit, and long before a minute.
#[test]
fn links_cannot_blow_up() {
    let mut entries = vec!["l0 -> .".to_owned()];
    for number in 1..200 {
        let lower = number - 1;
        entries.push(format!("l{number} -> l{lower}/l{lower}/l{lower}/l{lower}/l{lower}"));
    }
    entries.extend((0..100).map(|_| "l199/f".to_owned()));
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let rootfs = merge(&[&entries]);
    assert_eq!(rootfs.problems().counts()["link-cycle"], 100);
}

#[test]
fn many_names_in_one_folder_are_no_trouble() {
    let names: Vec<String> = (0..20_000).map(|number| format!("d/f{number}")).collect();
    let whiteouts: Vec<String> = (0..20_000).map(|number| format!("d/.wh.f{number}")).collect();
    let refer = |names: &[String]| layer(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let again: Vec<String> =
        names.iter().flat_map(|name| [name.clone(), "d/.wh..wh..opq".to_owned()]).collect();
    let layers = [refer(&names), refer(&whiteouts), refer(&names), refer(&again)];
    let rootfs = Rootfs::merge(&layers, &RootfsLimits { steps_max: 400_000, ..RootfsLimits::default() });
    assert_eq!(rules(&rootfs), Vec::<&str>::new());
    assert_eq!((rootfs.iter().count(), rootfs.hidden().len()), (20_001, 40_000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_stack_merges_to_a_tree(
        layers in prop::collection::vec(prop::collection::vec(
            "((a|b|c|\\.\\.|\\.wh\\.)/){0,3}(a|b|c|\\.wh\\.a|\\.wh\\.b|\\.wh\\.\\.wh\\.\\.opq)( -> (/|\\.\\./)?(a|b)(/c)?| => (a|b)(/(a|c))?|/|)",
            0..12), 0..5),
    ) {
        let layers: Vec<Vec<&str>> =
            layers.iter().map(|entries| entries.iter().map(String::as_str).collect()).collect();
        let layers: Vec<&[&str]> = layers.iter().map(Vec::as_slice).collect();
        let rootfs = merge(&layers);
        let paths: Vec<_> = rootfs.iter().map(|entry| entry.path()).collect();
        let mut sorted: Vec<Vec<&[u8]>> =
            paths.iter().map(|path| path.split(|&byte| byte == b'/').collect()).collect();
        sorted.sort();
        sorted.dedup();
        prop_assert_eq!(sorted.len(), paths.len());
        for (entry, parts) in rootfs.iter().zip(&sorted) {
            prop_assert_eq!(&entry.path(), &parts.join(&b'/'));
            prop_assert_eq!(rootfs.resolve_link(&entry.path()).unwrap().body(), entry.body());
            prop_assert!(entry.kind() == EntryKind::Folder || entry.children().next().is_none());
            prop_assert!(rootfs.hidden().iter().all(|hidden| Some(hidden.member) != entry.body()));
        }
    }
}
