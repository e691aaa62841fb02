//! The sources of `pack`: those of the command line and of `--artifacts-from`.

use std::path::Path;

use carnet::artifacts::{RegistrySources, SourceSpec};
use carnet::diagnosis::Code;
use carnet::pack::{ArtifactFailure, Wanted};

use crate::plain::plain_path;
use crate::trouble::Trouble;

/// Adds the sources that `list` names, one a line. `-` reads stdin.
pub(super) fn listed(given: &[SourceSpec], list: Option<&Path>) -> Result<Vec<SourceSpec>, Trouble> {
    let mut specs = given.to_vec();
    let Some(path) = list else { return Ok(specs) };
    let text = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.map_err(|error| Trouble::unusable("read", path, &error))?;
    let refused = |message: String| Trouble::new(Code::SourceList, message);
    for (line, number) in text.lines().zip(1..) {
        let line = line.split_once(" #").map_or(line, |(source, _)| source).trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let spec = line.parse::<SourceSpec>();
        specs.push(spec.map_err(|error| refused(format!("{}, line {number}: {error}", plain_path(path))))?);
    }
    if specs.is_empty() {
        return Err(refused("the list names no source".to_owned()));
    }
    Ok(specs)
}

/// What is wanted of the sources, and those that did not open.
#[derive(Default)]
pub(super) struct Opened {
    pub(super) wanted: Vec<Wanted>,
    pub(super) failures: Vec<ArtifactFailure>,
}

/// Opens the sources. With `continue_on_errors`, one that does not open is a failure beside the others.
pub(super) fn open(
    specs: Vec<SourceSpec>,
    registries: &RegistrySources,
    continue_on_errors: bool,
) -> Result<Opened, Trouble> {
    let mut opened = Opened::default();
    for spec in specs {
        match spec.open(registries) {
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
