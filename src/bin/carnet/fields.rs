//! Fields that an operator gives for a record.

use std::collections::BTreeMap;

use carnet::diagnosis::Code;
use carnet::runs::same_person;
use clap::Args as ClapArgs;

use super::command_error::CommandError;
use super::plain::plain;

/// Fields for the record of a run.
#[derive(ClapArgs, Clone)]
pub(crate) struct FieldArgs {
    /// Write a field into the record of the run, e.g. media-serial=4711; repeatable. The fields transferred-by and
    /// approved-by name the two people who sign the transfer record
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = field)]
    fields: Vec<(String, String)>,
}

impl FieldArgs {
    /// Returns the fields by their names.
    ///
    /// # Errors
    /// If both people who sign have the same name.
    pub(crate) fn fields(&self) -> Result<BTreeMap<String, String>, CommandError> {
        by_name(&self.fields)
    }
}

/// Returns fields by their names.
///
/// # Errors
/// If both people who sign have the same name.
pub(crate) fn by_name(fields: &[(String, String)]) -> Result<BTreeMap<String, String>, CommandError> {
    let fields: BTreeMap<String, String> = fields.iter().cloned().collect();
    match same_person(&fields) {
        Some(name) => {
            let message = format!("transferred-by and approved-by are both {:?}", plain(name));
            Err(CommandError::new(Code::SamePerson, message))
        }
        None => Ok(fields),
    }
}

/// A field: a name of letters, digits and hyphens, and a value.
pub(crate) fn field(text: &str) -> Result<(String, String), String> {
    let invalid = || "expected NAME=VALUE, with a name of letters, digits and hyphens".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(invalid)?;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if name.is_empty() || name.len() > 64 || value.len() > 1024 || !name.chars().all(is_allowed) {
        return Err(invalid());
    }
    Ok((name.to_owned(), value.to_owned()))
}
