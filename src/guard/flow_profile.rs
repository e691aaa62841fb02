//! Profiles as Azure Data Transfer publishes them: the FlowProfile resource (API version 2025-05-30-preview), whole or
//! its `properties` or its `rulesets` alone, as an answer of the service or as the body of a request in its examples.
//!
//! A field that is not known is named and not fatal, because the service adds fields; a known field with a value that
//! cannot be read is an error, because a limit would be lost.

use serde_json::{Map, Value};

use super::profile::{MediaFilter, Profile, ProfileError, Word};
use crate::content::archive::Form;
use crate::oci::json;

/// Fields around the rule sets, outermost first. The example requests have `parameters` and `resource`.
const AROUND: [&str; 4] = ["parameters", "resource", "properties", "rulesets"];

/// Fields of the resource that limit nothing.
const BESIDE: &[&str] = &[
    "location",
    "replicationScenario",
    "status",
    "description",
    "provisioningState",
    "flowProfileId",
    "id",
    "name",
    "type",
    "tags",
    "identity",
    "systemData",
    "api-version",
    "pipelineName",
    "flowProfileName",
    "resourceGroupName",
    "subscriptionId",
    "operationId",
    "title",
    "responses",
    "eTag",
    "etag",
];

/// Fields with a meaning. In another case they would be fields that are not known, and a limit would be lost.
const KNOWN: &[&str] = &[
    "parameters",
    "resource",
    "properties",
    "rulesets",
    "archives",
    "minimumSizeForExpansion",
    "maximumExpansionSizeLimit",
    "maximumDepthLimit",
    "maximumCompressionRatioLimit",
    "dataSize",
    "maximum",
    "minimum",
    "mimeFilters",
    "filters",
    "media",
    "extensions",
    "textMatching",
    "deny",
    "text",
    "matchType",
    "caseSensitivity",
    "antivirus",
    "avSolutions",
    "xmlFilters",
];

/// The most fields that are named as unknown.
const NAMED_MAX: usize = 100;

pub(super) fn parse(text: &str) -> Result<Profile, ProfileError> {
    let syntax = |error: serde_json::Error| ProfileError::Syntax { message: error.to_string() };
    json::check_with(text.as_bytes(), KNOWN).map_err(syntax)?;
    let value: Value = serde_json::from_str(text).map_err(syntax)?;
    let Value::Object(mut rulesets) = value else {
        return Err(ProfileError::Syntax { message: "a JSON object was expected".to_owned() });
    };
    let mut reader = Reader { profile: Profile::unlimited() };
    let mut outer = String::new();
    for key in AROUND {
        match rulesets.remove(key) {
            Some(Value::Object(inner)) => {
                reader.name_unknown(&outer, rulesets.keys().filter(|key| !BESIDE.contains(&key.as_str())));
                outer = format!("{outer}{key}.");
                rulesets = inner;
            }
            Some(other) => return Err(wrong("a field around the rules", &other, "an object")),
            None => {}
        }
    }
    reader.rulesets(&outer, rulesets)?;
    Ok(reader.profile)
}

struct Reader {
    profile: Profile,
}

impl Reader {
    fn name_unknown<'a>(&mut self, outer: &str, keys: impl Iterator<Item = &'a String>) {
        for key in keys {
            self.not_checked(format!("{outer}{key} is not known, so it is not checked"));
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "each sentence is made for it")]
    fn not_checked(&mut self, sentence: String) {
        if self.profile.not_checked.len() < NAMED_MAX {
            self.profile.not_checked.push(sentence.chars().take(200).collect());
        }
    }

    fn rulesets(&mut self, outer: &str, mut rulesets: Map<String, Value>) -> Result<(), ProfileError> {
        if let Some(rules) = object(&mut rulesets, "archives")? {
            self.archives(rules)?;
        }
        if let Some(mut rules) = object(&mut rulesets, "dataSize")? {
            self.profile.file_bytes_max = number(&mut rules, "maximum")?;
            self.profile.file_bytes_min = number(&mut rules, "minimum")?.unwrap_or(0);
            self.name_unknown("dataSize.", rules.keys());
        }
        if let Some(rules) = object(&mut rulesets, "mimeFilters")? {
            self.media(rules)?;
        }
        if let Some(rules) = object(&mut rulesets, "textMatching")? {
            self.words(rules)?;
        }
        if let Some(mut rules) = object(&mut rulesets, "antivirus")? {
            match rules.remove("avSolutions") {
                Some(Value::Array(names)) if names.is_empty() => {}
                Some(names) => {
                    self.not_checked(format!("antivirus.avSolutions is {names}: no virus scanner runs here"));
                }
                None => {}
            }
            self.name_unknown("antivirus.", rules.keys());
        }
        if object(&mut rulesets, "xmlFilters")?.is_some() {
            self.not_checked(
                "xmlFilters are not checked: XML files are not held against a schema here".to_owned(),
            );
        }
        self.name_unknown(outer, rulesets.keys().filter(|key| !BESIDE.contains(&key.as_str())));
        Ok(())
    }

    fn archives(&mut self, mut rules: Map<String, Value>) -> Result<(), ProfileError> {
        self.profile.expands = Form::OF_FLOW_PROFILE.to_vec();
        self.profile.expands_from_bytes = number(&mut rules, "minimumSizeForExpansion")?.unwrap_or(0);
        self.profile.expanded_bytes_max = number(&mut rules, "maximumExpansionSizeLimit")?;
        self.profile.depth_max = number(&mut rules, "maximumDepthLimit")?;
        self.profile.ratio_milli_max = match rules.remove("maximumCompressionRatioLimit") {
            None | Some(Value::Null) => None,
            Some(value) => Some(milli(&value)?),
        };
        self.name_unknown("archives.", rules.keys());
        Ok(())
    }

    fn media(&mut self, mut rules: Map<String, Value>) -> Result<(), ProfileError> {
        let kind = text(&mut rules, "type")?.unwrap_or_default();
        // One filter is what the service has now; a list of them costs nothing to read.
        let filters = match rules.remove("filters") {
            Some(Value::Array(filters)) => filters,
            Some(filter) => vec![filter],
            None => Vec::new(),
        };
        for filter in filters {
            let Value::Object(mut filter) = filter else {
                return Err(wrong("mimeFilters.filters", &filter, "an object"));
            };
            let names: Vec<String> = text(&mut filter, "media")?.into_iter().collect();
            let mut extensions = Vec::new();
            match filter.remove("extensions") {
                None | Some(Value::Null) => {}
                Some(Value::Array(ends)) => {
                    for end in ends {
                        let Value::String(end) = end else {
                            return Err(wrong("mimeFilters.filters.extensions", &end, "texts"));
                        };
                        extensions.push(end);
                    }
                }
                Some(other) => return Err(wrong("mimeFilters.filters.extensions", &other, "a list")),
            }
            self.name_unknown("mimeFilters.filters.", filter.keys());
            self.profile.media.push(match kind.as_str() {
                "Allow" => MediaFilter::Allow { names, extensions },
                "Deny" => MediaFilter::Deny { names, extensions },
                _ => return Err(wrong("mimeFilters.type", &Value::String(kind), "Allow or Deny")),
            });
        }
        self.name_unknown("mimeFilters.", rules.keys());
        Ok(())
    }

    fn words(&mut self, mut rules: Map<String, Value>) -> Result<(), ProfileError> {
        let denied = match rules.remove("deny") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(denied)) => denied,
            Some(other) => return Err(wrong("textMatching.deny", &other, "a list")),
        };
        for word in denied {
            let Value::Object(mut word) = word else {
                return Err(wrong("textMatching.deny", &word, "objects"));
            };
            let Some(denied) = text(&mut word, "text")? else {
                return Err(wrong("textMatching.deny.text", &Value::Null, "a text"));
            };
            let is_complete = match text(&mut word, "matchType")?.as_deref() {
                None | Some("Partial") => false,
                Some("Complete") => true,
                Some(other) => return Err(wrong("matchType", &Value::from(other), "Partial or Complete")),
            };
            let is_sensitive = match text(&mut word, "caseSensitivity")?.as_deref() {
                None | Some("Insensitive") => false,
                Some("Sensitive") => true,
                Some(other) => {
                    return Err(wrong("caseSensitivity", &Value::from(other), "Insensitive or Sensitive"));
                }
            };
            self.name_unknown("textMatching.deny.", word.keys());
            self.profile.words.push(Word { text: denied, is_complete, is_sensitive });
        }
        self.name_unknown("textMatching.", rules.keys());
        Ok(())
    }
}

fn wrong(key: &'static str, found: &Value, expected: &str) -> ProfileError {
    let found = found.to_string().chars().take(80).collect();
    ProfileError::Value { key, found, expected: expected.to_owned() }
}

fn object(
    from: &mut Map<String, Value>,
    key: &'static str,
) -> Result<Option<Map<String, Value>>, ProfileError> {
    match from.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(other) => Err(wrong(key, &other, "an object")),
    }
}

fn number(from: &mut Map<String, Value>, key: &'static str) -> Result<Option<u64>, ProfileError> {
    match from.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or_else(|| wrong(key, &value, "a whole number from 0 on")),
    }
}

fn text(from: &mut Map<String, Value>, key: &'static str) -> Result<Option<String>, ProfileError> {
    match from.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong(key, &other, "a text")),
    }
}

/// A number with a fraction, in thousandths, rounded down.
fn milli(value: &Value) -> Result<u64, ProfileError> {
    match value.as_f64() {
        Some(number) if (0.0..1e12).contains(&number) => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10^15")]
            let milli = (number * 1000.0) as u64;
            Ok(milli)
        }
        _ => Err(wrong("archives.maximumCompressionRatioLimit", value, "a number from 0 on")),
    }
}
