//! Error codes: one table, in which every code is used and documented. Texts for the operator belong to the program.

use std::collections::BTreeSet;
use std::process::Command;

use carnet::diagnosis::{Code, Failure};

use super::layers::{code, library, relative};
use super::{root, sources};

/// The files that define codes and their texts. A code that is named only in them is unused.
const TABLES: [&str; 3] =
    ["src/diagnosis/code.rs", "src/bin/carnet/advice/circumstance.rs", "src/bin/carnet/advice/next_step.rs"];

/// The source files of library and program that can create errors, without tests, comments and tables.
fn error_sources() -> Vec<(String, String)> {
    let all = sources("src").into_iter().map(|path| (relative(&path), code(&path)));
    all.filter(|(path, _)| !path.contains("/tests") && !TABLES.contains(&path.as_str())).collect()
}

#[test]
fn words_are_unique_and_kebab_case() {
    let mut seen = BTreeSet::new();
    for code in Code::ALL {
        let word = code.word();
        assert!(seen.insert(word), "the word {word} is used twice");
        let parts = word.split('-');
        let is_kebab = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        assert!(parts.clone().all(is_kebab), "{word}");
        let variant: String = parts.map(|part| part[..1].to_uppercase() + &part[1..]).collect();
        assert_eq!(format!("{code:?}"), variant, "variant and word differ");
        assert!(code.meaning().ends_with('.'), "{word}: the meaning must end with a full stop");
    }
    for failure in [
        Failure::Failed,
        Failure::Usage,
        Failure::Untrusted,
        Failure::Damaged,
        Failure::Denied,
        Failure::Interrupted,
    ] {
        assert!(Code::ALL.iter().any(|code| code.failure() == failure), "{failure:?}");
    }
}

#[test]
fn every_code_and_advice_is_used() {
    let sources_text: String = error_sources().into_iter().map(|(_, code)| code + "\n").collect();
    let named = |kind: &str, name: &str| {
        let whole = format!("{kind}::{name}");
        sources_text
            .match_indices(&whole)
            .any(|(at, _)| !sources_text[at + whole.len()..].starts_with(|c: char| c.is_ascii_alphanumeric()))
    };
    for code in Code::ALL {
        assert!(named("Code", &format!("{code:?}")), "the code {code} is unused");
    }
    let advice = std::fs::read_to_string(root().join("src/diagnosis/advice.rs")).unwrap();
    let variants = advice.split_once("pub enum Advice {").unwrap().1.split_once("\n}\n").unwrap().0;
    let variants: Vec<&str> = variants
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| line.split([' ', ',', '{', '(']).next().unwrap())
        .collect();
    assert!(variants.len() > 10, "cannot parse the enum: {variants:?}");
    for variant in variants {
        assert!(named("Advice", variant), "the advice {variant} is unused");
    }
}

#[test]
fn codes_are_written_only_in_the_table() {
    let codes = Code::ALL.iter().map(|code| code.word()).filter(|word| word.contains('-'));
    let codes: BTreeSet<&str> = codes.collect();
    for (path, text) in error_sources() {
        let shown = text.split("error[").skip(1).filter_map(|after| after.split(']').next());
        let written = text.split('"').chain(shown).find(|word| codes.contains(word));
        assert!(written.is_none(), "{path} writes {written:?} itself");
    }
}

#[test]
fn the_library_names_no_commands_or_options() {
    const COMMANDS: [&str; 10] =
        ["keygen", "pack", "sign", "verify", "missing", "inspect", "unpack", "import", "sums", "explain"];
    for (path, text) in library() {
        for (at, _) in text.match_indices("--") {
            let option = text[at + 2..].starts_with(|c: char| c.is_ascii_lowercase());
            assert!(!option, "{path} names an option: {}", text[at..].lines().next().unwrap());
        }
        for command in COMMANDS {
            assert!(!text.contains(&format!("carnet {command}")), "{path} names the command {command}");
        }
    }
}

#[test]
fn the_error_list_is_up_to_date() {
    let made = Command::new(env!("CARGO_BIN_EXE_carnet")).args(["explain", "--markdown"]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made = String::from_utf8(made.stdout).unwrap();
    for code in Code::ALL {
        assert!(made.contains(&format!("\n### {code}\n\n{}", code.meaning())), "{code} is not explained");
    }
    let published = std::fs::read_to_string(root().join("docs/errors.md")).unwrap();
    assert!(made == published, "run `carnet explain --markdown > docs/errors.md`");
}

#[test]
fn documents_show_only_existing_codes() {
    let words: BTreeSet<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    let mut shown = 0;
    for name in ["README.md", "docs/cli.md", "docs/registries.md", "docs/trust.md"] {
        let text = std::fs::read_to_string(root().join(name)).unwrap();
        for after in text.split("error[").skip(1) {
            let word = after.split(']').next().unwrap();
            assert!(
                word == "CODE" || words.contains(word),
                "{name} shows error[{word}], which does not exist"
            );
            shown += 1;
        }
    }
    assert!(shown > 10, "too few error examples found: {shown}");
}
