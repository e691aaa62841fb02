//! `pom.properties`, which Maven writes.

use super::super::word::word;

/// Group, artifact and version of a `pom.properties`. What it does not say is taken from its place,
/// `META-INF/maven/GROUP/ARTIFACT/pom.properties`; the version is nowhere else.
pub(super) fn coordinates(text: &str, path: &str) -> Option<(String, String, String)> {
    let (mut group, mut artifact, mut version) = (None, None, None);
    for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', '!'])) {
        let Some((name, value)) = line.split_once(['=', ':']) else {
            continue;
        };
        match name.trim() {
            "groupId" => group = word(value),
            "artifactId" => artifact = word(value),
            "version" => version = word(value),
            _ => {}
        }
    }
    let mut folders = path.rsplit('/').skip(1);
    let (of_artifact, of_group) = (folders.next(), folders.next());
    Some((group.or_else(|| word(of_group?))?, artifact.or_else(|| word(of_artifact?))?, version?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_fills_gaps() {
        let path = "META-INF/maven/org.a/b/pom.properties";
        let triple = |group: &str, artifact: &str, version: &str| {
            Some((group.to_owned(), artifact.to_owned(), version.to_owned()))
        };
        let text = "#Created by Maven\nversion=1.0\r\ngroupId = org.x\nartifactId:y\n";
        assert_eq!(coordinates(text, path), triple("org.x", "y", "1.0"));
        assert_eq!(coordinates("version=1", path), triple("org.a", "b", "1"));
        assert_eq!(coordinates("groupId=a\nartifactId=b\n", path), None);
        assert_eq!(coordinates("version=1", "pom.properties"), None);
    }
}
