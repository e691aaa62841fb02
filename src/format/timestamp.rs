//! Points in time, to the second, in UTC (docs/format.md, "Text").

use std::{fmt, str::FromStr};

/// A time from 1970 on, always written as `YYYY-MM-DDThh:mm:ssZ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// Returns the time this many seconds after 1970-01-01T00:00:00Z; `None` after the year 9999.
    pub fn from_seconds(seconds: u64) -> Option<Timestamp> {
        let seconds = i64::try_from(seconds).ok()?;
        jiff::Timestamp::from_second(seconds).ok().map(Timestamp)
    }

    /// Returns the time as a `jiff` timestamp.
    pub fn get(self) -> jiff::Timestamp {
        self.0
    }

    /// Returns the time this many seconds later; `None` after the year 9999.
    pub fn plus_seconds(self, seconds: u64) -> Option<Timestamp> {
        Timestamp::from_seconds(u64::try_from(self.0.as_second()).ok()?.checked_add(seconds)?)
    }

    /// Returns the time this many seconds earlier; the beginning of 1970 if there is none.
    pub fn seconds_before(self, seconds: u64) -> Option<Timestamp> {
        let now = u64::try_from(self.0.as_second()).ok()?;
        Timestamp::from_seconds(now.saturating_sub(seconds))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

impl FromStr for Timestamp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || "a time such as 2026-11-20T00:00:00Z".to_owned();
        if text.len() != 20 || !text.is_ascii() {
            return Err(refused());
        }
        let time = text.parse::<jiff::Timestamp>().map_err(|_| refused())?;
        let timestamp = Timestamp(time);
        // Reject other forms that jiff accepts, such as leap seconds or lower case.
        if time.as_second() < 0 || timestamp.to_string() != text {
            return Err(refused());
        }
        Ok(timestamp)
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$" })
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn accepts_only_the_canonical_form() {
        let text = "2026-11-20T00:00:00Z";
        assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        for text in [
            "2026-11-20T00:00:00z",
            "2026-11-20 00:00:00Z",
            "2026-11-20T00:00:60Z",
            "1969-12-31T23:59:59Z",
            "2026-02-30T00:00:00Z",
            "2026-11-20T00:00:00+00:00",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}
