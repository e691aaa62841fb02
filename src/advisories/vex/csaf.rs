//! The VEX profile of CSAF 2.0 (OASIS, section 4.5): products have ids, and a tree says what they are.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::instant::instant;
use super::product::{Component, Product};
use super::statement::{VexStatement, VexStatus, reason};

#[derive(Deserialize)]
struct Csaf {
    document: Head,
    #[serde(default)]
    product_tree: Tree,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
struct Head {
    tracking: Option<Tracking>,
}

#[derive(Deserialize)]
struct Tracking {
    current_release_date: Option<String>,
}

#[derive(Deserialize, Default)]
struct Tree {
    #[serde(default)]
    branches: Vec<Branch>,
    #[serde(default)]
    full_product_names: Vec<FullName>,
    #[serde(default)]
    relationships: Vec<Relationship>,
}

#[derive(Deserialize)]
struct Branch {
    #[serde(default)]
    branches: Vec<Branch>,
    product: Option<FullName>,
}

#[derive(Deserialize)]
struct FullName {
    product_id: String,
    product_identification_helper: Option<Helper>,
}

#[derive(Deserialize)]
struct Helper {
    purl: Option<String>,
    /// CSAF 2.1.
    #[serde(default)]
    purls: Vec<String>,
}

/// A component in a product has an id of its own.
#[derive(Deserialize)]
struct Relationship {
    product_reference: String,
    relates_to_product_reference: String,
    full_product_name: FullName,
}

#[derive(Deserialize)]
struct Vulnerability {
    cve: Option<String>,
    #[serde(default)]
    ids: Vec<OtherId>,
    #[serde(default)]
    product_status: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    flags: Vec<Flag>,
    #[serde(default)]
    threats: Vec<Threat>,
}

#[derive(Deserialize)]
struct OtherId {
    text: String,
}

#[derive(Deserialize)]
struct Flag {
    label: String,
}

#[derive(Deserialize)]
struct Threat {
    category: String,
    details: String,
}

/// Reads a document.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<VexStatement>, serde_json::Error> {
    let csaf: Csaf = serde_json::from_slice(bytes)?;
    let products = products(&csaf.product_tree);
    let made = csaf.document.tracking.and_then(|tracking| instant(tracking.current_release_date.as_deref()?));
    let of_one = |vulnerability: &Vulnerability| statements(vulnerability, &products, made);
    Ok(csaf.vulnerabilities.iter().flat_map(of_one).collect())
}

/// What each product id stands for.
fn products(tree: &Tree) -> HashMap<&str, Product> {
    let mut products: HashMap<&str, Product> = HashMap::new();
    let mut waiting: Vec<&Branch> = tree.branches.iter().collect();
    let mut names: Vec<&FullName> = tree.full_product_names.iter().collect();
    while let Some(branch) = waiting.pop() {
        waiting.extend(&branch.branches);
        names.extend(&branch.product);
    }
    for name in names {
        products.insert(&name.product_id, Product { whole: component(name), parts: Vec::new() });
    }
    for relationship in &tree.relationships {
        let whole = |id: &str| products.get(id).map(|product| product.whole.clone()).unwrap_or_default();
        let part = whole(&relationship.product_reference);
        let own = component(&relationship.full_product_name);
        let container = whole(&relationship.relates_to_product_reference);
        // Most containers are distributions, without a package URL. Then the statement is about the package.
        let product = if !own.is_empty() {
            Product { whole: own, parts: Vec::new() }
        } else if container.is_empty() {
            Product { whole: part, parts: Vec::new() }
        } else {
            Product { whole: container, parts: vec![part] }
        };
        products.insert(&relationship.full_product_name.product_id, product);
    }
    products
}

fn component(name: &FullName) -> Component {
    let mut component = Component::default();
    if let Some(helper) = &name.product_identification_helper {
        helper.purl.iter().chain(&helper.purls).for_each(|purl| component.name(purl));
    }
    component
}

/// A statement for each status.
fn statements(
    vulnerability: &Vulnerability,
    products: &HashMap<&str, Product>,
    made: Option<i64>,
) -> Vec<VexStatement> {
    let other_ids = vulnerability.ids.iter().map(|id| &id.text);
    let ids: Vec<String> = vulnerability.cve.iter().chain(other_ids).cloned().collect();
    let one = |(label, product_ids): (&String, &Vec<String>)| {
        let status = match label.as_str() {
            "known_not_affected" => VexStatus::NotAffected,
            "fixed" | "first_fixed" => VexStatus::Fixed,
            "under_investigation" => VexStatus::UnderInvestigation,
            "known_affected" | "first_affected" | "last_affected" => VexStatus::Affected,
            _ => return None,
        };
        let reason = if status == VexStatus::NotAffected {
            let impact = vulnerability.threats.iter().find(|threat| threat.category == "impact");
            let flag = vulnerability.flags.first().map(|flag| &flag.label);
            reason([flag, impact.map(|threat| &threat.details)])
        } else {
            None
        };
        let products = product_ids.iter().filter_map(|id| products.get(id.as_str()).cloned()).collect();
        Some(VexStatement { ids: ids.clone(), status, reason, products, made })
    };
    vulnerability.product_status.iter().filter_map(one).collect()
}
