//! What differs between two trust files, in the words of an operator.

use super::demand::Demand;
use super::policy::TrustPolicy;
use super::policy_key::{JUMP_MAX, PolicyKey, Revocation};

/// The differences between two trust files, one sentence each; none if they say the same.
pub fn changes(old: &TrustPolicy, new: &TrustPolicy) -> Vec<String> {
    let mut out = Vec::new();
    let mut differ = |what: &str, old: String, new: String| {
        if old != new {
            out.push(format!("{what}: {new}, was {old}"));
        }
    };
    differ("release-threshold", old.release_threshold().to_string(), new.release_threshold().to_string());
    differ("root-threshold", or_none(old.root_threshold()), or_none(new.root_threshold()));
    differ("serial", or_none(old.serial()), or_none(new.serial()));
    differ("expires", or_none(old.expires()), or_none(new.expires()));
    let algorithms = |policy: &TrustPolicy| match policy.algorithms() {
        None => "any".to_owned(),
        Some(demand) => demand.to_string(),
    };
    differ("algorithms", algorithms(old), algorithms(new));
    let profile = |policy: &TrustPolicy| or_none(policy.algorithms().and_then(Demand::profile));
    differ("profile", profile(old), profile(new));
    let in_both = |key: &PolicyKey, policy: &TrustPolicy| {
        policy.keys().iter().find(|other| other.key() == key.key()).cloned()
    };
    for key in old.keys() {
        if in_both(key, new).is_none() {
            out.push(format!("removed: {}", described(key)));
        }
    }
    for key in new.keys() {
        match in_both(key, old) {
            None => out.push(format!("added: {}", described(key))),
            Some(before) if described(&before) != described(key) => {
                out.push(format!("changed: {}; was {}", described(key), described(&before)));
            }
            Some(_) => {}
        }
    }
    out
}

fn or_none<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

/// A key with everything that a trust file says about it.
fn described(key: &PolicyKey) -> String {
    let roles: Vec<String> = key.roles().iter().map(ToString::to_string).collect();
    let mut out = format!(
        "{}, {}, {}, {}",
        key.holder(),
        key.key().id().short(),
        key.key().algorithm(),
        roles.join(" and ")
    );
    if let Some(streams) = key.streams() {
        out += &format!(", streams {}", streams.join(" "));
    }
    if let Some(from) = key.valid_from() {
        out += &format!(", from {from}");
    }
    if let Some(until) = key.valid_until() {
        out += &format!(", until {until}");
    }
    if key.verify_required() {
        out += ", verify-required";
    }
    if key.jump_max() != JUMP_MAX {
        out += &format!(", max-jump {}", key.jump_max());
    }
    if let Some(revoked) = key.revoked() {
        out += &match revoked {
            Revocation::Undated => ", REVOKED".to_owned(),
            Revocation::At(time) => format!(", REVOKED on {time}"),
            Revocation::CreatedFrom(time) => format!(", REVOKED for what was made from {time} on"),
            Revocation::SequenceFrom(from) => format!(", REVOKED from number {from} on"),
        };
    }
    out
}
