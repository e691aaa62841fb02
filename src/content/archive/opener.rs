//! What opens archives, one level of them.

use std::{
    io::{self, Read},
    ops::ControlFlow,
};

use super::form::Form;

/// What becomes of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expansion {
    /// It was read to its end, or the visitor ended it.
    Done,
    /// The opener does not know the form. It has read nothing.
    Unknown,
}

/// A file in an archive, or what is in a compressed stream.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a> {
    /// Its name in the archive; empty for what is only compressed.
    pub name: &'a [u8],
    /// Its size in bytes, if the archive states it before the content.
    pub bytes: Option<u64>,
}

/// Looks at one element and its content. What the visitor leaves unread, the opener skips. `Break` ends the expansion.
pub type Visit<'a> = dyn FnMut(Element<'_>, &mut dyn Read) -> ControlFlow<()> + 'a;

/// Opens archives, one level of them.
pub trait Opener {
    /// Reads an archive or a compressed stream and shows each file in it, in order. Only regular files are elements:
    /// folders and links have no content. Memory does not grow with the content.
    ///
    /// # Errors
    /// An error that says in words what is wrong with the archive. The elements before that have been shown. If its kind is
    /// [`io::ErrorKind::Unsupported`], another reader may get further; otherwise none does. The same holds for errors of
    /// elements.
    fn expand(&self, form: Form, source: &mut dyn Read, visit: &mut Visit<'_>) -> io::Result<Expansion>;
}
