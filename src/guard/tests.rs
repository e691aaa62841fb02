use std::{
    io::{self, Read},
    ops::ControlFlow,
};

use proptest::prelude::*;

use super::{Count, Guard, Limit, MediaFilter, Profile};
use crate::content::archive::{Element, Expansion, Form, Opener, Visit};

/// A stand-in for gzip and tar: what looks like them to the table of media types, with contents that need no decoder.
struct Double;

fn gzip(content: &[u8]) -> Vec<u8> {
    [b"\x1f\x8b".as_slice(), content].concat()
}

/// `ustar` at its place, then name and length of each file in fixed fields.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![b'x'; 512];
    bytes[257..262].copy_from_slice(b"ustar");
    for (name, content) in files {
        bytes.extend(format!("{name:<16}{:<16}", content.len()).as_bytes());
        bytes.extend(*content);
    }
    bytes
}

impl Opener for Double {
    fn expand(&self, form: Form, source: &mut dyn Read, visit: &mut Visit<'_>) -> io::Result<Expansion> {
        match form {
            Form::Gzip => {
                source.read_exact(&mut [0; 2])?;
                let _ = visit(Element { name: b"", bytes: None }, source);
            }
            Form::Tar => {
                source.read_exact(&mut [0; 512])?;
                loop {
                    let mut header = Vec::new();
                    (&mut *source).take(32).read_to_end(&mut header)?;
                    if header.is_empty() {
                        break;
                    }
                    let header = String::from_utf8_lossy(&header).into_owned();
                    let (name, bytes) = (header.get(..16).unwrap_or(""), header.get(16..).unwrap_or(""));
                    let bytes: u64 = bytes
                        .trim()
                        .parse()
                        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the archive is cut off"))?;
                    let element = Element { name: name.trim().as_bytes(), bytes: Some(bytes) };
                    let mut content = (&mut *source).take(bytes);
                    if visit(element, &mut content) == ControlFlow::Break(()) {
                        break;
                    }
                    io::copy(&mut content, &mut io::sink())?;
                }
            }
            _ => return Ok(Expansion::Unknown),
        }
        Ok(Expansion::Done)
    }
}

fn opened() -> Profile {
    Profile { expands: Form::OF_FLOW_PROFILE.to_vec(), ..Profile::unlimited() }
}

fn counted(profile: Profile, chunk: &[u8]) -> Count {
    let mut source = chunk;
    Guard::new(profile).unwrap().count(b"c.tar", chunk.len() as u64, &mut source, &Double).unwrap()
}

fn limits(count: &Count) -> Vec<(Limit, Vec<String>)> {
    let names =
        |place: &[Vec<u8>]| place.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    count.over.iter().map(|over| (over.limit, names(&over.place))).collect()
}

/// A chunk file with a layer in gzip, a layer in Zstandard and a manifest.
fn chunk() -> Vec<u8> {
    let layer = gzip(&tar(&[("etc/a", b"hello world\n"), ("etc/empty", b"")]));
    tar(&[("layer", &layer), ("zstd", b"\x28\xb5\x2f\xfd\x04\0"), ("manifest", b"{\"a\": 1}\n")])
}

#[test]
fn a_gzip_layer_is_opened_and_a_zstd_layer_is_not() {
    let count = counted(opened(), &chunk());
    assert_eq!((count.depth, count.entries), (3, 6), "chunk, gzip, tar; 3 blobs, the tar, 2 files");
    let inner = 512 + 2 * 32 + 12;
    assert_eq!(count.expanded_bytes, (inner + 2) + 6 + 9 + inner + 12);
    let names: Vec<_> = count.media_types.iter().map(|(kind, times)| (kind.libmagic, *times)).collect();
    let zstd = ("application/zstd", 1);
    assert!(
        names.contains(&("application/x-tar", 2))
            && names.contains(&zstd)
            && count.passes()
            && count.is_whole()
    );
}

#[test]
fn each_limit_denies_and_allows() {
    let with = |change: &dyn Fn(&mut Profile)| {
        let mut profile = opened();
        change(&mut profile);
        limits(&counted(profile, &chunk()))
    };
    let at = |limit, place: &[&str]| vec![(limit, place.iter().map(ToString::to_string).collect::<Vec<_>>())];
    let etc_empty = ["c.tar", "layer", "etc/empty"];
    assert_eq!(with(&|profile| profile.file_bytes_min = 1), at(Limit::FileBytesMin, &etc_empty));
    assert_eq!(
        with(&|profile| profile.file_bytes_max = Some(chunk().len() as u64 - 1)),
        at(Limit::FileBytesMax, &["c.tar"])
    );
    assert_eq!(with(&|profile| profile.file_bytes_max = Some(chunk().len() as u64)), []);
    assert_eq!(with(&|profile| profile.depth_max = Some(2)), at(Limit::Depth, &["c.tar", "layer"]));
    assert_eq!(with(&|profile| profile.depth_max = Some(3)), []);
    assert_eq!(with(&|profile| profile.entries_max = Some(5)).len(), 1);
    assert_eq!(with(&|profile| profile.entries_max = Some(6)), []);
    let expanded = counted(opened(), &chunk()).expanded_bytes;
    assert_eq!(with(&|profile| profile.expanded_bytes_max = Some(expanded - 1))[0].0, Limit::ExpandedBytes);
    assert_eq!(with(&|profile| profile.expanded_bytes_max = Some(expanded)), []);
    let ratio = expanded * 1000 / chunk().len() as u64;
    assert_eq!(with(&|profile| profile.ratio_milli_max = Some(ratio - 1))[0].0, Limit::Ratio);
    assert_eq!(with(&|profile| profile.ratio_milli_max = Some(ratio + 1)), []);
    let deny = |name: &str| vec![MediaFilter::Deny { names: vec![name.to_owned()], extensions: Vec::new() }];
    assert_eq!(
        with(&|profile| profile.media = deny("application/zstd")),
        at(Limit::MediaType, &["c.tar", "zstd"])
    );
    assert_eq!(with(&|profile| profile.media = deny("application/pdf")), []);
    let word = |text: &str, is_complete, is_sensitive| super::Word {
        text: text.to_owned(),
        is_complete,
        is_sensitive,
    };
    let etc_a = at(Limit::Word, &["c.tar", "layer", "etc/a"]);
    assert_eq!(with(&|profile| profile.words = vec![word("LO WOR", false, false)]), etc_a);
    assert_eq!(with(&|profile| profile.words = vec![word("LO WOR", false, true)]), []);
    assert_eq!(with(&|profile| profile.words = vec![word("world", true, true)]), etc_a);
    assert_eq!(with(&|profile| profile.words = vec![word("lo wor", true, false)]), []);
}

#[test]
fn small_archives_are_files_like_others() {
    let mut profile = opened();
    profile.expands_from_bytes = chunk().len() as u64;
    assert_eq!(counted(profile, &chunk()).depth, 1);
}

#[test]
fn a_bomb_ends_the_count() {
    let bomb = tar(&[("bomb", &vec![0; 1 << 20])]);
    let count = counted(Profile { expanded_bytes_max: Some(1000), ..opened() }, &bomb);
    assert_eq!(count.ended_by, Some(Limit::ExpandedBytes));
    assert!(count.expanded_bytes < 200_000 && !count.passes() && count.over.len() == 1);
    assert!(count.over[0].to_string().ends_with("more bytes, the profile allows 1000 expanded bytes"));
    let mut deep = b"end".to_vec();
    for _ in 0..40 {
        deep = gzip(&deep);
    }
    let count = counted(opened(), &deep);
    assert_eq!((count.depth, count.not_opened_places, count.is_whole()), (16, 1, false));
}

#[test]
fn what_cannot_be_opened_is_named() {
    let chunk = tar(&[("a.zip", b"PK\x05\x06\0\0"), ("cut", &tar(&[("b", b"12")])[..520])]);
    let count = counted(opened(), &chunk);
    let whys: Vec<String> = count.not_opened.iter().map(ToString::to_string).collect();
    assert_eq!(
        whys,
        [
            "c.tar > a.zip: not opened: zip cannot be opened here",
            "c.tar > cut: not opened: the archive is cut off"
        ]
    );
    assert!(count.passes() && !count.is_whole());
}

#[test]
fn an_unreadable_chunk_file_is_an_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let guard = Guard::new(opened()).unwrap();
    assert_eq!(guard.count(b"c", 1, &mut Broken, &Double).unwrap_err().to_string(), "gone");
}

#[test]
fn a_word_over_the_border_of_two_blocks_is_found_once() {
    let mut profile = opened();
    profile.words =
        vec![super::Word { text: "bo\u{e9}der".to_owned(), is_complete: true, is_sensitive: false }];
    let guard = Guard::new(profile).unwrap();
    for at in [65530_usize, 65536, 131_070, 100_000, 200_000] {
        let mut content = vec![b' '; 300_000];
        content.splice(at..at + 7, "BO\u{c9}DER".bytes());
        let mut source = content.as_slice();
        let count = guard.count(b"c", content.len() as u64, &mut source, &Double).unwrap();
        assert_eq!(count.over.len(), 1);
        assert_eq!(count.over[0].found, format!("\"bo\u{e9}der\" 1 time, first at byte {at}"));
    }
}

const EXAMPLE: &str = r#"{"operationId": "x", "parameters": {"resource": {"location": "East US", "properties": {
  "replicationScenario": "Files", "status": "Enabled", "rulesets": {
    "mimeFilters": {"type": "Allow", "filters": {"media": "application/json", "extensions": [".json", ""]}},
    "textMatching": {"deny": [{"text": "hello world"}, {"text": "hello", "matchType": "Complete", "caseSensitivity": "Sensitive"}]},
    "antivirus": {"defender": "Disabled", "avSolutions": ["ClamAv"]},
    "archives": {"minimumSizeForExpansion": 1, "maximumExpansionSizeLimit": 123456, "maximumDepthLimit": 12,
                 "maximumCompressionRatioLimit": 1.5},
    "xmlFilters": {"defaultNamespace": "a", "reference": "Inline", "schema": "b"},
    "dataSize": {"maximum": 123456789, "minimum": 1}, "newRules": {}}}}}}"#;

#[test]
fn a_flow_profile_is_read_with_what_is_around_it() {
    let profile = Profile::parse(EXAMPLE).unwrap();
    assert_eq!((profile.file_bytes_min, profile.file_bytes_max), (1, Some(123_456_789)));
    assert_eq!((profile.depth_max, profile.ratio_milli_max), (Some(12), Some(1500)));
    assert_eq!((profile.expanded_bytes_max, profile.expands_from_bytes), (Some(123_456), 1));
    assert_eq!(profile.expands, Form::OF_FLOW_PROFILE);
    let extensions = vec![".json".to_owned(), String::new()];
    assert_eq!(
        profile.media,
        [MediaFilter::Allow { names: vec!["application/json".to_owned()], extensions }]
    );
    assert!(!profile.words[0].is_complete && !profile.words[0].is_sensitive);
    assert!(profile.words[1].is_complete && profile.words[1].is_sensitive);
    let not_checked = profile.not_checked.join("\n");
    for word in
        ["ClamAv", "antivirus.defender", "xmlFilters", "parameters.resource.properties.rulesets.newRules"]
    {
        assert!(not_checked.contains(word), "{word} in {not_checked}");
    }
    assert_eq!(profile.not_checked.len(), 4, "{not_checked}");
    assert!(Profile::parse(r#"{"rulesets": {"dataSize": {"maximum": "1"}}}"#).is_err());
    assert!(Profile::parse(r#"{"mimeFilters": {"type": "Perhaps", "filters": {}}}"#).is_err());
    assert_eq!(Profile::parse(r#"{"dataSize": {"maximum": 1}}"#).unwrap().file_bytes_max, Some(1));
}

#[test]
fn an_allow_filter_looks_at_the_end_of_the_name_too() {
    let profile = Profile::parse(EXAMPLE).unwrap();
    let allowed = |name: &[u8]| {
        let mut source = &b"{\"a\": 1}\n"[..];
        let count = Guard::new(profile.clone()).unwrap().count(name, 9, &mut source, &Double).unwrap();
        count.passes()
    };
    assert!(allowed(b"a.JSON") && allowed(b"blobs/sha256.d/0123") && !allowed(b"a.txt"));
}

#[test]
fn the_own_form_is_strict() {
    let text = "version = 1\nmax-file-bytes = 10\nallowed-media-types = [\"application/x-tar\"]\nmax-ratio = 100\n\
                expands = [\"tar\", \"zstd\"]\n[[deny-words]]\ntext = \"secret\"\nmatch = \"complete\"\n";
    let profile = Profile::parse(text).unwrap();
    assert_eq!((profile.ratio_milli_max, profile.expands), (Some(100_000), vec![Form::Tar, Form::Zstd]));
    assert_eq!(Profile::parse("version = 1\n").unwrap().expands, Form::OF_FLOW_PROFILE);
    let refused = |text: &str| Profile::parse(text).unwrap_err().to_string();
    assert_eq!(refused("version = 2"), "the profile is not valid: version is 2, 1 was expected");
    assert!(refused("version = 1\nmax-files = 1").contains("line 2: unknown field `max-files`"));
    assert!(refused("version = 1\n[[deny-words]]\ntext = \"\"").contains("a word is 0 bytes long"));
    assert!(refused("").contains("missing field `version`"));
}

proptest! {
    #[test]
    fn any_text_is_a_profile_or_an_error(text in "[\\[\\]{}\":,a-z0-9 .=\n]{0,200}") {
        let _ = Profile::parse(&text);
    }

    #[test]
    fn any_bytes_can_be_counted(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
        let whole = counted(opened(), &bytes);
        prop_assert_eq!(whole.bytes, bytes.len() as u64);
        counted(opened(), &tar(&[("a", &bytes)]));
        counted(opened(), &gzip(&bytes));
    }
}
