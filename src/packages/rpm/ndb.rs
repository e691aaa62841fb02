//! `Packages.db`, rpm's own form (`lib/backend/ndb/rpmpkg.c`): pages of slots, each the place of one package's header.
//! Numbers are little-endian, places and lengths count blocks of 16 bytes.

use super::collect::Collected;
use crate::packages::Found;

const MAGIC: &[u8] = b"RpmP";
const SLOT_MAGIC: &[u8] = b"Slot";
const BLOB_MAGIC: &[u8] = b"BlbS";
const BLOB_END_MAGIC: &[u8] = b"BlbE";

const PAGE_BYTES: usize = 4096;
const BLOCK_BYTES: usize = 16;
/// What stands before and after a header: magic, number, generation, length; sum, length, magic.
const HEAD_BYTES: usize = 16;
const TAIL_BYTES: usize = 12;
/// The head of the file takes the place of the first slots.
const FIRST_SLOT: usize = 2;

/// Reads the packages of a `Packages.db`.
pub fn ndb(bytes: &[u8]) -> Found {
    let mut collected = Collected::default();
    if let Err(problem) = read(bytes, &mut collected) {
        collected.problem(problem);
    }
    collected.finish()
}

fn read(bytes: &[u8], collected: &mut Collected) -> Result<(), String> {
    if !bytes.starts_with(MAGIC) {
        return Err("the file is not a database of rpm's own form (ndb)".to_owned());
    }
    let (version, pages) = (number(bytes, 4), number(bytes, 12));
    if version != Some(0) {
        let version = version.map_or_else(|| "none".to_owned(), |version| version.to_string());
        return Err(format!("the database has version {version}, and only version 0 is read"));
    }
    let slots_end = pages.and_then(|pages| pages.checked_mul(PAGE_BYTES));
    let mut slots = slots_end.and_then(|end| bytes.get(..end));
    if slots.is_none() {
        collected.problem("the database ends within its table of packages".to_owned());
        slots = Some(bytes);
    }
    let mut used = vec![false; bytes.len() / BLOCK_BYTES];
    for slot in slots.unwrap_or_default().chunks_exact(BLOCK_BYTES).skip(FIRST_SLOT) {
        if !slot.starts_with(SLOT_MAGIC) {
            collected.problem("the table of packages has an entry that is none".to_owned());
            // rpm reads nothing of such a database. What stands before is listed.
            return Ok(());
        }
        let (Some(package), Some(place), Some(blocks)) = (number(slot, 4), number(slot, 8), number(slot, 12))
        else {
            continue;
        };
        if place == 0 {
            continue; // Not in use.
        }
        // Packages do not share blocks. That keeps the work within the size of the file.
        let own = place.checked_add(blocks).and_then(|end| used.get_mut(place..end));
        let is_shared = own.is_some_and(|own| own.iter_mut().any(|block| std::mem::replace(block, true)));
        if is_shared {
            collected.problem(format!("the header of package {package} lies within that of another"));
            continue;
        }
        match blob(bytes, package, place, blocks) {
            Ok((blob, is_whole)) => {
                if !is_whole {
                    collected.problem(format!("the header of package {package} does not have its checksum"));
                }
                collected.add(blob, &format!("the header of package {package}"));
            }
            Err(why) => collected.problem(format!("the header of package {package} {why}")),
        }
    }
    Ok(())
}

/// Finds a header, and whether it has the checksum that follows it.
fn blob(bytes: &[u8], package: usize, place: usize, blocks: usize) -> Result<(&[u8], bool), String> {
    let start = place.checked_mul(BLOCK_BYTES);
    let end = place.checked_add(blocks).and_then(|end| end.checked_mul(BLOCK_BYTES));
    let all = start.zip(end).and_then(|(start, end)| bytes.get(start..end));
    let Some(all) = all else {
        return Err("lies behind the end of the file".to_owned());
    };
    let stated = number(all, 12).filter(|_| all.starts_with(BLOB_MAGIC) && number(all, 4) == Some(package));
    let Some(stated) = stated else {
        return Err("is not where the table says".to_owned());
    };
    let expected = stated.checked_add(HEAD_BYTES + TAIL_BYTES).map(|bytes| bytes.div_ceil(BLOCK_BYTES));
    let blob = all.get(HEAD_BYTES..).and_then(|rest| rest.get(..stated));
    let tail = all.len().checked_sub(TAIL_BYTES).and_then(|at| all.split_at_checked(at));
    let (Some(blob), Some((summed, tail)), true) = (blob, tail, expected == Some(blocks)) else {
        return Err(format!("states {stated} bytes, and has {blocks} blocks of {BLOCK_BYTES}"));
    };
    let is_whole = number(tail, 0) == usize::try_from(adler32(summed)).ok()
        && number(tail, 4) == Some(stated)
        && tail.ends_with(BLOB_END_MAGIC);
    Ok((blob, is_whole))
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

/// The checksum of RFC 1950.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut a, mut b) = (1_u32, 0_u32);
    // So many bytes cannot overflow 32 bits.
    for part in bytes.chunks(5552) {
        for byte in part {
            a += u32::from(*byte);
            b += a;
        }
        a %= MODULUS;
        b %= MODULUS;
    }
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::*;

    /// Writes a database. Every second slot is not in use.
    fn database(blobs: &[Vec<u8>]) -> Vec<u8> {
        let le = |numbers: &[usize]| -> Vec<u8> {
            numbers.iter().flat_map(|number| u32::try_from(*number).unwrap().to_le_bytes()).collect()
        };
        let mut slots = Vec::new();
        let mut bodies = Vec::new();
        for (at, blob) in blobs.iter().enumerate() {
            let blocks = (blob.len() + HEAD_BYTES + TAIL_BYTES).div_ceil(BLOCK_BYTES);
            let place = (PAGE_BYTES + bodies.len()) / BLOCK_BYTES;
            slots.extend([SLOT_MAGIC, &le(&[0, 0, 0])].concat());
            slots.extend([SLOT_MAGIC, &le(&[at + 1, place, blocks])].concat());
            let mut body = [BLOB_MAGIC, &le(&[at + 1, 7, blob.len()]), blob].concat();
            body.resize(blocks * BLOCK_BYTES - TAIL_BYTES, 0);
            let sum = adler32(&body);
            bodies.extend([&body[..], &sum.to_le_bytes(), &le(&[blob.len()]), BLOB_END_MAGIC].concat());
        }
        let mut all = [MAGIC, &le(&[0, 1, 1, blobs.len() + 1, 0, 0, 0]), &slots].concat();
        while all.len() < PAGE_BYTES {
            all.extend([SLOT_MAGIC, &le(&[0, 0, 0])].concat());
        }
        [all, bodies].concat()
    }

    fn three() -> Vec<u8> {
        database(&["a", "b", "c"].map(|name| Sample::named(name).blob()))
    }

    #[test]
    fn reads_packages() {
        let found = ndb(&three());
        assert_eq!(found.problems, Vec::<String>::new());
        assert_eq!(found.packages.iter().map(|package| &package.name).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn a_bad_slot_or_blob_is_told_and_the_others_are_read() {
        let good = three();
        let second = FIRST_SLOT * BLOCK_BYTES + 3 * BLOCK_BYTES;
        for (at, value, problem) in [
            (second + 4, 9, "is not where the table says"),
            (second + 11, 9, "lies behind the end of the file"),
            (second + 12, 9, "is not where"),
        ] {
            let mut bytes = good.clone();
            bytes[at] = value;
            let found = ndb(&bytes);
            let expected = if problem == "is not where" { "blocks of 16" } else { problem };
            assert_eq!(found.packages.len(), 2, "{problem}");
            assert!(found.problems[0].contains(expected), "{:?}", found.problems);
        }
        let mut shared = good.clone();
        let first = FIRST_SLOT * BLOCK_BYTES + BLOCK_BYTES;
        shared.copy_within(first..first + 16, second);
        let found = ndb(&shared);
        assert_eq!(found.packages.len(), 2);
        assert!(found.problems[0].contains("within that of another"), "{:?}", found.problems);
        assert_eq!(ndb(b"RpmQ").problems.len(), 1);
        assert_eq!(ndb(&good[..PAGE_BYTES]).problems.len(), 3);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(at in 0_usize..6000, value: u8, end in 0_usize..8000) {
            let mut bytes = three();
            let at = at % bytes.len();
            bytes[at] = value;
            ndb(&bytes[..end.min(bytes.len())]);
        }
    }
}
