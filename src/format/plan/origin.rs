//! The bundles that a bundle was made of, with what their packers and releasers signed (docs/format.md, "Origins").

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::delta::{BundleMark, mark, mark_words};
use crate::format::error::FormatError;
use crate::format::limits::{ORIGINS_MAX, SIGNATURES_MAX};
use crate::format::lines::Lines;
use crate::format::signature::{Signature, SignatureAlgorithm};
use crate::format::statement::Statement;

/// A bundle that this one was made of, without its source. What it says is evidence and no more: trust comes from the
/// signatures of the new bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The bundle.
    pub mark: BundleMark,
    /// The statement of its control chunk.
    pub statement: Statement,
    /// The signatures over that statement, by key and algorithm.
    pub signatures: Vec<Signature>,
}

/// Renders the lines of the origins.
pub(super) fn render(origins: &[Origin], out: &mut String) {
    for origin in origins {
        let _ = writeln!(out, "origin {}", mark_words(&origin.mark));
        let _ = writeln!(out, "statement {}", STANDARD.encode(origin.statement.render()));
        for Signature { key, algorithm, bytes } in &origin.signatures {
            let _ = writeln!(out, "signature {}.{algorithm} {}", hex::encode(key), STANDARD.encode(bytes));
        }
    }
}

/// Parses the lines of the origins.
pub(super) fn parse(lines: &mut Lines<'_>) -> Result<Vec<Origin>, FormatError> {
    let mut origins: Vec<Origin> = Vec::new();
    while lines.next_is("origin") {
        let mark = mark(lines, "origin")?;
        if origins.len() == ORIGINS_MAX {
            return Err(lines.refuse(format!("at most {ORIGINS_MAX} origins"), None));
        }
        if origins.last().is_some_and(|before| before.mark.bundle >= mark.bundle) {
            return Err(lines.refuse("origins in ascending order without duplicates".to_owned(), None));
        }
        let text = lines.value("statement")?;
        let refused = |lines: &Lines<'_>| {
            let expected = format!("the statement of the control chunk of {}, in base64", mark.bundle);
            lines.refuse(expected, Some(text))
        };
        let statement = decode(text).and_then(|bytes| Statement::parse(&bytes).ok());
        let statement =
            statement.filter(|statement| is_of(statement, &mark)).ok_or_else(|| refused(lines))?;
        let mut signatures: Vec<Signature> = Vec::new();
        while lines.next_is("signature") {
            let signature = signature(lines)?;
            let order = |signature: &Signature| (signature.key, signature.algorithm);
            let ascends = signatures.last().is_none_or(|before| order(before) < order(&signature));
            if !ascends || signatures.len() == SIGNATURES_MAX {
                let expected = format!("at most {SIGNATURES_MAX} signatures in ascending order");
                return Err(lines.refuse(expected, None));
            }
            signatures.push(signature);
        }
        if signatures.is_empty() {
            return Err(lines.refuse("a signature of the origin".to_owned(), None));
        }
        origins.push(Origin { mark, statement, signatures });
    }
    Ok(origins)
}

/// Whether a statement is that of the control chunk of this bundle.
fn is_of(statement: &Statement, mark: &BundleMark) -> bool {
    let crossing = &statement.crossing;
    statement.is_control()
        && statement.bundle == mark.bundle
        && crossing.name == mark.name
        && crossing.stream == mark.stream
        && crossing.sequence == mark.sequence
}

/// Decodes base64 with padding, which has only one form.
fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

fn signature(lines: &mut Lines<'_>) -> Result<Signature, FormatError> {
    let [name, text] = lines.words("signature")?;
    let (key, algorithm) = name.split_once('.').unwrap_or((name, ""));
    let key = crate::oci::digest::decode_hex::<8>(key);
    let algorithm: SignatureAlgorithm = lines.word(algorithm)?;
    match (key, decode(text)) {
        (Some(key), Some(bytes)) if algorithm.bytes().contains(&(bytes.len() as u64)) => {
            Ok(Signature { key, algorithm, bytes })
        }
        _ => Err(lines.refuse("KEY.ALGORITHM and a signature in base64".to_owned(), Some(name))),
    }
}
