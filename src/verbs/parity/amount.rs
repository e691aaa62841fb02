//! How much parity is wanted.

use std::fmt;
use std::str::FromStr;

use crate::format::limits::PARITY_FILES_MAX;

/// How many files of a group may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// This part of the chunks of a group, in percent, rounded up.
    Percent(u32),
    /// This number.
    Files(u32),
}

impl Amount {
    /// Returns how many files of a group with this many chunks may be lost.
    pub(super) fn losses(self, chunks: u32) -> u32 {
        match self {
            Amount::Percent(percent) => {
                let losses = (u64::from(chunks) * u64::from(percent)).div_ceil(100);
                u32::try_from(losses).unwrap_or(PARITY_FILES_MAX).max(1)
            }
            Amount::Files(files) => files,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Amount::Percent(percent) => write!(f, "{percent}%"),
            Amount::Files(files) => write!(f, "{files}"),
        }
    }
}

impl FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Amount, String> {
        let number = |text: &str, most: u32| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u32>().ok().filter(|number| digits && (1..=most).contains(number))
        };
        let amount = match text.strip_suffix('%') {
            Some(percent) => number(percent, 100).map(Amount::Percent),
            None => number(text, PARITY_FILES_MAX / 2).map(Amount::Files),
        };
        amount.ok_or_else(|| {
            format!("expected 1% to 100% of the chunks, or 1 to {} files", PARITY_FILES_MAX / 2)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_one_form() {
        assert_eq!("10%".parse(), Ok(Amount::Percent(10)));
        assert_eq!("3".parse(), Ok(Amount::Files(3)));
        for text in ["", "0", "0%", "101%", "+3", "-1", "1.5%", "10 %", "1025", "%"] {
            assert!(text.parse::<Amount>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_part_is_rounded_up() {
        assert_eq!(Amount::Percent(10).losses(1), 1);
        assert_eq!(Amount::Percent(10).losses(10), 1);
        assert_eq!(Amount::Percent(10).losses(11), 2);
        assert_eq!(Amount::Percent(100).losses(7), 7);
    }
}
