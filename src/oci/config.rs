//! The configuration of an image (image-spec, "config"). Read loosely: tools leave fields out, or write `null`.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::json::{VALUES_MAX, values};

/// What the configuration of an image says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ImageConfig {
    /// When the image was created, as it says.
    #[serde(deserialize_with = "loose")]
    pub created: Option<String>,
    /// The operating system.
    #[serde(deserialize_with = "loose")]
    pub os: String,
    /// The CPU architecture.
    #[serde(deserialize_with = "loose")]
    pub architecture: String,
    /// The variant of the architecture.
    #[serde(deserialize_with = "loose")]
    pub variant: String,
    /// How the image runs.
    #[serde(deserialize_with = "loose")]
    pub config: Execution,
    /// The layers.
    #[serde(deserialize_with = "loose")]
    pub rootfs: RootFs,
    /// The steps of its making.
    #[serde(deserialize_with = "loose")]
    pub history: Vec<Step>,
}

/// How an image runs. The field names are those of Docker.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Execution {
    /// The user and group; empty for root.
    #[serde(deserialize_with = "loose")]
    pub user: String,
    /// The entry point.
    #[serde(deserialize_with = "loose")]
    pub entrypoint: Vec<String>,
    /// The arguments.
    #[serde(deserialize_with = "loose")]
    pub cmd: Vec<String>,
    /// The environment: `NAME=VALUE`.
    #[serde(deserialize_with = "loose")]
    pub env: Vec<String>,
    /// The working directory.
    #[serde(deserialize_with = "loose")]
    pub working_dir: String,
    /// The ports.
    #[serde(deserialize_with = "keys")]
    pub exposed_ports: BTreeSet<String>,
    /// The volumes.
    #[serde(deserialize_with = "keys")]
    pub volumes: BTreeSet<String>,
    /// The labels.
    #[serde(deserialize_with = "loose")]
    pub labels: BTreeMap<String, String>,
}

/// The layers of an image.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RootFs {
    /// The digests of the uncompressed layers, base layer first.
    #[serde(deserialize_with = "loose")]
    pub diff_ids: Vec<String>,
}

/// One step of the making of an image.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Step {
    /// The command.
    #[serde(deserialize_with = "loose")]
    pub created_by: String,
    /// Whether the step made no layer.
    #[serde(deserialize_with = "loose")]
    pub empty_layer: bool,
}

impl ImageConfig {
    /// Parses a configuration. A field of another type than the specification says counts as absent.
    ///
    /// # Errors
    /// If the bytes are no JSON object, or have more values than are read.
    pub fn parse(bytes: &[u8]) -> Result<ImageConfig, serde_json::Error> {
        if values(bytes) > VALUES_MAX {
            return Err(serde_json::Error::custom(format!("it has more than {VALUES_MAX} values")));
        }
        serde_json::from_slice::<serde_json::Map<String, Value>>(bytes)
            .and_then(|object| serde_json::from_value(Value::Object(object)))
    }

    /// Returns the platform, e.g. `linux/arm/v7`.
    pub fn platform(&self) -> String {
        let parts = [&self.os, &self.architecture, &self.variant];
        let parts: Vec<&str> =
            parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        parts.join("/")
    }

    /// About how many bytes it takes in memory.
    pub fn weight(&self) -> usize {
        let texts = |texts: &[String]| texts.iter().map(|text| text.len() + 48).sum::<usize>();
        let run = &self.config;
        let single =
            [&self.os, &self.architecture, &self.variant, &run.user, &run.working_dir].map(String::len);
        let keys = run.exposed_ports.iter().chain(&run.volumes).map(|key| key.len() + 100);
        let labels = run.labels.iter().map(|(key, value)| key.len() + value.len() + 100);
        let lists = [&run.entrypoint, &run.cmd, &run.env, &self.rootfs.diff_ids].map(|list| texts(list));
        let steps = self.history.iter().map(|step| step.created_by.len() + 64);
        let created = self.created.as_ref().map_or(0, String::len);
        1024 + created + single.into_iter().chain(lists).chain(keys).chain(labels).chain(steps).sum::<usize>()
    }

    /// Returns the commands of the steps that made a layer, base layer first.
    pub fn layer_steps(&self) -> impl Iterator<Item = &Step> {
        self.history.iter().filter(|step| !step.empty_layer)
    }
}

/// Returns the keys of an object. What their values say does not count.
fn keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<String>, D::Error> {
    let Value::Object(object) = Value::deserialize(deserializer)? else { return Ok(BTreeSet::new()) };
    Ok(object.into_iter().map(|(key, _)| key).collect())
}

/// Returns the default for `null` and for values of another type.
fn loose<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + for<'value> Deserialize<'value>,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_tools_write_and_passes_over_what_is_odd() {
        let config = ImageConfig::parse(
            br#"{"os":"linux","architecture":"arm","variant":"v7","config":{"Entrypoint":null,"Cmd":["sh"],
                "User":5,"ExposedPorts":{"80/tcp":{}}},"rootfs":{"type":"layers","diff_ids":["sha256:00"]},
                "history":[{"created_by":"a"},{"created_by":"b","empty_layer":true}]}"#,
        )
        .unwrap();
        assert_eq!(config.platform(), "linux/arm/v7");
        assert_eq!(config.config.cmd, ["sh"]);
        assert_eq!(config.config.user, "");
        assert_eq!(config.config.exposed_ports.len(), 1);
        assert_eq!(config.rootfs.diff_ids.len(), 1);
        assert_eq!(config.layer_steps().count(), 1);
        assert!(ImageConfig::parse(b"[]").is_err());
        assert_eq!(ImageConfig::parse(b"{}").unwrap().platform(), "");
    }

    /// A few bytes of text must not become gigabytes of values.
    #[test]
    fn values_are_bounded() {
        let text = |count: usize| format!(r#"{{"os":"linux","a":["[,{{\"",{}0]}}"#, "0,".repeat(count));
        // The object, the list, and three commas beside those.
        assert_eq!(ImageConfig::parse(text(VALUES_MAX - 4).as_bytes()).unwrap().os, "linux");
        let error = ImageConfig::parse(text(VALUES_MAX - 3).as_bytes()).unwrap_err();
        assert!(error.to_string().contains("more than 50000 values"), "{error}");
    }
}
