//! What makes two mentions of a package the same: its kind and name, as all tools write them, and its version.

/// What is seen of a package URL when packages are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// A package of a kind that is also looked for in images.
    Package(Name, Version),
    /// A package of another kind, such as `generic`.
    OtherKind(String),
    /// It is no package URL.
    Malformed,
}

/// Kind and name. For packages of distributions that is without the distribution: tools write it in many ways.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name {
    /// The type of package URL, e.g. `deb`.
    pub(super) kind: &'static str,
    /// The name, with its namespace where that is part of it.
    pub(super) name: String,
}

/// A version, with its epoch apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Version {
    /// The epoch (deb and rpm), if it is written and not zero.
    pub(super) epoch: Option<String>,
    /// The version without it.
    pub(super) rest: String,
    /// Whether it is a source package.
    pub(super) is_source: bool,
}

impl Version {
    /// Returns whether nothing is known of the version.
    pub(super) fn is_unknown(&self) -> bool {
        let words = ["", "unknown", "noassertion", "none", "(devel)", "devel"];
        words.contains(&self.rest.to_ascii_lowercase().as_str())
    }

    /// Returns it as people write it.
    pub(super) fn text(&self) -> String {
        match &self.epoch {
            Some(epoch) => format!("{epoch}:{}", self.rest),
            None => self.rest.clone(),
        }
    }
}

/// The kinds that are looked for in images, with the types that stand for them.
const KINDS: [(&str, &str); 11] = [
    ("deb", "deb"),
    ("apk", "apk"),
    ("alpine", "apk"),
    ("rpm", "rpm"),
    ("pypi", "pypi"),
    ("npm", "npm"),
    ("maven", "maven"),
    ("golang", "golang"),
    ("cargo", "cargo"),
    ("gem", "gem"),
    ("nuget", "nuget"),
];

/// Reads a package URL. `version` counts if the URL has none.
pub(super) fn identity(purl: &str, version: &str) -> Identity {
    let Some((purl_type, name, in_purl, qualifiers)) = parts(purl) else { return Identity::Malformed };
    let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == purl_type) else {
        return Identity::OtherKind(purl_type);
    };
    let version = if in_purl.is_empty() { version } else { &in_purl };
    let mut version = normal_version(kind, version);
    for qualifier in qualifiers.split('&') {
        match qualifier.split_once('=') {
            Some(("epoch", epoch)) if version.epoch.is_none() => version.epoch = stated_epoch(epoch),
            Some(("arch", "source" | "src")) => version.is_source = true,
            _ => {}
        }
    }
    Identity::Package(Name { kind, name: normal_name(kind, &name) }, version)
}

/// Splits `pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS#SUBPATH` into type, namespace with name, version and qualifiers.
fn parts(purl: &str) -> Option<(String, String, String, &str)> {
    let rest = purl.strip_prefix("pkg:")?.trim_start_matches('/');
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
    let (purl_type, rest) = rest.split_once('/')?;
    let (name, version) = match rest.rfind('@') {
        // The scope of a package of npm begins with the sign, too. Some tools do not encode it.
        Some(at) if at > 0 && !rest.get(..at)?.ends_with('/') => (rest.get(..at)?, rest.get(at + 1..)?),
        _ => (rest, ""),
    };
    let name = decode(name.trim_matches('/'));
    (!name.is_empty()).then(|| (purl_type.to_ascii_lowercase(), name, decode(version), qualifiers))
}

/// Replaces `%NN`. What is no such escape stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let mut decoded = [0];
        match after.get(..2) {
            Some(digits) if *first == b'%' && hex::decode_to_slice(digits, &mut decoded).is_ok() => {
                bytes.extend(decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A name as all tools would write it.
pub(super) fn normal_name(kind: &str, name: &str) -> String {
    match kind {
        "deb" | "apk" | "rpm" => name.rsplit('/').next().unwrap_or(name).to_owned(),
        // PEP 503.
        "pypi" => {
            let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
            words.collect::<Vec<_>>().join("-").to_ascii_lowercase()
        }
        "golang" | "nuget" => name.to_ascii_lowercase(),
        "maven" => name.replace(':', "/"),
        _ => name.to_owned(),
    }
}

/// A version as all tools would write it.
pub(super) fn normal_version(kind: &str, version: &str) -> Version {
    let mut rest = version.trim();
    let mut epoch = None;
    match kind {
        "deb" | "rpm" => {
            if let Some((first, after)) = rest.split_once(':')
                && first.bytes().all(|byte| byte.is_ascii_digit())
            {
                epoch = stated_epoch(first);
                rest = after;
            }
        }
        // The standard library has versions such as go1.24.1, modules such as v1.2.3.
        "golang" => {
            let starts_number = |rest: &&str| rest.starts_with(|c: char| c.is_ascii_digit());
            let number =
                ["go", "v"].into_iter().find_map(|prefix| rest.strip_prefix(prefix).filter(starts_number));
            rest = number.unwrap_or(rest);
        }
        _ => {}
    }
    Version { epoch, rest: rest.to_owned(), is_source: false }
}

/// An epoch. Zero is the same as none.
fn stated_epoch(epoch: &str) -> Option<String> {
    let epoch = epoch.trim_start_matches('0');
    (!epoch.is_empty()).then(|| epoch.to_owned())
}

/// Returns a package URL without version, qualifiers and subpath.
pub(super) fn without_version(purl: &str) -> &str {
    let rest = purl.split(['?', '#']).next().unwrap_or(purl);
    match rest.rfind('@') {
        Some(at) if !rest.get(..at).unwrap_or_default().ends_with('/') => rest.get(..at).unwrap_or(rest),
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let found = (identity(a, ""), identity(b, ""));
        assert!(matches!(found.0, Identity::Package(..)), "{a}: {found:?}");
        found.0 == found.1
    }

    #[test]
    fn tools_write_the_same_package_in_many_ways() {
        for (a, b) in [
            ("pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12", "pkg:deb/ubuntu/libc6@2.36-9"),
            ("pkg:deb/debian/vim@2%3A9.0", "pkg:deb/debian/vim@9.0?epoch=2"),
            ("pkg:deb/debian/a@0:1", "pkg:deb/debian/a@1"),
            ("pkg:alpine/musl@1.2", "pkg:apk/alpine/musl@1.2"),
            ("pkg:rpm/rhel/bash@5.1-6.el9?epoch=1", "pkg:rpm/redhat/bash@1:5.1-6.el9"),
            ("pkg:pypi/Typing_Extensions@4", "pkg:pypi/typing-extensions@4"),
            ("pkg:npm/%40babel/core@7.0.0", "pkg:npm/@babel/core@7.0.0"),
            (
                "pkg:golang/github.com/BurntSushi/toml@v1.2.0#cmd",
                "pkg:golang/github.com/burntsushi/toml@1.2.0",
            ),
            ("pkg:golang/stdlib@1.24.1", "pkg:golang/stdlib@go1.24.1"),
            ("pkg://maven/org.a/b@1", "pkg:maven/org.a/b@1"),
        ] {
            assert!(same(a, b), "{a} {b}");
        }
        assert!(!same("pkg:deb/debian/vim@2:9.0", "pkg:deb/debian/vim@3:9.0"));
        assert!(!same("pkg:maven/org.a/b@1", "pkg:maven/org.c/b@1"));
        assert!(!same("pkg:gem/a@1", "pkg:cargo/a@1"));
    }

    #[test]
    fn what_is_no_package_url_is_said() {
        for text in ["", "pkg:", "pkg:deb", "pkg:deb/", "deb/a@1", "pkg:deb/@1/"] {
            assert!(!matches!(identity(text, ""), Identity::OtherKind(_)), "{text}");
        }
        assert_eq!(identity("pkg:generic/busybox@1.36", ""), Identity::OtherKind("generic".to_owned()));
        assert_eq!(identity("pkg:deb/", ""), Identity::Malformed);
    }

    #[test]
    fn versions_can_be_left_out() {
        assert_eq!(without_version("pkg:npm/%40a/b@1?x=y#z"), "pkg:npm/%40a/b");
        assert_eq!(without_version("pkg:npm/@a/b"), "pkg:npm/@a/b");
        assert_eq!(without_version("pkg:npm/@a"), "pkg:npm/@a");
    }
}
