//! Who looks at the entries of a layer.

use std::io::Read;

use crate::content::tar::TarEntry;
use crate::oci::Digest;

/// How much of the content of an entry a visitor wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Nothing.
    Skip,
    /// So many bytes from the start, or all if there are fewer.
    Head(usize),
    /// The whole content, unless it is larger than so many bytes. A larger one is skipped; [`TarEntry::size`] tells.
    Whole(usize),
    /// As much as [`LayerVisitor::content`] reads, of any size.
    Stream,
}

/// Looks at the entries of a layer, in their order.
pub trait LayerVisitor {
    /// An entry begins. The answer decides whether [`LayerVisitor::body`] or [`LayerVisitor::content`] follows.
    fn entry(&mut self, entry: &TarEntry) -> Interest;

    /// The content that was asked for, in one piece. It is not called if the layer ends before that.
    fn body(&mut self, entry: &TarEntry, bytes: &[u8]) {
        let _ = (entry, bytes);
    }

    /// Whether the rest of the content is still wanted, now that its beginning is known. If not, [`LayerVisitor::body`] is not
    /// called. `head` may have any length. Content that need not be copied is shown without this question.
    fn goes_on(&mut self, entry: &TarEntry, head: &[u8]) -> bool {
        let _ = (entry, head);
        true
    }

    /// The content that was asked for as a stream. What is left unread is skipped. If the layer ends or breaks within it, the
    /// stream does, too; that is noted for the layer.
    fn content(&mut self, entry: &TarEntry, content: &mut dyn Read) {
        let _ = (entry, content);
    }

    /// Whether the digest of every file is wanted. It costs a second SHA-256 of all content.
    fn wants_digests(&self) -> bool {
        false
    }

    /// The SHA-256 of the content of a file, if digests are wanted.
    fn digest(&mut self, entry: &TarEntry, digest: Digest) {
        let _ = (entry, digest);
    }
}
