//! The text output of `inspect`.

use carnet::format::plan::Carriage;
use carnet::format::statement::Class;
use carnet::inspect::{InspectReport, InspectedArtifact, InspectedBundle};

use crate::byte_count::HumanBytes;
use crate::plain::plain;
use crate::screen::Screen;
use crate::tables::{heading, left_out, name, omissions, origins, release_files, table};

/// Renders the report as text.
pub(super) fn text(report: &InspectReport, screen: &Screen) -> String {
    let mut out = String::new();
    for bundle in &report.bundles {
        out += &bundle_text(bundle, screen);
    }
    for unknown in &report.unknown {
        let problem = plain(&unknown.problem);
        out += &format!("bundle {}: cannot be inspected: {problem}\n", unknown.bundle);
    }
    out
}

fn bundle_text(bundle: &InspectedBundle, screen: &Screen) -> String {
    let mut out = heading(&bundle.summary);
    if let Some(profile) = bundle.profile {
        out += &format!("packed by the profile {profile}: SHA-384 beside SHA-256\n");
    }
    if !bundle.platforms.is_empty() {
        out += &format!("narrowed to {}\n", plain(&bundle.platforms.join(", ")));
    }
    if bundle.referrers == Carriage::Omit {
        out += "packed WITHOUT signatures, SBOMs and other referrers\n";
    }
    out += &format!("\nARTIFACTS ({}):\n", bundle.artifacts.len());
    let row = |artifact: &InspectedArtifact| {
        let carried = artifact.platforms.iter().filter(|platform| platform.carried);
        let platforms: Vec<&str> = carried.map(|platform| platform.platform.as_str()).collect();
        vec![
            name(artifact.name.as_ref()),
            artifact.digest.to_string(),
            HumanBytes(artifact.bytes).to_string(),
            if platforms.is_empty() { "-".to_owned() } else { platforms.join(" ") },
            artifact.referrers.len().to_string(),
        ]
    };
    let rows = bundle.artifacts.iter().map(row).collect();
    out += &table(&["name", "digest", "size", "platforms", "referrers"], &[2, 4], rows);
    if !bundle.all_said {
        out += "  *** list truncated: sizes, platforms and referrers are incomplete ***\n";
    }
    out += &foreign(bundle);
    out += &referrers(bundle);
    out += &classes(bundle);
    out += &release_files(&bundle.releases);
    out += &omissions(&bundle.omitted);
    out += &left_out(&bundle.left_out);
    out += &origins(&bundle.origins);
    out += &chunks(bundle, screen);
    if screen.verbose {
        out += &blobs(bundle);
        out += &elsewhere(bundle);
    }
    out
}

/// The artifacts with non-distributable layers.
fn foreign(bundle: &InspectedBundle) -> String {
    let with = bundle.artifacts.iter().filter(|artifact| artifact.nondistributable_layers > 0);
    let row = |artifact: &InspectedArtifact| {
        let layers = artifact.nondistributable_layers.to_string();
        vec![name(artifact.name.as_ref()), layers, HumanBytes(artifact.nondistributable_bytes).to_string()]
    };
    let rows: Vec<Vec<String>> = with.map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let how = match bundle.nondistributable {
        Carriage::Carry => "carried",
        Carriage::Omit => "NOT carried",
    };
    format!("NON-DISTRIBUTABLE LAYERS ({how}):\n{}", table(&["name", "layers", "size"], &[1, 2], rows))
}

fn referrers(bundle: &InspectedBundle) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for referrer in bundle.artifacts.iter().flat_map(|artifact| &artifact.referrers) {
        let row = vec![
            referrer.artifact_type.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            referrer.digest.to_string(),
            referrer.subject.to_string(),
        ];
        if seen.insert(row.clone()) {
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    format!("REFERRERS ({}):\n{}", rows.len(), table(&["type", "digest", "subject"], &[], rows))
}

fn classes(bundle: &InspectedBundle) -> String {
    let mut rows = Vec::new();
    for class in [Class::Nondistributable, Class::Metadata, Class::Distributable] {
        let of_class = || bundle.blobs.iter().filter(|blob| blob.class == class);
        let bytes: u64 = of_class().map(|blob| blob.size).sum();
        rows.push(vec![class.to_string(), of_class().count().to_string(), HumanBytes(bytes).to_string()]);
    }
    format!(
        "BLOBS ({}, {}):\n{}",
        bundle.blobs.len(),
        HumanBytes(bundle.payload_bytes),
        table(&["class", "blobs", "size"], &[1, 2], rows)
    )
}

fn chunks(bundle: &InspectedBundle, screen: &Screen) -> String {
    let present = bundle.chunks.iter().filter(|chunk| chunk.file.is_some()).count();
    let mut out = format!("CHUNKS ({}, {present} present):\n", bundle.chunks.len());
    if bundle.chunks.len() > 20 && !screen.verbose {
        return out + "  (-v lists them)\n";
    }
    let row = |chunk: &carnet::inspect::InspectedChunk| {
        vec![
            chunk.number.to_string(),
            chunk.kind.to_string(),
            chunk.class.to_string(),
            chunk.sealed_bytes.to_string(),
            chunk.file.clone().unwrap_or_else(|| "(not present)".to_owned()),
        ]
    };
    let rows = bundle.chunks.iter().map(row).collect();
    out += &table(&["chunk", "kind", "class", "bytes", "file"], &[0, 3], rows);
    out
}

fn elsewhere(bundle: &InspectedBundle) -> String {
    if bundle.elsewhere.is_empty() {
        return String::new();
    }
    let row = |blob: &carnet::inspect::InspectedElsewhere| {
        vec![
            blob.digest.to_string(),
            blob.size.to_string(),
            blob.class.to_string(),
            blob.media_type.to_string(),
            blob.base.to_string(),
        ]
    };
    let rows = bundle.elsewhere.iter().map(row).collect();
    format!("ALL THAT IS LEFT OUT:\n{}", table(&["digest", "bytes", "class", "type", "bundle"], &[1], rows))
}

fn blobs(bundle: &InspectedBundle) -> String {
    let row = |blob: &carnet::inspect::InspectedBlob| {
        let chunks: Vec<String> = blob.chunks.iter().map(ToString::to_string).collect();
        vec![
            blob.digest.to_string(),
            blob.size.to_string(),
            blob.class.to_string(),
            blob.media_type.to_string(),
            chunks.join(","),
        ]
    };
    let rows = bundle.blobs.iter().map(row).collect();
    format!("ALL BLOBS:\n{}", table(&["digest", "bytes", "class", "type", "chunks"], &[1], rows))
}
