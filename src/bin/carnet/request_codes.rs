//! The options that show requests to send chunks again as QR codes.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use carnet::format::resend::ResendRequest;
use clap::Args;

use super::command_error::CommandError;
use super::qr::{self, Picture};
use super::report_file::write;
use super::screen::Screen;

/// The options for codes.
#[derive(Args)]
pub(crate) struct CodeArgs {
    /// Print the request as QR code, as several if it is long
    #[arg(long)]
    qr: bool,
    /// Write the request as QR code to FILE, which ends in .svg or .png
    #[arg(long, value_name = "FILE", value_parser = picture_file)]
    qr_file: Option<(PathBuf, Picture)>,
}

impl CodeArgs {
    /// The codes for stdout; nothing if none were asked for, or if a JSON document goes there.
    pub(crate) fn drawn(&self, requests: &[&ResendRequest], screen: &Screen) -> Result<String, CommandError> {
        if self.qr && !screen.json {
            qr::on_terminal(requests, std::io::stdout().is_terminal())
        } else {
            Ok(String::new())
        }
    }

    /// The file for a code, if one was named.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.qr_file.as_ref().map(|(file, _)| file.as_path())
    }

    /// Writes the code to the file that was named.
    pub(crate) fn write(&self, requests: &[&ResendRequest]) -> Result<(), CommandError> {
        match &self.qr_file {
            Some((file, kind)) => write(file, &qr::picture(requests, *kind)?),
            None => Ok(()),
        }
    }
}

/// A file for a code. Its name says of which kind it is.
fn picture_file(text: &str) -> Result<(PathBuf, Picture), String> {
    Ok((PathBuf::from(text), text.parse()?))
}
