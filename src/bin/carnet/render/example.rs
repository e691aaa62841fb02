//! A report for tests, with names that a careless form would take for markup, a formula or an end of line.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use carnet::audit::{
    AuditReport, AuditedArchives, AuditedArtifact, AuditedBundle, AuditedLayer, AuditedManifest,
    AuditedPackage, AuditedReferrer, Basis, Coverage, Denial, Finding, Ignored, Judgement, NamedSum,
    PackageScope, Place, PolicyWarning, Rule, SCHEMA, Totals, Unseen,
};
use carnet::format::Sum;
use carnet::format::statement::Crossing;
use carnet::oci::Digest;
use carnet::packages::{Kind, Package};
use carnet::report::{BundleReport, SignerReport};

/// A name that must never work.
pub(super) const HOSTILE: &str = "=<script>ran=true</script>\"onload=\"\u{202e}gpj\nnext";

/// A digest of a made-up blob.
pub(super) fn digest(name: &str) -> Digest {
    Digest::sha256(name.as_bytes())
}

fn parsed<T: FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no {}", std::any::type_name::<T>()))
}

/// A package of Debian.
pub(super) fn package(name: &str) -> AuditedPackage {
    AuditedPackage {
        purl: "pkg:deb/debian/example@1.0".to_owned(),
        package: Arc::new(Package {
            kind: Kind::Deb,
            name: name.to_owned(),
            version: "1.0".to_owned(),
            architecture: None,
            source: None,
            licences: vec!["MIT".to_owned()],
        }),
        layer: digest("layer"),
        path: "var/lib/dpkg/status".into(),
        images: [digest("image")].into(),
        hidden_in: [].into(),
    }
}

/// A policy's judgement, which denies one finding and accepts another.
fn judgement(secret: &Finding, root: &Finding) -> Judgement {
    Judgement {
        allowed: false,
        denials: vec![Denial {
            rule: "findings.secret".to_owned(),
            place: HOSTILE.to_owned(),
            text: "Secrets are denied.".to_owned(),
            finding: Some(secret.id),
        }],
        warnings: vec![PolicyWarning {
            rule: "warn".to_owned(),
            place: "policy.rego".to_owned(),
            text: format!("The label {HOSTILE} is old."),
        }],
        ignored: vec![Ignored {
            finding: Some(root.id),
            rule: "denied-findings".to_owned(),
            place: "root".to_owned(),
            reason: "It is a test.".to_owned(),
            until: parsed("2027-01-01T00:00:00Z"),
        }],
        not_counted: Vec::new(),
    }
}

/// A bundle with one artifact, which the policy denies, and of which one layer was not read.
pub(super) fn report() -> AuditReport {
    let mut place = Place::layer(digest("layer"));
    place.path = Some(format!("etc/{HOSTILE}"));
    let secret = Finding::new(Rule::Secret, place, "", format!("The file {HOSTILE} holds a private key."));
    let root =
        Finding::new(Rule::RunsAsRoot, Place::artifact(digest("image")), "", "It runs as root.".to_owned());
    let policy = judgement(&secret, &root);
    let referrer = |subject: &str, name: &str, kind: &str| AuditedReferrer {
        subject: digest(subject),
        digest: digest(name),
        kind: kind.to_owned(),
        artifact_type: None,
    };
    AuditReport {
        schema: SCHEMA.to_owned(),
        basis: Basis {
            build: "carnet 1.2.3".to_owned(),
            at: parsed("2026-11-26T12:00:00Z"),
            scope: PackageScope::Squashed,
            limits: BTreeMap::from([("max-ratio".to_owned(), 200)]),
            policies: vec![NamedSum { name: "policy.toml".to_owned(), sha256: Sum::of(b"policy") }],
            ignores: Vec::new(),
            advisories: Vec::new(),
            vex: Vec::new(),
            secret_rules: Vec::new(),
            keys: Vec::new(),
            guard: None,
        },
        bundles: vec![bundle()],
        sources: Vec::new(),
        coverage: Coverage {
            layers: 2,
            layers_read: 1,
            opaque: vec![Unseen { digest: digest("other"), why: HOSTILE.to_owned() }],
            ..Coverage::default()
        },
        totals: Totals {
            artifacts: 1,
            layers: 2,
            entries: 1_234,
            packages: 1,
            bytes: 4_096,
            ..Totals::default()
        },
        artifacts: vec![AuditedArtifact {
            name: Some(parsed("team/app:1")),
            digest: digest("index"),
            media_type: parsed("application/vnd.oci.image.index.v1+json"),
            artifact_type: None,
            annotations: BTreeMap::new(),
            manifests: vec![AuditedManifest {
                digest: digest("image"),
                platform: Some("linux/amd64".to_owned()),
                carried: true,
                blobs: vec![digest("layer")],
            }],
            // Each refers to the other, which real referrers cannot.
            referrers: vec![
                referrer("image", "sbom", "sbom"),
                referrer("sbom", "signature", "signature"),
                referrer("signature", "sbom", HOSTILE),
            ],
        }],
        images: Vec::new(),
        layers: vec![AuditedLayer {
            digest: digest("layer"),
            media_type: parsed("application/vnd.oci.image.layer.v1.tar+gzip"),
            encoding: "gzip".to_owned(),
            parts: 1,
            diff_id: Some(digest("content")),
            bytes: 4_096,
            expanded: 65_536,
            entries: BTreeMap::from([("file".to_owned(), 1_234)]),
            archives: vec![AuditedArchives {
                form: "zip".to_owned(),
                archives: 3,
                bytes: 2_048,
                files: 7,
                expanded: 4_096,
                unopened: 1,
                first: vec![HOSTILE.to_owned(), "opt/a.zip".to_owned()],
            }],
            read: true,
            urls: Vec::new(),
            carried: true,
            images: [digest("image")].into(),
        }],
        packages: vec![package(HOSTILE)],
        boms: Vec::new(),
        statements: Vec::new(),
        signatures: Vec::new(),
        findings: vec![secret, root],
        advisories: Vec::new(),
        policy: Some(policy),
        guard: None,
        nondistributable: Vec::new(),
        omitted: Vec::new(),
    }
}

fn bundle() -> AuditedBundle {
    let summary = BundleReport {
        bundle: Sum::of(b"bundle"),
        crossing: Crossing {
            name: parsed("example"),
            stream: Some(parsed("weekly")),
            sequence: Some(3),
            previous: None,
            label: None,
        },
        verified: true,
        packed_by: vec![SignerReport {
            holder: HOSTILE.to_owned(),
            key: "0123456789abcdef".to_owned(),
            further_keys: Vec::new(),
        }],
        released: Some(false),
        released_by: Vec::new(),
        created: parsed("2026-11-25T09:30:00Z"),
        expires: None,
    };
    AuditedBundle { summary, chunks: 4, missing: vec![2], payload_bytes: 4_096 }
}
