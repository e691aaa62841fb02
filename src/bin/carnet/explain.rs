//! `carnet explain`: what a code means, how the program ends with it, and what to do.

use carnet::diagnosis::{Code, Failure};
use clap::Args as ClapArgs;
use schemars::JsonSchema;
use serde::Serialize;

use super::args::Screen;
use super::{advice, exit, render};

/// Explain the code of an error, or list all codes
#[derive(ClapArgs)]
#[command(after_help = "The code is the word in brackets that an error begins with.\n\n\
    Examples:\n  carnet explain disk-full\n  carnet explain")]
pub(crate) struct Explain {
    /// Which code; all if it is left out
    #[arg(value_name = "CODE", value_parser = code)]
    code: Option<Code>,
    /// Print docs/errors.md
    #[arg(long, hide = true, conflicts_with_all = ["code", "json"])]
    markdown: bool,
}

/// A code, explained.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Explanation {
    /// The stable word.
    #[schemars(with = "String")]
    code: Code,
    /// The exit code of the program.
    exit_code: u8,
    /// What it means.
    meaning: &'static str,
    /// What to do, unless the hint of the error says more.
    next_step: &'static str,
}

impl Explanation {
    fn of(code: Code) -> Explanation {
        Explanation {
            code,
            exit_code: exit::code(code.failure()),
            meaning: code.meaning(),
            next_step: advice::next_step(code),
        }
    }
}

pub(crate) fn explain(args: &Explain, screen: Screen) -> u8 {
    let codes = args.code.as_ref().map_or(Code::ALL, std::slice::from_ref);
    if args.markdown {
        render::text(&markdown());
    } else if screen.json {
        render::json(&codes.iter().map(|&code| Explanation::of(code)).collect::<Vec<_>>());
    } else if let Some(code) = args.code {
        let Explanation { exit_code, meaning, next_step, .. } = Explanation::of(code);
        render::text(&format!(
            "{code}\nmeaning     {meaning}\nexit code   {exit_code}\nwhat to do  {next_step}\n"
        ));
    } else {
        let row = |&code: &Code| {
            vec![code.to_string(), exit::code(code.failure()).to_string(), code.meaning().to_owned()]
        };
        render::text(&render::table(&["CODE", "EXIT", "MEANING"], &[1], codes.iter().map(row).collect()));
    }
    exit::DONE
}

/// The exit classes in the order of docs/errors.md, each with its heading.
const CLASSES: [(Failure, &str); 5] = [
    (Failure::Failed, "it could not be done"),
    (Failure::Usage, "it was asked for in a way that makes no sense"),
    (Failure::Untrusted, "not trusted"),
    (Failure::Damaged, "bytes are damaged, missing or malformed"),
    (Failure::Interrupted, "interrupted by a signal"),
];

const PREAMBLE: &str = "\
# Errors

An error is shown as `error[CODE]: MESSAGE` and a hint. The code is a stable word for scripts; each code belongs to
one exit code of the program. Look for the word in brackets here, or ask `carnet explain CODE`. The hint of an error
may say more than the next step below, because it knows the circumstances. This page is made by
`carnet explain --markdown`.
";

/// The page docs/errors.md.
fn markdown() -> String {
    let mut page = PREAMBLE.to_owned();
    for (failure, heading) in CLASSES {
        page += &format!("\n## Exit code {}: {heading}\n", exit::code(failure));
        for &code in Code::ALL.iter().filter(|code| code.failure() == failure) {
            page +=
                &format!("\n### {code}\n\n{}\n\nWhat to do: {}.\n", code.meaning(), advice::next_step(code));
        }
    }
    page
}

/// The code of this word; otherwise the one that looks most like it.
fn code(text: &str) -> Result<Code, String> {
    if let Some(code) = Code::ALL.iter().find(|code| code.word() == text) {
        return Ok(*code);
    }
    let nearest = Code::ALL.iter().min_by_key(|code| distance(code.word(), text));
    let nearest = nearest.filter(|code| distance(code.word(), text) <= text.len().max(2) / 2);
    let suggestion = nearest.map(|code| format!("; did you mean {code}?")).unwrap_or_default();
    Err(format!("there is no such code{suggestion}"))
}

/// How many letters must be changed, added or removed to make `b` of `a` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(80).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_the_nearest_code() {
        assert_eq!(code("disk-full"), Ok(Code::DiskFull));
        assert!(code("disk-ful").unwrap_err().contains("did you mean disk-full?"));
        assert!(code("blobmismatch").unwrap_err().contains("did you mean blob-mismatch?"));
        assert!(!code("xyzzy").unwrap_err().contains("did you mean"));
        assert!(!code("").unwrap_err().contains("did you mean"));
    }

    #[test]
    fn counts_changed_letters() {
        for (a, b, letters) in [("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("kitten", "sitting", 3)] {
            assert_eq!((distance(a, b), distance(b, a)), (letters, letters), "{a} {b}");
        }
    }
}
