//! Sums of whole chunk files, for guards with manifest lists and for transfer forms. Everything they say
//! is bound by the statements already; nothing here is trusted.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use schemars::JsonSchema;
use serde::Serialize;

use crate::arrival::read_head;
use crate::environment::Environment;
use crate::format::BundleName;
use crate::format::body::BodyError;
use crate::medium::{ArrivedFile, ChunkFile, MediumError, Temporary, collect};
use crate::observe::{Event, Phase};
use crate::pack::{ChunkReport, PackReport};
use crate::stream::digesting::{Digesting, Unreadable};
use crate::stream::hash::{Function, Output, lanes};
use crate::stream::pump::pump;
use crate::stream::segments::Segment;
use crate::verify::VerifyError;

/// Which sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SumFunction {
    /// As `sha256sum` writes.
    Sha256,
    /// As `md5sum` writes.
    Md5,
}

impl SumFunction {
    /// The word in file names and reports.
    pub const fn word(self) -> &'static str {
        match self {
            SumFunction::Sha256 => "sha256",
            SumFunction::Md5 => "md5",
        }
    }
}

impl From<SumFunction> for Function {
    fn from(function: SumFunction) -> Self {
        match function {
            SumFunction::Sha256 => Function::Sha256,
            SumFunction::Md5 => Function::Md5,
        }
    }
}

/// The sums of a file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileSums {
    /// Its name, without folders.
    pub file: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The sums, in the order asked for.
    pub sums: Vec<FileSum>,
}

impl FileSums {
    fn new(file: String, bytes: u64, functions: &[SumFunction], outputs: &[Output]) -> FileSums {
        let sum = |(&function, output): (&SumFunction, &Output)| FileSum { function, hex: output.hex() };
        FileSums { file, bytes, sums: functions.iter().zip(outputs).map(sum).collect() }
    }
}

/// A sum of a file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FileSum {
    /// Which sum.
    pub function: SumFunction,
    /// In lower-case hex.
    pub hex: String,
}

/// What `sums` says.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SumsReport {
    /// The chunk files, by name.
    pub files: Vec<FileSums>,
}

impl SumsReport {
    /// What packing summed on its way, when it was asked for these `functions`.
    pub fn of_packed(report: &PackReport, functions: &[SumFunction]) -> SumsReport {
        let file =
            |chunk: &ChunkReport| FileSums::new(chunk.file.clone(), chunk.bytes, functions, &chunk.file_sums);
        SumsReport { files: report.chunks.iter().map(file).collect() }
    }

    /// The lines that coreutils checks with `-c`.
    pub fn lines(&self, function: SumFunction) -> String {
        let line = |file: &FileSums| {
            let sum = file.sums.iter().find(|sum| sum.function == function)?;
            // Coreutils escape such names with a leading backslash.
            let escaped = file.file.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
            let mark = if escaped == file.file { "" } else { "\\" };
            Some(format!("{mark}{}  {escaped}\n", sum.hex))
        };
        self.files.iter().filter_map(line).collect()
    }
}

/// Sums every chunk file among `paths`; other files are passed over.
///
/// # Errors
/// [`VerifyError`] where a file cannot be read or none is a chunk.
pub fn sums(
    paths: &[PathBuf],
    functions: &[SumFunction],
    environment: &Environment<'_>,
) -> Result<SumsReport, VerifyError> {
    let found = collect(paths)?;
    let looked_at = found.len();
    let mut files = Vec::new();
    for file in found {
        match read_head(file.as_ref()) {
            Ok(_) => files.push(file),
            Err(BodyError::Format(_)) => {}
            Err(BodyError::Io(source)) => {
                let path = file.name().to_owned();
                return Err(MediumError::Io { what: "read", path, source }.into());
            }
        }
    }
    if let Some(file) = files.iter().find(|file| !is_plain(file.path())) {
        return Err(MediumError::OddName { path: file.name().to_owned() }.into());
    }
    if files.is_empty() {
        return Err(VerifyError::NoChunk { files: looked_at, first: None });
    }
    let wanted: Vec<Function> = functions.iter().map(|&function| function.into()).collect();
    let outputs = hash(&files, &wanted, environment)?;
    let report = files.iter().zip(outputs).map(|(file, outputs)| {
        let name = file.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        FileSums::new(name, file.bytes(), functions, &outputs)
    });
    Ok(SumsReport { files: report.collect() })
}

/// Whether coreutils and a terminal take the file's name as it is.
fn is_plain(path: &Path) -> bool {
    let name = path.file_name().and_then(std::ffi::OsStr::to_str);
    name.is_some_and(|name| !name.chars().any(char::is_control))
}

/// Writes `NAME_sha256.txt` and `NAME_md5.txt` beside the chunk files, each whole or not at all.
///
/// # Errors
/// When the folder cannot be written.
pub fn write(
    report: &SumsReport,
    functions: &[SumFunction],
    folder: &Path,
    name: &BundleName,
) -> Result<(), MediumError> {
    for &function in functions {
        let path = folder.join(format!("{name}_{}.txt", function.word()));
        let written = Temporary::beside(&path).and_then(|mut temporary| {
            std::io::Write::write_all(temporary.file(), report.lines(function).as_bytes())?;
            temporary.place(&path)
        });
        written.map_err(|source| {
            let path = path.display().to_string().escape_debug().to_string();
            MediumError::Io { what: "write", path, source }
        })?;
    }
    Ok(())
}

fn hash(
    files: &[std::sync::Arc<ArrivedFile>],
    functions: &[Function],
    environment: &Environment<'_>,
) -> Result<Vec<Vec<Output>>, VerifyError> {
    let bytes = files.iter().map(|file| file.bytes()).sum();
    environment.monitor.tell(Event::Started { phase: Phase::Sums, bytes });
    let outputs: Vec<Mutex<Vec<Output>>> = files.iter().map(|_| Mutex::default()).collect();
    let failed: Mutex<Option<Unreadable<usize>>> = Mutex::new(None);
    // The longest first, and the longest together: lanes are full while lengths are alike.
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(files[at].bytes()));
    let lengths: Vec<u64> = order.iter().map(|&at| files[at].bytes()).collect();
    let next = AtomicUsize::new(0);
    let pumped = pump(
        environment.workers,
        functions.iter().map(|&function| lanes(function)).max().unwrap_or(1),
        &lengths,
        &|| {
            let at = *order.get(next.fetch_add(1, Ordering::Relaxed))?;
            let file = &files[at];
            let segment = Segment { file: file.clone(), offset: 0, bytes: file.bytes() };
            Some(Ok(Digesting::new(at, vec![segment], functions, environment.monitor)))
        },
        &|outcome| match outcome {
            Ok((at, found)) => {
                *outputs[at].lock().expect("no thread panicked") = found;
                ControlFlow::Continue(())
            }
            Err(unreadable) => {
                failed.lock().expect("no thread panicked").get_or_insert(unreadable);
                ControlFlow::Break(())
            }
        },
    );
    environment.monitor.tell(Event::Ended);
    pumped.map_err(VerifyError::System)?;
    if let Some(Unreadable { file, source, .. }) = failed.into_inner().expect("no thread panicked") {
        return Err(MediumError::Io { what: "read", path: file, source }.into());
    }
    if environment.workers.interrupted() {
        return Err(VerifyError::Interrupted);
    }
    Ok(outputs.into_iter().map(|outputs| outputs.into_inner().expect("no thread panicked")).collect())
}
