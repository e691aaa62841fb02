//! The reports of an audit as people and their tools read them. Every form shows the facts of the report and computes none:
//! what the page, the tables and the record say is what the JSON says.

mod csv;
pub(crate) mod difference;
#[cfg(test)]
mod example;
pub(crate) mod file_lines;
pub(crate) mod file_rows;
pub(crate) mod form;
pub(crate) mod guard_text;
mod html;
mod inventory;
mod record;
mod sarif;
mod text;
mod words;
