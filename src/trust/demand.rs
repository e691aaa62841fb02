//! What a trust file wants of each holder: one signature, or two of different kinds.

use std::fmt;

use super::policy_error::PolicyProblem;
use crate::format::Profile;
use crate::format::limits::DATA_SIGNATURES_MAX;
use crate::format::signature::SignatureAlgorithm;
use crate::format::statement::{Kind, Statement};

/// One or two signatures, and perhaps a profile. Each signature is of one of some algorithms, and none of these stands for both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    kinds: Vec<Vec<SignatureAlgorithm>>,
    profile: Option<Profile>,
}

impl Demand {
    /// The demand of these lists of names, one list for each signature.
    ///
    /// # Errors
    /// [`PolicyProblem::Algorithms`] if a list is empty, or a name is unknown or there twice;
    /// [`PolicyProblem::AlgorithmCount`] if it wants more signatures than a data chunk can have.
    pub(super) fn new(lists: &[Vec<String>]) -> Result<Demand, PolicyProblem> {
        let wrong = || PolicyProblem::Algorithms { found: shown(lists).chars().take(120).collect() };
        let mut all = Vec::new();
        let mut demand = Vec::new();
        for list in lists {
            let mut kind = Vec::new();
            for word in list {
                let algorithm = word.parse().map_err(|_| wrong())?;
                if !SignatureAlgorithm::KNOWN.contains(&algorithm) || all.contains(&algorithm) {
                    return Err(wrong());
                }
                all.push(algorithm);
                kind.push(algorithm);
            }
            if kind.is_empty() {
                return Err(wrong());
            }
            demand.push(kind);
        }
        match demand.len() {
            0 => Err(wrong()),
            1..=DATA_SIGNATURES_MAX => Ok(Demand { kinds: demand, profile: None }),
            found => Err(PolicyProblem::AlgorithmCount { found, limit: DATA_SIGNATURES_MAX }),
        }
    }

    /// The demand of a trust file that wants bundles of a profile. `demand` is that of its lists, if it has any.
    ///
    /// # Errors
    /// [`PolicyProblem::Setting`] if these would do without the signature of the profile.
    pub(super) fn of_profile(profile: Profile, demand: Option<Demand>) -> Result<Demand, PolicyProblem> {
        let own = vec![SignatureAlgorithm::ML_DSA_87];
        let kinds = demand.map_or_else(|| vec![own.clone()], |demand| demand.kinds);
        if kinds.contains(&own) {
            return Ok(Demand { kinds, profile: Some(profile) });
        }
        let detail = format!(
            "{profile} wants a signature of mldsa87 from each holder, and nothing instead; `algorithms` has no entry \"mldsa87\""
        );
        Err(PolicyProblem::Setting { key: "profile", detail })
    }

    /// The profile that bundles must keep, if any.
    pub fn profile(&self) -> Option<Profile> {
        self.profile
    }

    /// The profile that it wants, and that a chunk with this statement does not keep. A parity file needs no SHA-384, because nothing is
    /// believed for its sake (docs/format.md, "The profile cnsa2").
    pub fn profile_lacking(&self, statement: &Statement) -> Option<Profile> {
        let keeps = statement.kind == Kind::Parity || statement.sums.profile() == self.profile;
        self.profile.filter(|_| !keeps)
    }

    /// How many signatures it wants of each holder.
    pub fn signatures(&self) -> usize {
        self.kinds.len()
    }

    /// Which of the signatures one of this algorithm can be; `None` if it counts for nothing.
    pub(super) fn place(&self, algorithm: SignatureAlgorithm) -> Option<usize> {
        self.kinds.iter().position(|kind| kind.contains(&algorithm))
    }

    /// Whether a holder who has these algorithms meets it.
    pub fn is_met(&self, has: impl Fn(SignatureAlgorithm) -> bool) -> bool {
        self.lacking(has).is_empty()
    }

    /// What a holder lacks who has these algorithms, in words, one for each signature.
    pub fn lacking(&self, has: impl Fn(SignatureAlgorithm) -> bool) -> Vec<String> {
        let lacks = |kind: &&Vec<SignatureAlgorithm>| !kind.iter().any(|&algorithm| has(algorithm));
        self.kinds.iter().filter(lacks).map(|kind| either(kind)).collect()
    }

    /// What it wants, in words, one for each signature.
    pub fn words(&self) -> Vec<String> {
        self.lacking(|_| false)
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(" and "))
    }
}

fn either(kind: &[SignatureAlgorithm]) -> String {
    let names: Vec<&str> = kind.iter().map(SignatureAlgorithm::as_str).collect();
    let before = if names.len() > 1 { "either " } else { "" };
    format!("{before}{}", names.join(" or "))
}

/// The lists as they stand in the trust file, without quotes.
fn shown(lists: &[Vec<String>]) -> String {
    let list = |list: &Vec<String>| match &list[..] {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    lists.iter().map(list).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(lists: &[&[&str]]) -> Result<Demand, PolicyProblem> {
        let list = |list: &&[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        Demand::new(&lists.iter().map(list).collect::<Vec<_>>())
    }

    #[test]
    fn wants_one_or_two_signatures() {
        use SignatureAlgorithm as A;
        let one = demand(&[&["mldsa87"]]).unwrap();
        assert!(one.is_met(|algorithm| algorithm == A::ML_DSA_87) && !one.is_met(|_| false));
        assert_eq!(one.place(A::ED25519), None);
        let two = demand(&[&["mldsa87"], &["ed25519", "ecdsap384"]]).unwrap();
        assert_eq!(
            (two.signatures(), two.place(A::ED25519), two.place(A::ECDSA_P384)),
            (2, Some(1), Some(1))
        );
        assert_eq!(two.to_string(), "mldsa87 and either ed25519 or ecdsap384");
        // Both of one kind are one.
        assert_eq!(two.lacking(|algorithm| algorithm != A::ML_DSA_87), ["mldsa87"]);
        assert_eq!(two.lacking(|algorithm| algorithm == A::ML_DSA_87), ["either ed25519 or ecdsap384"]);
        assert!(two.is_met(|algorithm| algorithm != A::ED25519));
        assert_eq!(demand(&[&["ed25519", "ecdsap384"]]).unwrap().to_string(), "either ed25519 or ecdsap384");
    }

    #[test]
    fn a_profile_wants_its_own_signature() {
        use SignatureAlgorithm as A;
        let of = |lists: &[&[&str]]| Demand::of_profile(Profile::Cnsa2, Some(demand(lists).unwrap()));
        let alone = Demand::of_profile(Profile::Cnsa2, None).unwrap();
        assert_eq!((alone.words(), alone.profile()), (vec!["mldsa87".to_owned()], Some(Profile::Cnsa2)));
        assert_eq!(of(&[&["mldsa87"]]).unwrap(), alone);
        let both = of(&[&["ed25519", "ecdsap384"], &["mldsa87"]]).unwrap();
        assert!(!both.is_met(|algorithm| algorithm == A::ED25519));
        for weaker in
            [&[&["ed25519"][..]][..], &[&["mldsa87", "ed25519"]], &[&["mldsa87", "ed25519"], &["ecdsap384"]]]
        {
            assert!(matches!(of(weaker), Err(PolicyProblem::Setting { key: "profile", .. })), "{weaker:?}");
        }
    }

    #[test]
    fn what_nobody_could_meet_is_refused() {
        for lists in [
            &[][..],
            &[&[][..]],
            &[&["mldsa87"], &[]],
            &[&["mldsa87"], &["mldsa87"]],
            &[&["ed25519", "ed25519"]],
            &[&["ed25519"], &["mldsa87", "ed25519"]],
            &[&["slhdsa"]],
            &[&["ECDSA P-384"]],
        ] {
            assert!(matches!(demand(lists), Err(PolicyProblem::Algorithms { .. })), "{lists:?}");
        }
        let three = demand(&[&["ed25519"], &["mldsa87"], &["ecdsap384"]]);
        assert!(matches!(three, Err(PolicyProblem::AlgorithmCount { found: 3, limit: 2 })));
    }
}
