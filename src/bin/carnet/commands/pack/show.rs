//! The text output of `pack`.

use carnet::diagnosis::count;
use carnet::medium::ChunkPlace;
use carnet::pack::{AgainReport, ChunkReport, Outcome, PackReport, VolumeReport};

use crate::byte_count::HumanBytes;
use crate::commands::parity::protection;
use crate::plain::plain;
use crate::screen::{Screen, say};
use crate::tables::{count_of, left_out, omissions, origins, table};

/// Prints warnings and failures to stderr, then the report to stdout.
pub(in crate::commands) fn show(report: &PackReport, place: &ChunkPlace, screen: &Screen) {
    if !screen.json {
        for warning in &report.warnings {
            say(&format!("warning: {warning}"));
        }
        for failure in &report.failures {
            say(&format!("failed: {}: {}", failure.artifact, failure.error));
        }
    }
    screen.report(report, || text(report, place, screen));
}

fn text(report: &PackReport, place: &ChunkPlace, screen: &Screen) -> String {
    let mut out = String::new();
    let outcome = match report.outcome {
        Outcome::Planned => "would be packed (nothing was written)",
        Outcome::Packed => "packed",
        Outcome::Unchanged => "already exists, complete and identical; nothing changed",
    };
    match (&report.again, report.outcome) {
        (Some(_), Outcome::Packed) => {
            let chunks = count_of(report.chunks.len(), "chunk", "chunks");
            out += &format!("bundle {}: {chunks} made again\n", report.crossing.name);
        }
        _ => out += &format!("bundle {} {outcome}\n", report.crossing.name),
    }
    out += &format!("id     {}\n", report.bundle);
    if let (Some(stream), Some(sequence)) = (&report.crossing.stream, report.crossing.sequence) {
        out += &format!("stream {stream}, number {sequence}\n");
    }
    out += &format!(
        "holds  {}, {}, {}, {}\n",
        count_of(report.artifacts.len(), "artifact", "artifacts"),
        count_of(report.referrers, "referrer", "referrers"),
        count(report.blobs, "blob", "blobs"),
        HumanBytes(report.payload_bytes)
    );
    if let Some(profile) = report.profile {
        out += &format!("keeps  the profile {profile}: SHA-384 beside SHA-256\n");
    }
    if report.nondistributable_blobs > 0 {
        out += &format!(
            "       including {}, {}, in the first chunks\n",
            count(report.nondistributable_blobs, "non-distributable layer", "non-distributable layers"),
            HumanBytes(report.nondistributable_bytes)
        );
    }
    if let Some(destination) = &report.nondistributable_pushed_to {
        out += &format!("pushed non-distributable layers to {}\n", plain(destination));
    }
    out += &format!(
        "files  {} in {}, {}\n",
        report.chunks.len(),
        plain(&place.to_string()),
        HumanBytes(report.file_bytes())
    );
    if let Some(parity) = &report.parity {
        let bytes = parity.files.iter().map(|file| file.bytes).sum();
        out +=
            &format!("parity {} more, {}: {}\n", parity.files.len(), HumanBytes(bytes), protection(parity));
    }
    if report.outcome == Outcome::Planned || screen.verbose || report.chunks.len() <= 20 {
        let row = |chunk: &ChunkReport| {
            vec![
                chunk.file.clone(),
                chunk.class.to_string(),
                chunk.entries.to_string(),
                chunk.bytes.to_string(),
            ]
        };
        let rows = report.chunks.iter().map(row).collect();
        out += &table(&["file", "class", "blobs", "bytes"], &[2, 3], rows);
    }
    if !report.volumes.is_empty() {
        let row = |volume: &VolumeReport| {
            vec![volume.folder.clone(), format!("{}-{}", volume.first, volume.last), volume.bytes.to_string()]
        };
        out +=
            &table(&["volume", "chunks", "bytes, at most"], &[2], report.volumes.iter().map(row).collect());
    }
    out += &omissions(&report.omitted);
    out += &left_out(&report.left_out);
    out += &origins(&report.origins);
    if let Some(again) = &report.again {
        out += &again_text(again, report.chunks.iter().any(|chunk| chunk.number == 0));
    }
    out
}

/// Says in what the chunks may differ from those of the first time.
fn again_text(again: &AgainReport, has_control: bool) -> String {
    let mut out = if again.as_requested {
        format!(
            "sealed {}, as the request says: the same bytes as the first time, with the same key and --expires\n",
            again.sealed
        )
    } else {
        format!(
            "sealed {}, which the request does not say: the files fit the bundle, and their statements have this time\n",
            again.sealed
        )
    };
    if has_control {
        out += "the control chunk is without releases: sign it again, or send a copy that is signed\n";
    }
    if again.read_everything {
        out += "every blob was read, because the control chunk lists the sums of all chunks\n";
    }
    out
}
