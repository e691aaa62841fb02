//! Tables of contents of layers: whether a runtime believes them, and whether they say what is there.

use super::bounded::Bounded;
use super::finding::{Finding, Place, Rule};
use crate::content::LayerRead;
use crate::format::Sum;
use crate::oci::{Descriptor, Digest};
use crate::rootfs::{Members, compare_toc};

/// The annotations of a layer with the digest of its table: of eStargz, and of zstd:chunked in two spellings. A runtime that
/// fetches files one by one needs one of them.
const ANNOUNCED_BY: [&str; 3] = [
    "containerd.io/snapshot/stargz/toc.digest",
    "io.github.containers.zstd-chunked.manifest-checksum",
    "io.containers.zstd-chunked.manifest-checksum",
];

/// Whether a layer announces a table. Then the digests in it are compared, too, which takes hashing every file.
pub(super) fn is_announced(layer: &Descriptor) -> bool {
    ANNOUNCED_BY.iter().any(|name| layer.annotations.contains_key(*name))
}

/// Adds what the table of a layer says that the layer does not. `sums` are those of its files by number, in their order; they
/// may be empty. A layer of which not all was seen is not compared: it would differ for that reason alone.
pub(super) fn compare(
    layer: Digest,
    read: &LayerRead,
    members: &Members,
    sums: &[(u32, Sum)],
    findings: &mut Bounded,
) {
    let is_whole = read.diff_id.is_some() && read.entries.total() == members.len() as u64;
    let Some(table) = read.toc.as_ref().filter(|_| is_whole) else { return };
    let digest = |number: u32| {
        let at = sums.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        sums.get(at).map(|(_, sum)| Digest::Sha256(sum.0))
    };
    let problems = compare_toc(table, members, &digest);
    for problem in problems.kept() {
        let text = problem.to_string();
        let mut place = Place::layer(layer);
        if let Some(path) = problem.path() {
            place = place.at(path);
        }
        let rule = Rule::named(problem.rule()).unwrap_or(Rule::TableOfContentsLies);
        findings.push(Finding::new(rule, place, &text, text.clone()));
    }
    let kept = problems.kept().len() as u64;
    let all: u64 = problems.counts().values().copied().sum();
    if all > kept {
        let text = format!("the table of contents differs from the layer in {all} places; {kept} are named");
        findings.push(Finding::new(Rule::TableOfContentsLies, Place::layer(layer), "more", text));
    }
}
