use base64::Engine as _;

use super::*;
use crate::bom::{BomPackage, PACKAGES_MAX, SubjectAnswer};
use crate::oci::Digest;

fn bom(text: &str) -> Bom {
    match read(text.as_bytes()).unwrap() {
        Document::Bom(bom) => bom,
        Document::Statement(statement) => panic!("{statement:?}"),
    }
}

fn statement(text: &str) -> Statement {
    match read(text.as_bytes()).unwrap() {
        Document::Statement(statement) => statement,
        Document::Bom(bom) => panic!("{bom:?}"),
    }
}

fn names(bom: &Bom) -> Vec<&str> {
    bom.packages.iter().map(|package| package.name.as_str()).collect()
}

const CYCLONEDX: &str = r#"{
    "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "unknown": [{"a": [1.5e3, null, true]}],
    "metadata": {
        "timestamp": "2026-01-02T03:04:05Z",
        "tools": {"components": [{"type": "application", "name": "syft", "version": "1.18.1"}]},
        "component": {"type": "container", "name": "app", "version": "sha256:DIGEST"}
    },
    "components": [
        {"type": "library", "name": "bash", "version": "5.2", "purl": "pkg:deb/debian/bash@5.2",
         "licenses": [{"license": {"id": "GPL-3.0"}}, {"license": {"name": "Other"}}, {"expression": "MIT OR Zlib"}],
         "components": [{"type": "library", "group": "@a", "name": "inner", "version": 7}]},
        {"type": "operating-system", "name": "debian", "version": "12"},
        {"type": "file", "name": "/etc/passwd"},
        {"type": "application", "name": "package-lock.json"},
        {"type": "application", "name": "tool", "version": "1"},
        {"type": "library"}, 5, null
    ]
}"#;

#[test]
fn cyclonedx_is_read() {
    let digest = "1".repeat(64);
    let found = bom(&CYCLONEDX.replace("DIGEST", &digest));
    assert_eq!(found.title(), "CycloneDX 1.6");
    assert_eq!(found.not_compared(), None);
    assert_eq!(found.made_by, ["syft 1.18.1"]);
    assert_eq!(found.created.as_deref(), Some("2026-01-02T03:04:05Z"));
    let subject = found.subject.as_ref().unwrap();
    assert_eq!((subject.name.as_str(), subject.digests[0].to_string()), ("app", format!("sha256:{digest}")));
    assert_eq!(names(&found), ["@a/inner", "bash", "tool"]);
    let bash = &found.packages[1];
    assert_eq!(bash.purl.as_deref(), Some("pkg:deb/debian/bash@5.2"));
    assert_eq!(bash.licences, ["GPL-3.0", "Other", "MIT OR Zlib"]);
    assert_eq!(found.others, 3);
    assert_eq!(found.problems, ["1 package without a name, or with too long a one"]);
}

#[test]
fn tools_of_older_versions_are_an_array() {
    let found = bom(
        r#"{"bomFormat":"CycloneDX","specVersion":"1.4","metadata":{"tools":[{"vendor":"x","name":"trivy","version":"1"}]}}"#,
    );
    assert_eq!((found.made_by, found.version), (vec!["trivy 1".to_owned()], "1.4".to_owned()));
}

const SPDX: &str = r#"{
    "SPDXID": "SPDXRef-DOCUMENT", "name": "app",
    "creationInfo": {"created": "2026-01-02T03:04:05Z", "creators": ["Tool: syft-1.18.1", "Organization: A"]},
    "packages": [
        {"name": "musl", "SPDXID": "SPDXRef-1", "versionInfo": "1.2", "licenseDeclared": "MIT",
         "externalRefs": [
            {"referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": "cpe:x"},
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:apk/alpine/musl@1.2"}]},
        {"name": "b", "SPDXID": "SPDXRef-2", "licenseDeclared": "NOASSERTION", "licenseConcluded": "Zlib"},
        {"name": "alpine", "SPDXID": "SPDXRef-3", "primaryPackagePurpose": "OPERATING-SYSTEM"},
        {"name": "app", "SPDXID": "SPDXRef-4", PURPOSE
         "checksums": [{"algorithm": "SHA256", "checksumValue": "DIGEST"}]}
    ],
    "files": [{"fileName": "x"}],
    "relationships": [
        {"spdxElementId": "SPDXRef-1", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-2"},
        {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-4"}
    ],
    "spdxVersion": "SPDX-2.3"
}"#;

#[test]
fn spdx_is_read() {
    let text = SPDX.replace("DIGEST", &"2".repeat(64));
    for purpose in [r#""primaryPackagePurpose": "CONTAINER","#, ""] {
        let found = bom(&text.replace("PURPOSE", purpose));
        assert_eq!(found.title(), "SPDX 2.3");
        assert_eq!(found.made_by, ["syft-1.18.1", "Organization: A"]);
        assert_eq!(names(&found), ["musl", "b"]);
        assert_eq!(found.subject.as_ref().unwrap().name, "app", "{purpose}");
        assert_eq!(
            found.packages[0],
            BomPackage {
                name: "musl".to_owned(),
                version: "1.2".to_owned(),
                purl: Some("pkg:apk/alpine/musl@1.2".to_owned()),
                licences: vec!["MIT".to_owned()]
            }
        );
        assert_eq!(found.packages[1].licences, ["Zlib"]);
        assert!(found.problems.is_empty());
    }
}

#[test]
fn other_formats_are_named_and_not_compared() {
    for (text, title) in [
        ("SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\n", "SPDX 2.3"),
        ("<?xml version=\"1.0\"?>\n<bom xmlns=\"http://cyclonedx.org/schema/bom/1.6\">", "CycloneDX 1.6"),
        ("<rdf:RDF xmlns:spdx=\"http://spdx.org/rdf/terms#\">", "SPDX"),
        (r#"{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []}"#, "SPDX 3.0.1"),
        (r#"{"artifacts": [], "descriptor": {"name": "syft"}, "schema": {}}"#, "Syft JSON"),
        (r#"{"bomFormat": "CycloneDX", "specVersion": "2.0"}"#, "CycloneDX 2.0"),
        (r#"{"spdxVersion": "SPDX-2.9"}"#, "SPDX 2.9"),
    ] {
        let found = bom(text);
        assert_eq!(found.title(), title);
        assert!(found.not_compared().is_some(), "{text}");
    }
    for text in ["", "hello", "{}", "[]", "<html>", r#"{"a": 1}"#, "{", "\u{feff}{"] {
        assert!(read(text.as_bytes()).is_err(), "{text}");
    }
    assert!(matches!(read(&br#"{"payloadType": "x", "payload": ""}"#[..]), Err(Unreadable::Envelope)));
}

#[test]
fn a_byte_order_mark_and_white_space_are_passed_over() {
    assert_eq!(bom("\u{feff} \r\n{\"bomFormat\": \"CycloneDX\"}").title(), "CycloneDX");
}

#[test]
fn what_was_read_before_a_break_is_kept() {
    let text = CYCLONEDX.split("operating-system").next().unwrap();
    let found = bom(text);
    assert_eq!(names(&found), ["@a/inner", "bash"]);
    assert!(found.problems[0].starts_with("EOF while parsing"), "{:?}", found.problems);
    let after = bom(r#"{"bomFormat": "CycloneDX"} {}"#);
    assert!(after.problems[0].starts_with("trailing characters"), "{:?}", after.problems);
}

#[test]
fn what_programs_read_differently_is_a_problem() {
    let found = bom(
        r#"{"bomFormat":"CycloneDX","components":[{"name":"a"}],"components":[{"name":"b"}],"packages":[]}"#,
    );
    assert_eq!(names(&found), ["a", "b"]);
    assert_eq!(found.problems.len(), 2, "{:?}", found.problems);
}

/// Writes many components.
struct Many(usize, Vec<u8>);
impl Read for Many {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.1.is_empty() && self.0 > 0 {
            self.0 -= 1;
            let end: &[u8] = if self.0 == 0 { b"{\"name\":\"a\"}]}" } else { b"{\"name\":\"a\"}," };
            self.1.extend(end);
        }
        let length = self.1.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.1[..length]);
        self.1.drain(..length);
        Ok(length)
    }
}

#[test]
fn bounds_hold_and_are_said() {
    let deep =
        format!(r#"{{"bomFormat":"CycloneDX","components":{}"#, r#"[{"name":"a","components":"#.repeat(500));
    let found = bom(&deep);
    assert!(found.problems[0].contains("more than 64 objects"), "{:?}", found.problems);

    let many = Many(PACKAGES_MAX + 3, br#"{"bomFormat":"CycloneDX","components":["#.to_vec());
    let Ok(Document::Bom(found)) = read(many) else { panic!() };
    assert_eq!(found.packages.len(), PACKAGES_MAX);
    assert!(found.problems[0].starts_with("3 packages more than"), "{:?}", found.problems);
}

#[test]
fn a_statement_carries_an_sbom() {
    let digest = Digest::sha256(b"manifest");
    let subject = format!(
        r#"[{{"name": "pkg:docker/a", "digest": {{"sha1": "x", "sha256": "{}"}}}}, 4]"#,
        digest.hex()
    );
    let text = format!(
        r#"{{"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document",
            "subject": {subject}, "predicate": {}}}"#,
        SPDX.replace("PURPOSE", "")
    );
    let found = statement(&text);
    assert!(found.problems.is_empty(), "{:?}", found.problems);
    assert_eq!(found.predicate_type, "https://spdx.dev/Document");
    assert_eq!(names(found.bom.as_ref().unwrap()), ["musl", "b"]);
    assert_eq!(found.is_about(&digest), SubjectAnswer::Holds);
    assert_eq!(found.is_about(&Digest::sha256(b"")), SubjectAnswer::Other { named: vec![digest] });
    // As early versions of cosign wrote it.
    let old = format!(r#"{{"_type": "x", "predicate": {{"Data": {}}}}}"#, SPDX.replace("PURPOSE", ""));
    let found = statement(&old);
    assert_eq!(names(found.bom.as_ref().unwrap()), ["musl", "b"]);
    assert_eq!(found.problems, ["the type of statement \"x\" is not known"]);
    assert_eq!(found.is_about(&digest), SubjectAnswer::Nothing);
}

#[test]
fn provenances_name_their_builder() {
    for (predicate, build_type) in [
        (r#"{"builder": {"id": "https://b"}, "buildType": "t", "materials": [{}]}"#, "t"),
        (r#"{"buildDefinition": {"buildType": "u"}, "runDetails": {"builder": {"id": "https://b"}}}"#, "u"),
    ] {
        let text = format!(r#"{{"_type": "https://in-toto.io/Statement/v1", "predicate": {predicate}}}"#);
        let found = statement(&text);
        assert_eq!(found.builder.as_deref(), Some("https://b"));
        assert_eq!(found.build_type.as_deref(), Some(build_type));
        assert_eq!(found.bom, None);
    }
}

#[test]
fn a_statement_in_an_envelope_is_opened() {
    let payload = br#"{"_type": "https://in-toto.io/Statement/v1", "predicateType": "p"}"#;
    let payload = base64::engine::general_purpose::STANDARD.encode(payload);
    let envelope = format!(
        r#"{{"payloadType": "application/vnd.in-toto+json", "payload": "{payload}", "signatures": []}}"#
    );
    let bundle = format!(
        r#"{{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": {envelope}}}"#
    );
    for text in [envelope, bundle] {
        let (Document::Statement(found), Some(signed)) = open(text.as_bytes()).unwrap() else { panic!() };
        assert_eq!(found.predicate_type, "p");
        assert!(signed.envelope().is_some());
    }
    assert!(open(CYCLONEDX.as_bytes()).unwrap().1.is_none());
    assert!(open(br#"{"payload": 1}"#).is_err());
}

proptest::proptest! {
    /// Whatever breaks off, and whatever is put in: no panic.
    #[test]
    fn nothing_panics(cut in 0..2000_usize, at in 0..2000_usize, byte: u8) {
        for text in [CYCLONEDX, SPDX] {
            let mut bytes = text.as_bytes().to_vec();
            bytes.truncate(cut.max(1));
            let at = at % bytes.len();
            bytes[at] = byte;
            drop(read(&bytes[..]));
        }
    }
}
