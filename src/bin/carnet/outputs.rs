//! Where a report goes: `-o FORMAT[=FILE]`, any number of times, each file with its signature if a key is given.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use carnet::diagnosis::Code;
use carnet::trust::Signer;
use clap::ValueEnum;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::command_error::CommandError;
use super::destination::Destination;
use super::report_file;
use super::screen::Screen;

/// A form of a report, and the file that it goes to.
#[derive(Clone, Debug)]
pub(crate) struct Output<F> {
    /// The form.
    pub(crate) format: F,
    /// The file; absent for stdout.
    pub(crate) file: Option<PathBuf>,
}

/// Parses `FORMAT` or `FORMAT=FILE`.
pub(crate) fn output<F: ValueEnum + Send + Sync + 'static>() -> impl TypedValueParser<Value = Output<F>> {
    OsStringValueParser::new().try_map(|text| {
        let bytes = text.as_bytes();
        let (word, file) = match bytes.iter().position(|byte| *byte == b'=') {
            Some(at) => {
                let file = PathBuf::from(OsStr::from_bytes(&bytes[at + 1..]));
                (str::from_utf8(&bytes[..at]).ok(), Some(file))
            }
            None => (text.to_str(), None),
        };
        let format = word.and_then(|word| F::from_str(word, false).ok());
        let format =
            format.ok_or_else(|| format!("expected {}, with =FILE if it goes to a file", names::<F>()))?;
        Ok::<_, String>(Output { format, file })
    })
}

/// The formats, as `text, json or csv`.
fn names<F: ValueEnum>() -> String {
    let values = F::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => names.concat(),
    }
}

/// Returns the outputs that were asked for; without any, `otherwise` to stdout.
///
/// # Errors
/// If several would go to stdout.
pub(crate) fn outputs<F: Copy>(asked: &[Output<F>], otherwise: F) -> Result<Vec<Output<F>>, CommandError> {
    if asked.iter().filter(|output| output.file.is_none()).count() > 1 {
        let problem = "only one format can go to stdout: name files for the others";
        return Err(CommandError::new(Code::BadPlace, problem));
    }
    if asked.is_empty() {
        return Ok(vec![Output { format: otherwise, file: None }]);
    }
    Ok(asked.iter().map(|output| Output { format: output.format, file: output.file.clone() }).collect())
}

impl<F> Output<F> {
    /// Writes the report to its file, or prints it. A signature over the bytes of a file goes into a file of its name and
    /// `.sig`, as raw bytes (RFC 8032). `write` writes the report.
    ///
    /// # Errors
    /// If a file cannot be written, or if the key cannot sign.
    pub(crate) fn put(
        &self,
        screen: &Screen,
        signer: Option<&dyn Signer>,
        write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
    ) -> Result<(), CommandError> {
        match (&self.file, signer) {
            (None, _) => Self::written(Destination::stdout(screen), write),
            (Some(file), None) => Self::written(Destination::file(file)?, write),
            (Some(file), Some(signer)) => {
                // What is signed must be in memory as a whole.
                let mut bytes = Vec::new();
                write(&mut bytes).map_err(CommandError::system)?;
                let signature = signer.signature(&bytes)?;
                let mut name = file.as_os_str().to_owned();
                name.push(".sig");
                report_file::write(file, &bytes)?;
                report_file::write(Path::new(&name), &signature.bytes)
            }
        }
    }

    fn written(
        mut destination: Destination<'_>,
        write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
    ) -> Result<(), CommandError> {
        match write(&mut destination) {
            Ok(()) => destination.end(),
            Err(error) => Err(destination.give_up(error)),
        }
    }
}
