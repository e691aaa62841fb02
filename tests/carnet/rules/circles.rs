//! The files of the library must not depend on each other in a circle.
//!
//! Each file is read as text: every `super::`, `crate::` and `self::` path in it counts, in a `use` or elsewhere. The
//! use of a name that a `mod.rs` re-exports counts as a use of the file that defines it. A `mod.rs` and the files below
//! it may use each other.

use std::collections::{BTreeMap, BTreeSet};

use super::layers::library;

/// A path in code: `crate::oci::Digest` is `["crate", "oci", "Digest"]`.
type Path = Vec<String>;

#[test]
fn no_circular_dependencies_between_files() {
    let found = circles(&library());
    assert!(found.is_empty(), "circular dependencies; move the shared code into a separate file: {found:#?}");
}

#[test]
fn circles_are_found_in_every_syntax() {
    let file = |path: &str, code: &str| (path.to_owned(), code.to_owned());
    let root =
        file("src/room/mod.rs", "mod a;\nmod b;\nmod c;\npub use c::Name;\nuse b::{Other as Renamed};");
    let ab = vec!["src/room/a.rs".to_owned(), "src/room/b.rs".to_owned()];
    for uses_b in [
        "use super::b;",
        "use super::{\n    b::{X, Y},\n};",
        "pub(super) use crate::room::b::X;",
        "fn f() { super::b::x() }",
        "fn f(x: &crate::room::b::X) {}",
        "use super::Renamed;",
    ] {
        let files = [root.clone(), file("src/room/a.rs", uses_b), file("src/room/b.rs", "use super::a::Z;")];
        assert_eq!(circles(&files), std::slice::from_ref(&ab), "{uses_b}");
    }
    let through_c = [
        root.clone(),
        file("src/room/a.rs", "use super::b::X;"),
        file("src/room/b.rs", "use super::Name;"),
        file("src/room/c.rs", "use super::a::Z;"),
    ];
    assert_eq!(circles(&through_c).concat().len(), 3);
    let one_way = [root, file("src/room/a.rs", "use super::b::X;"), file("src/room/b.rs", "use super::c;")];
    assert!(circles(&one_way).is_empty());
}

/// The groups of files that depend on each other in a circle.
fn circles(files: &[(String, String)]) -> Vec<Vec<String>> {
    let tree = Tree::new(files);
    let uses: BTreeMap<&str, BTreeSet<&str>> =
        files.iter().map(|(path, code)| (path.as_str(), tree.used_by(path, code))).collect();
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        uses.keys().map(|path| (*path, reachable(path, &uses))).collect();
    let mut found = BTreeSet::new();
    for (path, others) in &reached {
        if others.contains(path) {
            let back = |other: &&&str| reached[**other].contains(path);
            found.insert(others.iter().filter(back).map(|path| (*path).to_owned()).collect::<Vec<_>>());
        }
    }
    found.into_iter().collect()
}

fn reachable<'a>(from: &str, uses: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut waiting: Vec<&str> = uses[from].iter().copied().collect();
    while let Some(path) = waiting.pop() {
        if found.insert(path) {
            waiting.extend(&uses[path]);
        }
    }
    found
}

/// The modules of the library.
struct Tree<'a> {
    /// The file of each module.
    files: BTreeMap<Path, &'a str>,
    /// The imports of each `mod.rs`: the local name and the path of its origin.
    imports: BTreeMap<Path, BTreeMap<String, Path>>,
}

impl<'a> Tree<'a> {
    fn new(files: &'a [(String, String)]) -> Tree<'a> {
        let by_module = files.iter().map(|(path, _)| (module(path), path.as_str())).collect();
        let mod_files = files.iter().filter(|(path, _)| path.ends_with("/mod.rs"));
        let imports = mod_files.map(|(path, code)| (module(path), imports(code))).collect();
        Tree { files: by_module, imports }
    }

    /// The files that this file uses, except the `mod.rs` files above it and the files below it.
    fn used_by(&self, path: &str, code: &str) -> BTreeSet<&'a str> {
        let here = module(path);
        let targets = paths(code).into_iter().map(|path| self.resolve(&here, &path, 0));
        let counts = |there: &Path| !here.starts_with(there) && !there.starts_with(&here);
        targets.filter(counts).filter_map(|there| self.files.get(&there).copied()).collect()
    }

    /// Resolves a path from the module `here` to a module.
    fn resolve(&self, here: &[String], path: &[String], hops: usize) -> Path {
        let mut at = here.to_vec();
        for (index, word) in path.iter().enumerate() {
            match word.as_str() {
                "crate" => at.clear(),
                "self" => {}
                "super" => drop(at.pop()),
                _ => {
                    at.push(word.clone());
                    if self.files.contains_key(&at) || self.is_above_a_file(&at) {
                        continue;
                    }
                    at.pop();
                    let import = self.imports.get(&at).and_then(|imports| imports.get(word));
                    return match import {
                        // A chain of imports. A longer chain is an endless loop.
                        Some(import) if hops < 8 => {
                            let rest = [import, &path[index + 1..]].concat();
                            self.resolve(&at, &rest, hops + 1)
                        }
                        _ => at,
                    };
                }
            }
        }
        at
    }

    fn is_above_a_file(&self, module: &Path) -> bool {
        self.files.keys().any(|known| known.starts_with(module))
    }
}

/// The module of a file: `src/oci/digest.rs` is `oci::digest`, `src/oci/mod.rs` is `oci`.
fn module(path: &str) -> Path {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// The paths in code that start with `crate`, `self` or `super`.
fn paths(code: &str) -> Vec<Path> {
    let mut found = Vec::new();
    for start in ["crate::", "self::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let inside_a_word = code[..at].ends_with(|c: char| c.is_alphanumeric() || "_$:".contains(c));
            if !inside_a_word {
                let (paths, _) = read_paths(&code[at..]);
                found.extend(paths.into_iter().map(|(path, _)| path));
            }
        }
    }
    found
}

/// The names that the `use` lines of a `mod.rs` import.
fn imports(code: &str) -> BTreeMap<String, Path> {
    let mut found = BTreeMap::new();
    for statement in code.split(';') {
        let line = statement.trim_start();
        let visible = if line.starts_with("pub") { line.find("use ").unwrap_or(0) } else { 0 };
        if let Some(rest) = line[visible..].strip_prefix("use ") {
            for (path, name) in read_paths(rest).0 {
                found.insert(name, path);
            }
        }
    }
    found
}

/// Parses `a::b` or `a::{b, c::d as e}`. Returns each path with its local name, and the rest of the text.
fn read_paths(text: &str) -> (Vec<(Path, String)>, &str) {
    let mut rest = text.trim_start();
    if let Some(group) = rest.strip_prefix('{') {
        let mut found = Vec::new();
        rest = group.trim_start();
        while !rest.is_empty() && !rest.starts_with('}') {
            let (paths, after) = read_paths(rest);
            found.extend(paths);
            // Text that is not a path, such as `*`, is skipped.
            let end = after.find([',', '}']).unwrap_or(after.len());
            rest = after[end..].trim_start_matches(',').trim_start();
        }
        return (found, rest.strip_prefix('}').unwrap_or(rest));
    }
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (word, after) = rest.split_at(length);
    if word.is_empty() {
        return (Vec::new(), rest);
    }
    if let Some(more) = after.strip_prefix("::") {
        let (mut paths, after) = read_paths(more);
        if paths.is_empty() {
            paths.push((Vec::new(), word.to_owned()));
        }
        for (path, name) in &mut paths {
            path.insert(0, word.to_owned());
            if name == "self" {
                word.clone_into(name);
            }
        }
        return (paths, after);
    }
    if let Some(alias) = after.strip_prefix(" as ") {
        let length = alias.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(alias.len());
        return (vec![(vec![word.to_owned()], alias[..length].to_owned())], &alias[length..]);
    }
    (vec![(vec![word.to_owned()], word.to_owned())], after)
}
