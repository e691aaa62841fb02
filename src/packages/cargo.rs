//! Rust crates that an executable was built from: the list that cargo-auditable puts into it.

use serde::Deserialize;

use super::package::{Found, Kind, Package};
use super::word::{quoted, word};
use crate::content::deflate;
use crate::content::executable::Executable;

/// The section that has the list of crates.
pub const SECTION: &[u8] = b".dep-v0";

/// The most bytes of the list, which is JSON. Cargo-auditable's own reader has the same limit.
const TEXT_BYTES_MAX: usize = 8 << 20;

/// The most crates.
const CRATES_MAX: usize = 50_000;

#[derive(Deserialize)]
struct List {
    packages: Vec<Crate>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    #[serde(default)]
    kind: Option<String>,
}

/// The crates of an executable. Those that only ran while it was built are left out. Nothing if it has no list.
pub fn crates(executable: &Executable<'_>) -> Found {
    let mut found = Found::default();
    // Of a large executable its bytes may not be there, which `hides_section` tells.
    let Some(section) = executable.section(SECTION).filter(|section| !section.bytes.is_empty()) else {
        return found;
    };
    match read(section.bytes) {
        Err(problem) => found.problems.push(format!("The list of crates in section .dep-v0: {problem}.")),
        Ok(list) => {
            let built_in = list.packages.iter().filter(|one| one.kind.as_deref() != Some("build"));
            for one in built_in.take(CRATES_MAX) {
                let Some((name, version)) = word(&one.name).zip(word(&one.version)) else {
                    found.problem(|| {
                        format!("The crate {} has no usable name or version.", quoted(&one.name))
                    });
                    continue;
                };
                let (architecture, source, licences) = (None, None, Vec::new());
                found.packages.push(Package {
                    kind: Kind::Cargo,
                    name,
                    version,
                    architecture,
                    source,
                    licences,
                });
            }
        }
    }
    found
}

fn read(section: &[u8]) -> Result<List, String> {
    let text = deflate::zlib(section, TEXT_BYTES_MAX).map_err(|error| error.to_string())?.bytes;
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::content::executable::{Format, Section};

    fn crates_of(bytes: &[u8]) -> Found {
        let sections = vec![Section { name: SECTION, address: 0, bytes, is_writable: false }];
        crates(&Executable {
            format: Format::Elf,
            architecture: None,
            is_big_endian: false,
            pointer_bytes: 8,
            sections,
            segments: Vec::new(),
        })
    }

    fn zlib(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn crates_of_the_build_are_left_out() {
        let found = crates_of(&zlib(
            r#"{"packages":[{"name":"serde","version":"1.0.2","source":"crates.io","dependencies":[1]},
            {"name":"cc","version":"1.0.0","kind":"build"},{"name":"app","version":"0.1.0","root":true},
            {"name":"","version":"1"}],"format":1}"#,
        ));
        let names: Vec<_> = found.packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["serde", "app"]);
        assert_eq!(found.problems, ["The crate \"\" has no usable name or version."]);
    }

    #[test]
    fn bad_lists_are_problems() {
        assert_eq!(
            crates_of(b"x").problems,
            [
                "The list of crates in section .dep-v0: the compressed data ends too early, after 0 bytes of output."
            ]
        );
        assert!(crates_of(&zlib("{}")).problems[0].contains("missing field `packages`"));
        let bomb = zlib(&" ".repeat(TEXT_BYTES_MAX + 1));
        assert!(crates_of(&bomb).problems[0].contains("more than 8388608 bytes"));
    }
}
