//! A statement has exactly one form, byte for byte. A good signature does not change that.

use super::support::forge::Forged;
use super::support::run::{Expect, deliver};
use super::support::{named, packed};

/// Signs `text` as the statement of chunk 1, and asserts that the chunk is refused.
fn refused(what: &str, text: &[u8]) {
    let parts = &Forged::new().chunks[1];
    let mut chunks = packed().chunks.clone();
    chunks[1] = parts.seal_text(text);
    deliver(what, &named(&chunks), Expect::Incomplete);
}

fn good() -> String {
    String::from_utf8(Forged::new().chunks[1].fitting().render()).expect("ASCII")
}

/// The statement with its sum in upper case.
fn upper_case(good: &str) -> String {
    let (rest, sum) = good.split_once("\nsums ").expect("sums");
    format!("{rest}\nsums {}", sum.to_uppercase())
}

#[test]
fn statements_in_another_form_are_refused() {
    let good = good();
    let swapped = {
        let mut lines: Vec<&str> = good.lines().collect();
        lines.swap(2, 3);
        lines.join("\n") + "\n"
    };
    let without = |key: &str| {
        good.lines().filter(|line| !line.starts_with(key)).map(|line| format!("{line}\n")).collect::<String>()
    };
    for (what, text) in [
        ("CR LF", good.replace('\n', "\r\n")),
        ("a byte order mark", format!("\u{feff}{good}")),
        ("a tab", good.replacen("name ", "name\t", 1)),
        ("two spaces", good.replacen("name ", "name  ", 1)),
        ("a space at the end of a line", good.replacen('\n', " \n", 1)),
        ("no LF at the end", good.trim_end().to_owned()),
        ("an empty line", good.replacen('\n', "\n\n", 1)),
        ("a line more", format!("{good}comment hello\n")),
        ("an empty line at the end", format!("{good}\n")),
        ("a line twice", good.replacen("stream -\n", "stream -\nstream -\n", 1)),
        ("another order", swapped),
        ("no class", without("class ")),
        ("no sums", without("sums ")),
        ("upper-case hex", upper_case(&good)),
        ("a NUL", good.replacen("label -", "label a\0b", 1)),
        ("an escape", good.replacen("label -", "label \u{1b}[2J", 1)),
        ("a letter outside ASCII", good.replacen("label -", "label \u{e9}", 1)),
        ("a label too long", good.replacen("label -", &format!("label {}", "x".repeat(257)), 1)),
        ("a dash for the name", good.replacen("name hostile", "name -", 1)),
        ("an upper-case name", good.replacen("name hostile", "name Hostile", 1)),
        ("a path for a name", good.replacen("name hostile", "name ../x", 1)),
        ("a sequence without a stream", good.replacen("sequence -", "sequence 1", 1)),
        (
            "a sequence of 2^64",
            good.replacen("stream -\nsequence -", "stream a\nsequence 18446744073709551616", 1),
        ),
        (
            "a sequence of 2^63",
            good.replacen("stream -\nsequence -", "stream a\nsequence 9223372036854775808", 1),
        ),
        ("a signed sequence", good.replacen("stream -\nsequence -", "stream a\nsequence +1", 1)),
        ("a leading zero", good.replacen("chunk 1 of ", "chunk 01 of ", 1)),
        ("chunk 0 of data", good.replacen("chunk 1 of ", "chunk 0 of ", 1)),
        ("chunk 2^64-1", good.replacen("chunk 1 of ", "chunk 18446744073709551615 of ", 1)),
        ("chunk 100000", good.replacen("chunk 1 of ", "chunk 100000 of 100000 ", 1)),
        ("a number above the count", good.replacen("chunk 1 of ", "chunk 9 of ", 1)),
        ("a leap second", good.replacen(':', ":60", 1)),
        ("an unknown kind", good.replacen("kind data", "kind parity", 1)),
        ("an unknown class", good.replacen("class nondistributable", "class secret", 1)),
        ("a class of another case", good.replacen("class nondistributable", "class Nondistributable", 1)),
        ("another tool's first line", good.replacen("carnet-chunk v1", "carnet-release v1", 1)),
        ("another version", good.replacen("carnet-chunk v1", "carnet-chunk v2", 1)),
        ("nothing", String::new()),
        ("an LF", "\n".to_owned()),
        ("text of another kind", "untrusted comment: signature from minisign\n".to_owned()),
    ] {
        assert_ne!(text, good, "{what} changes something");
        refused(what, text.as_bytes());
    }
}

#[test]
fn statements_over_4096_bytes_are_refused() {
    let long = format!("{}{}\n", good(), "x".repeat(4096));
    refused("a statement that is too long", &long.as_bytes()[..4097]);
    refused("4096 bytes of something", &long.as_bytes()[..4096]);
}

#[test]
fn a_false_file_size_is_refused() {
    let good = good();
    let line = good.lines().find(|line| line.starts_with("bytes ")).expect("bytes");
    let bytes: u64 = line[6..].parse().expect("a number");
    let other = |size: &str| good.replacen(line, &format!("bytes {size}"), 1);
    for size in [
        (bytes - 512).to_string(),
        (bytes + 512).to_string(),
        "0".to_owned(),
        "9223372036854775807".to_owned(),
        "9223372036854775808".to_owned(),
        "18446744073709551615".to_owned(),
        "99999999999999999999999".to_owned(),
        format!("0{bytes}"),
        format!("+{bytes}"),
        format!("-{bytes}"),
        "8589934591".to_owned(),
    ] {
        refused(&format!("bytes {size}"), other(&size).as_bytes());
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    for extra in [1, 511, 512, 10_240] {
        for number in 0..2 {
            let mut chunks = packed().chunks.clone();
            chunks[number].extend(vec![0; extra]);
            deliver(&format!("{extra} zeros after chunk {number}"), &named(&chunks), Expect::Incomplete);
            let length = chunks[number].len();
            chunks[number][length - 1] = b'x';
            deliver(&format!("{extra} bytes after chunk {number}"), &named(&chunks), Expect::Incomplete);
        }
    }
}
