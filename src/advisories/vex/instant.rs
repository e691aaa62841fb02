//! Times as VEX documents write them (RFC 3339), to find the latest statement.

/// The second of a time, from 1970 on. `None` if the text is no time.
pub(super) fn instant(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
        digits.parse::<i64>().ok()
    };
    let is_sign = |at: usize, signs: &str| text.get(at..=at).is_some_and(|sign| signs.contains(sign));
    let signs = [(4, "-"), (7, "-"), (10, "Tt "), (13, ":"), (16, ":")];
    if !signs.iter().all(|(at, signs)| is_sign(*at, signs)) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Parts of a second do not count.
    let zone = text.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let at = text.len().checked_sub(zone.len())?;
    let offset = match zone.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let minutes = number(at + 1, at + 3)? * 60 + number(at + 4, at + 6)?;
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    Some(days(year, month, day) * 86_400 + (hour * 60 + minute - offset) * 60 + second)
}

/// The days from 1970-01-01 to a date of the Gregorian calendar. The year begins in March, so that a leap day ends it.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::instant;

    #[test]
    fn times_are_seconds_from_1970_on() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-03-01T00:00:00Z", Some(951_868_800)),
            ("2024-02-29T12:34:56.789Z", Some(1_709_210_096)),
            ("2023-01-08T18:02:03-06:00", Some(1_673_222_523)),
            ("2023-01-09T02:02:03+02:00", Some(1_673_222_523)),
            ("2023-01-09", None),
            ("2023-13-09T00:00:00Z", None),
            ("2023-01-09T00:00:00", None),
            ("2023-01-09T00:00:00+2:00", None),
            ("ä023-01-09T00:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(instant(text), expected, "{text}");
        }
    }
}
