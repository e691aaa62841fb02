//! What one process found in a piece of a bundle, as a text that the last one reads (docs/scale.md).

use serde::{Deserialize, Serialize};

use crate::arrival::{Finding, Opened, Share};
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::format::Sum;
use crate::format::statement::Kind;

/// The first words of a result.
const FORMAT: &str = "carnet-verified v1";

/// Maximum size of a result, in bytes.
pub const RESULT_BYTES_MAX: u64 = 64 << 20;

/// What was found in the files of a piece of a bundle. It proves nothing: anyone who can write it can say anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PieceResult(Document);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    /// The id of the bundle.
    bundle: String,
    piece: u32,
    pieces: u32,
    files: Vec<HashedFile>,
}

/// A file that was hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HashedFile {
    /// Its name, without folders: they may be mounted elsewhere.
    file: String,
    is_parity: bool,
    number: u32,
    bytes: u64,
    /// When it was last modified, by the clock of its place.
    modified: Option<String>,
    /// Its sums, as its statement gives them.
    sums: String,
    /// What is wrong with it; nothing if every byte is as signed.
    problems: Vec<Finding>,
}

/// A result is malformed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the result of a verified piece: {problem}")]
pub struct ResultMalformed {
    /// What is wrong with it.
    pub problem: String,
}

impl HashedFile {
    fn of(opened: &Opened, problems: Vec<Finding>) -> HashedFile {
        HashedFile {
            file: opened.file.file_name().unwrap_or_default().to_owned(),
            is_parity: opened.statement.kind == Kind::Parity,
            number: opened.statement.number,
            bytes: opened.file.bytes(),
            modified: opened.file.modified().map(|time| time.to_string()),
            sums: opened.statement.sums.to_string(),
            problems,
        }
    }

    /// Whether this is about the file as it is now.
    fn is_about(&self, other: &HashedFile) -> bool {
        let named = |file: &HashedFile| (file.is_parity, file.number, file.bytes);
        named(self) == named(other)
            && (&self.file, &self.modified, &self.sums) == (&other.file, &other.modified, &other.sums)
    }
}

impl PieceResult {
    /// Notes what was found in these files.
    pub(super) fn new<'a>(
        bundle: Sum,
        share: Share,
        files: impl Iterator<Item = (&'a Opened, Vec<Finding>)>,
    ) -> PieceResult {
        PieceResult(Document {
            format: FORMAT.to_owned(),
            bundle: bundle.to_string(),
            piece: share.piece(),
            pieces: share.pieces(),
            files: files.map(|(opened, problems)| HashedFile::of(opened, problems)).collect(),
        })
    }

    /// Returns the name of the file for a result.
    pub fn file_name(bundle: Sum, share: Share) -> String {
        format!("{bundle}-piece-{}-of-{}.json", share.piece(), share.pieces())
    }

    /// Returns the name of its file.
    pub fn name(&self) -> String {
        let Document { bundle, piece, pieces, .. } = &self.0;
        format!("{bundle}-piece-{piece}-of-{pieces}.json")
    }

    /// Whether it is the result of this piece of the bundle.
    pub(super) fn is_of(&self, bundle: Sum, piece: u32, pieces: u32) -> bool {
        self.0.bundle == bundle.to_string() && (self.0.piece, self.0.pieces) == (piece, pieces)
    }

    /// Returns what was found in a file; `None` if the file was not hashed, or was replaced since. Of two files that differ in
    /// their folders alone, what is wrong with one counts for both.
    pub(super) fn findings(&self, opened: &Opened) -> Option<Vec<Finding>> {
        let now = HashedFile::of(opened, Vec::new());
        let mut found = self.0.files.iter().filter(|file| file.is_about(&now)).peekable();
        found.peek()?;
        Some(found.flat_map(|file| file.problems.clone()).collect())
    }

    /// Returns the text.
    pub fn render(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(&self.0).expect("plain data");
        text.push(b'\n');
        text
    }

    /// Reads what [`PieceResult::render`] made.
    ///
    /// # Errors
    /// [`ResultMalformed`].
    pub fn parse(text: &[u8]) -> Result<PieceResult, ResultMalformed> {
        let wrong = |problem: String| ResultMalformed { problem };
        let document: Document = serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
        if document.format != FORMAT {
            return Err(wrong(format!("format: expected {FORMAT:?}, found {:?}", document.format)));
        }
        Share::new(document.piece, document.pieces).map_err(|error| wrong(error.to_string()))?;
        Ok(PieceResult(document))
    }
}

impl Diagnose for ResultMalformed {
    fn diagnosis(&self) -> Diagnosis {
        Code::PieceResultMalformed.into()
    }
}
