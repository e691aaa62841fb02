//! Base scores of CVSS 3.0 and 3.1 vectors (first.org, "Common Vulnerability Scoring System v3.1", section 7).
//!
//! In integers, so that the same vector has the same score on every machine.

/// The value 1 in the fixed-point numbers of this file.
const ONE: i128 = 1_000_000_000_000;

/// The longest vector that is read, in bytes. One with all metrics has some 150.
const VECTOR_BYTES_MAX: usize = 512;

/// The weights of the eight base metrics, in hundredths.
#[derive(Default)]
struct Metrics {
    attack_vector: Option<i128>,
    attack_complexity: Option<i128>,
    /// 0 for none, 1 for low, 2 for high: the weight depends on the scope.
    privileges: Option<i128>,
    user_interaction: Option<i128>,
    scope_changed: Option<bool>,
    confidentiality: Option<i128>,
    integrity: Option<i128>,
    availability: Option<i128>,
}

/// The base score of a vector of CVSS 3.0 or 3.1, in tenths: 0 to 100. `None` for other versions, and for a vector that
/// lacks a base metric.
pub fn base_score(vector: &str) -> Option<u8> {
    let metrics = read(vector)?;
    let changed = metrics.scope_changed?;
    let privileges = match (metrics.privileges?, changed) {
        (0, _) => 85,
        (1, false) => 62,
        (1, true) => 68,
        (_, false) => 27,
        (_, true) => 50,
    };
    let complement = |hundredths: Option<i128>| Some(100 - hundredths?);
    let complements = complement(metrics.confidentiality)?
        * complement(metrics.integrity)?
        * complement(metrics.availability)?;
    let impact_sub_score = ONE - complements * (ONE / 1_000_000);
    let impact = if changed {
        let power = (0..15).fold(ONE, |power, _| power * (impact_sub_score - ONE / 50) / ONE);
        (752 * (impact_sub_score - 29 * (ONE / 1000)) - 325 * power) / 100
    } else {
        642 * impact_sub_score / 100
    };
    if impact <= 0 {
        return Some(0);
    }
    let exploitability = 822
        * metrics.attack_vector?
        * metrics.attack_complexity?
        * privileges
        * metrics.user_interaction?
        * (ONE / 10_000_000_000);
    let sum = impact + exploitability;
    Some(rounded_up((if changed { 108 * sum / 100 } else { sum }).min(10 * ONE)))
}

/// The smallest tenth that is not below the value (appendix A, "Floating Point Rounding").
fn rounded_up(value: i128) -> u8 {
    let unit = ONE / 100_000;
    let hundred_thousandths = (value + unit / 2) / unit;
    u8::try_from((hundred_thousandths + 9999) / 10_000).unwrap_or(100)
}

fn read(vector: &str) -> Option<Metrics> {
    let metrics = vector.strip_prefix("CVSS:3.0/").or_else(|| vector.strip_prefix("CVSS:3.1/"))?;
    if vector.len() > VECTOR_BYTES_MAX {
        return None;
    }
    let mut read = Metrics::default();
    for metric in metrics.split('/') {
        let (name, value) = metric.split_once(':')?;
        let weight = |weights: &[(&str, i128)]| {
            weights.iter().find(|(letter, _)| *letter == value).map(|(_, weight)| *weight)
        };
        let effect = || weight(&[("H", 56), ("L", 22), ("N", 0)]);
        match name {
            "AV" => read.attack_vector = Some(weight(&[("N", 85), ("A", 62), ("L", 55), ("P", 20)])?),
            "AC" => read.attack_complexity = Some(weight(&[("L", 77), ("H", 44)])?),
            "PR" => read.privileges = Some(weight(&[("N", 0), ("L", 1), ("H", 2)])?),
            "UI" => read.user_interaction = Some(weight(&[("N", 85), ("R", 62)])?),
            "S" => read.scope_changed = Some(weight(&[("U", 0), ("C", 1)])? == 1),
            "C" => read.confidentiality = Some(effect()?),
            "I" => read.integrity = Some(effect()?),
            "A" => read.availability = Some(effect()?),
            // Temporal and environmental metrics do not change the base score.
            _ => {}
        }
    }
    Some(read)
}

#[cfg(test)]
mod tests {
    use super::base_score;

    /// Scores of vectors as NVD and the examples of the specification publish them.
    #[test]
    fn scores_are_those_of_published_vectors() {
        for (vector, expected) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 98),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 100),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 75),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 61),
            ("CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 64),
            ("CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 31),
            ("CVSS:3.0/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 78),
            ("CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", 42),
            ("CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0),
            ("CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:C/C:H/I:H/A:H/E:P/RL:O", 91),
            ("CVSS:3.1/AV:P/AC:H/PR:L/UI:N/S:U/C:H/I:H/A:H", 63),
        ] {
            assert_eq!(base_score(vector), Some(expected), "{vector}");
        }
    }

    #[test]
    fn vectors_without_a_base_score_have_none() {
        for vector in [
            "",
            "7.5",
            "CVSS:3.1/",
            "CVSS:3.1/AV:N",
            "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:3.1/AV:N/AC:L/PR:/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
            "AV:N/AC:L/Au:N/C:P/I:P/A:P",
        ] {
            assert_eq!(base_score(vector), None, "{vector}");
        }
    }
}
