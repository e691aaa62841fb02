//! The parity files of a bundle, sorted into groups. Whatever contradicts the format is a finding.

use std::collections::{BTreeMap, BTreeSet};

use crate::arrival::{Bundle, Contents, Finding, Opened};
use crate::format::body::{Body, BodyEntry};
use crate::format::entry::EntryName;
use crate::format::error::FormatError;
use crate::format::parity::ParityGroup;
use crate::format::statement::Statement;
use crate::format::{BlockSum, Sum};

/// A parity file of a group.
pub(crate) struct GroupFile<'a> {
    /// The index of the file among the parity files of the bundle.
    pub(crate) index: usize,
    /// The position of the file in the group.
    pub(crate) position: u32,
    /// The file.
    pub(crate) opened: &'a Opened,
    /// Where its stripes are, with the sum of all of them.
    pub(crate) stripes: BodyEntry,
    /// The sums of its blocks; `None` if they are damaged, or if it is a copy of a file that has them.
    pub(crate) check: Option<Vec<BlockSum>>,
}

/// The files of one parity group that arrived, with what they say in common.
pub(crate) struct GroupFiles<'a> {
    /// The group.
    pub(crate) group: ParityGroup,
    /// A statement with what all chunks of the bundle have in common.
    pub(crate) like: &'a Statement,
    /// The parity files. Several may have the same position.
    pub(crate) files: Vec<GroupFile<'a>>,
    /// The sums of the blocks of each shard.
    pub(crate) blocks: Vec<Vec<BlockSum>>,
}

/// Files that have the same text and the same sums of blocks.
type Same<'a> = Vec<(usize, &'a Opened, &'a Body)>;

/// How many combinations of parity files that contradict each other are tried.
const COMBINATIONS_MAX: usize = 16;

/// Reads the parity groups among the files of a bundle, one after the other, so that only one is in memory. `found`
/// is told what is wrong with which parity file, perhaps several times.
///
/// Signed files that have other stripes at the same position cannot both be right, and nothing says which is. Each combination of
/// them, up to 16, is a group of its own: one that is wrong is found out by what it gives.
pub(crate) fn groups<'a>(
    bundle: &'a Bundle,
    found: &'a dyn Fn(usize, Finding),
) -> impl Iterator<Item = GroupFiles<'a>> {
    let mut same: BTreeMap<(Sum, Sum), Same<'a>> = BTreeMap::new();
    for (index, opened) in bundle.parity.iter().enumerate() {
        let Some(body) = opened.body() else { continue };
        let names: Vec<EntryName> = body.entries.iter().map(|entry| entry.name).collect();
        if let [
            EntryName::Parity,
            EntryName::ParityBlocks,
            EntryName::ParityCheck,
            EntryName::ParityStripes(..),
        ] = names.as_slice()
        {
            let key = (body.entries[0].sum, body.entries[1].sum);
            same.entry(key).or_default().push((index, opened, body));
        } else {
            let expected = "parity.txt, parity/blocks, parity/check and the stripes";
            let names: Vec<String> = names.iter().take(5).map(ToString::to_string).collect();
            let error = FormatError::whole("parity chunk", expected, names.join(", "));
            found(index, (&error).into());
        }
    }
    same.into_values().flat_map(combinations).filter_map(move |files| read(&files, bundle.contents(), found))
}

fn combinations<'a>(files: Same<'a>) -> Vec<Same<'a>> {
    let mut positions: BTreeMap<(u32, u32), BTreeMap<Sum, Same<'a>>> = BTreeMap::new();
    for file in files {
        let stripes = &file.2.entries[3];
        let EntryName::ParityStripes(group, position) = stripes.name else {
            unreachable!("the names were checked")
        };
        positions.entry((group, position)).or_default().entry(stripes.sum).or_default().push(file);
    }
    let count = positions.values().map(BTreeMap::len).fold(1, usize::saturating_mul);
    let combination = |mut number: usize| {
        let choose = |others: &BTreeMap<Sum, Same<'a>>| {
            let chosen = number % others.len();
            number /= others.len();
            others.values().nth(chosen).cloned().unwrap_or_default()
        };
        positions.values().flat_map(choose).collect()
    };
    (0..count.min(COMBINATIONS_MAX)).map(combination).collect()
}

fn read<'a>(
    files: &Same<'a>,
    contents: Option<&Contents>,
    found: &dyn Fn(usize, Finding),
) -> Option<GroupFiles<'a>> {
    let refuse = |error: &FormatError| files.iter().for_each(|(index, ..)| found(*index, error.into()));
    let (_, first, first_body) = files.first()?;
    let like = &first.statement;
    // Files that name the same text differ in nothing that is checked with it, unless their statements do.
    if first_body.entries[0].bytes > crate::format::limits::PARITY_BYTES_MAX {
        let expected = format!("parity.txt of at most {} bytes", crate::format::limits::PARITY_BYTES_MAX);
        refuse(&FormatError::whole(
            "parity chunk",
            expected,
            format!("{} bytes", first_body.entries[0].bytes),
        ));
        return None;
    }
    let text =
        files.iter().find_map(|(index, opened, body)| entry(opened, &body.entries[0], *index, found))?;
    let group = ParityGroup::parse(&text, like.last);
    let group = match group.and_then(|group| check_planned(&group, contents).map(|()| group)) {
        Ok(group) => group,
        Err(error) => {
            refuse(&error);
            return None;
        }
    };
    let fitting: Same<'a> = files
        .iter()
        .filter(|(index, opened, body)| match check(&group, like, opened, body) {
            Ok(()) => true,
            Err(error) => {
                found(*index, (&error).into());
                false
            }
        })
        .copied()
        .collect();
    let sums =
        fitting.iter().find_map(|(index, opened, body)| entry(opened, &body.entries[1], *index, found))?;
    let mut sums = sums_of(&sums).into_iter();
    let blocks = group
        .chunks
        .iter()
        .map(|chunk| {
            let count = usize::try_from(group.blocks_of(chunk.bytes)).expect("blocks are bounded");
            sums.by_ref().take(count).collect()
        })
        .collect();
    let mut checked = BTreeSet::new();
    let files = fitting
        .into_iter()
        .map(|(index, opened, body)| {
            let EntryName::ParityStripes(_, position) = body.entries[3].name else {
                unreachable!("the names were checked")
            };
            // Of copies, one is searched by blocks, so that their sums take bounded memory.
            let check = if checked.contains(&position) {
                None
            } else {
                entry(opened, &body.entries[2], index, found).map(|bytes| sums_of(&bytes))
            };
            if check.is_some() {
                checked.insert(position);
            }
            GroupFile { index, position, opened, stripes: body.entries[3], check }
        })
        .collect();
    Some(GroupFiles { group, like, files, blocks })
}

/// Checks that the group is of the chunks that the control chunk names, if that is known. Others may have its id in their
/// parity, but not its bytes.
fn check_planned(group: &ParityGroup, contents: Option<&Contents>) -> Result<(), FormatError> {
    let Some(contents) = contents else { return Ok(()) };
    for chunk in group.chunks.iter().filter(|chunk| chunk.number > 0) {
        let planned = contents.sums_of(chunk.number);
        if let Some(sums) = planned.filter(|sums| *sums != chunk.sums) {
            let number = chunk.number;
            let expected =
                format!("parity of the chunks of this bundle, with the sums {sums} in chunk {number}");
            return Err(FormatError::whole("parity.txt", expected, chunk.sums.to_string()));
        }
    }
    Ok(())
}

/// Checks that a file has the entries that the text of its group gives it.
fn check(group: &ParityGroup, like: &Statement, opened: &Opened, body: &Body) -> Result<(), FormatError> {
    let statement = &opened.statement;
    if statement.crossing != like.crossing || statement.last != like.last {
        let expected = "the name, stream, label and chunks of the other files of its group";
        return Err(FormatError::whole("statement", expected, "others"));
    }
    let EntryName::ParityStripes(number, position) = body.entries[3].name else {
        unreachable!("the names were checked")
    };
    if number != group.group || position >= group.files {
        let expected = format!("a file of group {} below position {}", group.group, group.files);
        return Err(FormatError::whole("parity chunk", expected, body.entries[3].name.to_string()));
    }
    if statement.number != group.number_of(position) {
        let expected = format!("number {}", group.number_of(position));
        return Err(FormatError::whole("statement", expected, statement.number.to_string()));
    }
    for (entry, (name, bytes)) in body.entries.iter().zip(group.items(position, body.entries[0].bytes)) {
        if entry.bytes != bytes {
            let expected = format!("{name} of {bytes} bytes");
            return Err(FormatError::whole("parity chunk", expected, format!("{} bytes", entry.bytes)));
        }
    }
    Ok(())
}

/// Reads an entry whole, whose size was checked. `None`, and a finding, if it is not as it was signed.
fn entry(
    opened: &Opened,
    entry: &BodyEntry,
    index: usize,
    found: &dyn Fn(usize, Finding),
) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(entry.bytes).expect("bounded by the caller")];
    let read = opened.file.open().and_then(|file| file.read_exact_at(&mut bytes, entry.offset));
    match read {
        Ok(()) if Sum::of(&bytes) == entry.sum => Some(bytes),
        Ok(()) => {
            found(index, Finding::of_entry(entry, Sum::of(&bytes).to_string()));
            None
        }
        Err(error) => {
            found(index, Finding::Unreadable { reason: error.to_string() });
            None
        }
    }
}

fn sums_of(bytes: &[u8]) -> Vec<BlockSum> {
    bytes.as_chunks::<{ BlockSum::BYTES }>().0.iter().map(|sum| BlockSum(*sum)).collect()
}
