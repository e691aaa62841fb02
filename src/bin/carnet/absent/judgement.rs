//! What stands for the judgements of policies in the program that only verifies.

use serde::Serialize;

/// A judgement, which this program never makes.
#[derive(Serialize)]
pub(crate) enum Judgement {}

/// The lines that say why.
pub(crate) fn reasons(judgement: &Judgement) -> Vec<String> {
    match *judgement {}
}
