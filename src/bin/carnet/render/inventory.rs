//! What an audit found, as SBOMs list it.

use carnet::audit::{AuditReport, Unseen};
use carnet::bom::{ImageItem, Inventory, LayerItem, PackageItem};

/// The images, layers and packages of a report.
pub(super) fn inventory(report: &AuditReport) -> Inventory<'_> {
    let build = report.basis.build.as_str();
    let (tool, tool_version) = build.split_once(' ').unwrap_or((build, ""));
    let bundles = report.bundles.iter().map(|bundle| bundle.summary.crossing.name.to_string());
    let names: Vec<String> = bundles.chain(report.sources.iter().cloned()).collect();
    let images = report.images.iter().map(|image| ImageItem {
        digest: image.digest,
        names: &image.names,
        platform: &image.platform,
        system: image.system.as_deref(),
        layers: image.layers.iter().map(|layer| layer.digest).collect(),
    });
    let layers = report.layers.iter().map(|layer| LayerItem {
        digest: layer.digest,
        media_type: layer.media_type.as_str(),
        bytes: layer.bytes,
        is_of_image: !layer.images.is_empty(),
    });
    let packages = report.packages.iter().map(|found| PackageItem {
        package: &found.package,
        purl: &found.purl,
        layer: found.layer,
        path: &found.path,
        images: &found.images,
    });
    Inventory {
        tool,
        tool_version,
        created: report.basis.at,
        name: names.join(", "),
        bundles: report.bundles.iter().map(|bundle| bundle.summary.bundle).collect(),
        images: images.collect(),
        layers: layers.collect(),
        packages: packages.collect(),
        unseen: unseen(report),
    }
}

/// What may hide packages. That no database of flaws covers a kind of packages hides none.
fn unseen(report: &AuditReport) -> Vec<String> {
    let coverage = &report.coverage;
    let blob = |blob: &Unseen| format!("{}: {}", blob.digest, blob.why);
    let blobs = coverage.opaque.iter().chain(&coverage.unread).map(blob);
    blobs.chain(coverage.limits_hit.iter().map(|hit| format!("{}: {}", hit.limit, hit.place))).collect()
}
