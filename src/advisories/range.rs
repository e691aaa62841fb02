//! Ranges of versions (OSV schema, "affected[].ranges[].events fields", and its evaluation).

use std::cmp::Ordering;

use crate::versions::{NotAVersion, Scheme, compare};

/// The most events of a range. Real ones have up to some hundred.
pub(super) const EVENTS_MAX: usize = 10_000;

/// A place in the history of a package where a flaw comes or goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// This version and later ones have it. `0` is before every version.
    Introduced(String),
    /// This version and later ones do not have it.
    Fixed(String),
    /// Later versions do not have it.
    LastAffected(String),
    /// The range says nothing of this version and later ones. `*` is after every version.
    Limit(String),
}

/// The events of one line of versions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Range {
    pub events: Vec<Event>,
}

/// What a range says of a version.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Outside,
    /// It has the flaw. The earliest later version without it, if the range names one.
    Inside {
        fixed: Option<String>,
    },
}

impl Range {
    /// All versions before this one.
    pub(super) fn before(fixed: &str) -> Range {
        Range { events: vec![Event::Introduced("0".to_owned()), Event::Fixed(fixed.to_owned())] }
    }

    /// All versions.
    pub(super) fn all() -> Range {
        Range { events: vec![Event::Introduced("0".to_owned())] }
    }

    /// Says whether a version is inside. The time is linear in the number of events.
    ///
    /// # Errors
    /// If the version or an event has no place in the order.
    pub(super) fn judge(&self, scheme: Scheme, version: &str) -> Result<Verdict, NotAVersion> {
        // A version that cannot be compared must not slip through a range that needs no comparison.
        compare(scheme, version, version)?;
        let mut within_limits = None;
        let mut starts = false;
        // The latest event that the version has reached, and whether it brings the flaw.
        let mut last: Option<(&str, bool)> = None;
        let mut fixed: Option<&str> = None;
        for event in &self.events {
            let (at, reached, brings) = match event {
                Event::Introduced(at) => {
                    starts = true;
                    (at, against(scheme, version, at)? != Ordering::Less, true)
                }
                Event::Fixed(at) => {
                    let order = against(scheme, version, at)?;
                    if order == Ordering::Less && (fixed.is_none() || is_earlier(scheme, at, fixed)?) {
                        fixed = Some(at);
                    }
                    (at, order != Ordering::Less, false)
                }
                Event::LastAffected(at) => (at, against(scheme, version, at)? == Ordering::Greater, false),
                Event::Limit(at) => {
                    let before = at == "*" || against(scheme, version, at)? == Ordering::Less;
                    within_limits = Some(within_limits == Some(true) || before);
                    continue;
                }
            };
            if reached && !is_earlier(scheme, at, last.map(|(at, _)| at))? {
                last = Some((at, brings));
            }
        }
        // The schema wants a first version. A range without one begins at the first.
        let inside = last.map_or(!starts, |(_, brings)| brings);
        if inside && within_limits != Some(false) {
            return Ok(Verdict::Inside { fixed: fixed.map(str::to_owned) });
        }
        Ok(Verdict::Outside)
    }
}

/// Compares a version with an event. `0` is before every version.
fn against(scheme: Scheme, version: &str, event: &str) -> Result<Ordering, NotAVersion> {
    if event == "0" { Ok(Ordering::Greater) } else { compare(scheme, version, event) }
}

/// Whether `at` is before `other`. Nothing is before no event.
fn is_earlier(scheme: Scheme, at: &str, other: Option<&str>) -> Result<bool, NotAVersion> {
    match other {
        None | Some("0") => Ok(false),
        Some(_) if at == "0" => Ok(true),
        Some(other) => Ok(compare(scheme, at, other)? == Ordering::Less),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(events: &[(&str, &str)]) -> Range {
        let event = |(kind, at): &(&str, &str)| {
            let at = (*at).to_owned();
            match *kind {
                "introduced" => Event::Introduced(at),
                "fixed" => Event::Fixed(at),
                "last" => Event::LastAffected(at),
                _ => Event::Limit(at),
            }
        };
        Range { events: events.iter().map(event).collect() }
    }

    fn inside(range: &Range, version: &str) -> bool {
        range.judge(Scheme::Semver, version).unwrap() != Verdict::Outside
    }

    #[test]
    fn a_fix_ends_a_range_and_is_named() {
        let range = range(&[("introduced", "0"), ("fixed", "1.2.3")]);
        assert_eq!(
            range.judge(Scheme::Semver, "1.2.2").unwrap(),
            Verdict::Inside { fixed: Some("1.2.3".to_owned()) }
        );
        assert!(inside(&range, "0.0.0-alpha"));
        assert!(!inside(&range, "1.2.3"));
        assert!(!inside(&range, "1.2.4"));
    }

    #[test]
    fn a_last_affected_version_is_inside() {
        let range = range(&[("introduced", "1.0.0"), ("last", "1.2.3")]);
        assert!(!inside(&range, "0.9.0"));
        assert!(inside(&range, "1.0.0"));
        assert!(inside(&range, "1.2.3"));
        assert!(!inside(&range, "1.2.4"));
    }

    #[test]
    fn events_count_by_version_and_not_by_place() {
        let range = range(&[
            ("fixed", "2.1.0"),
            ("introduced", "2.0.0"),
            ("fixed", "1.5.0"),
            ("introduced", "1.0.0"),
        ]);
        for (version, expected) in
            [("0.9.0", false), ("1.0.0", true), ("1.5.0", false), ("2.0.5", true), ("2.1.0", false)]
        {
            assert_eq!(inside(&range, version), expected, "{version}");
        }
        let found = range.judge(Scheme::Semver, "1.1.0").unwrap();
        assert_eq!(found, Verdict::Inside { fixed: Some("1.5.0".to_owned()) });
    }

    #[test]
    fn a_limit_ends_what_a_range_speaks_of() {
        let limited = range(&[("introduced", "1.0.0"), ("limit", "2.0.0"), ("limit", "1.5.0")]);
        assert!(inside(&limited, "1.9.0"));
        assert!(!inside(&limited, "2.0.0"));
        assert!(inside(&range(&[("introduced", "1.0.0"), ("limit", "*")]), "9.0.0"));
    }

    #[test]
    fn a_fix_in_version_0_means_never() {
        assert!(!inside(&range(&[("introduced", "0"), ("fixed", "0")]), "1.0.0"));
        assert!(!inside(&Range::before("0"), "0.0.0-0"));
        assert!(inside(&Range::all(), "0.0.0-0"));
    }

    #[test]
    fn a_range_without_a_beginning_begins_at_the_first_version() {
        let range = range(&[("fixed", "2.0.0")]);
        assert!(inside(&range, "1.0.0"));
        assert!(!inside(&range, "2.0.0"));
    }

    #[test]
    fn what_cannot_be_compared_is_neither_inside_nor_outside() {
        assert!(Range::all().judge(Scheme::Go, "(devel)").is_err());
        assert!(range(&[("introduced", "0"), ("fixed", "?")]).judge(Scheme::Go, "1.0.0").is_err());
    }
}
