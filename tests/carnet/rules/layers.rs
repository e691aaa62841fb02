//! The layers of docs/architecture.md: the allowed dependencies between modules and on external crates.

use std::collections::BTreeSet;
use std::path::Path;

use super::{root, sources};

/// The modules of each layer. A module may use modules of its own layer and of the layers above.
const LAYERS: &[&[&str]] = &[
    &["diagnosis", "small_file", "program"],
    &["oci"],
    &["http", "content", "versions"],
    &["format", "registry", "packages", "rootfs"],
    &[
        "artifacts",
        "medium",
        "storage",
        "trust",
        "clock",
        "observe",
        "bom",
        "advisories",
        "guard",
        "rulebook",
    ],
    &["stream", "environment"],
    &["arrival", "chain", "runs", "logbook"],
    &["erasure", "report"],
    VERBS,
    &["station"],
];

const VERBS: &[&str] = &[
    "pack",
    "verify",
    "unpack",
    "import",
    "inspect",
    "missing",
    "parity",
    "repair",
    "resend",
    "sign",
    "sums",
    "audit",
    "difference",
    "forecast",
    "gate",
    "reshape",
];

/// Commands that use another command. All others must not.
const BUILDS_ON: &[(&str, &str)] = &[
    ("missing", "verify"),
    ("pack", "parity"),
    ("resend", "verify"),
    ("pack", "sums"),
    ("difference", "audit"),
    ("audit", "forecast"),
    ("gate", "audit"),
    ("reshape", "pack"),
];

/// Crates that may be used only in a few places, so that they can be replaced there.
const CRATES: &[(&str, &[&str])] = &[
    ("oci_spec", &["src/oci/"]),
    (
        "sha2",
        &[
            "src/oci/digest.rs",
            "src/stream/hash",
            "src/artifacts/",
            "src/trust/",
            "src/http/curves.rs",
            "src/content/",
            "src/advisories/",
            "src/packages/rpm/",
            "src/medium/bucket/sums.rs",
            "src/storage/",
        ],
    ),
    ("blake3", &["src/format/block_sum.rs", "src/stream/hash"]),
    ("sha1", &["src/packages/rpm/"]),
    ("md5", &["src/packages/rpm/", "src/stream/hash", "src/medium/bucket/sums.rs", "src/storage/"]),
    ("rayon", &["src/stream/pump/", "src/stream/workers.rs", "src/stream/hash/lanes.rs"]),
    ("reed_solomon_simd", &["src/erasure"]),
    ("memmap2", &["src/stream/buffer.rs"]),
    ("libc", &["src/medium/on_disk.rs", "src/station/spare_memory.rs"]),
    ("ed25519_dalek", &["src/trust/"]),
    ("ml_dsa", &["src/trust/mldsa"]),
    ("cryptoki", &["src/trust/pkcs11/present/"]),
    ("aes", &["src/trust/ssh/"]),
    ("ctr", &["src/trust/ssh/"]),
    ("bcrypt_pbkdf", &["src/trust/ssh/"]),
    ("pkcs8", &["src/trust/"]),
    ("getrandom", &["src/trust/", "src/storage/azure/"]),
    ("jiff", &["src/format/timestamp.rs", "src/trust/"]),
    ("ureq", &["src/http/"]),
    ("hmac", &["src/storage/"]),
    ("csv", &["src/runs/csv_text.rs"]),
    ("quick_xml", &["src/storage/"]),
    ("httpdate", &["src/http/exchange.rs"]),
    (
        "rustls",
        &[
            "src/http/tls.rs",
            "src/http/tls_connector.rs",
            "src/http/tls_problem.rs",
            "src/http/verifier.rs",
            "src/http/certificates.rs",
            "src/http/curves.rs",
            "src/http/error.rs",
        ],
    ),
    ("webpki", &["src/trust/cargo/"]),
    ("rustls_pki_types", &["src/trust/cargo/", "src/http/"]),
    ("x509_cert", &["src/trust/cargo/"]),
    ("p384", &["src/http/curves.rs", "src/trust/ecdsa"]),
    ("p521", &["src/http/curves.rs"]),
    // Reads SSL_CERT_FILE and SSL_CERT_DIR.
    ("rustls_native_certs", &["src/bin/carnet/world/services.rs"]),
    ("docker_credential", &["src/registry/credential_helper.rs"]),
    ("globset", &["src/artifacts/pattern.rs", "src/rulebook/"]),
    ("askama", &["src/bin/"]),
    ("regex_lite", &["src/verbs/import/naming.rs"]),
    ("tar", &["src/artifacts/"]),
    ("flate2", &["src/content/"]),
    ("zstd", &["src/content/"]),
    ("object", &["src/content/", "src/storage/"]),
    ("packageurl", &["src/packages/purl.rs"]),
    ("aho_corasick", &["src/content/secrets/"]),
    ("regex", &["src/content/secrets/", "src/guard/words.rs"]),
    ("regorus", &["src/rulebook/rego/"]),
    (
        "toml",
        &[
            "src/rulebook/",
            "src/content/secrets/gitleaks.rs",
            "src/guard/profile_file.rs",
            "src/trust/",
            "src/station/station_file.rs",
        ],
    ),
    ("clap", &["src/bin/"]),
    ("clap_complete", &["src/bin/"]),
    ("clap_mangen", &["src/bin/"]),
    ("indicatif", &["src/bin/"]),
    ("qrcode", &["src/bin/carnet/qr.rs"]),
    ("png", &["src/bin/carnet/qr.rs"]),
    ("unicode_width", &["src/bin/"]),
    ("signal_hook", &["src/bin/"]),
];

/// Names that do not say what a module does.
const BANNED_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "manager", "aux"];

pub(super) fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()
}

/// The top-level module of a file of the library.
fn module(path: &str) -> &str {
    let room = path.strip_prefix("src/").unwrap();
    room.strip_prefix("verbs/").unwrap_or(room).split(['/', '.']).next().unwrap()
}

/// The code of a file, without its tests and comments.
pub(super) fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn rank(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| layer.contains(&module))
        .unwrap_or_else(|| panic!("module {module} has no layer: add it here and in docs/architecture.md"))
}

/// Every file of the library, with its code.
pub(super) fn library() -> Vec<(String, String)> {
    sources("src")
        .iter()
        .map(|path| (relative(path), code(path)))
        .filter(|(path, _)| {
            !path.starts_with("src/bin/")
                && path != "src/lib.rs"
                && path != "src/verbs/mod.rs"
                && !path.contains("/tests")
        })
        .collect()
}

#[test]
fn modules_use_only_layers_above() {
    let mut wrong = Vec::new();
    for (path, code) in library() {
        let here = rank(module(&path));
        for used in code.split("crate::").skip(1) {
            let used = used.strip_prefix("verbs::").unwrap_or(used);
            let name = used.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
            if name == "diagnosis" || name.is_empty() || used.starts_with('{') {
                continue;
            }
            if rank(name) > here {
                wrong.push(format!("{path} uses {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_document_has_the_layers_of_the_rules() {
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let rooms = text.split_once("## Rooms").unwrap().1.split_once("\n## ").unwrap().0;
    let rows = rooms.lines().filter(|line| line.starts_with("| ")).skip(1);
    let modules = |row: &str| {
        let cell = row.split('|').nth(2).unwrap().to_owned();
        cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut in_document: Vec<Vec<String>> = rows.map(modules).collect();
    assert_eq!(in_document.pop().unwrap(), ["bin/carnet"]);
    assert_eq!(in_document, LAYERS);
}

#[test]
fn the_files_that_the_document_names_exist() {
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let files = text.split_once("## Files").unwrap().1.split_once("\n## ").unwrap().0;
    let mut named = 0;
    for row in files.lines().filter(|line| line.starts_with("| `")) {
        let mut room = String::new();
        for name in row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2) {
            // A name without a room is in the room of the one before it.
            let path = match name.rsplit_once('/') {
                Some((folder, file)) => {
                    folder.clone_into(&mut room);
                    format!("{folder}/{file}")
                }
                None => format!("{room}/{name}"),
            };
            let path = path.trim_end_matches("/*");
            let places = ["src", "src/verbs"].map(|folder| root().join(folder).join(path));
            let exists = places.iter().any(|place| place.is_dir() || place.with_extension("rs").is_file());
            assert!(exists, "docs/architecture.md names {path}");
            named += 1;
        }
    }
    assert!(named > 80, "{named} files");
}

#[test]
fn verbs_do_not_use_each_other() {
    let mut wrong = Vec::new();
    for (path, code) in library().iter().filter(|(path, _)| path.starts_with("src/verbs/")) {
        let here = module(path);
        for used in code.split("crate::verbs::").skip(1) {
            let name = used.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
            if name != here && name != "report" && !BUILDS_ON.contains(&(here, name)) {
                wrong.push(format!("{path} uses {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What a layer holds must not change what is done with it (docs/decisions/0043).
#[test]
fn what_moves_bytes_looks_into_none() {
    const MOVES: &[&str] = &["pack", "verify", "unpack", "import", "arrival", "stream", "medium", "registry"];
    let mut found = 0;
    for (path, code) in library() {
        let looks = code.contains("crate::content") || code.contains("crate::packages");
        found += usize::from(looks);
        assert!(!(looks && MOVES.contains(&module(&path))), "{path} looks into content");
    }
    assert!(found > 5, "{found} files look into content");
}

#[test]
fn crates_are_used_only_in_their_places() {
    let mut wrong = Vec::new();
    for path in sources("src") {
        let (name, code) = (relative(&path), code(&path));
        let first = first_names(&code);
        for (krate, places) in CRATES {
            let own_module = line_names_own_module(&name, krate);
            if first.contains(krate) && !own_module && !places.iter().any(|place| name.starts_with(place)) {
                wrong.push(format!("{name} uses {krate}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The first names of all paths, such as `sha2` of `sha2::Sha256`.
fn first_names(code: &str) -> BTreeSet<&str> {
    let before = code.match_indices("::").map(|(at, _)| &code[..at]);
    let names = before.filter_map(|before| {
        let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        let (before, name) = before.split_at(start + 1);
        before.ends_with([' ', '(', '<']).then_some(name)
    });
    names.collect()
}

/// `format::tar` is a module of this crate, not the external one.
fn line_names_own_module(path: &str, krate: &str) -> bool {
    krate == "tar" && !path.starts_with("src/artifacts/") && !path.starts_with("src/bin/")
}

#[test]
fn the_library_does_not_print_or_exit() {
    for (path, code) in library() {
        for word in ["println!", "eprintln!", "process::exit", "SystemTime::now"] {
            assert!(!code.contains(word), "{path} contains {word}");
        }
    }
}

/// Code that reads the environment: the standard library, and crate functions that read it internally.
const ENVIRONMENT: &[&str] = &[
    "env::",
    "option_env!",
    "temp_dir",
    "from_env",
    "Config::default",
    "Agent::new_with_defaults",
    "load_native_certs",
    // These find configuration files through HOME, DOCKER_CONFIG, XDG_RUNTIME_DIR and REGISTRY_AUTH_FILE.
    "docker_credential::get_credential(",
    "get_podman_credential",
];

#[test]
fn the_library_does_not_read_the_environment() {
    for (path, code) in library() {
        // These are constants of the build, not of the environment.
        let code = code.replace("env::consts", "");
        for word in ENVIRONMENT {
            assert!(!code.contains(word), "{path} contains {word}");
        }
    }
}

#[test]
fn module_names_are_specific() {
    for path in sources("src") {
        for part in relative(&path).trim_end_matches(".rs").split('/') {
            assert!(!BANNED_NAMES.contains(&part), "{}", relative(&path));
        }
    }
}
