//! The lines of the memory as texts: one spelling, whatever they say, and no input that breaks the parser.

use carnet::format::{Sum, Timestamp};
use carnet::logbook::{Channel, Entry, Line, Side, StreamVerdict};
use proptest::option;
use proptest::prelude::*;

fn sum() -> impl Strategy<Value = Sum> {
    any::<[u8; 32]>().prop_map(Sum)
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..253_402_207_200_u64)
        .prop_map(|seconds| Timestamp::from_seconds(seconds).expect("before the year 10000"))
}

fn channel() -> impl Strategy<Value = Channel> {
    (option::of("[A-Za-z0-9-]{1,50}"), option::of("[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")).prop_map(
        |(pipeline, stream)| Channel {
            pipeline,
            stream: stream.map(|stream| stream.parse().expect("a stream")),
        },
    )
}

fn name() -> impl Strategy<Value = carnet::format::BundleName> {
    "[a-z0-9]{1,40}".prop_map(|name| name.parse().expect("a name"))
}

fn number() -> impl Strategy<Value = u64> {
    0..=i64::MAX as u64
}

fn entry() -> impl Strategy<Value = Entry> {
    let reason = "\\PC{0,200}";
    let side = prop_oneof![Just(Side::Sent), Just(Side::Accepted), Just(Side::Both)];
    prop_oneof![
        (channel(), number(), sum(), option::of(sum()), name(), sum()).prop_map(
            |(channel, sequence, bundle, previous, name, plan)| Entry::Taken {
                channel,
                sequence,
                bundle,
                previous,
                name,
                plan
            }
        ),
        (channel(), number(), sum()).prop_map(|(channel, sequence, bundle)| Entry::Sent {
            channel,
            sequence,
            bundle
        }),
        (channel(), option::of(number()), sum(), option::of(sum()), name(), time(), 0..9_usize).prop_map(
            |(channel, sequence, bundle, previous, name, created, verdict)| Entry::Accepted {
                channel,
                sequence,
                bundle,
                previous,
                name,
                created,
                verdict: StreamVerdict::ALL[verdict]
            }
        ),
        (channel(), sum(), reason).prop_map(|(channel, bundle, reason)| Entry::Permitted {
            channel,
            bundle,
            reason
        }),
        (channel(), side, number(), option::of(sum()), reason).prop_map(
            |(channel, side, sequence, bundle, reason)| Entry::Set {
                channel,
                side,
                sequence,
                bundle,
                reason
            }
        ),
        (time(), reason).prop_map(|(created, reason)| Entry::Clock { created, reason }),
        (sum(), reason).prop_map(|(head, reason)| Entry::Restored { head, reason }),
    ]
}

proptest! {
    #[test]
    fn a_line_is_read_as_it_was_written((seq, prev, time, entry) in (any::<u64>(), sum(), time(), entry())) {
        let line = Line { seq, prev, time, entry };
        let text = line.render();
        if text.len() <= 4096 {
            prop_assert_eq!(Line::parse(&text), Ok(line));
        } else {
            prop_assert!(Line::parse(&text).is_err());
        }
    }

    /// A changed byte gives another line or none, and never the same one: each has one spelling.
    #[test]
    fn a_changed_byte_is_another_line(entry in entry(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let time = Timestamp::from_seconds(1_800_000_000).expect("a time");
        let line = Line { seq: 7, prev: Sum([3; 32]), time, entry };
        let mut text = line.render();
        prop_assume!(text.len() <= 4096);
        let at = at.index(text.len());
        prop_assume!(text[at] != byte);
        text[at] = byte;
        if let Ok(read) = Line::parse(&text) {
            prop_assert_eq!(read.render(), text);
            prop_assert_ne!(read, line);
        }
    }

    #[test]
    fn no_text_breaks_the_parser(text in any::<Vec<u8>>()) {
        if let Ok(line) = Line::parse(&text) {
            prop_assert_eq!(line.render(), text);
        }
    }
}

#[test]
fn lines_that_say_too_much_or_too_little_are_refused() {
    let zeros = "0".repeat(64);
    let good = format!(
        "{{\"seq\":1,\"prev\":\"{zeros}\",\"time\":\"2026-11-27T00:00:00Z\",\"event\":\"sent\",\
         \"channel\":\"north\",\"sequence\":4,\"bundle\":\"{zeros}\"}}"
    );
    assert!(Line::parse(good.as_bytes()).is_ok());
    for (from, to) in [
        ("\"sent\"", "\"lost\""),
        ("\"sent\"", "\"Sent\""),
        ("\"north\"", "\"North\""),
        ("\"north\"", "\"a/b/c\""),
        ("\"north\"", "\"-/\""),
        ("\"sequence\":4", "\"sequence\":9223372036854775808"),
        ("\"sequence\":4", "\"sequence\":-1"),
        ("\"sequence\":4", "\"sequence\":4.0"),
        (",\"sequence\":4", ""),
        ("}", ",\"reason\":\"x\"}"),
        ("}", ",\"bundle\":\"x\"}"),
        ("\"seq\":1", "\"seq\":01"),
        ("2026-11-27T00:00:00Z", "2026-11-27T00:00:60Z"),
        ("{", "["),
        ("}", "} "),
    ] {
        let wrong = good.replacen(from, to, 1);
        assert_ne!(wrong, good);
        assert!(Line::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn the_seeds_of_the_fuzz_target_are_lines() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/stream_line");
    let seeds = crate::behaviour::support::files(folder.as_ref());
    assert!(seeds.len() > 4);
    for (name, text) in seeds {
        assert!(Line::parse(&text).is_ok(), "{name}: {:?}", Line::parse(&text));
    }
}
