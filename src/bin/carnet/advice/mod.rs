//! The texts of the advice after an error. They name commands and options, which the library does not know.

mod circumstance;
mod next_step;

use carnet::diagnosis::Diagnosis;

use circumstance::specific;
pub(crate) use next_step::next_step;

/// The hint shown with an error.
pub(crate) fn hint(diagnosis: &Diagnosis) -> String {
    match &diagnosis.advice {
        Some(advice) => specific(advice),
        None => next_step(diagnosis.code).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use carnet::diagnosis::{Advice, Code};

    use super::*;

    #[test]
    fn a_circumstance_takes_precedence_over_the_code() {
        assert_eq!(hint(&Code::DiskFull.into()), next_step(Code::DiskFull));
        assert_eq!(hint(&Code::ArtifactIo.with(Advice::CheckPath)), "check the path");
        let name = "a+b:1".to_owned();
        let advice = Advice::RenameArtifact { name, tag: "1.0".to_owned() };
        assert!(specific(&advice).ends_with("--rename 'a\\+b:1=team/app:1.0'"));
    }
}
