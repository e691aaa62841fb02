//! Where layers keep their tables of contents.

use std::io::Read as _;

use crate::content::inflate::{InflateLimits, Inflater, Skipped};
use crate::content::tar::{EntryKind, TarEntry};

/// The largest table, in bytes.
const TOC_BYTES_MAX: u64 = 32 << 20;

/// The largest window for expanding a table, in bytes. It comes on top of what the layer itself takes.
const WINDOW_BYTES_MAX: u64 = 8 << 20;

/// The end of the footer of zstd:chunked.
const FOOTER_MAGIC: &[u8] = b"GnUlInUx";

/// Whether an entry is the table of eStargz (stargz-snapshotter, "eStargz: Standard-Compatible Extension to Container Image
/// Layers").
pub(super) fn is_estargz(entry: &TarEntry) -> bool {
    entry.kind == EntryKind::File
        && entry.size <= TOC_BYTES_MAX
        && matches!(entry.path.as_slice(), b"stargz.index.json" | b"./stargz.index.json")
}

/// The table of zstd:chunked. The last skippable frame is a footer, which says where the frame with the table begins; the
/// table is compressed in itself.
pub(super) fn chunked(skipped: &[Skipped]) -> Option<Vec<u8>> {
    let (footer, frames) = skipped.split_last()?;
    if !footer.bytes.ends_with(FOOTER_MAGIC) {
        return None;
    }
    let number = |at: usize| Some(u64::from_le_bytes(*footer.bytes.get(at..)?.first_chunk()?));
    let (at, bytes) = (number(0)?, number(8)?);
    let table = frames.iter().find(|frame| frame.at == at)?;
    let table = table.bytes.get(..usize::try_from(bytes).ok()?)?;
    let limits = InflateLimits {
        expanded_bytes_max: TOC_BYTES_MAX,
        window_bytes_max: WINDOW_BYTES_MAX,
        ..InflateLimits::default()
    };
    let mut json = Vec::new();
    Inflater::new(table, limits).read_to_end(&mut json).ok()?;
    Some(json)
}

#[cfg(test)]
mod tests {
    use super::{Skipped, chunked};

    #[test]
    fn the_footer_says_which_frame_is_the_table() {
        let table = zstd::encode_all(&b"{}"[..], 1).unwrap();
        let frame = |at, bytes: &[u8]| Skipped { at, bytes: bytes.to_vec() };
        let footer = |at: u64| [at.to_le_bytes(), (table.len() as u64).to_le_bytes(), *b"GnUlInUx"].concat();
        let frames = |at| [frame(70, &table), frame(90, b"other"), frame(100, &footer(at))];
        assert_eq!(chunked(&frames(70)), Some(b"{}".to_vec()));
        assert_eq!(chunked(&frames(71)), None);
        assert_eq!(chunked(&frames(70)[..2]), None);
        assert_eq!(chunked(&[]), None);
    }
}
