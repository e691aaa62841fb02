//! VEX in CycloneDX documents: `vulnerabilities[].analysis` (CycloneDX 1.4 and later).

use std::collections::HashMap;

use serde::Deserialize;

use super::instant::instant;
use super::product::{Component, Product};
use super::statement::{VexStatement, VexStatus, reason};

#[derive(Deserialize)]
struct Document {
    metadata: Option<Metadata>,
    #[serde(default)]
    components: Vec<Item>,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
struct Metadata {
    timestamp: Option<String>,
    component: Option<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "bom-ref")]
    bom_ref: Option<String>,
    purl: Option<String>,
    #[serde(default)]
    hashes: Vec<Hash>,
    #[serde(default)]
    components: Vec<Item>,
}

#[derive(Deserialize)]
struct Hash {
    alg: String,
    content: String,
}

#[derive(Deserialize)]
struct Vulnerability {
    id: Option<String>,
    #[serde(default)]
    references: Vec<Reference>,
    updated: Option<String>,
    analysis: Option<Analysis>,
    #[serde(default)]
    affects: Vec<Affects>,
}

#[derive(Deserialize)]
struct Reference {
    id: Option<String>,
}

#[derive(Deserialize)]
struct Analysis {
    state: Option<String>,
    justification: Option<String>,
    detail: Option<String>,
    #[serde(rename = "lastUpdated")]
    last_updated: Option<String>,
}

#[derive(Deserialize)]
struct Affects {
    #[serde(rename = "ref")]
    target: String,
}

/// Reads a document.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<VexStatement>, serde_json::Error> {
    let document: Document = serde_json::from_slice(bytes)?;
    let mut items: HashMap<&str, Component> = HashMap::new();
    let main = document.metadata.as_ref().and_then(|metadata| metadata.component.as_ref());
    let mut waiting: Vec<&Item> = document.components.iter().chain(main).collect();
    while let Some(item) = waiting.pop() {
        waiting.extend(&item.components);
        if let Some(bom_ref) = &item.bom_ref {
            let mut component = Component::default();
            item.purl.iter().for_each(|purl| component.name(purl));
            item.hashes.iter().for_each(|hash| component.sum(&hash.alg, &hash.content));
            items.insert(bom_ref, component);
        }
    }
    let made = document.metadata.as_ref().and_then(|metadata| instant(metadata.timestamp.as_deref()?));
    let found = document.vulnerabilities.iter();
    Ok(found.filter_map(|vulnerability| statement(vulnerability, &items, made)).collect())
}

fn statement(
    vulnerability: &Vulnerability,
    items: &HashMap<&str, Component>,
    made: Option<i64>,
) -> Option<VexStatement> {
    let analysis = vulnerability.analysis.as_ref()?;
    let status = match analysis.state.as_deref()? {
        "not_affected" | "false_positive" => VexStatus::NotAffected,
        "resolved" | "resolved_with_pedigree" => VexStatus::Fixed,
        "in_triage" => VexStatus::UnderInvestigation,
        "exploitable" => VexStatus::Affected,
        _ => return None,
    };
    let product = |affects: &Affects| {
        let target = affects.target.as_str();
        // `urn:cdx:SERIAL/VERSION#REF` names a component of another document, mostly by its package URL.
        let own = items.get(target).filter(|component| !component.is_empty()).cloned();
        let whole = own.unwrap_or_else(|| {
            let mut component = Component::default();
            component.name(target);
            component
        });
        Product { whole, parts: Vec::new() }
    };
    let other_ids = vulnerability.references.iter().filter_map(|reference| reference.id.clone());
    let own = analysis.last_updated.as_deref().or(vulnerability.updated.as_deref()).and_then(instant);
    Some(VexStatement {
        ids: vulnerability.id.iter().cloned().chain(other_ids).collect(),
        status,
        reason: reason([analysis.justification.as_ref(), analysis.detail.as_ref()]),
        products: vulnerability.affects.iter().map(product).collect(),
        made: own.or(made),
    })
}
