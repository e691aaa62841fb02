//! Documents of all forms, and the statement that counts.

use super::{Vex, VexStatement, VexStatus};

const ZLIB: &str = "pkg:deb/debian/zlib1g@1.2.13?arch=amd64";
const IMAGE: &str = "sha256:0123";

fn read(text: &str) -> Vex {
    Vex::read(text.as_bytes()).unwrap()
}

fn status(documents: &[Vex], id: &str, package: &str, images: &[&str]) -> Option<VexStatus> {
    Vex::about(documents, &[id], package, images).map(|statement| statement.status)
}

const OPENVEX: &str = r#"{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "x", "author": "A", "timestamp": "2024-01-01T00:00:00Z", "version": 1,
 "statements": [
  {"vulnerability": {"name": "CVE-2023-1", "aliases": ["GHSA-1"]}, "products": [{"@id": "pkg:deb/debian/zlib1g@1.2.13"}],
   "status": "not_affected", "justification": "vulnerable_code_not_present", "impact_statement": "MiniZip is not built."},
  {"vulnerability": {"name": "CVE-2023-2"}, "timestamp": "2024-02-01T00:00:00Z", "products": [{"@id": "pkg:deb/debian/zlib1g"}], "status": "affected", "action_statement": "Update."},
  {"vulnerability": {"name": "CVE-2023-2"}, "products": [{"@id": "pkg:deb/debian/zlib1g"}], "status": "under_investigation"},
  {"vulnerability": {"@id": "https://nvd.nist.gov/vuln/detail/CVE-2023-3", "name": "x"}, "products": [{"@id": "pkg:oci/app@sha256%3A0123", "subcomponents": [{"@id": "pkg:deb/debian/zlib1g"}]}], "status": "fixed"},
  {"vulnerability": {"name": "CVE-2023-4"}, "products": [{"@id": "app", "hashes": {"sha-256": "0123"}}], "status": "fixed"},
  {"vulnerability": {"name": "CVE-2023-5"}, "products": [{"identifiers": {"purl": "pkg:deb/debian/zlib1g"}}], "status": "no_such_status"}
 ]}"#;

#[test]
fn openvex_speaks_of_packages_and_images() {
    let documents = [read(OPENVEX)];
    assert_eq!(documents[0].len(), 5);
    let found = Vex::about(&documents, &["GHSA-1"], ZLIB, &[]).unwrap();
    assert_eq!(found.status, VexStatus::NotAffected);
    assert_eq!(found.reason.as_deref(), Some("vulnerable_code_not_present: MiniZip is not built."));
    for (id, package, images, expected) in [
        ("CVE-2023-1", "pkg:deb/debian/zlib1g@1.2.14?arch=amd64", &[][..], None),
        ("CVE-2023-9", ZLIB, &[], None),
        // The statement of February is later than the document.
        ("CVE-2023-2", ZLIB, &[], Some(VexStatus::Affected)),
        ("CVE-2023-3", ZLIB, &[], None),
        ("CVE-2023-3", ZLIB, &[IMAGE], Some(VexStatus::Fixed)),
        ("CVE-2023-3", "pkg:deb/debian/other@1", &[IMAGE], None),
        ("CVE-2023-4", "pkg:deb/debian/other@1", &[IMAGE], Some(VexStatus::Fixed)),
        ("CVE-2023-4", "pkg:deb/debian/other@1", &["sha256:ff"], None),
        ("CVE-2023-5", ZLIB, &[], None),
    ] {
        assert_eq!(status(&documents, id, package, images), expected, "{id} {package} {images:?}");
    }
}

#[test]
fn the_latest_of_several_documents_counts() {
    let later = read(
        r#"{"@context": "https://openvex.dev/ns", "timestamp": "2024-03-01T00:00:00+01:00", "statements": [
         {"vulnerability": "CVE-2023-2", "products": ["pkg:deb/debian/zlib1g"], "status": "fixed"}]}"#,
    );
    let first = read(OPENVEX);
    for documents in [[later.clone(), first.clone()], [first, later]] {
        assert_eq!(status(&documents, "CVE-2023-2", ZLIB, &[]), Some(VexStatus::Fixed));
    }
}

#[test]
fn an_attestation_speaks_of_its_subject() {
    let documents = [read(
        r#"{"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://openvex.dev/ns/v0.2.0",
         "subject": [{"name": "registry/app", "digest": {"sha256": "0123"}}],
         "predicate": {"@context": "https://openvex.dev/ns/v0.2.0", "statements": [{"vulnerability": {"name": "CVE-2023-1"}, "status": "fixed"}]}}"#,
    )];
    assert_eq!(status(&documents, "CVE-2023-1", ZLIB, &[IMAGE]), Some(VexStatus::Fixed));
    assert_eq!(status(&documents, "CVE-2023-1", ZLIB, &[]), None);
}

#[test]
fn cyclonedx_names_components_by_reference() {
    let documents = [read(
        r#"{"bomFormat": "CycloneDX", "specVersion": "1.5", "metadata": {"timestamp": "2024-01-01T00:00:00Z"},
         "components": [{"type": "library", "bom-ref": "c1", "name": "zlib", "purl": "pkg:deb/debian/zlib1g@1.2.13"}],
         "vulnerabilities": [
          {"id": "CVE-2023-1", "references": [{"id": "GHSA-1", "source": {}}], "analysis": {"state": "not_affected", "justification": "code_not_reachable", "response": ["update"], "detail": "Not called."}, "affects": [{"ref": "c1"}]},
          {"id": "CVE-2023-2", "analysis": {"state": "exploitable"}, "affects": [{"ref": "urn:cdx:3e67/1#pkg:deb/debian/zlib1g"}]},
          {"id": "CVE-2023-3", "affects": [{"ref": "c1"}]}]}"#,
    )];
    assert_eq!(documents[0].len(), 2);
    let VexStatement { status: found, reason, .. } = Vex::about(&documents, &["GHSA-1"], ZLIB, &[]).unwrap();
    assert_eq!(
        (*found, reason.as_deref()),
        (VexStatus::NotAffected, Some("code_not_reachable: Not called."))
    );
    assert_eq!(status(&documents, "CVE-2023-2", ZLIB, &[]), Some(VexStatus::Affected));
}

#[test]
fn csaf_names_products_in_a_tree() {
    let documents = [read(
        r#"{"document": {"category": "csaf_vex", "tracking": {"current_release_date": "2024-01-01T00:00:00Z"}},
         "product_tree": {"branches": [{"category": "vendor", "name": "V", "branches": [
            {"category": "product_version", "name": "z", "product": {"name": "z", "product_id": "Z", "product_identification_helper": {"purl": "pkg:deb/debian/zlib1g@1.2.13"}}},
            {"category": "product_name", "name": "d", "product": {"name": "d", "product_id": "D", "product_identification_helper": {"cpe": "cpe:/o:d"}}}]}],
          "relationships": [{"category": "default_component_of", "product_reference": "Z", "relates_to_product_reference": "D", "full_product_name": {"name": "z in d", "product_id": "D:Z"}}]},
         "vulnerabilities": [
          {"cve": "CVE-2023-1", "product_status": {"known_not_affected": ["D:Z"]}, "flags": [{"label": "component_not_present", "product_ids": ["D:Z"]}]},
          {"cve": "CVE-2023-2", "product_status": {"known_affected": ["Z", "missing"], "recommended": ["Z"]}}]}"#,
    )];
    let found = Vex::about(&documents, &["CVE-2023-1"], ZLIB, &[]).unwrap();
    assert_eq!(
        (found.status, found.reason.as_deref()),
        (VexStatus::NotAffected, Some("component_not_present"))
    );
    assert_eq!(status(&documents, "CVE-2023-2", ZLIB, &[]), Some(VexStatus::Affected));
}

#[test]
fn other_texts_are_refused() {
    for (text, expected) in [
        ("{}", "expected a VEX document of OpenVEX, CycloneDX or CSAF, found other JSON"),
        ("{", "the document cannot be read: EOF while parsing an object at line 1 column 1"),
    ] {
        assert_eq!(Vex::read(text.as_bytes()).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_document_of_too_many_parts_is_refused() {
    let document = |count: usize| {
        format!(
            "{{\"@context\":\"https://openvex.dev/ns\",\"statements\":[],\"a\":[{}0]}}",
            "0,".repeat(count)
        )
    };
    // The object, its lists, and two commas beside those.
    assert!(Vex::read(document(1_000_000 - 5).as_bytes()).unwrap().is_empty());
    let error = Vex::read(document(1_000_000 - 4).as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "the document has 1000001 values in objects and lists; expected at most 1000000");
}
