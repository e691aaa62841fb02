//! Package URLs (package-url.github.io), as far as matching needs them.

use std::collections::BTreeMap;

/// The longest package URL that is read, in bytes.
const PURL_BYTES_MAX: usize = 8192;

/// The parts of a package URL, decoded. Empty if absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Purl {
    kind: String,
    namespace: String,
    name: String,
    pub version: String,
    qualifiers: BTreeMap<String, String>,
}

impl Purl {
    /// Reads a package URL; `None` if it is none.
    pub(super) fn read(text: &str) -> Option<Purl> {
        let rest = text.strip_prefix("pkg:").filter(|_| text.len() <= PURL_BYTES_MAX)?;
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (path, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let (kind, path) = path.trim_start_matches('/').split_once('/')?;
        // An unencoded scope of npm begins with the sign of the version.
        let (path, version) = match path.rsplit_once('@') {
            Some((before, version)) if !before.is_empty() && !before.ends_with('/') => (before, version),
            _ => (path, ""),
        };
        let (namespace, name) =
            path.trim_matches('/').rsplit_once('/').unwrap_or(("", path.trim_matches('/')));
        let qualifiers = qualifiers.split('&').filter_map(|pair| pair.split_once('='));
        let purl = Purl {
            kind: kind.to_ascii_lowercase(),
            namespace: decode(namespace),
            name: decode(name),
            version: decode(version),
            qualifiers: qualifiers.map(|(key, value)| (key.to_ascii_lowercase(), decode(value))).collect(),
        };
        (!purl.name.is_empty()).then_some(purl)
    }

    /// Whether a statement on `self` is about `package`. What `self` leaves out, it leaves open.
    pub(super) fn includes(&self, package: &Purl) -> bool {
        let leaves_open_or = |own: &str, other: &str| own.is_empty() || own == other;
        self.kind == package.kind
            && self.normal_name() == package.normal_name()
            && leaves_open_or(&self.namespace, &package.namespace)
            && leaves_open_or(&self.version, &package.version)
            && self.qualifiers.iter().all(|(key, value)| package.qualifiers.get(key) == Some(value))
    }

    /// Whether it names an image, by the digest of its manifest.
    pub(super) fn is_image(&self, digest: &str) -> bool {
        self.kind == "oci" && self.version == digest
    }

    fn normal_name(&self) -> String {
        match self.kind.as_str() {
            "pypi" => self.name.to_lowercase().replace(['_', '.'], "-"),
            "nuget" => self.name.to_lowercase(),
            _ => self.name.clone(),
        }
    }
}

/// Replaces `%NN`. What is no such escape stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let mut byte = [0];
        match part.as_bytes().split_at_checked(2) {
            Some((digits, rest)) if hex::decode_to_slice(digits, &mut byte).is_ok() => {
                bytes.extend(byte);
                bytes.extend_from_slice(rest);
            }
            _ => {
                bytes.push(b'%');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::Purl;

    #[test]
    fn what_a_statement_leaves_out_it_leaves_open() {
        for (statement, package, expected) in [
            ("pkg:deb/debian/zlib", "pkg:deb/debian/zlib@1.2?arch=amd64", true),
            ("pkg:deb/debian/zlib@1.2", "pkg:deb/debian/zlib@1.2?arch=amd64", true),
            ("pkg:deb/debian/zlib@1.3", "pkg:deb/debian/zlib@1.2", false),
            ("pkg:deb/debian/zlib?arch=amd64", "pkg:deb/debian/zlib@1.2?arch=amd64", true),
            ("pkg:deb/debian/zlib?arch=arm64", "pkg:deb/debian/zlib@1.2?arch=amd64", false),
            ("pkg:deb/debian/zlib?arch=arm64", "pkg:deb/debian/zlib@1.2", false),
            ("pkg:deb/ubuntu/zlib", "pkg:deb/debian/zlib@1.2", false),
            ("pkg:deb/zlib", "pkg:deb/debian/zlib@1.2", true),
            ("pkg:npm/%40a/b@1.0", "pkg:npm/@a/b@1.0", true),
            ("pkg:npm/@a/b", "pkg:npm/%40a/b@1.0", true),
            ("pkg:pypi/Flask_X", "pkg:pypi/flask-x@1", true),
            ("pkg:golang/example.org/m", "pkg:golang/example.org/m@v1.0.0", true),
            ("pkg:deb/debian/zlib@1%3A1.2%2Bb", "pkg:deb/debian/zlib@1:1.2+b", true),
        ] {
            let read = |text| Purl::read(text).unwrap();
            assert_eq!(read(statement).includes(&read(package)), expected, "{statement} {package}");
        }
        for text in ["", "zlib", "pkg:", "pkg:deb", "pkg:deb/", "pkg:deb/@1"] {
            assert_eq!(Purl::read(text).filter(|purl| purl.name != "@1"), None, "{text}");
        }
        assert!(Purl::read("pkg:oci/a@sha256%3Aab").unwrap().is_image("sha256:ab"));
    }
}
