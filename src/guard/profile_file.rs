//! Profiles in the own form, TOML.

use serde::Deserialize;

use super::profile::{LIST_MAX, MediaFilter, Profile, ProfileError, Word};
use crate::content::archive::Form;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    version: u64,
    min_file_bytes: Option<u64>,
    max_file_bytes: Option<u64>,
    allowed_media_types: Option<Vec<String>>,
    denied_media_types: Option<Vec<String>>,
    expands: Option<Vec<Form>>,
    expands_from_bytes: Option<u64>,
    max_depth: Option<u64>,
    max_entries: Option<u64>,
    max_expanded_bytes: Option<u64>,
    max_ratio: Option<u64>,
    #[serde(default)]
    deny_words: Vec<RawWord>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWord {
    text: String,
    #[serde(default)]
    r#match: Match,
    #[serde(default)]
    case: Case,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Match {
    #[default]
    Partial,
    Complete,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Case {
    #[default]
    Insensitive,
    Sensitive,
}

pub(super) fn parse(text: &str) -> Result<Profile, ProfileError> {
    let raw: Raw = toml::from_str(text).map_err(|error| {
        let line =
            error.span().map_or(0, |span| text.bytes().take(span.start).filter(|b| *b == b'\n').count());
        ProfileError::Syntax { message: format!("line {}: {}", line.saturating_add(1), error.message()) }
    })?;
    if raw.version != 1 {
        let found = raw.version.to_string();
        return Err(ProfileError::Value { key: "version", found, expected: "1".to_owned() });
    }
    let mut media = Vec::new();
    for (key, names, is_allowed) in [
        ("allowed-media-types", raw.allowed_media_types, true),
        ("denied-media-types", raw.denied_media_types, false),
    ] {
        let Some(names) = names else { continue };
        if names.len() > LIST_MAX || names.iter().any(|name| !name.contains('/')) {
            let expected = format!("a list of up to {LIST_MAX} names such as application/gzip");
            return Err(ProfileError::Value { key, found: format!("{} names", names.len()), expected });
        }
        let extensions = Vec::new();
        media.push(if is_allowed {
            MediaFilter::Allow { names, extensions }
        } else {
            MediaFilter::Deny { names, extensions }
        });
    }
    let words = raw.deny_words.into_iter().map(|word| Word {
        text: word.text,
        is_complete: word.r#match == Match::Complete,
        is_sensitive: word.case == Case::Sensitive,
    });
    Ok(Profile {
        file_bytes_min: raw.min_file_bytes.unwrap_or(0),
        file_bytes_max: raw.max_file_bytes,
        media,
        expands: raw.expands.unwrap_or_else(|| Form::OF_FLOW_PROFILE.to_vec()),
        expands_from_bytes: raw.expands_from_bytes.unwrap_or(0),
        depth_max: raw.max_depth,
        entries_max: raw.max_entries,
        expanded_bytes_max: raw.max_expanded_bytes,
        ratio_milli_max: raw.max_ratio.map(|ratio| ratio.saturating_mul(1000)),
        words: words.collect(),
        not_checked: Vec::new(),
    })
}
