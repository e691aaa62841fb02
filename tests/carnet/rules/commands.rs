//! Commands and options that documents, help and advice name must exist.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use super::layers::{code, relative};
use super::{root, sources};

/// Commands and options that the help does not list: they are for developers.
const HIDDEN_COMMAND: &str = "schemas";
const HIDDEN_OPTION: (&str, &str) = ("explain", "markdown");

/// The long options of every command, from its help.
fn commands() -> BTreeMap<String, BTreeSet<String>> {
    let help = |args: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_carnet")).args(args).output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    let overview = help(&["--help"]);
    let list = overview.split_once("Commands:\n").unwrap().1;
    let mut names: Vec<&str> =
        list.lines().map_while(|line| line.strip_prefix("  ")?.split_whitespace().next()).collect();
    names.push(HIDDEN_COMMAND);
    let long = |text: &str| options(text).into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    let of_command = |name: &str| {
        let text = help(&[name, "--help"]);
        let mut found = long(&text);
        // Its subcommands, which are named after it.
        let list = text.split_once("\nCommands:\n").map_or("", |(_, list)| list);
        let subcommands = list.lines().map_while(|line| line.strip_prefix("  ")?.split_whitespace().next());
        for subcommand in subcommands.filter(|subcommand| *subcommand != "help") {
            found.extend(long(&help(&[name, subcommand, "--help"])));
        }
        found
    };
    let mut found: BTreeMap<_, _> = names.iter().map(|name| ((*name).to_owned(), of_command(name))).collect();
    assert!(found.len() > 10, "cannot parse the help: {found:?}");
    let (command, option) = HIDDEN_OPTION;
    found.get_mut(command).unwrap().insert(option.to_owned());
    found.insert(String::new(), long(&overview));
    found
}

/// The options in a text, without their dashes.
fn options(text: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let starts = text.match_indices("--").filter(|(at, _)| {
        let starts_word = !text[..*at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
        starts_word && text[at + 2..].starts_with(|c: char| c.is_ascii_lowercase())
    });
    starts.map(|(at, _)| text[at + 2..].split(|c| !is_part(c)).next().unwrap()).collect()
}

/// The commands of this program in a text: in backquotes, or at the start of a line: in Markdown
/// of a code block, elsewhere of an indented line.
fn written_commands(text: &str, is_markdown: bool) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    let mut found = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        in_block ^= line.trim_start().starts_with("```");
        let mut rest = line.trim_start().trim_start_matches("$ ");
        if rest.starts_with("carnet ") && (in_block || (!is_markdown && line.starts_with(' '))) {
            found.push(rest.to_owned());
        }
        while let Some((_, after)) = rest.split_once("`carnet ") {
            let Some((inside, after)) = after.split_once('`') else {
                found.push(format!("carnet {after}"));
                break;
            };
            found.push(format!("carnet {inside}"));
            rest = after;
        }
    }
    found
}

/// Everything that tells people what to type.
fn texts() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    found.extend(
        ["README.md", "src/format/recover.txt", "src/format/recover.rs"].map(|name| root().join(name)),
    );
    found.extend(sources("src/bin"));
    found
}

#[test]
fn written_commands_exist_with_their_options() {
    let commands = commands();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for path in texts() {
        let text = std::fs::read_to_string(&path).unwrap();
        let is_markdown = path.extension().is_some_and(|extension| extension == "md");
        for line in written_commands(&text, is_markdown) {
            // What follows belongs to another program.
            let line = line.split([';', '|', '&', '#']).next().unwrap();
            let word = line.split_whitespace().nth(1).unwrap_or_default();
            let is_letter = |c: char| c.is_ascii_lowercase();
            let is_word = word.starts_with(is_letter) && word.chars().all(|c| is_letter(c) || c == '-');
            let name = if is_word { word } else { "" };
            match commands.get(name) {
                None => wrong.push(format!("{}: carnet {name}: {line}", relative(&path))),
                Some(known) => {
                    for option in options(line).iter().filter(|option| !known.contains(**option)) {
                        wrong.push(format!("{}: carnet {name} --{option}", relative(&path)));
                    }
                }
            }
            seen += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen > 100, "only {seen} commands found");
}

#[test]
fn options_in_the_texts_of_the_program_exist() {
    let known: BTreeSet<String> = commands().into_values().flatten().collect();
    let mut wrong = Vec::new();
    for path in sources("src/bin") {
        for option in options(&code(&path)) {
            if !known.contains(option) {
                wrong.push(format!("{}: --{option}", relative(&path)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_wrong_command_is_found() {
    let found =
        written_commands("run `carnet key generate` or\n    carnet seal --fast \\\n  --well\n", false);
    assert_eq!(found, ["carnet key generate", "carnet seal --fast    --well"]);
    assert_eq!(options("a --b-c=D, `--e` x--y --- --F"), ["b-c", "e"]);
}
