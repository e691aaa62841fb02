//! Values in station files, as texts. Each error begins with the key.

use std::path::Path;
use std::str::FromStr;

use super::{PipelineOption, seconds};
use crate::format::chunk_size::byte_count;
use crate::medium::ChunkPlace;
use crate::sums::SumFunction;

/// A value of a type that reads itself.
pub(super) fn value<T: FromStr>(text: &str, key: &str) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| format!("{key}: {text:?}: {error}"))
}

/// The same, if it is there.
pub(super) fn optional<T: FromStr>(text: Option<&str>, key: &str) -> Result<Option<T>, String>
where
    T::Err: std::fmt::Display,
{
    text.map(|text| value(text, key)).transpose()
}

/// The same, for a list.
pub(super) fn list<T: FromStr>(texts: &[String], key: &str) -> Result<Vec<T>, String>
where
    T::Err: std::fmt::Display,
{
    texts.iter().map(|text| value(text, key)).collect()
}

/// A place of chunks. A path begins at `folder`, that of the station file.
pub(super) fn place(text: &str, key: &str, folder: &Path) -> Result<ChunkPlace, String> {
    match ChunkPlace::parse(text.into()).map_err(|error| format!("{key}: {error}"))? {
        ChunkPlace::Path(path) => Ok(ChunkPlace::Path(folder.join(path))),
        store @ ChunkPlace::Store(_) => Ok(store),
    }
}

/// The options of a pipeline, of which some are allowed.
pub(super) fn options(texts: &[String], allowed: &[PipelineOption]) -> Result<Vec<PipelineOption>, String> {
    let mut options = Vec::new();
    for text in texts {
        let option = allowed.iter().find(|option| option.word() == text).ok_or_else(|| {
            let words: Vec<&str> = allowed.iter().map(|option| option.word()).collect();
            format!("options: unknown option {text:?}; allowed options are {}", words.join(", "))
        })?;
        options.push(*option);
    }
    Ok(options)
}

/// A duration in seconds, if it is there.
pub(super) fn duration(text: Option<&str>, key: &str) -> Result<Option<u64>, String> {
    let Some(text) = text else { return Ok(None) };
    let seconds = seconds(text)
        .ok_or_else(|| format!("{key}: expected a duration such as 30s, 5m, 1h or 60d, found {text:?}"));
    seconds.map(Some)
}

/// A size in bytes.
pub(super) fn bytes(text: &str, key: &str) -> Result<u64, String> {
    let problem = || format!("{key}: expected a size such as 500 GB or 64 MiB, found {text:?}");
    byte_count(text).ok_or_else(problem)
}

/// What sums of chunk files are made with.
pub(super) fn sum_function(word: &str) -> Result<SumFunction, String> {
    let known = [SumFunction::Sha256, SumFunction::Md5];
    let found = known.into_iter().find(|function| function.word() == word);
    found.ok_or_else(|| format!("file-sums: expected sha256 or md5, found {word:?}"))
}

/// A program and its arguments, at least the program.
pub(super) fn command(argv: Option<Vec<String>>) -> Result<Option<Vec<String>>, String> {
    match argv {
        Some(argv) if argv.is_empty() => Err("secret-command is empty".to_owned()),
        argv => Ok(argv),
    }
}
