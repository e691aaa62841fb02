//! What a layer adds to the report: its form, its entries, and what was found while it was read.

use std::collections::BTreeMap;

use super::finding::{Finding, Place, Rule};
use super::gathered::Gathered;
use super::read_layer::ReadLayer;
use super::report::{AuditedLayer, ForeignLayer};
use super::survey::Survey;
use crate::content::inflate::StreamKind;
use crate::oci::{Digest, MediaType};

impl Gathered {
    /// Adds all layers.
    pub(super) fn layers(&mut self, survey: &Survey, layers: &mut BTreeMap<Digest, ReadLayer>) {
        for (digest, layer) in &survey.layers {
            let Some(done) = layers.get_mut(digest) else { continue };
            self.findings.append(&mut done.findings);
            let read = done.read.as_ref();
            let kind = read.map(|read| read.encoding.kind);
            let media_type = &layer.descriptor.media_type;
            if let (Some(kind), Some(stated)) = (kind, stated_kind(media_type))
                && kind != stated
                && kind != StreamKind::Opaque
            {
                let text = format!("the media type {media_type} says {stated}, the bytes are {kind}");
                self.findings.push(Finding::new(Rule::MediaTypeLies, Place::layer(*digest), "", text));
            }
            let entries = read.map_or_else(BTreeMap::new, |read| {
                let counts = [
                    ("file", read.entries.files),
                    ("hard-link", read.entries.hard_links),
                    ("symlink", read.entries.symlinks),
                    ("folder", read.entries.folders),
                    ("device", read.entries.devices),
                    ("fifo", read.entries.fifos),
                    ("other", read.entries.others),
                ];
                counts.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.to_owned(), n)).collect()
            });
            self.layers.push(AuditedLayer {
                digest: *digest,
                media_type: media_type.clone(),
                encoding: kind.map_or("unread", StreamKind::name).to_owned(),
                parts: read.map_or(0, |read| read.encoding.parts),
                diff_id: read.and_then(|read| read.diff_id),
                bytes: layer.descriptor.size,
                expanded: read.map_or(0, |read| read.expanded),
                entries,
                archives: done.archives.clone(),
                read: done.unseen.is_none(),
                urls: layer.descriptor.urls.clone(),
                carried: read.is_some(),
                images: layer.images.iter().copied().collect(),
            });
        }
    }
}

/// What the media type of a layer says of its form; `None` if it says nothing.
fn stated_kind(media_type: &MediaType) -> Option<StreamKind> {
    match media_type.as_str().rsplit(['.', '+', '/']).next() {
        Some("gzip") => Some(StreamKind::Gzip),
        Some("zstd") => Some(StreamKind::Zstd),
        Some("tar") => Some(StreamKind::Tar),
        _ => None,
    }
}

/// Returns the layers that their publisher does not let be distributed.
pub(super) fn nondistributable(survey: &Survey, layers: &BTreeMap<Digest, ReadLayer>) -> Vec<ForeignLayer> {
    let foreign = survey.layers.iter().filter(|(_, layer)| layer.descriptor.media_type.is_nondistributable());
    foreign
        .map(|(digest, layer)| ForeignLayer {
            digest: *digest,
            bytes: layer.descriptor.size,
            urls: layer.descriptor.urls.clone(),
            carried: layers.get(digest).is_some_and(|read| read.read.is_some()),
        })
        .collect()
}
