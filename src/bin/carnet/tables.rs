//! Tables and lines that several commands print.

use carnet::diagnosis::count;
use carnet::oci::RefName;
use carnet::report::{
    ArtifactReport, BundleReport, LeftOutReport, OmissionReport, OriginReport, ReleaseFileReport,
    SignerReport,
};

use super::byte_count::HumanBytes;
use super::plain::plain;
pub(crate) use super::table::table;

/// [`count`] for a length.
pub(crate) fn count_of(number: usize, one: &str, many: &str) -> String {
    count(number as u64, one, many)
}

/// How many numbers a line names.
const NUMBERS_MAX: usize = 20;

/// `3, 4, 9`, with at most 20 numbers.
pub(crate) fn numbers(numbers: &[u32]) -> String {
    let named: Vec<String> = numbers.iter().take(NUMBERS_MAX).map(ToString::to_string).collect();
    match numbers.len() - named.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// The names of the signers.
pub(crate) fn holders(signers: &[SignerReport]) -> String {
    let holders: Vec<_> = signers.iter().map(|signer| plain(&signer.holder)).collect();
    if holders.is_empty() { "no one".to_owned() } else { holders.join(", ") }
}

/// The name of an artifact, or a dash if it has none.
pub(crate) fn name(name: Option<&RefName>) -> String {
    name.map_or("-".into(), |name| plain(name.as_str())).into_owned()
}

/// The artifacts, one per line.
pub(crate) fn artifacts(artifacts: &[ArtifactReport]) -> String {
    let line =
        |artifact: &ArtifactReport| format!("  {}  {}\n", name(artifact.name.as_ref()), artifact.digest);
    artifacts.iter().map(line).collect()
}

/// The release files of a bundle, one in a line.
pub(crate) fn release_files(releases: &[ReleaseFileReport]) -> String {
    let line = |release: &ReleaseFileReport| {
        let signatures = count_of(release.signatures, "signature", "signatures");
        let problem = release.problem.as_ref();
        let counts = problem.map_or_else(String::new, |problem| format!(", not counted: {problem}"));
        format!("release file {} with {signatures}{}\n", plain(&release.file), plain(&counts))
    };
    releases.iter().map(line).collect()
}

/// The table of content that the bundle omits, or nothing.
pub(crate) fn omissions(omitted: &[OmissionReport]) -> String {
    if omitted.is_empty() {
        return String::new();
    }
    let row = |omitted: &OmissionReport| {
        let reason = match omitted.platform.as_deref() {
            Some(platform) => format!("{} ({platform})", omitted.reason.word()),
            None => omitted.reason.word().to_owned(),
        };
        vec![
            reason,
            HumanBytes(omitted.size).to_string(),
            omitted.media_type.to_string(),
            omitted.digest.to_string(),
        ]
    };
    let rows = omitted.iter().map(row).collect();
    format!("NOT CARRIED ({}):\n{}", omitted.len(), table(&["reason", "size", "type", "digest"], &[1], rows))
}

/// The table of earlier bundles that carry what this one leaves out, or nothing.
pub(crate) fn left_out(bases: &[LeftOutReport]) -> String {
    if bases.is_empty() {
        return String::new();
    }
    let row = |base: &LeftOutReport| {
        vec![
            base.name.to_string(),
            base.stream.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            base.sequence.map_or_else(|| "-".to_owned(), |number| number.to_string()),
            base.blobs.to_string(),
            HumanBytes(base.bytes).to_string(),
            base.bundle.to_string(),
        ]
    };
    let rows = bases.iter().map(row).collect();
    let header = ["bundle", "stream", "number", "blobs", "size", "id"];
    format!(
        "LEFT OUT, BECAUSE EARLIER BUNDLES CARRY IT ({}):\n{}",
        bases.len(),
        table(&header, &[2, 3, 4], rows)
    )
}

/// The table of bundles that this one was made of, or nothing.
pub(crate) fn origins(origins: &[OriginReport]) -> String {
    if origins.is_empty() {
        return String::new();
    }
    let row = |origin: &OriginReport| {
        vec![
            origin.name.to_string(),
            origin.stream.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            origin.sequence.map_or_else(|| "-".to_owned(), |number| number.to_string()),
            origin.created.to_string(),
            origin.bundle.to_string(),
            origin.signed_by.join(" "),
        ]
    };
    let rows = origins.iter().map(row).collect();
    let header = ["bundle", "stream", "number", "sealed", "id", "signed by keys (not checked)"];
    format!("MADE OF ({}):\n{}", origins.len(), table(&header, &[2], rows))
}

/// The letter of a type, as `ls -l` and `find` write it.
pub(crate) fn letter(kind: &str) -> char {
    match kind {
        "folder" => 'd',
        "symlink" => 'l',
        "hardlink" => 'h',
        "device" => 'b',
        "fifo" => 'p',
        _ => '-',
    }
}

/// The head of what is shown of a bundle, in lines: its name and id, who packed and released it, and when.
pub(crate) fn heading(bundle: &BundleReport) -> String {
    let mut out = String::new();
    if !bundle.verified {
        out += "*** NOT VERIFIED: no signature was checked; pass --trust or --pub ***\n";
    }
    let crossing = &bundle.crossing;
    out += &format!("bundle {}\nid     {}\n", crossing.name, bundle.bundle);
    if bundle.verified {
        let released = match bundle.released {
            Some(true) => format!(", released by {}", holders(&bundle.released_by)),
            Some(false) => format!(", NOT RELEASED; signed by {}", holders(&bundle.released_by)),
            None => String::new(),
        };
        out += &format!("packed by {}{released}\n", holders(&bundle.packed_by));
    }
    if let Some(stream) = &crossing.stream {
        let number = crossing.sequence.map_or_else(|| "-".to_owned(), |number| number.to_string());
        out += &format!("stream {stream}, number {number}\n");
    }
    if let Some(label) = &crossing.label {
        out += &format!("label  {label}\n");
    }
    let expires = bundle.expires.map_or_else(|| "never".to_owned(), |time| time.to_string());
    out += &format!("sealed {}, expires {expires}\n", bundle.created);
    out
}
