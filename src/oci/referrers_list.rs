//! The list of a manifest's referrers in a registry without the referrers API: an index under a tag derived from
//! the digest of the subject (distribution-spec, "Referrers Tag Schema").

use serde_json::{Map, Value, json};

use super::document::{Document, DocumentError};
use super::{Descriptor, Digest, MediaType};

/// How many hex digits of the digest the tag has.
const TAG_HEX_DIGITS: usize = 64;

/// Returns the tag of the referrers list of `subject`: its algorithm and the first 64 digits of its digest.
pub fn list_tag(subject: &Digest) -> String {
    let hex = subject.hex();
    format!("{}-{}", subject.algorithm().name(), &hex[..TAG_HEX_DIGITS])
}

/// The referrers list of one manifest. Existing entries and unknown fields stay unchanged.
#[derive(Clone, Debug)]
pub struct ReferrersList {
    index: Map<String, Value>,
    manifests: Vec<Value>,
}

impl ReferrersList {
    /// Creates an empty list.
    pub fn empty() -> ReferrersList {
        let mut index = Map::new();
        index.insert("schemaVersion".to_owned(), json!(2));
        index.insert("mediaType".to_owned(), json!(MediaType::image_index().as_str()));
        ReferrersList { index, manifests: Vec::new() }
    }

    /// Parses a list. The caller has checked `bytes` against the digest of `descriptor`.
    ///
    /// # Errors
    /// [`DocumentError`] if the document is not an index.
    pub fn parse(descriptor: &Descriptor, bytes: &[u8]) -> Result<ReferrersList, DocumentError> {
        let digest = descriptor.digest;
        let refuse = || DocumentError::Shape { digest, problem: "it is not an index".to_owned() };
        let Document::Index { .. } = Document::parse(descriptor, bytes)? else { return Err(refuse()) };
        let mut index: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|source| DocumentError::Json { digest, source })?;
        let manifests = match index.remove("manifests") {
            Some(Value::Array(manifests)) => manifests,
            _ => Vec::new(),
        };
        Ok(ReferrersList { index, manifests })
    }

    /// Adds a manifest unless it is already listed, and returns whether it was added. Its annotations and artifact
    /// type are copied from `bytes` into the list.
    ///
    /// # Errors
    /// [`DocumentError`] if `bytes` is not a document of the descriptor's type.
    pub fn add(&mut self, descriptor: &Descriptor, bytes: &[u8]) -> Result<bool, DocumentError> {
        let digest = descriptor.digest;
        if self.holds(&digest) {
            return Ok(false);
        }
        let document = Document::parse(descriptor, bytes)?;
        let mut entry = Map::new();
        entry.insert("mediaType".to_owned(), json!(descriptor.media_type.as_str()));
        entry.insert("digest".to_owned(), json!(digest.to_string()));
        entry.insert("size".to_owned(), json!(descriptor.size));
        if let Some(artifact_type) = document.artifact_type() {
            entry.insert("artifactType".to_owned(), json!(artifact_type.as_str()));
        }
        let mut fields: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|source| DocumentError::Json { digest, source })?;
        if let Some(annotations @ Value::Object(_)) = fields.remove("annotations") {
            entry.insert("annotations".to_owned(), annotations);
        }
        self.manifests.push(Value::Object(entry));
        Ok(true)
    }

    /// Returns the digests of the listed manifests.
    pub fn digests(&self) -> impl Iterator<Item = Digest> {
        self.manifests.iter().filter_map(|entry| entry["digest"].as_str()?.parse().ok())
    }

    /// Removes a manifest, and returns whether it was listed.
    pub fn remove(&mut self, digest: &Digest) -> bool {
        let (digest, before) = (digest.to_string(), self.manifests.len());
        self.manifests.retain(|entry| entry["digest"] != digest.as_str());
        self.manifests.len() < before
    }

    /// Returns whether a manifest is listed.
    pub fn holds(&self, digest: &Digest) -> bool {
        let digest = digest.to_string();
        self.manifests.iter().any(|entry| entry["digest"] == digest.as_str())
    }

    /// Returns the list as JSON.
    pub fn bytes(&self) -> Vec<u8> {
        let mut index = self.index.clone();
        index.insert("manifests".to_owned(), Value::Array(self.manifests.clone()));
        serde_json::to_vec(&index).expect("a list can be serialized")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{"mediaType":"application/vnd.example.config","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}"#;

    fn manifest(extra: &str) -> (Descriptor, Vec<u8>) {
        let text = format!(r#"{{"schemaVersion":2,"config":{CONFIG},"layers":[]{extra}}}"#);
        let digest = Digest::sha256(text.as_bytes());
        (Descriptor::new(MediaType::image_manifest(), digest, text.len() as u64), text.into_bytes())
    }

    #[test]
    fn keeps_existing_entries_and_adds_no_duplicates() {
        let other = r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":7,"x-other":[1]}"#;
        let index = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","annotations":{{"a":"b"}},"manifests":[{other}]}}"#
        );
        let at =
            Descriptor::new(MediaType::image_index(), Digest::sha256(index.as_bytes()), index.len() as u64);
        let mut list = ReferrersList::parse(&at, index.as_bytes()).unwrap();
        let (descriptor, bytes) = manifest(r#","annotations":{"made":"2026"}"#);
        assert!(list.add(&descriptor, &bytes).unwrap());
        assert!(!list.add(&descriptor, &bytes).unwrap());
        let value: Value = serde_json::from_slice(&list.bytes()).unwrap();
        assert_eq!(value["annotations"], json!({"a": "b"}));
        assert_eq!(value["manifests"][0], serde_json::from_str::<Value>(other).unwrap());
        assert_eq!(value["manifests"][1]["artifactType"], "application/vnd.example.config");
        assert_eq!(value["manifests"][1]["annotations"], json!({"made": "2026"}));
        assert_eq!(value["manifests"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn artifact_type_takes_precedence_over_the_configuration_type() {
        let mut list = ReferrersList::empty();
        let (descriptor, bytes) = manifest(r#","artifactType":"application/vnd.example.sbom""#);
        list.add(&descriptor, &bytes).unwrap();
        let value: Value = serde_json::from_slice(&list.bytes()).unwrap();
        assert_eq!(value["manifests"][0]["artifactType"], "application/vnd.example.sbom");
        assert_eq!((&value["schemaVersion"], value["manifests"][0].get("annotations")), (&json!(2), None));
    }

    #[test]
    fn rejects_an_image_manifest() {
        let (descriptor, bytes) = manifest("");
        assert!(ReferrersList::parse(&descriptor, &bytes).is_err());
    }
}
