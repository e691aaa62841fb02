//! The published JSON schemas of every output (docs/schemas).

use std::path::Path;

use schemars::Schema;

use super::explain::Explanation;
use super::render::{ErrorReport, Keys, VersionReport};

/// Each output and its schema.
fn all() -> Vec<(&'static str, Schema)> {
    vec![
        ("error", schemars::schema_for!(ErrorReport)),
        ("explain", schemars::schema_for!(Vec<Explanation>)),
        ("import", schemars::schema_for!(carnet::import::ImportReport)),
        ("inspect", schemars::schema_for!(carnet::inspect::InspectReport)),
        ("keygen", schemars::schema_for!(Keys)),
        ("missing", schemars::schema_for!(carnet::missing::MissingReport)),
        ("pack", schemars::schema_for!(carnet::pack::PackReport)),
        ("receipt", schemars::schema_for!(carnet::import::Receipt)),
        ("sign", schemars::schema_for!(carnet::sign::SignReport)),
        ("sums", schemars::schema_for!(carnet::sums::SumsReport)),
        ("unpack", schemars::schema_for!(carnet::unpack::UnpackReport)),
        ("version", schemars::schema_for!(VersionReport)),
        ("verify", schemars::schema_for!(carnet::verify::VerifyReport)),
    ]
}

/// Writes `NAME.json` for every output.
pub(crate) fn write_all(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, schema) in all() {
        let mut text = serde_json::to_string_pretty(&schema).expect("a schema serialises");
        text.push('\n');
        std::fs::write(folder.join(format!("{name}.json")), text)?;
    }
    Ok(())
}
