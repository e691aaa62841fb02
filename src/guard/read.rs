//! Reading a profile, in either form.

use super::profile::{LIST_MAX, PROFILE_BYTES_MAX, Profile, ProfileError, WORD_BYTES_MAX};

impl Profile {
    /// Reads a profile: a FlowProfile if it is JSON, and else the own form in TOML.
    ///
    /// # Errors
    /// A [`ProfileError`] that says what is wrong.
    pub fn parse(text: &str) -> Result<Profile, ProfileError> {
        if text.len() > PROFILE_BYTES_MAX {
            return Err(ProfileError::TooLong { found: text.len() });
        }
        let profile = if text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
            super::flow_profile::parse(text.trim_start_matches('\u{feff}'))?
        } else {
            super::profile_file::parse(text)?
        };
        let expected = |what: &str| format!("at most {LIST_MAX} {what}");
        if profile.words.len() > LIST_MAX {
            let found = profile.words.len().to_string();
            return Err(ProfileError::Value { key: "the list of words", found, expected: expected("words") });
        }
        if let Some(word) = profile.words.iter().find(|word| !(1..=WORD_BYTES_MAX).contains(&word.text.len()))
        {
            let found = format!("{} bytes long", word.text.len());
            return Err(ProfileError::Value {
                key: "a word",
                found,
                expected: format!("1 to {WORD_BYTES_MAX}"),
            });
        }
        Ok(profile)
    }
}
