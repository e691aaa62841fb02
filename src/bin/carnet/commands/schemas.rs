//! `carnet schemas`: writes the published JSON schemas (docs/schemas).

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use schemars::{Schema, schema_for};

use crate::command::{Command, Context};
use crate::command_error::{CommandError, ErrorReport};
use crate::exit;
use crate::progress::ProgressLine;

/// Write the JSON schemas of all outputs into a folder
#[derive(Args)]
#[command(hide = true)]
pub(crate) struct Schemas {
    /// The folder for the schemas
    to: PathBuf,
}

impl Command for Schemas {
    fn run(self, _: &Context<'_>) -> Result<u8, CommandError> {
        write_all(&self.to).map_err(|error| CommandError::file("write", &self.to, &error))?;
        Ok(exit::DONE)
    }

    /// The schemas that belong to no single command.
    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("error", schema_for!(ErrorReport)), ("progress", schema_for!(ProgressLine))]
    }
}

/// Writes `NAME.json` for every document.
fn write_all(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, schema) in super::all::schemas() {
        let mut text = serde_json::to_string_pretty(&schema).expect("a schema serialises");
        text.push('\n');
        std::fs::write(folder.join(format!("{name}.json")), text)?;
    }
    Ok(())
}
