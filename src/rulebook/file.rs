//! Rule files: TOML, strict.

use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;

use super::facts::Severity;

/// Maximum size of a rule file or an ignore file in bytes.
pub(super) const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Maximum length of a list.
const LIST_MAX: usize = 10_000;

/// A rule file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulebookError {
    /// It is too long.
    #[error("the rule file has {found} bytes, {FILE_BYTES_MAX} are allowed")]
    TooLong {
        /// Its size in bytes.
        found: usize,
    },
    /// It is not TOML, or has a key that is unknown or of the wrong type.
    #[error("line {line}: {message}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A value is not allowed.
    #[error("{key}: {detail}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong.
        detail: String,
    },
}

/// The rules. What is not stated is not asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rulebook {
    /// Must be 1.
    pub version: u64,
    /// Names that artifacts may have, as patterns; an artifact without a name fits none.
    pub allowed_artifacts: Option<Vec<String>>,
    /// Names that no artifact may have, as patterns.
    #[serde(default)]
    pub denied_artifacts: Vec<String>,
    /// Platforms that may come in.
    pub allowed_platforms: Option<Vec<String>>,
    /// Media types that may come in, as patterns.
    pub allowed_media_types: Option<Vec<String>>,
    /// Media types that may not come in, as patterns.
    #[serde(default)]
    pub denied_media_types: Vec<String>,
    /// Licences that packages may have. A package without one fits none.
    pub allowed_licences: Option<Vec<String>>,
    /// Licences that no package may have.
    #[serde(default)]
    pub denied_licences: Vec<String>,
    /// How old an artifact may be, in days.
    pub max_age_days: Option<u64>,
    /// How large an artifact may be, in bytes.
    pub max_artifact_bytes: Option<u64>,
    /// How large everything together may be, in bytes.
    pub max_bytes: Option<u64>,
    /// How many valid signatures each artifact needs.
    #[serde(default)]
    pub required_signatures: u64,
    /// Who must have signed which artifacts.
    #[serde(default)]
    pub required_signers: Vec<RequiredSigner>,
    /// How many SBOMs each artifact needs.
    #[serde(default)]
    pub required_boms: u64,
    /// Packages that may not come in.
    #[serde(default)]
    pub forbidden_packages: Vec<Forbidden>,
    /// Rules of findings that deny, as patterns, e.g. `secret*` or `setuid`.
    #[serde(default)]
    pub denied_findings: Vec<String>,
    /// The least severity of findings that deny.
    pub denied_severity: Option<Severity>,
    /// Whether setuid files may come in.
    #[serde(default = "yes")]
    pub allow_setuid: bool,
    /// Whether secrets may come in.
    #[serde(default)]
    pub allow_secrets: bool,
    /// Whether blobs may be opaque.
    #[serde(default)]
    pub allow_opaque: bool,
    /// Whether archives in layers may stay unopened.
    #[serde(default = "yes")]
    pub allow_unopened_archives: bool,
    /// Whether limits of the audit may be hit.
    #[serde(default)]
    pub allow_limits_hit: bool,
    /// Whether things may be left out for other reasons.
    #[serde(default)]
    pub allow_not_covered: bool,
}

/// Artifacts that need a valid signature, and of whom. All that is stated must fit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RequiredSigner {
    /// The names of the artifacts, as patterns; without, all artifacts, also those without a name.
    pub artifacts: Option<Vec<String>>,
    /// The keys or trusted certificates: their files as they were given, as patterns, or the SHA-256 of the signer's public
    /// key. Without, all that were given.
    pub keys: Option<Vec<String>>,
    /// The subjects of the certificates of the signers, as patterns. Without, all. A signer with a key has no subject.
    pub subjects: Option<Vec<String>>,
}

/// A package that may not come in. All that is stated must fit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Forbidden {
    /// The kind of package, e.g. `deb`.
    pub kind: Option<String>,
    /// Its name, as a pattern.
    pub name: String,
    /// Only versions from this one on.
    pub from: Option<String>,
    /// Only versions before this one.
    pub before: Option<String>,
    /// Why, for the report.
    pub reason: Option<String>,
}

fn yes() -> bool {
    true
}

pub(super) fn from_toml<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, RulebookError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(RulebookError::TooLong { found: text.len() });
    }
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count().saturating_add(1);
        RulebookError::Syntax { line, message: error.message().to_owned() }
    })
}

/// A pattern of which `*` also matches `/`.
pub(super) fn pattern(text: &str) -> Option<GlobMatcher> {
    GlobBuilder::new(text).literal_separator(false).build().ok().map(|glob| glob.compile_matcher())
}

impl Rulebook {
    /// Parses a rule file.
    ///
    /// # Errors
    /// A [`RulebookError`] that says what is wrong.
    pub fn parse(text: &str) -> Result<Rulebook, RulebookError> {
        let book: Rulebook = from_toml(text)?;
        if book.version != 1 {
            let detail = format!("found {}, this release supports only 1", book.version);
            return Err(RulebookError::Value { key: "version", detail });
        }
        let none = Vec::new();
        let signers = &book.required_signers;
        let signers = signers.iter().flat_map(|rule| [&rule.artifacts, &rule.keys, &rule.subjects]);
        let signers: Vec<String> = signers.flatten().flatten().cloned().collect();
        let names: Vec<String> = book.forbidden_packages.iter().map(|package| package.name.clone()).collect();
        for (key, patterns) in [
            ("allowed-artifacts", book.allowed_artifacts.as_ref().unwrap_or(&none)),
            ("denied-artifacts", &book.denied_artifacts),
            ("allowed-platforms", book.allowed_platforms.as_ref().unwrap_or(&none)),
            ("allowed-media-types", book.allowed_media_types.as_ref().unwrap_or(&none)),
            ("denied-media-types", &book.denied_media_types),
            ("denied-findings", &book.denied_findings),
            ("forbidden-packages", &names),
            ("required-signers", &signers),
        ] {
            if patterns.len() > LIST_MAX {
                let detail = format!("found {} entries, at most {LIST_MAX} are allowed", patterns.len());
                return Err(RulebookError::Value { key, detail });
            }
            if let Some(wrong) = patterns.iter().find(|text| pattern(text).is_none()) {
                return Err(RulebookError::Value { key, detail: format!("{wrong:?} is not a pattern") });
            }
        }
        Ok(book)
    }
}
