//! The sources of `pack` and `plan`, from the command line and from `--artifacts-from`.

use std::path::Path;

use carnet::artifacts::{Expansion, RegistrySources, SourceSpec};
use carnet::diagnosis::Code;
use carnet::pack::{ArtifactFailure, Wanted};

use carnet::small_file::SmallFile;

use super::command_error::CommandError;
use super::plain::plain_path;

/// Maximum size of a list of sources, in bytes.
const LIST_BYTES_MAX: u64 = 16 << 20;

/// Maximum number of lines of a list of sources. A bundle has no more artifacts.
const LIST_LINES_MAX: usize = 65_536;

/// Returns the sources in `given` and those in the file `list`, one per line. The path `-` stands for stdin.
pub(crate) fn listed(given: &[SourceSpec], list: Option<&Path>) -> Result<Vec<SourceSpec>, CommandError> {
    let mut specs = given.to_vec();
    let Some(path) = list else { return Ok(specs) };
    let unreadable = |error| CommandError::small_file(path, &error);
    let file = if path.as_os_str() == "-" {
        SmallFile::read_stream(std::io::stdin(), LIST_BYTES_MAX)
    } else {
        SmallFile::read_once(path, LIST_BYTES_MAX)
    };
    let file = file.map_err(unreadable)?;
    let text = file.text().map_err(unreadable)?;
    let invalid = |message: String| CommandError::new(Code::SourceList, message);
    for (line, number) in text.lines().zip(1..) {
        if number > LIST_LINES_MAX {
            let path = plain_path(path);
            return Err(invalid(format!("{path}, line {number}: a list has at most {LIST_LINES_MAX} lines")));
        }
        let line = line.split_once(" #").map_or(line, |(source, _)| source).trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let spec = line.parse::<SourceSpec>();
        specs.push(spec.map_err(|error| invalid(format!("{}, line {number}: {error}", plain_path(path))))?);
    }
    if specs.is_empty() {
        return Err(invalid(format!("{} lists no source", plain_path(path))));
    }
    Ok(specs)
}

/// The sources that opened, with the artifacts to pack from them, and those that did not open.
#[derive(Default)]
pub(crate) struct OpenedSources {
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) failures: Vec<ArtifactFailure>,
}

/// Opens the sources. With `continue_on_errors`, a source that does not open is added to the failures;
/// otherwise it is an error.
pub(crate) fn open(
    specs: Vec<SourceSpec>,
    registries: &RegistrySources,
    expansion: Option<&Expansion>,
    continue_on_errors: bool,
) -> Result<OpenedSources, CommandError> {
    let mut opened = OpenedSources::default();
    for spec in specs {
        match spec.open_expanding(registries, expansion) {
            Ok(sources) => opened.wanted.extend(sources.into_iter().map(|source| Wanted {
                source,
                selection: spec.selection.clone(),
                rename: spec.rename.clone(),
            })),
            Err(error) if continue_on_errors => {
                let failure = ArtifactFailure { artifact: spec.to_string(), error: error.to_string() };
                opened.failures.push(failure);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(opened)
}
