//! The order of Python's versions (PEP 440). Versions from before it are earlier than all others, as they were in
//! setuptools.

use std::cmp::Ordering;

use super::numerals;

/// The words of pre-releases and their order. A word stands before those that it begins with.
const PRE: [(&str, u8); 8] =
    [("alpha", 0), ("a", 0), ("beta", 1), ("b", 1), ("preview", 2), ("pre", 2), ("rc", 2), ("c", 2)];
const POST: [(&str, u8); 3] = [("post", 0), ("rev", 0), ("r", 0)];
const DEV: [(&str, u8); 1] = [("dev", 0)];

/// A version of either kind.
pub(super) enum Version {
    /// By PEP 440.
    Public(Box<Public>),
    /// From before PEP 440: its numbers and words.
    Legacy(Vec<String>),
}

/// The parts of a version by PEP 440. Numbers are digits.
pub(super) struct Public {
    epoch: String,
    /// Without zeros at the end.
    release: Vec<String>,
    pre: Option<(u8, String)>,
    post: Option<String>,
    dev: Option<String>,
    local: Vec<String>,
}

#[allow(clippy::unnecessary_wraps)] // All orders have the same form. Every text is at least a legacy version.
pub(super) fn read(text: &str) -> Result<Version, &'static str> {
    let lower = text.to_ascii_lowercase();
    Ok(match read_public(&lower) {
        Some(public) => Version::Public(Box::new(public)),
        None => Version::Legacy(legacy(&lower)),
    })
}

pub(super) fn order(a: &Version, b: &Version) -> Ordering {
    match (a, b) {
        (Version::Public(a), Version::Public(b)) => order_of_public(a, b),
        (Version::Legacy(a), Version::Legacy(b)) => a.cmp(b),
        (Version::Legacy(_), Version::Public(_)) => Ordering::Less,
        (Version::Public(_), Version::Legacy(_)) => Ordering::Greater,
    }
}

fn order_of_public(a: &Public, b: &Public) -> Ordering {
    let number = |a: &String, b: &String| numerals::order(a.as_bytes(), b.as_bytes());
    number(&a.epoch, &b.epoch)
        .then_with(|| order_of_lists(&a.release, &b.release, number))
        .then_with(|| {
            let ((stage_of_a, a), (stage_of_b, b)) = (stage(a), stage(b));
            stage_of_a.cmp(&stage_of_b).then_with(|| numerals::order(a, b))
        })
        .then_with(|| match (&a.post, &b.post) {
            (Some(a), Some(b)) => number(a, b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        })
        .then_with(|| match (&a.dev, &b.dev) {
            (Some(a), Some(b)) => number(a, b),
            // A version is after its development releases.
            (a, b) => b.is_some().cmp(&a.is_some()),
        })
        .then_with(|| {
            order_of_lists(&a.local, &b.local, |a, b| {
                let is_number = |text: &str| numerals::are_all(text.as_bytes());
                match (is_number(a), is_number(b)) {
                    (true, true) => number(a, b),
                    (false, false) => a.cmp(b),
                    (a, b) => a.cmp(&b),
                }
            })
        })
}

/// The place of a version among those with the same release: development, pre-releases, then the release itself.
fn stage(version: &Public) -> (u8, &[u8]) {
    match &version.pre {
        Some((stage, number)) => (1 + stage, number.as_bytes()),
        None if version.post.is_none() && version.dev.is_some() => (0, b""),
        None => (4, b""),
    }
}

/// Compares item by item. A list is after the lists that it continues.
fn order_of_lists(a: &[String], b: &[String], item: impl Fn(&String, &String) -> Ordering) -> Ordering {
    let items = a.iter().zip(b).map(|(a, b)| item(a, b));
    items.fold(Ordering::Equal, Ordering::then).then_with(|| a.len().cmp(&b.len()))
}

/// Reads a version in lower case. `None` if it does not have the form of PEP 440, appendix B.
fn read_public(text: &str) -> Option<Public> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, local) = match text.split_once('+') {
        Some((text, local)) => (text, read_local(local)?),
        None => (text, Vec::new()),
    };
    let (epoch, text) = text.split_once('!').unwrap_or(("0", text));
    let (first, mut rest) = digits(text);
    if !numerals::are_all(epoch.as_bytes()) || first.is_empty() {
        return None;
    }
    let mut release = vec![first.to_owned()];
    while let Some((number, after)) = rest.strip_prefix('.').map(digits)
        && !number.is_empty()
    {
        release.push(number.to_owned());
        rest = after;
    }
    while release.pop_if(|last| numerals::is_zero(last.as_bytes())).is_some() {}
    let pre = label(&mut rest, &PRE);
    let implicit = rest.strip_prefix('-').map(digits).filter(|(number, _)| !number.is_empty());
    let post = if let Some((number, after)) = implicit {
        rest = after;
        Some(number.to_owned())
    } else {
        label(&mut rest, &POST).map(|(_, number)| number)
    };
    let dev = label(&mut rest, &DEV).map(|(_, number)| number);
    rest.is_empty().then(|| Public { epoch: epoch.to_owned(), release, pre, post, dev, local })
}

/// Takes `[-_.]?WORD[-_.]?NUMBER?` from the start. An absent number is empty, which is 0.
fn label(rest: &mut &str, words: &[(&str, u8)]) -> Option<(u8, String)> {
    let text = rest.strip_prefix(['-', '_', '.']).unwrap_or(rest);
    let (stage, after) = words.iter().find_map(|(word, stage)| Some((*stage, text.strip_prefix(word)?)))?;
    let (number, after) = digits(after.strip_prefix(['-', '_', '.']).unwrap_or(after));
    *rest = after;
    Some((stage, number.to_owned()))
}

/// Reads what follows the plus sign.
fn read_local(text: &str) -> Option<Vec<String>> {
    let parts = text.split(['-', '_', '.']).map(str::to_owned).collect::<Vec<_>>();
    let is_part = |part: &String| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
    parts.iter().all(is_part).then_some(parts)
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// The key of a legacy version: numbers of eight digits, words after a star, so that lists of texts compare.
fn legacy(text: &str) -> Vec<String> {
    let mut key: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let same = |c: char| {
            if first.is_ascii_digit() {
                c.is_ascii_digit()
            } else if first.is_ascii_lowercase() {
                c.is_ascii_lowercase()
            } else if first == '.' || first == '-' {
                false
            } else {
                !c.is_ascii_digit() && !c.is_ascii_lowercase() && c != '.' && c != '-'
            }
        };
        let end = rest.char_indices().skip(1).find(|(_, c)| !same(*c)).map_or(rest.len(), |(at, _)| at);
        let (part, after) = rest.split_at(end);
        rest = after;
        let word = match part {
            "." => continue,
            number if first.is_ascii_digit() => {
                key.push(format!("{number:0>8}"));
                continue;
            }
            "pre" | "preview" | "rc" => "*c".to_owned(),
            "dev" => "*@".to_owned(),
            "-" => "*final-".to_owned(),
            other => format!("*{other}"),
        };
        push_word(&mut key, word);
    }
    push_word(&mut key, "*final".to_owned());
    key
}

/// Zeros, and hyphens before a pre-release, do not count.
fn push_word(key: &mut Vec<String>, word: String) {
    if word.as_str() < "*final" {
        while key.pop_if(|last| last == "*final-").is_some() {}
    }
    while key.pop_if(|last| last == "00000000").is_some() {}
    key.push(word);
}
