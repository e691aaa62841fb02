//! Streams that are made here, and what is seen of them.

use std::io::{Read, Write};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use proptest::prelude::*;

use super::{InflateError, InflateLimits, Inflater, StreamKind};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn skippable(bytes: &[u8]) -> Vec<u8> {
    [&[0x53, 0x2a, 0x4d, 0x18], &u32::try_from(bytes.len()).unwrap().to_le_bytes()[..], bytes].concat()
}

/// Reads in pieces that do not fit any border.
fn read(bytes: &[u8], limits: InflateLimits) -> (Vec<u8>, Inflater<Dribble<'_>>) {
    let mut inflater = Inflater::new(Dribble(bytes, 1), limits);
    let (mut all, mut piece) = (Vec::new(), [0; 1021]);
    while let Ok(count @ 1..) = inflater.read(&mut piece) {
        all.extend_from_slice(&piece[..count]);
    }
    (all, inflater)
}

/// A source that gives few bytes at once.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1 % 700 + 13;
        let count = out.len().min(self.1).min(self.0.len());
        out[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn text(count: usize) -> Vec<u8> {
    (0..count).flat_map(|number| format!("line {number}\n").into_bytes()).collect()
}

#[test]
fn members_are_counted_and_junk_is_seen() {
    let named = GzBuilder::new().filename("layer.tar").comment("hidden").extra(vec![7; 40]);
    let mut named = named.write(Vec::new(), Compression::fast());
    named.write_all(b"named").unwrap();
    let bytes = [gzip(&text(3000)), named.finish().unwrap(), gzip(b""), b"\0junk\0".to_vec()].concat();
    let (all, inflater) = read(&bytes, InflateLimits::default());
    assert_eq!(all, [text(3000), b"named".to_vec()].concat());
    let seen = inflater.encoding();
    assert_eq!((seen.kind, seen.parts, seen.trailing_bytes), (StreamKind::Gzip, 3, 6));
    assert_eq!((seen.trailing_zeros, seen.header_bytes), (false, 42 + 10 + 7));
    assert_eq!((inflater.failure(), inflater.bytes_in()), (None, bytes.len() as u64));
    assert_eq!(inflater.expanded(), all.len() as u64);
}

#[test]
fn zeros_behind_the_end_are_told_apart() {
    for stream in [gzip(b"x"), zstd(b"x")] {
        let bytes = [stream, vec![0; 3000]].concat();
        let (all, inflater) = read(&bytes, InflateLimits::default());
        assert_eq!((all.as_slice(), inflater.encoding().trailing_bytes), (&b"x"[..], 3000));
        assert!(inflater.encoding().trailing_zeros);
    }
}

#[test]
fn frames_are_counted_with_those_that_decoders_skip() {
    let bytes = [skippable(b"first"), zstd(&text(5000)), skippable(&[9; 5000]), zstd(b"end"), skippable(b"")]
        .concat();
    let (all, inflater) = read(&bytes, InflateLimits::default());
    assert_eq!(all, [text(5000), b"end".to_vec()].concat());
    let seen = inflater.encoding();
    assert_eq!((seen.kind, seen.parts), (StreamKind::Zstd, 2));
    assert_eq!((seen.skippable_frames, seen.skippable_bytes), (3, 5005));
    assert!(seen.window_bytes >= 1 << 18, "{seen:?}");
    assert_eq!((inflater.failure(), inflater.bytes_in()), (None, bytes.len() as u64));
}

#[test]
fn what_is_not_compressed_passes() {
    for (bytes, kind) in [
        (b"no archive".to_vec(), StreamKind::Opaque),
        (Vec::new(), StreamKind::Tar),
        (vec![0; 1024], StreamKind::Tar),
        (b"\xfd7zXZ\0 and more".to_vec(), StreamKind::Opaque),
    ] {
        let (all, inflater) = read(&bytes, InflateLimits::default());
        assert_eq!((all, inflater.encoding().kind), (bytes, kind));
    }
}

#[test]
fn every_cut_is_an_early_end() {
    for stream in [[gzip(&text(50)), gzip(b"x")].concat(), [zstd(&text(50)), skippable(b"x")].concat()] {
        let (whole, _) = read(&stream, InflateLimits::default());
        let mut ends_well = 0;
        for cut in 4..stream.len() {
            let (all, inflater) = read(&stream[..cut], InflateLimits::default());
            assert!(whole.starts_with(&all));
            match inflater.failure() {
                Some(InflateError::Truncated { .. }) => {}
                // A cut between two members, or within the magic of the second.
                None => ends_well += 1,
                other => panic!("{cut}: {other:?}"),
            }
        }
        assert!((1..=4).contains(&ends_well), "{ends_well}");
    }
}

#[test]
fn a_wrong_checksum_is_told_after_the_bytes() {
    let mut stream = gzip(&text(500));
    let at = stream.len() - 8;
    stream[at] ^= 1;
    let (all, inflater) = read(&stream, InflateLimits::default());
    assert_eq!(all, text(500));
    let failure = inflater.failure().unwrap();
    assert_eq!(failure.rule(), "checksum-mismatch");
    assert_eq!(
        failure.to_string(),
        "member 1 of the gzip stream expands to bytes with another checksum or length"
    );
    let mut stream = zstd(&text(500));
    *stream.last_mut().unwrap() ^= 1;
    let (_, inflater) = read(&stream, InflateLimits::default());
    assert_eq!(inflater.failure().unwrap().rule(), "checksum-mismatch");
}

#[test]
fn bombs_end_at_their_limits() {
    let limits = InflateLimits { ratio_max: 100, ratio_from_bytes: 1 << 20, ..InflateLimits::default() };
    let zeros = vec![0; 8 << 20];
    for stream in [gzip(&zeros), zstd(&zeros)] {
        let (all, inflater) = read(&stream, limits);
        assert!(((1 << 20)..(2 << 20)).contains(&all.len()), "{}", all.len());
        assert_eq!(inflater.failure().unwrap().rule(), "layer-ratio");
    }
    let limits = InflateLimits { expanded_bytes_max: 10_000, ..InflateLimits::default() };
    let plain = text(5000);
    let (all, inflater) = read(&plain, limits);
    assert!((10_000..12_000).contains(&all.len()), "{}", all.len());
    assert_eq!(inflater.failure(), Some(&InflateError::ExpandedBytes { limit: 10_000 }));
}

#[test]
fn large_windows_and_dictionaries_are_refused_by_name() {
    let wide = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88][..], &[0; 20]].concat();
    let (_, inflater) = read(&wide, InflateLimits::default());
    let failure = inflater.failure().unwrap();
    assert_eq!(failure, &InflateError::Window { number: 1, bytes: 1 << 27, limit: 64 << 20 });
    assert_eq!(
        failure.to_string(),
        "frame 1 of the zstd stream needs a window of 134217728 bytes; the limit is 67108864"
    );
    let other = [&[0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x00, 9][..], &[0; 20]].concat();
    let (_, inflater) = read(&other, InflateLimits::default());
    assert_eq!(inflater.failure(), Some(&InflateError::Dictionary { number: 1, id: 9 }));
}

#[test]
fn an_error_of_the_source_passes() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let stream = gzip(b"x");
    let mut inflater = Inflater::new(stream[..9].chain(Broken), InflateLimits::default());
    let error = inflater.read(&mut [0; 9]).unwrap_err();
    assert_eq!(error.to_string(), "the disk is gone");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(
        magic in prop::sample::select(vec![&b"\x1f\x8b\x08\0"[..], b"\x28\xb5\x2f\xfd", b"\x51\x2a\x4d\x18", b""]),
        bytes in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let stream = [magic, &bytes].concat();
        let (_, inflater) = read(&stream, InflateLimits::default());
        let seen = inflater.encoding();
        prop_assert!(inflater.bytes_in() + seen.trailing_bytes >= inflater.bytes_in());
        prop_assert!(inflater.failure().is_some()
            || inflater.bytes_in() == stream.len() as u64 || seen.trailing_bytes > 0);
    }

    #[test]
    fn damage_is_never_silent(at in 0_usize..400, bit in 0_u32..8) {
        let mut stream = gzip(&text(100));
        let at = at % stream.len();
        stream[at] ^= 1 << bit;
        let (all, inflater) = read(&stream, InflateLimits::default());
        // The header has fields that change nothing: the time, the program's system, the level.
        let told = inflater.failure().is_some() || inflater.encoding().kind != StreamKind::Gzip;
        prop_assert!(told || all == text(100), "byte {at}");
    }
}
