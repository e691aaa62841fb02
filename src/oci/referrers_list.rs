//! The list of what refers to a manifest, as a registry without the referrers API keeps it: an index under a tag
//! that is made of the subject's digest (distribution-spec, "Referrers Tag Schema").

use serde_json::{Map, Value, json};

use super::document::{Document, DocumentError};
use super::{Descriptor, Digest, MediaType};

/// Hex digits of a digest that the tag keeps.
const TAG_HEX_DIGITS: usize = 64;

/// The tag of the list of what refers to `subject`: its algorithm and the first 64 of its digits.
pub fn list_tag(subject: &Digest) -> String {
    let hex = subject.hex();
    format!("{}-{}", subject.algorithm().name(), &hex[..TAG_HEX_DIGITS])
}

/// The list of what refers to one manifest. Everything that is there stays as it is, known or not.
#[derive(Clone, Debug)]
pub struct ReferrersList {
    index: Map<String, Value>,
    manifests: Vec<Value>,
}

impl ReferrersList {
    /// A list with nothing in it.
    pub fn empty() -> ReferrersList {
        let mut index = Map::new();
        index.insert("schemaVersion".to_owned(), json!(2));
        index.insert("mediaType".to_owned(), json!(MediaType::image_index().as_str()));
        ReferrersList { index, manifests: Vec::new() }
    }

    /// Reads a list; `bytes` must have been checked against the digest of `descriptor`.
    ///
    /// # Errors
    /// [`DocumentError`] for what is no index.
    pub fn parse(descriptor: &Descriptor, bytes: &[u8]) -> Result<ReferrersList, DocumentError> {
        let digest = descriptor.digest;
        let refuse = || DocumentError::Shape { digest, problem: "it is no index".to_owned() };
        let Document::Index { .. } = Document::parse(descriptor, bytes)? else { return Err(refuse()) };
        let mut index: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|source| DocumentError::Json { digest, source })?;
        let manifests = match index.remove("manifests") {
            Some(Value::Array(manifests)) => manifests,
            _ => Vec::new(),
        };
        Ok(ReferrersList { index, manifests })
    }

    /// Adds a manifest, unless it is listed; says whether it was added. `bytes` are those of the manifest: its
    /// annotations and its purpose stand in the list, too.
    ///
    /// # Errors
    /// [`DocumentError`] for bytes that are no such document.
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
        if let Some(purpose) = document.artifact_type() {
            entry.insert("artifactType".to_owned(), json!(purpose.as_str()));
        }
        let mut fields: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|source| DocumentError::Json { digest, source })?;
        if let Some(annotations @ Value::Object(_)) = fields.remove("annotations") {
            entry.insert("annotations".to_owned(), annotations);
        }
        self.manifests.push(Value::Object(entry));
        Ok(true)
    }

    /// Whether a manifest is listed.
    pub fn holds(&self, digest: &Digest) -> bool {
        let digest = digest.to_string();
        self.manifests.iter().any(|entry| entry["digest"] == digest.as_str())
    }

    /// The bytes of the list.
    pub fn bytes(&self) -> Vec<u8> {
        let mut index = self.index.clone();
        index.insert("manifests".to_owned(), Value::Array(self.manifests.clone()));
        serde_json::to_vec(&index).expect("a list serialises")
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
    fn what_is_there_stays_and_nothing_stands_twice() {
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
    fn a_purpose_of_its_own_goes_before_that_of_the_configuration() {
        let mut list = ReferrersList::empty();
        let (descriptor, bytes) = manifest(r#","artifactType":"application/vnd.example.sbom""#);
        list.add(&descriptor, &bytes).unwrap();
        let value: Value = serde_json::from_slice(&list.bytes()).unwrap();
        assert_eq!(value["manifests"][0]["artifactType"], "application/vnd.example.sbom");
        assert_eq!((&value["schemaVersion"], value["manifests"][0].get("annotations")), (&json!(2), None));
    }

    #[test]
    fn an_image_is_no_list() {
        let (descriptor, bytes) = manifest("");
        assert!(ReferrersList::parse(&descriptor, &bytes).is_err());
    }
}
