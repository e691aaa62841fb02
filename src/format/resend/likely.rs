//! Finds the number that was probably misheard or mistyped in a line whose check words do not fit.

/// Returns the position of the only number whose change by one digit makes everything fit, and what it would be then; `None`
/// if there is no such change, or several. It is a hint for people. Nothing is corrected by it.
pub(super) fn number(numbers: &[String], fits: &dyn Fn(&[String]) -> bool) -> Option<(usize, String)> {
    let mut found = None;
    let mut tried = numbers.to_vec();
    for (at, number) in numbers.iter().enumerate() {
        for other in neighbours(number) {
            tried[at].clone_from(&other);
            if fits(&tried) {
                match &found {
                    Some(before) if *before != (at, other.clone()) => return None,
                    _ => found = Some((at, other)),
                }
            }
        }
        tried[at].clone_from(number);
    }
    found
}

/// Returns the numbers with one digit changed, left out or added, or two neighbours swapped.
fn neighbours(number: &str) -> Vec<String> {
    let mut found = Vec::new();
    for at in 0..=number.len() {
        let (before, after) = number.split_at(at);
        let mut rest = after.chars();
        let first = rest.next();
        for digit in '0'..='9' {
            found.push(format!("{before}{digit}{after}"));
            if first.is_some_and(|first| first != digit) {
                found.push(format!("{before}{digit}{}", rest.as_str()));
            }
        }
        if let Some(first) = first {
            found.push(format!("{before}{}", rest.as_str()));
            let mut others = rest.clone();
            if let Some(second) = others.next().filter(|second| *second != first) {
                found.push(format!("{before}{second}{first}{}", others.as_str()));
            }
        }
    }
    found.retain(|other| !other.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn one_wrong_swapped_doubled_or_lost_digit_is_found() {
        let fits = |numbers: &[String]| numbers == ["2", "140", "199"];
        for (typed, at, meant) in [
            (["2", "140", "149"], 2, "199"),
            (["2", "104", "199"], 1, "140"),
            (["2", "14", "199"], 1, "140"),
            (["22", "140", "199"], 0, "2"),
        ] {
            assert_eq!(number(&typed.map(str::to_owned), &fits), Some((at, meant.to_owned())));
        }
        let far = ["2", "041", "199"].map(str::to_owned);
        assert_eq!(number(&far, &fits), None);
        let several = |numbers: &[String]| numbers == ["3"] || numbers == ["4"];
        assert_eq!(number(&["2".to_owned()], &several), None);
    }
}
