//! Bytes that are written in base64.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::lenient::Take;

/// The value of a key that holds bytes.
#[derive(Default)]
pub(super) struct Base64 {
    pub(super) is_there: bool,
    bytes: Option<Vec<u8>>,
}

impl Take for Base64 {
    fn text(&mut self, text: &str) {
        self.is_there = true;
        self.bytes = decode(text);
    }
}

impl Base64 {
    pub(super) fn get(self, key: &str) -> Result<Vec<u8>, String> {
        if self.is_there {
            self.bytes.ok_or_else(|| format!("the value of {key} is not base64"))
        } else {
            Err(format!("it has no {key}"))
        }
    }
}

/// Decodes base64 of either alphabet, with or without padding: DSSE and the JSON of protocol buffers allow both.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);
    // Of both, it is neither. A copy of a text of megabytes would be needed to take that.
    let engine = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    engine.decode(text).ok()
}
