//! Codes of errors: one table, all of it used and documented; words for the operator are the program's.

use std::collections::BTreeSet;
use std::process::Command;

use carnet::diagnosis::{Code, Failure};

use super::layers::{code, library, relative};
use super::{root, sources};

/// Where codes get their words; a code that is named only here is used by nobody.
const TABLES: [&str; 2] = ["src/diagnosis/code.rs", "src/bin/carnet/advice.rs"];

/// Every source file of library and program that makes errors: without tests, comments and tables.
fn makers() -> Vec<(String, String)> {
    let all = sources("src").into_iter().map(|path| (relative(&path), code(&path)));
    all.filter(|(path, _)| !path.contains("/tests") && !TABLES.contains(&path.as_str())).collect()
}

#[test]
fn each_word_is_kebab_case_and_stands_for_one_code() {
    let mut seen = BTreeSet::new();
    for code in Code::ALL {
        let word = code.word();
        assert!(seen.insert(word), "{word} twice");
        let parts = word.split('-');
        let is_kebab = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        assert!(parts.clone().all(is_kebab), "{word}");
        let variant: String = parts.map(|part| part[..1].to_uppercase() + &part[1..]).collect();
        assert_eq!(format!("{code:?}"), variant, "variant and word differ");
        assert!(code.meaning().ends_with('.'), "{word}: a meaning is a sentence");
    }
    for failure in
        [Failure::Failed, Failure::Usage, Failure::Untrusted, Failure::Damaged, Failure::Interrupted]
    {
        assert!(Code::ALL.iter().any(|code| code.failure() == failure), "{failure:?}");
    }
}

#[test]
fn each_code_and_each_advice_is_used() {
    let makers: String = makers().into_iter().map(|(_, code)| code + "\n").collect();
    let named = |kind: &str, name: &str| {
        let whole = format!("{kind}::{name}");
        makers
            .match_indices(&whole)
            .any(|(at, _)| !makers[at + whole.len()..].starts_with(|c: char| c.is_ascii_alphanumeric()))
    };
    for code in Code::ALL {
        assert!(named("Code", &format!("{code:?}")), "{code} is used by nobody");
    }
    let advice = std::fs::read_to_string(root().join("src/diagnosis/advice.rs")).unwrap();
    let variants = advice.split_once("pub enum Advice {").unwrap().1.split_once("\n}\n").unwrap().0;
    let variants: Vec<&str> = variants
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| line.split([' ', ',', '{', '(']).next().unwrap())
        .collect();
    assert!(variants.len() > 10, "the enum was not understood: {variants:?}");
    for variant in variants {
        assert!(named("Advice", variant), "{variant} is used by nobody");
    }
}

#[test]
fn codes_come_from_the_table_only() {
    for (path, text) in makers() {
        for code in Code::ALL.iter().filter(|code| code.word().contains('-')) {
            assert!(!text.contains(&format!("\"{code}\"")), "{path} writes {code} itself");
            assert!(!text.contains(&format!("error[{code}]")), "{path} writes {code} itself");
        }
    }
}

#[test]
fn the_library_does_not_know_how_the_program_is_called() {
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
fn the_published_list_of_errors_is_that_of_the_program() {
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
fn documents_show_no_code_that_the_program_does_not_have() {
    let words: BTreeSet<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    let mut shown = 0;
    for name in ["README.md", "docs/cli.md", "docs/registries.md", "docs/trust.md"] {
        let text = std::fs::read_to_string(root().join(name)).unwrap();
        for after in text.split("error[").skip(1) {
            let word = after.split(']').next().unwrap();
            assert!(word == "CODE" || words.contains(word), "{name} shows error[{word}]");
            shown += 1;
        }
    }
    assert!(shown > 10, "examples of errors are where they were");
}
