//! The configuration of an image (image-spec, "config"). Read loosely: tools leave fields out, or write `null`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

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
    #[serde(deserialize_with = "loose")]
    pub exposed_ports: BTreeMap<String, Value>,
    /// The volumes.
    #[serde(deserialize_with = "loose")]
    pub volumes: BTreeMap<String, Value>,
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
    /// If the bytes are no JSON object.
    pub fn parse(bytes: &[u8]) -> Result<ImageConfig, serde_json::Error> {
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

    /// Returns the commands of the steps that made a layer, base layer first.
    pub fn layer_steps(&self) -> impl Iterator<Item = &Step> {
        self.history.iter().filter(|step| !step.empty_layer)
    }
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
}
