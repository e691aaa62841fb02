//! The program that only verifies has few crates, and none for what it does not do
//! (docs/decisions/0072-verify-is-a-program.md).

use std::collections::BTreeSet;
use std::process::Command;

use super::root;

/// The largest number of crates in the program, beside carnet itself.
const CRATES_MAX: usize = 60;

/// Crates for what it does not do, and words in the names of others like them.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("networks", &["ureq", "rustls", "ring", "webpki", "url", "http", "socket", "tokio", "mio", "dns"]),
    ("compressed data", &["flate", "zlib", "miniz", "zstd", "deflate", "brotli", "lzma", "png"]),
    ("private keys", &["pkcs8", "aes", "bcrypt", "scrypt", "pbkdf", "getrandom", "rand", "cryptoki"]),
    ("sources", &["oci-spec", "tar", "regex", "globset", "object"]),
];

#[test]
fn the_program_that_only_verifies_has_few_crates() {
    let out = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--no-default-features", "--features", "verify"])
        .args(["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let crates: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    let others: Vec<&&str> = crates.iter().filter(|name| **name != "carnet").collect();
    assert!(others.len() + 1 == crates.len() && others.len() > 20, "{text}");
    assert!(others.len() <= CRATES_MAX, "{} crates: {others:?}", others.len());
    for (purpose, words) in FORBIDDEN {
        for word in *words {
            let of_word =
                |name: &str| name == *word || name.split(['-', '_']).any(|part| part.starts_with(word));
            let found: Vec<_> = others.iter().filter(|name| of_word(name)).collect();
            assert!(found.is_empty(), "{found:?} is for {purpose}");
        }
    }
}
