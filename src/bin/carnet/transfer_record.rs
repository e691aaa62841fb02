//! Transfer records: their forms, and the files that `pack` and `import` write.

use std::collections::BTreeMap;
use std::path::PathBuf;

use carnet::format::Timestamp;
use carnet::medium::NewFile;
use carnet::runs::{PipelineType, Place, RunRecord, TransferRecord, csv_text};
use clap::{Args as ClapArgs, ValueEnum};

use super::command_error::CommandError;
use super::fields::{by_name, field};
use super::plain::{plain_json, plain_lines};
use super::transfer_text::text;
use super::world::host_name;

/// The form of a transfer record.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Form {
    Text,
    Csv,
    Json,
}

impl Form {
    /// Renders a record.
    pub(crate) fn render(self, record: &TransferRecord) -> String {
        match self {
            Form::Text => text(record),
            Form::Csv => plain_lines(&csv_text(&record.rows())),
            Form::Json => {
                plain_json(&serde_json::to_string_pretty(record).expect("a record serialises")) + "\n"
            }
        }
    }
}

/// The options of `pack` and `import` for a transfer record.
#[derive(ClapArgs, Clone)]
pub(crate) struct TransferRecordArgs {
    /// Write a transfer record for the security officer to FILE, whose name ends in .txt, .csv or .json;
    /// repeatable
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run", value_parser = record_file)]
    transfer_record: Vec<(PathBuf, Form)>,
    /// Write a field into the transfer record, e.g. media-serial=4711; repeatable. The fields
    /// transferred-by and approved-by name the two people who sign
    #[arg(long = "field", value_name = "NAME=VALUE", requires = "transfer_record", value_parser = field)]
    fields: Vec<(String, String)>,
}

/// A file of a transfer record, and the form that its name says.
fn record_file(text: &str) -> Result<(PathBuf, Form), String> {
    let forms = [(".txt", Form::Text), (".csv", Form::Csv), (".json", Form::Json)];
    let form = forms.into_iter().find(|(ending, _)| text.len() > ending.len() && text.ends_with(ending));
    let (_, form) = form.ok_or("expected a name that ends in .txt, .csv or .json")?;
    Ok((text.into(), form))
}

impl TransferRecordArgs {
    /// Whether a record is wanted.
    pub(crate) fn is_asked(&self) -> bool {
        !self.transfer_record.is_empty()
    }

    /// Reserves the files of the record, before anything is done; `None` if no record is wanted.
    ///
    /// # Errors
    /// If a file exists already, a folder cannot be written, or both people have the same name.
    pub(crate) fn begin(&self, started: Timestamp) -> Result<Option<TransferRecordFiles>, CommandError> {
        if !self.is_asked() {
            return Ok(None);
        }
        let fields = by_name(&self.fields)?;
        let reserve = |(path, form): &(PathBuf, Form)| Ok((NewFile::reserve(path)?, *form));
        let files = self.transfer_record.iter().map(reserve).collect::<Result<_, CommandError>>()?;
        Ok(Some(TransferRecordFiles { files, fields, started }))
    }
}

/// The reserved files of a transfer record.
pub(crate) struct TransferRecordFiles {
    files: Vec<(NewFile, Form)>,
    fields: BTreeMap<String, String>,
    started: Timestamp,
}

impl TransferRecordFiles {
    /// Returns the beginning of the record of work by hand.
    pub(crate) fn record(
        &self,
        pipeline_type: PipelineType,
        source: Place,
        target: Place,
        options: &[(&str, bool)],
    ) -> RunRecord {
        let mut record = RunRecord::new("by-hand", pipeline_type, source, target);
        let time = self.started.to_string().replace(['-', ':'], "");
        record.name = format!("{time}-by-hand");
        record.start_time = self.started.to_string();
        record.fields.clone_from(&self.fields);
        record.host = host_name();
        let set = options.iter().filter(|(_, is_set)| *is_set);
        record.options = set.map(|(option, _)| (*option).to_owned()).collect();
        record
    }

    /// Writes the record into its files.
    ///
    /// # Errors
    /// If one cannot be written. No file is half written, and none is replaced.
    pub(crate) fn write(self, mut record: RunRecord, finished: Timestamp) -> Result<(), CommandError> {
        record.finish_time = Some(finished.to_string());
        let record = TransferRecord::by_hand(record);
        for (file, form) in self.files {
            file.place(form.render(&record).as_bytes())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_a_name_decides_the_form() {
        assert_eq!(record_file("a.csv").unwrap().1, Form::Csv);
        assert_eq!(record_file("in/a.b.json").unwrap().1, Form::Json);
        for other in ["a", "a.pdf", ".txt", "txt", "a.txt.gz"] {
            assert!(record_file(other).is_err(), "{other}");
        }
    }
}
