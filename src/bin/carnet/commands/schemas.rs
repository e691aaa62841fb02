//! `carnet schemas`: the published JSON schemas (docs/schemas) are made by it.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use schemars::{Schema, schema_for};

use crate::command::{Command, Context};
use crate::exit;
use crate::progress::ProgressLine;
use crate::trouble::{ErrorReport, Trouble};

/// Write the JSON schemas of all outputs into a folder
#[derive(Args)]
#[command(hide = true)]
pub(crate) struct Schemas {
    to: PathBuf,
}

impl Command for Schemas {
    fn run(self, _: &Context<'_>) -> Result<u8, Trouble> {
        write_all(&self.to).map_err(|error| Trouble::unusable("write", &self.to, &error))?;
        Ok(exit::DONE)
    }

    /// Those that belong to no single command.
    fn schemas() -> Vec<(&'static str, Schema)> {
        vec![("error", schema_for!(ErrorReport)), ("progress", schema_for!(ProgressLine))]
    }
}

/// Writes `NAME.json` for every document.
fn write_all(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, schema) in super::schemas() {
        let mut text = serde_json::to_string_pretty(&schema).expect("a schema serialises");
        text.push('\n');
        std::fs::write(folder.join(format!("{name}.json")), text)?;
    }
    Ok(())
}
