//! Walks two sorted file lists side by side.

use std::cmp::Ordering;

use super::entry::{Entry, order};

/// A path that is not the same on both sides.
pub(super) enum Unlike {
    /// Only the old side has it; whether a folder above it is gone, too.
    Gone(Entry, bool),
    /// Only the new side has it; whether a folder above it is new, too.
    New(Entry, bool),
    /// Both have it.
    Changed(Entry, Entry),
}

/// Hands each path that differs to `take`, in order.
pub(super) fn join(
    old: impl Iterator<Item = Entry>,
    new: impl Iterator<Item = Entry>,
    is_same: impl Fn(&Entry, &Entry) -> bool,
    mut take: impl FnMut(Unlike),
) {
    let (mut old, mut new) = (old.peekable(), new.peekable());
    let (mut gone, mut fresh) = (Above::default(), Above::default());
    loop {
        let next = match (old.peek(), new.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => order(one.path.as_bytes(), other.path.as_bytes()),
        };
        let one = if next.is_le() { old.next() } else { None };
        let other = if next.is_ge() { new.next() } else { None };
        match (one, other) {
            (Some(one), Some(other)) => {
                if !is_same(&one, &other) {
                    // What lies in a folder that became a file, or the reverse, follows from that.
                    if one.kind == "folder" && other.kind != "folder" {
                        gone.is_below(&one);
                    }
                    if other.kind == "folder" && one.kind != "folder" {
                        fresh.is_below(&other);
                    }
                    take(Unlike::Changed(one, other));
                }
            }
            (Some(one), None) => {
                let below = gone.is_below(&one);
                take(Unlike::Gone(one, below));
            }
            (None, Some(other)) => {
                let below = fresh.is_below(&other);
                take(Unlike::New(other, below));
            }
            (None, None) => return,
        }
    }
}

/// The topmost folder that only one side has.
#[derive(Default)]
struct Above(Option<String>);

impl Above {
    /// Whether the entry lies below the folder. If it does not, and is a folder, it takes its place.
    fn is_below(&mut self, entry: &Entry) -> bool {
        let below = self
            .0
            .as_ref()
            .and_then(|folder| entry.path.strip_prefix(folder.as_str()))
            .is_some_and(|rest| rest.starts_with('/'));
        if !below && entry.kind == "folder" {
            self.0 = Some(entry.path.clone());
        }
        below
    }
}
