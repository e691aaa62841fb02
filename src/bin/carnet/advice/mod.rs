//! The texts of the advice after an error. They name commands and options, which the library does not know.

mod circumstance;
mod next_step;

use carnet::diagnosis::Diagnosis;

use crate::command_names::has;
use circumstance::specific;
pub(crate) use next_step::next_step;

/// The hint shown with an error.
pub(crate) fn hint(diagnosis: &Diagnosis) -> String {
    here(&match &diagnosis.advice {
        Some(advice) => specific(advice),
        None => next_step(diagnosis.code).to_owned(),
    })
}

/// A text for this program: it says of each command in backquotes that only the full program has that this is so.
pub(crate) fn here(text: &str) -> String {
    where_some_are(text, has)
}

/// A text for a program that has some of the commands.
fn where_some_are(text: &str, has: impl Fn(&str) -> bool) -> String {
    let mut parts = text.split("`carnet ");
    let mut written = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_word = |c: char| c.is_ascii_lowercase() || c == '-';
        let name = part.split(|c| !is_word(c)).next().unwrap_or_default();
        written.push_str("`carnet ");
        match part.split_once('`') {
            Some((inside, after)) if !name.starts_with('-') && !has(name) => {
                written.push_str(&format!("{inside}` of the full program{after}"));
            }
            _ => written.push_str(part),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use carnet::diagnosis::{Advice, Code};

    use super::*;

    #[test]
    fn a_command_that_a_program_lacks_is_said_to_be_elsewhere() {
        let text = "see `carnet --help`, run `carnet verify -v` or `carnet repair --to DIR`, and `carnet stream show`";
        let has = |name: &str| name == "verify";
        let said = where_some_are(text, has);
        let expected = "see `carnet --help`, run `carnet verify -v` or `carnet repair --to DIR` of the full program, and \
            `carnet stream show` of the full program";
        assert_eq!(said, expected);
        assert_eq!(where_some_are(text, |_| true), text);
    }

    #[test]
    fn a_circumstance_takes_precedence_over_the_code() {
        assert_eq!(hint(&Code::DiskFull.into()), next_step(Code::DiskFull));
        assert_eq!(hint(&Code::ArtifactIo.with(Advice::CheckPath)), "check the path");
        let name = "a+b:1".to_owned();
        let advice = Advice::RenameArtifact { name, tag: "1.0".to_owned() };
        assert!(specific(&advice).ends_with("--rename 'a\\+b:1=team/app:1.0'"));
    }
}
