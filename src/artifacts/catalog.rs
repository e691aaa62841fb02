//! The list of artifacts in a source, and the search in it.

use std::collections::HashSet;

use super::{ArtifactError, Pattern, Root};
use crate::oci::{Digest, RefName};

/// Maximum number of similar names in an error.
const ALIKE_MAX: usize = 5;

/// Maximum edit distance between similar names, in bytes.
const DISTANCE_MAX: usize = 3;

/// The artifacts of a source, sorted by name and digest.
#[derive(Debug)]
pub(super) struct Catalog {
    place: String,
    roots: Vec<Root>,
    /// Other names of artifacts, for selection only. One may stand for several.
    aliases: Vec<(RefName, Digest)>,
}

impl Catalog {
    /// Sorts `roots` and removes duplicates. An unnamed entry is removed if its digest is also listed with a name.
    pub(super) fn new(place: String, mut roots: Vec<Root>) -> Catalog {
        roots.sort_by(|a, b| (&a.name, &a.descriptor.digest).cmp(&(&b.name, &b.descriptor.digest)));
        roots.dedup_by(|a, b| a.name == b.name && a.descriptor.digest == b.descriptor.digest);
        let named: HashSet<Digest> =
            roots.iter().filter(|root| root.name.is_some()).map(|root| root.descriptor.digest).collect();
        roots.retain(|root| root.name.is_some() || !named.contains(&root.descriptor.digest));
        Catalog { place, roots, aliases: Vec::new() }
    }

    /// Adds other names under which artifacts can be selected.
    pub(super) fn with_aliases(self, aliases: Vec<(RefName, Digest)>) -> Catalog {
        Catalog { aliases, ..self }
    }

    /// All artifacts.
    pub(super) fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// All artifacts.
    ///
    /// # Errors
    /// If a name points at two artifacts.
    pub(super) fn unambiguous(&self) -> Result<&[Root], ArtifactError> {
        for pair in self.roots.windows(2) {
            match &pair[0].name {
                Some(name) if pair[1].name.as_ref() == Some(name) => {
                    return Err(self.ambiguous(name, &pair[0], &pair[1]));
                }
                _ => {}
            }
        }
        Ok(&self.roots)
    }

    fn ambiguous(&self, name: &RefName, first: &Root, second: &Root) -> ArtifactError {
        ArtifactError::AmbiguousName {
            place: self.place.clone(),
            name: name.clone(),
            first: Box::new(first.descriptor.digest),
            second: Box::new(second.descriptor.digest),
        }
    }

    /// The artifact with this name.
    pub(super) fn named(&self, name: &RefName) -> Result<Vec<Root>, ArtifactError> {
        let mut found = self.roots.iter().filter(|root| root.name.as_ref() == Some(name)).peekable();
        if found.peek().is_none() {
            return self.with_alias(name);
        }
        match (found.next(), found.next()) {
            (Some(root), None) => Ok(vec![root.clone()]),
            (Some(first), Some(second)) => Err(self.ambiguous(name, first, second)),
            (None, _) => Err(self.no_such(name)),
        }
    }

    /// The artifact with this other name.
    fn with_alias(&self, name: &RefName) -> Result<Vec<Root>, ArtifactError> {
        let digests: HashSet<Digest> =
            self.aliases.iter().filter(|(alias, _)| alias == name).map(|(_, digest)| *digest).collect();
        let of = |root: &&Root| {
            let tag = root.name.as_ref().and_then(RefName::tag);
            digests.contains(&root.descriptor.digest) && tag == name.tag()
        };
        let found: Vec<&Root> = self.roots.iter().filter(of).collect();
        match found[..] {
            [] => Err(self.no_such(name)),
            [first, .., last] if first.descriptor.digest != last.descriptor.digest => {
                Err(self.ambiguous(name, first, last))
            }
            _ => Ok(found.into_iter().cloned().collect()),
        }
    }

    fn no_such(&self, name: &RefName) -> ArtifactError {
        let (place, wanted) = (self.place.clone(), name.to_string());
        ArtifactError::NoSuchArtifact { place, wanted, similar: self.similar_to(name) }
    }

    /// The artifacts whose names match the pattern.
    pub(super) fn matching(&self, pattern: &Pattern) -> Result<Vec<Root>, ArtifactError> {
        let matches = |root: &&Root| root.name.as_ref().is_some_and(|name| pattern.matches(name.as_str()));
        let found: Vec<Root> = self.unambiguous()?.iter().filter(matches).cloned().collect();
        if found.is_empty() {
            let (place, wanted) = (self.place.clone(), pattern.to_string());
            return Err(ArtifactError::NoSuchArtifact { place, wanted, similar: Vec::new() });
        }
        Ok(found)
    }

    /// The entries with this digest, one for each name.
    pub(super) fn with_digest(&self, digest: &Digest) -> Vec<Root> {
        self.roots.iter().filter(|root| root.descriptor.digest == *digest).cloned().collect()
    }

    /// The error for a digest that the source does not have.
    pub(super) fn no_such_digest(&self, digest: &Digest) -> ArtifactError {
        let (place, wanted) = (self.place.clone(), digest.to_string());
        ArtifactError::NoSuchArtifact { place, wanted, similar: Vec::new() }
    }

    fn similar_to(&self, wanted: &RefName) -> Vec<String> {
        let names = self.roots.iter().filter_map(|root| root.name.as_ref());
        let same_part = |name: &str| {
            name.parse::<RefName>().is_ok_and(|name| {
                (name.repository().is_some() && name.repository() == wanted.repository())
                    || (name.tag().is_some() && name.tag() == wanted.tag())
            })
        };
        similar_names(names.map(RefName::as_str), wanted.as_str(), &same_part)
    }
}

/// The names within a small edit distance of `wanted`, closest first, then those for which `near` returns true.
pub(crate) fn similar_names<'a>(
    names: impl Iterator<Item = &'a str>,
    wanted: &str,
    near: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let mut found: Vec<(usize, &str)> = Vec::new();
    for name in names {
        match distance(name, wanted) {
            Some(letters) => found.push((letters, name)),
            None if near(name) => found.push((DISTANCE_MAX + 1, name)),
            None => {}
        }
    }
    found.sort_unstable();
    found.into_iter().take(ALIKE_MAX).map(|(_, name)| name.to_owned()).collect()
}

/// The edit distance between `a` and `b`; `None` if it is greater than [`DISTANCE_MAX`].
fn distance(a: &str, b: &str) -> Option<usize> {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > DISTANCE_MAX {
        return None;
    }
    // Cells outside the band around the diagonal cannot lead to a small distance.
    let far = DISTANCE_MAX + 1;
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut next = vec![far; b.len() + 1];
        next[0] = i;
        for j in i.saturating_sub(DISTANCE_MAX).max(1)..=(i + DISTANCE_MAX).min(b.len()) {
            let change = row[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            next[j] = change.min(row[j] + 1).min(next[j - 1] + 1);
        }
        row = next;
    }
    Some(row[b.len()]).filter(|letters| *letters <= DISTANCE_MAX)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn edit_distance_is_bounded() {
        for (a, b, letters) in [
            ("team/app:1.0", "team/app:1.0", Some(0)),
            ("team/app:1.0", "team/ap:1.0", Some(1)),
            ("team/app:1.0", "taem/app:1.1", Some(3)),
            ("team/app:1.0", "other/app:1.0", None),
            ("", "abc", Some(3)),
            ("", "abcd", None),
        ] {
            assert_eq!(distance(a, b), letters, "{a} {b}");
        }
    }
}
