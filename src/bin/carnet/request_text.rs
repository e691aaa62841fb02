//! Resend requests on the command line: a text, a file, or stdin.

use std::path::Path;

use carnet::diagnosis::{Advice, Code};
use carnet::format::resend::{REQUEST_BYTES_MAX, ResendRequest, read};
use carnet::small_file::SmallFile;

use super::command_error::CommandError;

/// Reads requests from words of the command line, which are a text, the name of a file, or `-` for stdin.
pub(crate) fn requests(words: &[String]) -> Result<Vec<ResendRequest>, CommandError> {
    let text = match words {
        [word] if word == "-" => file(Path::new("/dev/stdin"))?,
        // A request has several words, so one word is the name of a file.
        [word] if !word.contains(char::is_whitespace) || Path::new(word).is_file() => file(Path::new(word))?,
        words => words.join(" "),
    };
    Ok(read(&text)?)
}

/// Reads the one request for `--only`.
pub(crate) fn only_request(words: &[String]) -> Result<ResendRequest, CommandError> {
    let mut requests = requests(words)?;
    match requests.pop() {
        Some(request) if requests.is_empty() => Ok(request),
        _ => {
            let message =
                format!("--only expects 1 request, found {}: pass them one at a time", requests.len() + 1);
            Err(CommandError::new(Code::RequestWrong, message))
        }
    }
}

fn file(path: &Path) -> Result<String, CommandError> {
    let limit = REQUEST_BYTES_MAX as u64;
    let read = SmallFile::read(path, limit).and_then(|file| file.text().map(str::to_owned));
    read.map_err(|error| {
        let mut error = CommandError::small_file(path, &error);
        if error.diagnosis.advice == Some(Advice::CheckPath) {
            error.message += "; a request that is given as text begins with RESEND and has several words";
        }
        error
    })
}
