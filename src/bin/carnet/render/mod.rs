//! The reports of an audit as people and their tools read them. Every form shows the facts of the report and computes none:
//! what the page, the tables and the record say is what the JSON says.

pub(crate) mod csv;
#[cfg(test)]
mod example;
pub(crate) mod html;
pub(crate) mod record;
pub(crate) mod sarif;
pub(crate) mod text;
mod words;
