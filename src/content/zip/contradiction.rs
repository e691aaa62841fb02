//! Where two readers of the same archive would see different things.

use std::collections::HashSet;

use super::archive::{Archive, LOCAL};
use super::field::tail;
use super::member::Member;

/// The most contradictions that are named.
const NAMED_MAX: usize = 20;

/// The lengths of what may follow the content of a member: nothing, or its sum and sizes, with or without a signature,
/// with sizes of 32 or 64 bits (APPNOTE 4.3.9).
const DESCRIPTOR_BYTES: [u64; 5] = [0, 12, 16, 20, 24];

/// Sentences about differences between the central directory and the local headers, about members that only one reader
/// sees, and about members that share bytes or a name. `members` are those of [`Archive::members`].
pub fn contradictions(archive: &Archive<'_>, members: &[Member<'_>]) -> Vec<String> {
    let mut found = Named::default();
    let count = members.len() as u64;
    // Old writers keep only the low 16 bits of the count.
    if archive.stated != count && archive.stated != count & 0xffff {
        found.add(|| format!("the end record states {} members, the directory has {count}", archive.stated));
    }
    if archive.after > 0 {
        found.add(|| format!("{} bytes follow the end record", archive.after));
    }
    if archive.before > 0 && archive.bytes.starts_with(LOCAL) {
        found.add(|| format!("the first {} bytes are another archive", archive.before));
    }
    same_names(members, &mut found);
    let mut extents = Vec::with_capacity(members.len());
    for member in members {
        match archive.local(member) {
            Err(error) => found.add(|| format!("{}: {error}", shown(member.name))),
            Ok(local) => {
                let content = local.content.checked_add(member.compressed);
                extents.push((
                    archive.before.saturating_add(member.offset),
                    content.unwrap_or(u64::MAX),
                    member,
                ));
                let difference = if local.name != member.name {
                    Some(format!("the local header has the name {}", shown(local.name)))
                } else if local.method != member.method {
                    Some(format!(
                        "method {} in the local header, {} in the directory",
                        local.method, member.method
                    ))
                } else if (local.flags ^ member.flags) & 1 != 0 {
                    Some("only one of the headers says that it is encrypted".to_owned())
                } else {
                    sizes_differ(member, local.compressed, local.size, local.sum)
                        .then(|| "sizes or CRC-32 of local header and directory differ".to_owned())
                };
                if let Some(difference) = difference {
                    found.add(|| format!("{}: {difference}", shown(member.name)));
                }
            }
        }
    }
    extents.sort_unstable_by_key(|(start, end, _)| (*start, *end));
    overlaps_and_gaps(archive, &extents, &mut found);
    found.finish()
}

/// A local header may leave sizes and sum to the descriptor, or to the extra field of large archives.
fn sizes_differ(member: &Member<'_>, compressed: u32, size: u32, sum: u32) -> bool {
    let differs = |local: u32, central: u64| {
        u64::from(local) != central && local != u32::MAX && !(member.has_descriptor() && local == 0)
    };
    differs(compressed, member.compressed) || differs(size, member.size) || {
        sum != member.sum && !(member.has_descriptor() && sum == 0)
    }
}

fn same_names(members: &[Member<'_>], found: &mut Named) {
    let mut seen = HashSet::with_capacity(members.len());
    for member in members {
        // Folders are named twice by some writers, which changes nothing.
        if !seen.insert(member.name) && !member.name.ends_with(b"/") {
            found.add(|| format!("{}: there are two members of this name", shown(member.name)));
        }
    }
}

/// `extents` are start and end of the members, in order.
fn overlaps_and_gaps(archive: &Archive<'_>, extents: &[(u64, u64, &Member<'_>)], found: &mut Named) {
    let mut reached = archive.before;
    for (start, end, member) in extents {
        if *start < reached {
            found.add(|| format!("{}: it shares bytes with another member", shown(member.name)));
        } else {
            let hidden = DESCRIPTOR_BYTES.iter().any(|length| {
                let at = reached.saturating_add(*length);
                at < *start && tail(archive.bytes, at).is_some_and(|bytes| bytes.starts_with(LOCAL))
            });
            if hidden {
                found.add(|| {
                    format!("{}: before it is a member that the directory does not name", shown(member.name))
                });
            }
        }
        reached = reached.max(*end);
    }
}

/// A name for a sentence: short, and without control characters.
fn shown(name: &[u8]) -> String {
    const CHARS_MAX: usize = 100;
    let text = String::from_utf8_lossy(name);
    let short = text.chars().take(CHARS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c });
    format!("member \"{}\"", short.collect::<String>())
}

#[derive(Default)]
struct Named {
    sentences: Vec<String>,
    more: usize,
}

impl Named {
    fn add(&mut self, sentence: impl FnOnce() -> String) {
        if self.sentences.len() < NAMED_MAX {
            self.sentences.push(sentence());
        } else {
            self.more += 1;
        }
    }

    fn finish(mut self) -> Vec<String> {
        if self.more > 0 {
            self.sentences.push(format!("{} more contradictions are not named", self.more));
        }
        self.sentences
    }
}
