//! One archive, and the archives in it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::budget::Budget;
use super::manifest::{Manifest, split_stem};
use super::properties::coordinates;
use crate::content::zip::{Archive, Member, contradictions};
use crate::packages::package::{Found, Kind, Package};
use crate::packages::word::{quoted, text};

/// The most bytes of a manifest or of properties. Manifests of signed archives have one section for each class.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// The most bytes of an archive in an archive.
const NESTED_BYTES_MAX: usize = 48 << 20;

/// The most problems that are named.
const PROBLEMS_MAX: usize = 100;

/// The packages in a Java archive and in the archives in it. `file_name` may have folders before it.
///
/// Archives in it are read as deep as `depth_max`; with 1, only the archive itself is.
///
/// A problem begins with the place in the archive that it is about, e.g. `app.war: WEB-INF/lib/a.jar: …`.
pub fn archive(bytes: &[u8], file_name: &[u8], depth_max: usize) -> Found {
    let mut reading = Reading {
        depth_max,
        budget: Budget::new(bytes.len()),
        packages: BTreeSet::new(),
        problems: Vec::new(),
        too_deep: Vec::new(),
        left_out: 0,
    };
    let name = file_name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let place = shown(name);
    reading.archive(bytes, &place, stem(name).as_ref(), 1);
    let mut problems = reading.problems;
    if let Some(limit) = reading.budget.hit() {
        problems.push(format!("{place}: not all of it was read, because of the limit of {limit}."));
    }
    if reading.left_out > 0 {
        problems.push(format!("{place}: {} more problems are not named.", reading.left_out));
    }
    Found {
        packages: reading.packages.into_iter().collect(),
        owned: Vec::new(),
        problems,
        too_deep: reading.too_deep,
    }
}

struct Reading {
    depth_max: usize,
    budget: Budget,
    packages: BTreeSet<Package>,
    problems: Vec<String>,
    too_deep: Vec<String>,
    left_out: usize,
}

impl Reading {
    fn problem(&mut self, place: &str, what: &str) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(format!("{place}: {what}."));
        } else {
            self.left_out += 1;
        }
    }

    /// Depth 1 is the outermost archive. No deeper than `depth_max`.
    fn archive(&mut self, bytes: &[u8], place: &str, stem: &str, depth: usize) {
        if !self.budget.archive() {
            return;
        }
        let archive = match Archive::open(bytes) {
            Ok(archive) => archive,
            Err(error) => return self.problem(place, &error.to_string()),
        };
        let members = self.members(&archive, place);
        for contradiction in contradictions(&archive, &members) {
            self.problem(place, &contradiction);
        }
        let mut manifest = Manifest::default();
        let mut artifacts = Vec::new();
        for member in &members {
            match role(member.name) {
                Role::Manifest => {
                    if let Some(text) = self.text(&archive, member, place) {
                        manifest = Manifest::parse(&text);
                    }
                }
                Role::Properties => {
                    if let Some(text) = self.text(&archive, member, place) {
                        let path = String::from_utf8_lossy(member.name);
                        let found = coordinates(&text, &path);
                        artifacts.extend(found);
                    }
                }
                Role::Nested if depth < self.depth_max => self.nested(&archive, member, place, depth),
                Role::Nested => {
                    if self.too_deep.len() < PROBLEMS_MAX {
                        let (name, limit) = (shown(member.name), self.depth_max);
                        self.too_deep.push(format!(
                            "{place}: {name} is not read: archives are nested deeper than {limit}."
                        ));
                    } else {
                        self.left_out += 1;
                    }
                }
                Role::Other => {}
            }
        }
        self.identify(&manifest, stem, artifacts);
    }

    /// The members that the directory has, as many as may be looked at.
    fn members<'a>(&mut self, archive: &Archive<'a>, place: &str) -> Vec<Member<'a>> {
        let mut members = Vec::new();
        for member in archive.members() {
            match member {
                Ok(member) if self.budget.member() => members.push(member),
                Ok(_) => break,
                Err(error) => self.problem(place, &error.to_string()),
            }
        }
        members
    }

    /// What the archive itself is: as Maven says, else as the manifest and the file name say.
    fn identify(&mut self, manifest: &Manifest, stem: &str, artifacts: Vec<(String, String, String)>) {
        let (file_artifact, file_version) = split_stem(stem);
        // An archive may have only the properties of others that are packed into it.
        // A single one is the archive itself if no version, or the same version, is in the file name.
        let is_single =
            |version: &str| artifacts.len() == 1 && file_version.is_none_or(|file| file == version);
        let named = artifacts.iter().any(|(_, artifact, version)| {
            artifact == file_artifact || stem.starts_with(artifact) || is_single(version)
        });
        let own = manifest.identity(stem);
        for (group, artifact, version) in artifacts {
            // The licence of the manifest is that of the archive itself.
            let licence = manifest.licence().filter(|_| artifact == file_artifact);
            self.package(format!("{group}:{artifact}"), version, licence);
        }
        if let Some(own) = own.filter(|_| !named) {
            let name =
                own.group.map_or_else(|| own.artifact.clone(), |group| format!("{group}:{}", own.artifact));
            self.package(name, own.version, own.licence);
        }
    }

    fn package(&mut self, name: String, version: String, licence: Option<String>) {
        let licences = licence.into_iter().collect();
        self.packages.insert(Package {
            kind: Kind::Java,
            name,
            version,
            architecture: None,
            source: None,
            licences,
        });
    }

    fn nested(&mut self, archive: &Archive<'_>, member: &Member<'_>, place: &str, depth: usize) {
        let Some(bytes) = self.content(archive, member, NESTED_BYTES_MAX, place) else {
            return;
        };
        let name = member.name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let inner = format!("{place}: {}", shown(member.name));
        self.archive(&bytes, &inner, stem(name).as_ref(), depth + 1);
        self.release(bytes);
    }

    fn text(&mut self, archive: &Archive<'_>, member: &Member<'_>, place: &str) -> Option<String> {
        let bytes = self.content(archive, member, TEXT_BYTES_MAX, place)?;
        let text = text(&bytes).into_owned();
        self.release(bytes);
        Some(text)
    }

    /// The content of a member, which counts as held until it is released.
    fn content<'a>(
        &mut self,
        archive: &Archive<'a>,
        member: &Member<'_>,
        limit: usize,
        place: &str,
    ) -> Option<Cow<'a, [u8]>> {
        // Reading takes time by both sizes: many members may share the same bytes, and compressed bytes may give none.
        let work = usize::try_from(member.size.max(member.compressed)).unwrap_or(usize::MAX);
        // A stored member is a part of what is held already.
        let held = if member.method == 0 {
            0
        } else {
            usize::try_from(member.size).unwrap_or(usize::MAX).min(limit)
        };
        if !self.budget.work(work) || !self.budget.hold(held) {
            return None;
        }
        match archive.read(member, limit) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.budget.release(held);
                self.problem(place, &format!("{} cannot be read: {error}", shown(member.name)));
                None
            }
        }
    }

    fn release(&mut self, bytes: Cow<'_, [u8]>) {
        if let Cow::Owned(bytes) = bytes {
            self.budget.release(bytes.len());
        }
    }
}

enum Role {
    Manifest,
    Properties,
    Nested,
    Other,
}

fn role(name: &[u8]) -> Role {
    let is_nested = [".jar", ".war", ".ear", ".rar"].iter().any(|end| {
        let at = name.len().checked_sub(end.len());
        at.and_then(|at| name.get(at..)).is_some_and(|found| found.eq_ignore_ascii_case(end.as_bytes()))
    });
    match name {
        _ if name.eq_ignore_ascii_case(b"META-INF/MANIFEST.MF") => Role::Manifest,
        _ if name.starts_with(b"META-INF/maven/") && name.ends_with(b"/pom.properties") => Role::Properties,
        _ if is_nested => Role::Nested,
        _ => Role::Other,
    }
}

/// The file name without its extension.
fn stem(name: &[u8]) -> Cow<'_, str> {
    let end = name.iter().rposition(|byte| *byte == b'.').unwrap_or(name.len());
    String::from_utf8_lossy(name.get(..end).unwrap_or(name))
}

fn shown(name: &[u8]) -> String {
    quoted(&String::from_utf8_lossy(name)).trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::content::zip::writer::{Written, member, zip};

    fn names(found: &Found) -> Vec<String> {
        found.packages.iter().map(|package| format!("{}@{}", package.name, package.version)).collect()
    }

    fn pom(group: &str, artifact: &str, version: &str) -> Written {
        member(
            &format!("META-INF/maven/{group}/{artifact}/pom.properties"),
            format!("groupId={group}\nartifactId={artifact}\nversion={version}\n").as_bytes(),
        )
    }

    #[test]
    fn jars_in_a_war_in_an_ear_are_read_and_no_deeper() {
        let deepest = zip(&[pom("org.d", "deep", "4")]);
        let jar = zip(&[pom("org.c", "lib", "3"), member("x/deep-4.jar", &deepest)]);
        let war = zip(&[
            pom("org.b", "web", "2"),
            Written { deflate: false, ..member("WEB-INF/lib/lib-3.jar", &jar) },
        ]);
        let ear =
            zip(&[member("META-INF/MANIFEST.MF", b"Implementation-Version: 1\n"), member("web-2.war", &war)]);
        let found = archive(&ear, b"srv/app.ear", 3);
        assert_eq!(names(&found), ["app@1", "org.b:web@2", "org.c:lib@3"]);
        assert_eq!(found.problems, Vec::<String>::new());
        assert_eq!(
            found.too_deep,
            [
                "app.ear: web-2.war: WEB-INF/lib/lib-3.jar: x/deep-4.jar is not read: archives are nested deeper than 3."
            ]
        );
    }

    #[test]
    fn a_shaded_archive_has_its_parts_and_itself() {
        let shaded = zip(&[
            member("META-INF/MANIFEST.MF", b"Implementation-Version: 1.0\nBundle-License: MIT\n"),
            pom("com.google.guava", "guava", "31.1-jre"),
        ]);
        assert_eq!(
            names(&archive(&shaded, b"tool-1.0.jar", 3)),
            ["com.google.guava:guava@31.1-jre", "tool@1.0"]
        );
        let own = zip(&[
            member("META-INF/MANIFEST.MF", b"Bundle-License: MIT\n"),
            pom("com.google.guava", "guava", "31.1-jre"),
        ]);
        for name in ["guava-31.1-jre.jar", "guava.jar"] {
            let found = archive(&own, name.as_bytes(), 3);
            assert_eq!(names(&found), ["com.google.guava:guava@31.1-jre"], "{name}");
            assert_eq!(found.packages[0].licences, ["MIT"]);
        }
    }

    #[test]
    fn two_readers_of_one_archive_are_named() {
        let bytes = zip(&[Written { local_name: Some(b"b.class".to_vec()), ..member("a.class", b"x") }]);
        let found = archive(&bytes, b"a-1.jar", 3);
        assert_eq!(
            found.problems,
            ["a-1.jar: member \"a.class\": the local header has the name member \"b.class\"."]
        );
        assert_eq!(names(&found), ["a@1"]);
        assert_eq!(
            archive(b"no zip", b"a-1.jar", 3).problems,
            ["a-1.jar: no end of central directory was found."]
        );
    }

    #[test]
    fn bombs_end_at_the_limits() {
        // 40 MiB in each of 20 archives, which expand one after the other.
        let inner = zip(&[member("x", b"y")]);
        let bomb = vec![0; 40 << 20];
        let mut members: Vec<Written> = Vec::new();
        for number in 0..20 {
            members.push(Written {
                deflate: true,
                ..member(&format!("{number}.jar"), &[bomb.as_slice(), &inner].concat())
            });
        }
        let found = archive(&zip(&members), b"bomb.jar", 3);
        let last = found.problems.last().unwrap();
        assert_eq!(last, "bomb.jar: not all of it was read, because of the limit of 512 MiB in members.");
    }

    proptest! {
        #[test]
        fn damaged_archives_never_panic(changes in prop::collection::vec((0_usize..2000, any::<u8>()), 1..8)) {
            let jar = zip(&[pom("org.c", "lib", "3"), member("META-INF/MANIFEST.MF", b"A: b\n c\n")]);
            let mut bytes = zip(&[pom("org.b", "web", "2"), member("lib/lib-3.jar", &jar)]);
            for (at, byte) in changes {
                let length = bytes.len();
                bytes[at % length] = byte;
            }
            archive(&bytes, b"a.jar", 3);
        }
    }
}
