//! Layers that are made here.

use std::io::{Read, Write};
use std::sync::Arc;

use super::{Interest, LayerLimits, LayerProblem, LayerRead, LayerVisitor, read_layer, read_layer_in_turn};
use crate::content::inflate::{InflateLimits, StreamKind};
use crate::content::tar::TarEntry;
use crate::content::turn::Turns;
use crate::oci::Digest;

#[derive(Default)]
struct Log {
    paths: Vec<String>,
    bodies: Vec<(String, Vec<u8>)>,
    digests: Vec<Digest>,
    hash: bool,
}

impl LayerVisitor for Log {
    fn entry(&mut self, entry: &TarEntry) -> Interest {
        let path = String::from_utf8_lossy(&entry.path).into_owned();
        let interest = match path.as_str() {
            path if path.ends_with("head") => Interest::Head(3),
            path if path.ends_with("stream") => Interest::Stream,
            path if path.ends_with("status") => Interest::Whole(100),
            path if path.ends_with("text") => Interest::Whole(1 << 20),
            _ => Interest::Skip,
        };
        self.paths.push(path);
        interest
    }

    fn body(&mut self, entry: &TarEntry, bytes: &[u8]) {
        self.bodies.push((String::from_utf8_lossy(&entry.path).into_owned(), bytes.to_vec()));
    }

    fn goes_on(&mut self, _: &TarEntry, head: &[u8]) -> bool {
        !head.starts_with(b"\0")
    }

    fn content(&mut self, entry: &TarEntry, content: &mut dyn Read) {
        let mut start = Vec::new();
        // An error is one of the layer, which ends there.
        let _ = content.take(3).read_to_end(&mut start);
        self.bodies.push((String::from_utf8_lossy(&entry.path).into_owned(), start));
    }

    fn wants_digests(&self) -> bool {
        self.hash
    }

    fn digest(&mut self, _: &TarEntry, digest: Digest) {
        self.digests.push(digest);
    }
}

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, body) in files {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(body.len() as u64);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        builder.append(&header, *body).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read(mut bytes: &[u8], limits: &LayerLimits, log: &mut Log) -> LayerRead {
    read_layer(&mut bytes, limits, log)
}

fn rules(read: &LayerRead) -> Vec<&'static str> {
    read.problems.kept().iter().map(LayerProblem::rule).collect()
}

#[test]
fn a_stream_is_read_as_far_as_the_visitor_likes_and_hashed_to_its_end() {
    let large = vec![b'x'; 1 << 20];
    let tar = archive(&[("a/stream", &large), ("b/stream", b"ab"), ("stream", b""), ("c/head", b"abcdef")]);
    for hash in [true, false] {
        let mut log = Log { hash, ..Log::default() };
        let read = read(&gzip(&tar), &LayerLimits::default(), &mut log);
        assert_eq!(rules(&read), Vec::<&str>::new());
        assert_eq!(read.diff_id, Some(Digest::sha256(&tar)));
        let bodies: Vec<&[u8]> = log.bodies.iter().map(|(_, body)| body.as_slice()).collect();
        assert_eq!(bodies, [&b"xxx"[..], b"ab", b"", b"abc"]);
        let digests = [&large[..], b"ab", b"", b"abcdef"].map(Digest::sha256);
        assert_eq!(log.digests, if hash { digests.to_vec() } else { Vec::new() });
    }
    // One that is cut off has no digest, and a stream that is damaged is told once.
    for (blob, rule) in [(tar[..2000].to_vec(), "truncated"), (gzip(&tar)[..100].to_vec(), "truncated")] {
        let mut log = Log { hash: true, ..Log::default() };
        let read = read(&blob, &LayerLimits::default(), &mut log);
        assert_eq!((rules(&read), log.digests.len()), (vec![rule], 0));
    }
}

#[test]
fn content_is_shown_whole_unless_its_head_is_enough() {
    let (zeros, text) = (vec![0; 700 << 10], vec![b'x'; 700 << 10]);
    let files =
        [("a/text", &zeros[..]), ("b/text", &text), ("c/text", b"\0few"), ("text", b""), ("d/text", &text)];
    let tar = archive(&files);
    for hash in [true, false] {
        let mut log = Log { hash, ..Log::default() };
        let read = read(&tar, &LayerLimits::default(), &mut log);
        assert_eq!((rules(&read), read.diff_id), (Vec::new(), Some(Digest::sha256(&tar))));
        let shown: Vec<(&str, &[u8])> = log.bodies.iter().map(|(path, body)| (&**path, &**body)).collect();
        assert_eq!(shown, files[1..]);
        let digests: Vec<Digest> = files.iter().map(|(_, body)| Digest::sha256(body)).collect();
        assert_eq!(log.digests, if hash { digests } else { Vec::new() });
    }
}

#[test]
fn one_pass_gives_digest_entries_and_bodies() {
    let large = vec![b'x'; 3 << 20];
    let tar = archive(&[
        ("var/lib/dpkg/status", b"Package: a"),
        ("large/status", &large),
        ("a/head", b"abcdef"),
        ("b/head", b"a"),
        ("other", b"z"),
    ]);
    for (blob, kind) in [
        (tar.clone(), StreamKind::Tar),
        (gzip(&tar), StreamKind::Gzip),
        (zstd::encode_all(tar.as_slice(), 1).unwrap(), StreamKind::Zstd),
    ] {
        let mut log = Log { hash: true, ..Log::default() };
        let read = read(&blob, &LayerLimits::default(), &mut log);
        assert_eq!(rules(&read), Vec::<&str>::new());
        assert_eq!((read.encoding.kind, read.bytes_in), (kind, blob.len() as u64));
        assert_eq!((read.diff_id, read.expanded), (Some(Digest::sha256(&tar)), tar.len() as u64));
        assert_eq!((read.entries.files, read.entries.total()), (5, 5));
        assert_eq!(log.paths, ["var/lib/dpkg/status", "large/status", "a/head", "b/head", "other"]);
        let bodies: Vec<_> = log.bodies.iter().map(|(path, body)| (path.as_str(), body.as_slice())).collect();
        assert_eq!(
            bodies,
            [("var/lib/dpkg/status", &b"Package: a"[..]), ("a/head", b"abc"), ("b/head", b"a")]
        );
        let expected = [&b"Package: a"[..], &large, b"abcdef", b"a", b"z"].map(Digest::sha256);
        assert_eq!(log.digests, expected);
    }
}

#[test]
fn a_bad_layer_gives_what_was_before() {
    let tar = archive(&[("a/status", b"first"), ("large", &vec![7; 2 << 20]), ("b/status", b"second")]);
    let blob = gzip(&tar);
    let mut log = Log::default();
    let read = read(&blob[..blob.len() - 40], &LayerLimits::default(), &mut log);
    assert_eq!(rules(&read), ["truncated"]);
    assert_eq!((read.diff_id, log.bodies.len()), (None, 1));
    assert!(log.paths.len() >= 2, "{:?}", log.paths);
}

#[test]
fn data_that_readers_do_not_see_is_told() {
    let (one, two) = (archive(&[("one", b"1")]), archive(&[("two", b"2")]));
    let both = [one.clone(), two].concat();
    let sentence = "1537 bytes follow the end marker: a second archive, which begins with \"two\"";
    for blob in [gzip(&both), [gzip(&one), gzip(&archive(&[("two", b"2")]))].concat()] {
        let read = read(&blob, &LayerLimits::default(), &mut Log::default());
        assert_eq!(rules(&read), ["data-after-end"]);
        let found = read.problems.kept()[0].to_string();
        assert!(found.ends_with(sentence.split_once(' ').unwrap().1), "{found}");
        // The digest is that of all expanded bytes.
        assert_eq!(read.diff_id, Some(Digest::sha256(&both)));
    }
    let blob = [gzip(&one), b"junk".to_vec()].concat();
    let junk = read(&blob, &LayerLimits::default(), &mut Log::default());
    assert_eq!(junk.problems.kept()[0].to_string(), "4 bytes follow the last member or frame");
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2];
    let blob = [&skippable[..], &zstd::encode_all(one.as_slice(), 1).unwrap()].concat();
    let skipped = read(&blob, &LayerLimits::default(), &mut Log::default());
    assert_eq!(rules(&skipped), ["skippable-frame"]);
}

#[test]
fn odd_names_are_told() {
    let tar = archive(&[("/etc/passwd", b""), ("a/../../b", b""), ("a\nb", b""), ("a..b/..c", b"")]);
    let read = read(&tar, &LayerLimits::default(), &mut Log::default());
    assert_eq!(rules(&read), ["absolute-path", "parent-path", "odd-name"]);
}

#[test]
fn what_is_no_archive_is_opaque() {
    for (blob, sentence) in [
        (b"\xfd7zXZ\0\0\x04".to_vec(), "the content cannot be read: it is compressed with xz"),
        (gzip(&gzip(&archive(&[]))), "the content cannot be read: it is compressed twice"),
        (
            gzip(b"text"),
            "the content cannot be read: it is neither a tar archive nor compressed with gzip or zstd, and may be encrypted",
        ),
    ] {
        let read = read(&blob, &LayerLimits::default(), &mut Log::default());
        assert_eq!(read.problems.kept().len(), 1);
        assert_eq!(read.problems.kept()[0].to_string(), sentence);
        assert_eq!(read.bytes_in, blob.len() as u64);
    }
}

#[test]
fn limits_stop_the_layer_or_the_list() {
    let tar = archive(&[("zeros", &vec![0; 4 << 20]), ("after", b"")]);
    let limits = LayerLimits {
        inflate: InflateLimits { ratio_max: 100, ratio_from_bytes: 1 << 20, ..InflateLimits::default() },
        ..LayerLimits::default()
    };
    let mut log = Log::default();
    assert_eq!(rules(&read(&gzip(&tar), &limits, &mut log)), ["layer-ratio"]);
    assert_eq!(log.paths, ["zeros"]);

    let tar = archive(&[("a", b""), ("b", b""), ("c", b""), ("d", b"")]);
    let limits = LayerLimits { entries_max: 2, ..LayerLimits::default() };
    let mut log = Log::default();
    let read = read(&tar, &limits, &mut log);
    assert_eq!((rules(&read), read.entries.files), (vec!["entries-limit"], 4));
    assert_eq!((log.paths.len(), read.diff_id), (2, Some(Digest::sha256(&tar))));
}

#[test]
fn many_problems_of_one_rule_are_counted() {
    let files = vec![("/a", &b""[..]); 1500];
    let read = read(&archive(&files), &LayerLimits::default(), &mut Log::default());
    assert_eq!(read.problems.kept().len(), 1000);
    assert_eq!(read.problems.counts()["absolute-path"], 1500);
}

#[test]
fn a_source_that_fails_is_told() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the chunk is missing"))
        }
    }
    for keep in [0, 30] {
        let blob = gzip(&archive(&[("a", b"")]));
        let mut source = blob[..keep].chain(Broken);
        let read = read_layer(&mut source, &LayerLimits::default(), &mut Log::default());
        assert_eq!(rules(&read), ["unreadable"]);
        assert!(read.problems.kept()[0].to_string().contains("the chunk is missing"));
    }
}

#[test]
fn large_windows_take_turns() {
    let tar = archive(&[("a", &vec![7; 1 << 20])]);
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(24).unwrap();
    std::io::copy(&mut tar.as_slice(), &mut encoder).unwrap();
    let blob = encoder.finish().unwrap();
    let turns = Arc::new(Turns::default());
    let limits = |window_bytes_max| LayerLimits {
        inflate: InflateLimits { window_bytes_max, ..InflateLimits::default() },
        ..LayerLimits::default()
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let turn = turns.layer();
                // The visitor of a layer may have its turn, too.
                let taken = turn.take();
                let read = read_layer_in_turn(
                    &mut blob.as_slice(),
                    &limits(1 << 24),
                    &mut Log::default(),
                    turn.clone(),
                );
                assert_eq!(read.encoding.window_bytes, 1 << 24);
                assert_eq!(read.diff_id, Some(Digest::sha256(&tar)));
                drop(taken);
            });
        }
    });
    let read = read(&blob, &limits((1 << 24) - 1), &mut Log::default());
    assert_eq!(rules(&read), ["window-too-large"]);
}
