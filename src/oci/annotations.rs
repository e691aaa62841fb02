//! The annotations of a manifest or index.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Returns the annotations of a document that was parsed before. Without annotations, none.
pub fn of(document: &[u8]) -> BTreeMap<String, String> {
    #[derive(Deserialize)]
    struct Fields {
        #[serde(default)]
        annotations: Option<BTreeMap<String, String>>,
    }

    serde_json::from_slice::<Fields>(document).ok().and_then(|fields| fields.annotations).unwrap_or_default()
}
