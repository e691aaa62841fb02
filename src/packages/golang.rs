//! Go modules that an executable was built from: the build information that Go's linker writes into it.

use super::package::{Found, Kind, Package};
use super::word::{quoted, text, word};
use crate::content::executable::Executable;

/// The magic of the build information, which begins at a multiple of 16 bytes (Go's package debug/buildinfo).
const MAGIC: &[u8] = b"\xff Go buildinf:";
const ALIGNMENT: usize = 16;
const HEADER_BYTES: usize = 32;

/// The most bytes of the list of modules. That of large programs has 100 KiB.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// The most modules.
const MODULES_MAX: usize = 20_000;

/// The modules of an executable, and Go's own library as `stdlib`. Nothing if it was not built by Go.
pub fn modules(executable: &Executable<'_>) -> Found {
    let mut found = Found::default();
    let Some(header) = find(executable) else {
        return found;
    };
    let Some((version, list)) = strings(executable, header) else {
        found.problems.push("The build information of Go is malformed or cut off.".to_owned());
        return found;
    };
    // E.g. `go1.22.1 X:boringcrypto`; development builds have words instead.
    let version = text(version);
    let version = version.split(' ').next().unwrap_or_default();
    if let Some(version) = version.strip_prefix("go").and_then(word) {
        found.packages.push(package("stdlib".to_owned(), version));
    }
    match list.get(..TEXT_BYTES_MAX) {
        Some(_) => {
            found.problems.push(format!("The list of Go modules has more than {TEXT_BYTES_MAX} bytes."));
        }
        None => read_list(&text(unframed(list)), &mut found),
    }
    found
}

/// Whether an executable of which only parts are there has its list of modules elsewhere. Before Go 1.18 it was in a part that is not
/// writable.
pub fn hides_modules(executable: &Executable<'_>) -> bool {
    find(executable).is_some_and(|header| {
        let points = header.get(15).is_some_and(|flags| flags & 2 == 0);
        points && strings(executable, header).is_none()
    })
}

fn package(name: String, version: String) -> Package {
    Package { kind: Kind::Go, name, version, architecture: None, source: None, licences: Vec::new() }
}

/// The bytes from the header on: in its own section, else in the first writable part, where Go looks.
fn find<'a>(executable: &Executable<'a>) -> Option<&'a [u8]> {
    let sections = [b".go.buildinfo".as_slice(), b"__go_buildinfo"];
    let own = sections.into_iter().find_map(|name| executable.section(name));
    let place = own.or_else(|| executable.segments.iter().find(|segment| segment.is_writable))?;
    let at = place.bytes.chunks(ALIGNMENT).position(|chunk| chunk.starts_with(MAGIC))?;
    place.bytes.get(at.checked_mul(ALIGNMENT)?..)
}

/// Go's version and the list of modules. Since Go 1.18 they follow the header; before, it points to them.
fn strings<'a>(executable: &Executable<'a>, header: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let flags = *header.get(15)?;
    if flags & 2 != 0 {
        let (version, rest) = counted(header.get(HEADER_BYTES..)?)?;
        let (list, _) = counted(rest)?;
        return Some((version, list));
    }
    let pointer = usize::from(*header.get(14)?);
    let number = |bytes: &[u8]| -> Option<u64> {
        let bytes = bytes.get(..pointer)?;
        Some(match (pointer, flags & 1) {
            (4, 0) => u32::from_le_bytes(*bytes.first_chunk()?).into(),
            (4, _) => u32::from_be_bytes(*bytes.first_chunk()?).into(),
            (8, 0) => u64::from_le_bytes(*bytes.first_chunk()?),
            (8, _) => u64::from_be_bytes(*bytes.first_chunk()?),
            _ => return None,
        })
    };
    let string = |at: &[u8]| {
        let head = executable.at(number(at)?)?;
        let (data, length) = (number(head)?, number(head.get(pointer..)?)?);
        if length == 0 {
            return Some([].as_slice());
        }
        executable.at(data)?.get(..usize::try_from(length).ok()?)
    };
    Some((string(header.get(16..)?)?, string(header.get(16_usize.checked_add(pointer)?..)?)?))
}

/// Bytes after their length, which is a base-128 number with the lowest bits first.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0_usize;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return bytes.get(index + 1..)?.split_at_checked(length);
        }
    }
    None
}

/// The list without the 16 bytes before and after it, by which Go finds it in memory.
fn unframed(list: &[u8]) -> &[u8] {
    let inner = list.len().checked_sub(16).and_then(|end| list.get(16..end));
    inner.filter(|inner| inner.ends_with(b"\n")).unwrap_or_default()
}

/// Lines of words with tabs between: `mod` is the main module, `dep` another one, and `=>` replaces the one before it.
fn read_list(list: &str, found: &mut Found) {
    let mut is_replaceable = false;
    for line in list.lines() {
        let mut words = line.split('\t');
        let kind = words.next().unwrap_or_default();
        if !matches!(kind, "mod" | "dep" | "=>") {
            continue;
        }
        let (name, version) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if kind == "=>" && (matches!(version, "" | "(devel)") || !is_replaceable) {
            // A folder of the builder takes the place. It has no version, for which Go 1.27 writes `(devel)`, so the module is
            // named as it was asked for.
            continue;
        }
        let Some((name, version)) = word(name).zip(word(version)) else {
            // Modules of a workspace have no version.
            if kind != "mod" {
                found.problem(|| format!("The Go module {} has no usable name or version.", quoted(name)));
            }
            is_replaceable = false;
            continue;
        };
        if kind == "=>" {
            found.packages.pop();
        }
        is_replaceable = kind != "=>";
        if found.packages.len() + found.problems.len() > MODULES_MAX {
            found.problems.push(format!("Only the first {MODULES_MAX} Go modules are read."));
            return;
        }
        found.packages.push(package(name, version));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::executable::{Format, Section};

    const LIST: &str = "path\texample.org/cmd\nmod\texample.org\t(devel)\t\ndep\tgolang.org/x/net\tv0.17.0\th1:x=\n\
                        dep\ta.org/old\tv1.0.0\n=>\tb.org/new\tv1.1.0\th1:y=\ndep\tc.org/local\tv2.0.0\n=>\t../local\t\n\
                        dep\td.org/newer\tv3.0.0\n=>\t./newer\t(devel)\t\n\
                        build\t-compiler=gc\n";

    fn framed() -> Vec<u8> {
        [[b'<'; 16].as_slice(), LIST.as_bytes(), &[b'>'; 16]].concat()
    }

    fn names(found: &Found) -> Vec<String> {
        assert_eq!(found.problems, Vec::<String>::new());
        found.packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect()
    }

    fn expected() -> [&'static str; 6] {
        [
            "stdlib 1.22.1",
            "example.org (devel)",
            "golang.org/x/net v0.17.0",
            "b.org/new v1.1.0",
            "c.org/local v2.0.0",
            "d.org/newer v3.0.0",
        ]
    }

    fn executable(segments: Vec<Section<'_>>, pointer_bytes: usize) -> Executable<'_> {
        Executable {
            format: Format::Elf,
            architecture: None,
            is_big_endian: false,
            pointer_bytes,
            sections: Vec::new(),
            segments,
        }
    }

    fn section(address: u64, bytes: &[u8]) -> Section<'_> {
        Section { name: b"", address, bytes, is_writable: true }
    }

    #[test]
    fn reads_what_follows_the_header() {
        let mut data = vec![0; 32];
        data.extend(MAGIC);
        data.extend([8, 2]);
        data.resize(64, 0);
        for text in [b"go1.22.1 X:x".to_vec(), framed()] {
            data.push(u8::try_from(text.len() & 0x7f).unwrap() | 0x80);
            data.push(u8::try_from(text.len() >> 7).unwrap());
            data.extend(text);
        }
        assert_eq!(names(&modules(&executable(vec![section(0, &data)], 8))), expected());
        let cut = &data[..data.len() - 1];
        let problems = modules(&executable(vec![section(0, cut)], 8)).problems;
        assert_eq!(problems, ["The build information of Go is malformed or cut off."]);
    }

    #[test]
    fn follows_pointers_of_older_versions() {
        let list = framed();
        for big in [false, true] {
            let number = |value: usize| {
                let value = u32::try_from(value).unwrap();
                if big { value.to_be_bytes() } else { value.to_le_bytes() }
            };
            let mut data = MAGIC.to_vec();
            data.extend([4, u8::from(big)]);
            for value in [0x1020, 0x1028, 0, 0, 0x1040, 8, 0x1050, list.len()] {
                data.extend(number(value));
            }
            data.resize(0x40, 0);
            data.extend(b"go1.22.1");
            data.resize(0x50, 0);
            data.extend(&list);
            let whole = executable(vec![section(0x1000, &data)], 4);
            assert_eq!(names(&modules(&whole)), expected());
            assert!(!hides_modules(&whole));
            // The list is in a part that is not there.
            assert!(hides_modules(&executable(vec![section(0x1000, &data[..0x50])], 4)));
        }
    }

    #[test]
    fn others_have_no_modules() {
        assert_eq!(modules(&executable(vec![section(0, &[0; 99])], 8)), Found::default());
    }
}
