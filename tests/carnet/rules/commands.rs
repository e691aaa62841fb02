//! Every command and option that a document or a message names exists.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use super::{root, sources};

const CARNET: &str = env!("CARGO_BIN_EXE_carnet");

/// Options for the project itself, which no help text shows.
const HIDDEN: [(&str, &str); 1] = [("explain", "markdown")];

/// The words after `carnet` in code of a text, each with the rest of its line.
fn named(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for line in text.lines() {
        for mark in ["`carnet ", "$ carnet "] {
            for after in line.split(mark).skip(1) {
                let end = after.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(after.len());
                let rest = after[end..].split(['`', '|', '#']).next().unwrap_or_default();
                found.push((&after[..end], rest));
            }
        }
    }
    found.retain(|(word, _)| !word.is_empty());
    found
}

/// The options in a part of a command line.
fn options(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '[', '(']).filter_map(|word| word.strip_prefix("--")).map(|word| {
        let end = word.find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-');
        &word[..end.unwrap_or(word.len())]
    })
}

#[test]
fn named_commands_and_their_options_exist() {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let folder = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let documents = folder.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let more = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(|name| root().join(name));
    for path in documents.chain(more).chain(sources("src")) {
        texts.insert(path.display().to_string(), std::fs::read_to_string(path).unwrap());
    }
    let mut helps: BTreeMap<String, Option<String>> = BTreeMap::new();
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    for (path, text) in &texts {
        for (word, rest) in named(text) {
            seen.insert(word);
            let help = helps.entry(word.to_owned()).or_insert_with(|| {
                let output = Command::new(CARNET).args([word, "--help"]).output().unwrap();
                output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
            });
            match help {
                None => wrong.push(format!("{path}: carnet {word}")),
                Some(help) => wrong.extend(
                    options(rest)
                        .filter(|option| !option.is_empty() && !HIDDEN.contains(&(word, option)))
                        .filter(|option| !help.contains(&format!("--{option}")))
                        .map(|option| format!("{path}: carnet {word} --{option}")),
                ),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen.len() > 10, "only {seen:?} were found");
}
