//! Which artifact and which image of one side is compared with which of the other.

use std::collections::{BTreeMap, BTreeSet};

use crate::oci::{Digest, RefName};
use crate::verbs::audit::AuditedArtifact;

/// Things of both sides, paired.
pub(super) struct Paired<'a, T> {
    /// Those that belong together: old and new.
    pub pairs: Vec<(&'a T, &'a T)>,
    /// Those that only the old side has.
    pub gone: Vec<&'a T>,
    /// Those that only the new side has.
    pub new: Vec<&'a T>,
}

/// A property by which things are paired; `None` if it does not have the property.
pub(super) type Property<'p, T> = &'p dyn Fn(&T) -> Option<String>;

/// Pairs things by the first of these properties that only one thing on each side has.
pub(super) fn pair<'a, T>(old: &[&'a T], new: &[&'a T], properties: &[Property<'_, T>]) -> Paired<'a, T> {
    let mut paired = Paired { pairs: Vec::new(), gone: old.to_vec(), new: new.to_vec() };
    for property in properties {
        let mut found: BTreeMap<String, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for (at, one) in paired.gone.iter().enumerate() {
            if let Some(word) = property(one) {
                found.entry(word).or_default().0.push(at);
            }
        }
        for (at, one) in paired.new.iter().enumerate() {
            if let Some(word) = property(one) {
                found.entry(word).or_default().1.push(at);
            }
        }
        let (mut from, mut to) = (BTreeSet::new(), BTreeSet::new());
        for places in found.values() {
            let ([old], [new]) = (places.0.as_slice(), places.1.as_slice()) else { continue };
            if let (Some(one), Some(other)) = (paired.gone.get(*old), paired.new.get(*new)) {
                paired.pairs.push((*one, *other));
                from.insert(*old);
                to.insert(*new);
            }
        }
        paired.gone = without(&paired.gone, &from);
        paired.new = without(&paired.new, &to);
    }
    paired
}

fn without<'a, T>(list: &[&'a T], taken: &BTreeSet<usize>) -> Vec<&'a T> {
    list.iter().enumerate().filter(|(at, _)| !taken.contains(at)).map(|(_, one)| *one).collect()
}

/// Pairs artifacts: by name; by digest; by name without the host; by repository, if only the tag differs; and at last
/// those that are alone on both sides.
pub(super) fn pair_artifacts<'a>(
    old: &'a [AuditedArtifact],
    new: &'a [AuditedArtifact],
) -> Paired<'a, AuditedArtifact> {
    let name = |artifact: &AuditedArtifact| artifact.name.as_ref().map(|name| name.as_str().to_owned());
    let digest = |artifact: &AuditedArtifact| Some(artifact.digest.to_string());
    let path =
        |artifact: &AuditedArtifact| artifact.name.as_ref().map(|name| local(name.as_str()).to_owned());
    let repository = |artifact: &AuditedArtifact| artifact.name.as_ref().and_then(repository_of);
    let local_repository =
        |artifact: &AuditedArtifact| repository(artifact).map(|name| local(&name).to_owned());
    let any = |_: &AuditedArtifact| Some(String::new());
    let properties: [Property<'_, AuditedArtifact>; 6] =
        [&name, &digest, &path, &repository, &local_repository, &any];
    pair(&distinct(old), &distinct(new), &properties)
}

/// Artifacts that occur in several bundles count once.
fn distinct(artifacts: &[AuditedArtifact]) -> Vec<&AuditedArtifact> {
    let mut seen = BTreeSet::new();
    artifacts.iter().filter(|artifact| seen.insert((artifact.name.as_ref(), artifact.digest))).collect()
}

fn repository_of(name: &RefName) -> Option<String> {
    name.repository().map(str::to_owned)
}

/// A name without the host of a registry before it.
fn local(name: &str) -> &str {
    match name.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => rest,
        _ => name,
    }
}

/// The manifests whose files are compared, of the old and of the new side. There may be some among them that are not.
pub(super) fn needed(paired: &Paired<'_, AuditedArtifact>) -> (BTreeSet<Digest>, BTreeSet<Digest>) {
    let (mut old, mut new) = (BTreeSet::new(), BTreeSet::new());
    let digests = |artifact: &AuditedArtifact| -> BTreeSet<Digest> {
        artifact.manifests.iter().map(|manifest| manifest.digest).collect()
    };
    for (one, other) in &paired.pairs {
        let (one, other) = (digests(one), digests(other));
        old.extend(one.difference(&other));
        new.extend(other.difference(&one));
    }
    (old, new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(name: &str, content: &str) -> AuditedArtifact {
        AuditedArtifact {
            name: (!name.is_empty()).then(|| name.parse().unwrap()),
            digest: Digest::sha256(content.as_bytes()),
            media_type: "application/vnd.oci.image.manifest.v1+json".parse().unwrap(),
            artifact_type: None,
            annotations: BTreeMap::new(),
            manifests: Vec::new(),
            referrers: Vec::new(),
        }
    }

    fn pairs(old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<String> {
        let made = |list: &[(&str, &str)]| -> Vec<AuditedArtifact> {
            list.iter().map(|(name, content)| artifact(name, content)).collect()
        };
        let (old, new) = (made(old), made(new));
        let paired = pair_artifacts(&old, &new);
        let word =
            |artifact: &AuditedArtifact| artifact.name.as_ref().map_or("-", RefName::as_str).to_owned();
        let both = paired.pairs.iter().map(|(one, other)| format!("{} {}", word(one), word(other)));
        let gone = paired.gone.iter().map(|one| format!("gone {}", word(one)));
        let found = paired.new.iter().map(|one| format!("new {}", word(one)));
        both.chain(gone).chain(found).collect()
    }

    #[test]
    fn artifacts_are_paired_by_what_is_nearest() {
        assert_eq!(
            pairs(&[("a:1", "x"), ("b:1", "y")], &[("b:1", "z"), ("a:1", "w")]),
            ["a:1 a:1", "b:1 b:1"]
        );
        // Another tag of the same repository, unless there are several.
        assert_eq!(
            pairs(&[("a:1", "x"), ("b:1", "y")], &[("a:2", "z"), ("b:1", "y")]),
            ["b:1 b:1", "a:1 a:2"]
        );
        let several = pairs(&[("a:1", "x"), ("a:2", "y")], &[("a:3", "z"), ("a:4", "w")]);
        assert_eq!(several, ["gone a:1", "gone a:2", "new a:3", "new a:4"]);
        // The same in another registry, and renamed.
        let other =
            pairs(&[("low.example/a:1", "x"), ("c:1", "v")], &[("high.example:5000/a:1", "y"), ("d:1", "w")]);
        assert_eq!(other, ["low.example/a:1 high.example:5000/a:1", "c:1 d:1"]);
        assert_eq!(pairs(&[("a:1", "x"), ("b:1", "y")], &[("c:1", "x")]), ["a:1 c:1", "gone b:1"]);
        assert_eq!(pairs(&[("", "x")], &[("", "y")]), ["- -"]);
    }
}
