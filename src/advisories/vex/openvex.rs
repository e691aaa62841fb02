//! OpenVEX (OpenVEX Specification v0.2.0), by itself or as the predicate of an attestation.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::instant::instant;
use super::product::{Component, Product};
use super::statement::{VexStatement, VexStatus, reason};

#[derive(Deserialize)]
struct Document {
    timestamp: Option<String>,
    last_updated: Option<String>,
    #[serde(default)]
    statements: Vec<Statement>,
}

#[derive(Deserialize)]
struct Attestation {
    predicate: Document,
    #[serde(default)]
    subject: Vec<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    name: Option<String>,
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[allow(clippy::struct_field_names)] // The names are those of the format.
struct Statement {
    vulnerability: Option<Vulnerability>,
    timestamp: Option<String>,
    last_updated: Option<String>,
    #[serde(default)]
    products: Vec<Named>,
    status: String,
    justification: Option<String>,
    impact_statement: Option<String>,
    action_statement: Option<String>,
    status_notes: Option<String>,
}

/// Version 0.0 has only the name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Vulnerability {
    Name(String),
    Named {
        #[serde(rename = "@id")]
        id: Option<String>,
        name: Option<String>,
        #[serde(default)]
        aliases: Vec<String>,
    },
}

/// Version 0.0 has only the name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Name(String),
    Component {
        #[serde(rename = "@id")]
        id: Option<String>,
        #[serde(default)]
        identifiers: BTreeMap<String, String>,
        #[serde(default)]
        hashes: BTreeMap<String, String>,
        #[serde(default)]
        subcomponents: Vec<Named>,
    },
}

impl Named {
    fn product(&self) -> Product {
        let parts = match self {
            Named::Name(_) => &[][..],
            Named::Component { subcomponents, .. } => subcomponents,
        };
        Product { whole: self.component(), parts: parts.iter().map(Named::component).collect() }
    }

    fn component(&self) -> Component {
        let mut component = Component::default();
        match self {
            Named::Name(name) => component.name(name),
            Named::Component { id, identifiers, hashes, .. } => {
                id.iter().chain(identifiers.values()).for_each(|name| component.name(name));
                for (algorithm, digits) in hashes {
                    component.sum(algorithm, digits);
                }
            }
        }
        component
    }
}

/// Reads a document.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<VexStatement>, serde_json::Error> {
    Ok(statements(&serde_json::from_slice(bytes)?, &[]))
}

/// Reads an attestation. A statement without products is about its subjects.
pub(super) fn read_attestation(bytes: &[u8]) -> Result<Vec<VexStatement>, serde_json::Error> {
    let attestation: Attestation = serde_json::from_slice(bytes)?;
    let product = |subject: &Subject| {
        let mut whole = Component::default();
        subject.name.iter().for_each(|name| whole.name(name));
        subject.digest.iter().for_each(|(algorithm, digits)| whole.sum(algorithm, digits));
        Product { whole, parts: Vec::new() }
    };
    let subjects: Vec<Product> = attestation.subject.iter().map(product).collect();
    Ok(statements(&attestation.predicate, &subjects))
}

fn statements(document: &Document, subjects: &[Product]) -> Vec<VexStatement> {
    let made = document.last_updated.as_deref().and_then(instant);
    let made = document.timestamp.as_deref().and_then(instant).max(made);
    document.statements.iter().filter_map(|statement| read_statement(statement, made, subjects)).collect()
}

fn read_statement(statement: &Statement, made: Option<i64>, subjects: &[Product]) -> Option<VexStatement> {
    let status = match statement.status.as_str() {
        "not_affected" => VexStatus::NotAffected,
        "affected" => VexStatus::Affected,
        "fixed" => VexStatus::Fixed,
        "under_investigation" => VexStatus::UnderInvestigation,
        _ => return None,
    };
    let ids = match statement.vulnerability.as_ref()? {
        Vulnerability::Name(name) => vec![name.clone()],
        Vulnerability::Named { id, name, aliases } => {
            // The id is often a link that ends in the name.
            let id = id.iter().filter_map(|id| id.rsplit('/').next()).map(str::to_owned);
            name.iter().cloned().chain(aliases.iter().cloned()).chain(id).collect()
        }
    };
    let own = statement.last_updated.as_deref().and_then(instant);
    let own = statement.timestamp.as_deref().and_then(instant).max(own);
    let products: Vec<Product> = statement.products.iter().map(Named::product).collect();
    Some(VexStatement {
        ids,
        status,
        reason: reason([
            statement.justification.as_ref(),
            statement.impact_statement.as_ref(),
            statement.action_statement.as_ref(),
            statement.status_notes.as_ref(),
        ]),
        products: if products.is_empty() { subjects.to_vec() } else { products },
        made: own.or(made),
    })
}
