use super::*;
use crate::artifacts::tar_index::{Links, TarIndex};
use crate::diagnosis::{Advice, Code, Diagnose as _};

/// A builder for tar archives, byte by byte.
struct Raw(Vec<u8>);

impl Raw {
    fn new() -> Raw {
        Raw(Vec::new())
    }

    fn entry(self, kind: u8, name: &str, body: &[u8]) -> Raw {
        self.sized(kind, name, body, body.len() as u64)
    }

    fn sized(mut self, kind: u8, name: &str, body: &[u8], bytes: u64) -> Raw {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_size(bytes);
        header.set_mode(0o644);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(body);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn link(mut self, kind: u8, name: &str, target: &str) -> Raw {
        let start = self.0.len();
        self = self.entry(kind, name, b"");
        let mut header = tar::Header::from_byte_slice(&self.0[start..start + 512]).clone();
        header.set_link_name_literal(target).unwrap();
        header.set_cksum();
        self.0[start..start + 512].copy_from_slice(header.as_bytes());
        self
    }

    fn index(mut self, links: Links) -> Result<TarIndex, ArtifactError> {
        self.0.extend([0; 1024]);
        index_of(&self.0, links)
    }
}

fn index_of(bytes: &[u8], links: Links) -> Result<TarIndex, ArtifactError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    fs::write(&path, bytes).unwrap();
    TarIndex::open(&path, links, None)
}

fn pax(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let length = (1..1024).find(|n| n.to_string().len() + rest.len() == *n).unwrap();
    format!("{length}{rest}").into_bytes()
}

#[test]
fn finds_files_by_normalized_path() {
    let long = format!("{}/file", "d".repeat(120));
    let index = Raw::new()
        .entry(b'5', "./", b"")
        .entry(b'5', "./d/", b"")
        .entry(b'0', "./d/a", b"hello")
        .entry(0, "b", b"")
        .entry(b'x', "x", &[pax("mtime", "1.5"), pax("path", &long)].concat())
        .entry(b'0', "short", b"long")
        .entry(b'L', "././@LongLink", b"gnu\0")
        .entry(b'0', "short", b"gnu")
        .index(Links::Refused)
        .unwrap();
    for (name, bytes) in [("d/a", &b"hello"[..]), ("b", b""), (&long, b"long"), ("gnu", b"gnu")] {
        let mut found = Vec::new();
        index.find(name).unwrap().unwrap().reader(0).read_to_end(&mut found).unwrap();
        assert_eq!(found, bytes, "{name}");
    }
    for name in ["short", "d", "./b", ""] {
        assert!(index.find(name).unwrap().is_none(), "{name}");
    }
}

/// Archives that tar readers could read differently.
#[test]
fn refuses_ambiguous_archives() {
    let huge = "9999999999999";
    for (what, raw) in [
        (
            "PAX size over a size of zero",
            Raw::new().entry(b'x', "x", &pax("size", "1024")).entry(b'0', "a", b""),
        ),
        (
            "PAX size below the size",
            Raw::new().entry(b'x', "x", &pax("size", "8")).entry(b'0', "a", &[1; 1024]),
        ),
        (
            "PAX name and GNU name",
            Raw::new().entry(b'x', "x", &pax("path", "p")).entry(b'L', "L", b"l\0").entry(b'0', "a", b""),
        ),
        ("a global name", Raw::new().entry(b'g', "g", &pax("path", "p")).entry(b'0', "a", b"")),
        ("a folder with bytes", Raw::new().entry(0, "a/", b"x")),
        ("8 GiB", Raw::new().sized(b'0', "a", b"", 0o77_777_777_777)),
        ("PAX size too large", Raw::new().entry(b'x', "x", &pax("size", huge)).entry(b'0', "a", b"")),
        ("long name", Raw::new().sized(b'L', "a", b"", 1 << 30)),
        ("a name twice", Raw::new().entry(b'0', "a", b"1").entry(b'0', "./a", b"2")),
        ("no entry after", Raw::new().entry(b'x', "x", &pax("path", "p"))),
        ("bad record", Raw::new().entry(b'x', "x", b"9 path=\n").entry(b'0', "a", b"")),
        ("PAX sparse file", Raw::new().entry(b'x', "x", &pax("GNU.sparse.major", "1")).entry(b'0', "a", b"")),
        ("GNU sparse file", Raw::new().entry(b'S', "a", b"")),
        ("character device", Raw::new().entry(b'3', "a", b"")),
        ("pipe", Raw::new().entry(b'6', "a", b"")),
        ("..", Raw::new().entry(b'0', "../x", b"")),
        ("/", Raw::new().entry(b'0', "/x", b"")),
        ("//", Raw::new().entry(b'0', "a//b", b"")),
        (".", Raw::new().entry(b'0', "a/./b", b"")),
        ("link with bytes", Raw::new().entry(b'2', "a", b"x")),
    ] {
        assert_eq!(raw.index(Links::FollowedInside).unwrap_err().code(), Code::BadArchive, "{what}");
    }
    let mut raw = Raw::new().entry(b'0', "a", &[1; 2000]).0;
    for bytes in [512, 600, 2048, 2560] {
        assert_eq!(index_of(&raw[..bytes], Links::Refused).unwrap_err().code(), Code::BadArchive, "{bytes}");
    }
    raw[0] ^= 1;
    assert!(index_of(&raw, Links::Refused).unwrap_err().to_string().contains("invalid tar header at byte 0"));
    let error = index_of(b"\x1f\x8b\x08\0\0\0\0\0", Links::Refused).unwrap_err();
    let advice = error.diagnosis().advice;
    assert!(matches!(advice, Some(Advice::DecompressWith { program: "gzip", .. })), "{advice:?}");
    assert!(index_of(b"", Links::Refused).is_err());
}

/// Links are followed to files of the same archive, never outside it.
#[test]
fn links_stay_inside_the_archive() {
    let raw = || {
        Raw::new()
            .entry(b'0', "y/layer.tar", b"layer")
            .link(b'2', "x/layer.tar", "../y/layer.tar")
            .link(b'1', "hard", "./x/layer.tar")
            .link(b'2', "out", "../../etc/passwd")
            .link(b'2', "root", "/etc/passwd")
            .link(b'2', "loop", "loop")
            .link(b'2', "nowhere", "gone")
    };
    let followed = raw().index(Links::FollowedInside).unwrap();
    for name in ["x/layer.tar", "hard"] {
        assert_eq!(followed.find(name).unwrap().unwrap().bytes, 5, "{name}");
    }
    for name in ["out", "root", "loop"] {
        assert_eq!(followed.find(name).unwrap_err().code(), Code::BadArchive, "{name}");
    }
    assert!(followed.find("nowhere").unwrap().is_none());
    let refused = raw().index(Links::Refused).unwrap();
    assert!(refused.find("x/layer.tar").is_err());
    assert!(refused.find("y/layer.tar").unwrap().is_some());
}
