//! The order of Maven, as its class `ComparableVersion` defines it (POM reference, "Version Order Specification").
//!
//! Maven reads a version as lists in lists: a hyphen, or a change between letters and digits, begins a list inside the
//! last one. A list never goes on after the list inside it, so the lists are a sequence of levels.

use std::cmp::Ordering;

use super::numerals;

/// Known words, in their order. The empty word stands for the release itself.
const WORDS: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];

enum Item {
    /// Digits.
    Number(String),
    /// In lower case.
    Word(String),
}

impl Item {
    /// Whether it adds nothing at the end of a list.
    fn is_null(&self) -> bool {
        self.against_nothing() == Ordering::Equal
    }

    fn against_nothing(&self) -> Ordering {
        match self {
            Item::Number(digits) => numerals::order(digits.as_bytes(), b""),
            Item::Word(word) => order_of_words(word, ""),
        }
    }

    /// A number is after a list, a word before it.
    fn against_list(&self) -> Ordering {
        match self {
            Item::Number(_) => Ordering::Greater,
            Item::Word(_) => Ordering::Less,
        }
    }
}

/// The items of each list. The list of the next level is at the end of each.
pub(super) struct Version {
    levels: Vec<Vec<Item>>,
}

#[allow(clippy::unnecessary_wraps)] // All orders have the same form. Maven refuses no text.
pub(super) fn read(text: &str) -> Result<Version, &'static str> {
    let text = text.to_lowercase();
    let mut version = Version { levels: vec![Vec::new()] };
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let is_number = first.is_ascii_digit();
        let ends = |c: char| matches!(c, '.' | '-') || c.is_ascii_digit() != is_number;
        let (part, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
        let next = after.chars().next();
        let before_digit = next.is_some_and(|c| c.is_ascii_digit());
        if is_number || part.is_empty() {
            version.add(Item::Number(part.to_owned()));
        } else {
            // A word begins a list, unless a sign follows it.
            if (before_digit || next.is_none()) && !version.is_at_start() {
                version.levels.push(Vec::new());
            }
            version.add(Item::Word(word(part, before_digit)));
        }
        match next {
            Some('.') => {}
            None => break,
            Some(_) => version.levels.push(Vec::new()),
        }
        rest = after.strip_prefix(['.', '-']).unwrap_or(after);
    }
    version.drop_nulls();
    Ok(version)
}

impl Version {
    fn add(&mut self, item: Item) {
        if let Some(list) = self.levels.last_mut() {
            list.push(item);
        }
    }

    fn is_at_start(&self) -> bool {
        self.levels.last().is_none_or(Vec::is_empty)
    }

    /// What adds nothing is dropped at the end of each list. So are lists of nothing: by the specification `1-ga-1` is
    /// `1-1`. The class itself puts it before `1-1`, because it keeps a list of nothing that has a list inside.
    fn drop_nulls(&mut self) {
        for list in &mut self.levels {
            while list.pop_if(|last| last.is_null()).is_some() {}
        }
        let mut level = 0;
        self.levels.retain(|list| {
            level += 1;
            level == 1 || !list.is_empty()
        });
    }

    /// What is at a place of a list.
    fn at(&self, level: usize, place: usize) -> Part<'_> {
        let Some(list) = self.levels.get(level) else { return Part::Nothing };
        match list.get(place) {
            Some(item) => Part::Item(item),
            None if place == list.len() && level + 1 < self.levels.len() => Part::List,
            None => Part::Nothing,
        }
    }

    /// The list of a level and those inside it against nothing.
    fn against_nothing(&self, level: usize) -> Ordering {
        let items = self.levels.iter().skip(level).flatten();
        items.map(Item::against_nothing).find(|found| *found != Ordering::Equal).unwrap_or(Ordering::Equal)
    }
}

/// What a list has at a place.
enum Part<'a> {
    Item(&'a Item),
    /// The list of the next level. It is the last.
    List,
    Nothing,
}

/// The word that a spelling stands for.
fn word(spelling: &str, before_digit: bool) -> String {
    match spelling {
        "a" if before_digit => "alpha",
        "b" if before_digit => "beta",
        "m" if before_digit => "milestone",
        "cr" => "rc",
        "ga" | "final" | "release" => "",
        other => other,
    }
    .to_owned()
}

pub(super) fn order(a: &Version, b: &Version) -> Ordering {
    let (mut level, mut place) = (0, 0);
    loop {
        let found = match (a.at(level, place), b.at(level, place)) {
            (Part::Nothing, Part::Nothing) => return Ordering::Equal,
            (Part::List, Part::List) => {
                (level, place) = (level + 1, 0);
                continue;
            }
            (Part::List, Part::Nothing) => return a.against_nothing(level + 1),
            (Part::Nothing, Part::List) => return b.against_nothing(level + 1).reverse(),
            (Part::Item(a), Part::Item(b)) => order_of_items(a, b),
            (Part::Item(a), Part::List) => a.against_list(),
            (Part::List, Part::Item(b)) => b.against_list().reverse(),
            (Part::Item(a), Part::Nothing) => a.against_nothing(),
            (Part::Nothing, Part::Item(b)) => b.against_nothing().reverse(),
        };
        if found != Ordering::Equal {
            return found;
        }
        place += 1;
    }
}

fn order_of_items(a: &Item, b: &Item) -> Ordering {
    match (a, b) {
        (Item::Number(a), Item::Number(b)) => numerals::order(a.as_bytes(), b.as_bytes()),
        (Item::Word(a), Item::Word(b)) => order_of_words(a, b),
        (Item::Number(_), Item::Word(_)) => Ordering::Greater,
        (Item::Word(_), Item::Number(_)) => Ordering::Less,
    }
}

/// Unknown words are after all known ones.
fn order_of_words(a: &str, b: &str) -> Ordering {
    let place = |word: &str| WORDS.iter().position(|known| *known == word).unwrap_or(WORDS.len());
    place(a).cmp(&place(b)).then_with(|| a.cmp(b))
}
