//! The count: a chunk file is opened as the guard opens it, in one pass, and each limit is held against it.

use std::{
    cell::Cell,
    collections::BTreeMap,
    io::{self, Read},
    ops::ControlFlow,
};

use super::{
    over::{Limit, NotOpened, Over},
    profile::{Profile, ProfileError},
    words::Words,
};
use crate::content::archive::{Element, Expansion, Form, Opener};
use crate::content::sniff::{HEAD_BYTES, MediaType, sniff};
use crate::diagnosis::count;

/// How many archives around one another are opened, whatever the profile allows.
const DEPTH_MAX: u64 = 16;

/// How many files of one chunk file are counted.
const ENTRIES_MAX: u64 = 10_000_000;

/// How many expanded bytes of one chunk file are counted: 1 TiB.
const EXPANDED_BYTES_MAX: u64 = 1 << 40;

/// How many places are kept for one limit, and how many archives that were not opened.
const PLACES_MAX: u64 = 100;

/// How much of a name is kept, in bytes.
const NAME_BYTES_MAX: usize = 1024;

/// A guard: a profile, ready to count with.
#[derive(Debug, Clone)]
pub struct Guard {
    profile: Profile,
    words: Words,
}

/// What a chunk file expands to, and which limits it is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Count {
    /// The size of the chunk file in bytes.
    pub bytes: u64,
    /// The number of files that it expands to, at all depths.
    pub entries: u64,
    /// The bytes of these files together. A file that is expanded again counts, and so does what is in it.
    pub expanded_bytes: u64,
    /// How many archives were open around one another at most.
    pub depth: u64,
    /// The media type of the chunk file itself; `None` if it could not be read.
    pub media_type: Option<MediaType>,
    /// How many files have which media type, with the chunk file itself.
    pub media_types: BTreeMap<MediaType, u64>,
    /// Where the chunk file is over a limit: the first 100 places for each limit.
    pub over: Vec<Over>,
    /// How many places there are for each limit, in all.
    pub over_places: BTreeMap<Limit, u64>,
    /// The archives that were not opened to their end: the first 100.
    pub not_opened: Vec<NotOpened>,
    /// How many there are in all.
    pub not_opened_places: u64,
    /// How many of them the guard may open.
    pub unforeseen_places: u64,
    /// The limit at which the count ended, because no guard goes on there. The numbers are those up to it.
    pub ended_by: Option<Limit>,
}

impl Count {
    /// Whether the guard lets the chunk file pass, as far as it was opened here.
    pub fn passes(&self) -> bool {
        self.over_places.is_empty()
    }

    /// Whether everything was opened that the guard opens.
    pub fn is_whole(&self) -> bool {
        self.not_opened_places == 0 && self.ended_by.is_none()
    }
}

impl Guard {
    /// Makes a guard of a profile.
    ///
    /// # Errors
    /// If the words of the profile are too large together.
    pub fn new(profile: Profile) -> Result<Guard, ProfileError> {
        let words = Words::new(&profile.words)?;
        Ok(Guard { profile, words })
    }

    /// The profile.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Counts one chunk file of `bytes` bytes. `name` is its file name.
    ///
    /// Time grows with the expanded bytes, up to the limits of the profile or 1 TiB; memory is some 200 KiB for each
    /// archive that is open.
    ///
    /// # Errors
    /// If the chunk file cannot be read.
    pub fn count(
        &self,
        name: &[u8],
        bytes: u64,
        source: &mut dyn Read,
        opener: &dyn Opener,
    ) -> io::Result<Count> {
        let totals = Totals::new(&self.profile, bytes);
        let mut counter =
            Counter { guard: self, opener, totals: &totals, place: Vec::new(), count: Count::default() };
        let element = Element { name, bytes: Some(bytes) };
        let mut reader = Watched { source, error: None };
        let _ = counter.element(element, 0, &mut reader);
        if let Some(error) = reader.error {
            return Err(error);
        }
        let mut count = counter.count;
        count.bytes = bytes;
        count.expanded_bytes = totals.expanded.get();
        count.ended_by = totals.ended_by.get();
        Ok(count)
    }
}

/// Keeps the error of the chunk file apart from errors of archives in it.
struct Watched<'a> {
    source: &'a mut dyn Read,
    error: Option<io::Error>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.source.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let kind = error.kind();
                    self.error = Some(error);
                    return Err(kind.into());
                }
                read => return read,
            }
        }
    }
}

/// The bytes that all open archives share.
struct Totals {
    expanded: Cell<u64>,
    /// How many bytes may be expanded, and the limit that says so.
    expanded_max: (u64, Limit),
    ended_by: Cell<Option<Limit>>,
}

impl Totals {
    fn new(profile: &Profile, bytes: u64) -> Totals {
        let by_ratio = profile.ratio_milli_max.map(|ratio| {
            let limit = u128::from(bytes).saturating_mul(u128::from(ratio)) / 1000;
            (u64::try_from(limit).unwrap_or(u64::MAX), Limit::Ratio)
        });
        let by_bytes = profile.expanded_bytes_max.map(|limit| (limit, Limit::ExpandedBytes));
        let limits = [by_ratio, by_bytes, Some((EXPANDED_BYTES_MAX, Limit::Counted))];
        let expanded_max = limits.into_iter().flatten().min().unwrap_or((EXPANDED_BYTES_MAX, Limit::Counted));
        Totals { expanded: Cell::new(0), expanded_max, ended_by: Cell::new(None) }
    }

    fn add(&self, bytes: u64) {
        let expanded = self.expanded.get().saturating_add(bytes);
        self.expanded.set(expanded);
        if expanded > self.expanded_max.0 && self.ended_by.get().is_none() {
            self.ended_by.set(Some(self.expanded_max.1));
        }
    }
}

/// Counts what is read of one element, and ends all of it at a limit.
struct Metered<'a> {
    source: &'a mut dyn Read,
    totals: &'a Totals,
    /// The chunk file itself is not expanded from anything.
    is_expanded: bool,
    bytes: u64,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.totals.ended_by.get().is_some() {
            return Ok(0);
        }
        let read = self.source.read(buffer)?;
        self.bytes = self.bytes.saturating_add(read as u64);
        if self.is_expanded {
            self.totals.add(read as u64);
        }
        Ok(read)
    }
}

struct Counter<'a> {
    guard: &'a Guard,
    opener: &'a dyn Opener,
    totals: &'a Totals,
    place: Vec<Vec<u8>>,
    count: Count,
}

impl Counter<'_> {
    /// Looks at one element, with `depth` archives around it.
    fn element(&mut self, element: Element<'_>, depth: u64, source: &mut dyn Read) -> ControlFlow<()> {
        let is_named = !element.name.is_empty();
        if is_named {
            let name = element.name.get(..NAME_BYTES_MAX).unwrap_or(element.name);
            self.place.push(name.to_vec());
        }
        let mut metered = Metered { source, totals: self.totals, is_expanded: depth > 0, bytes: 0 };
        if let Err(error) = self.content(element, depth, &mut metered) {
            // What could be read of the element has been counted.
            let is_unforeseen = error.kind() == io::ErrorKind::Unsupported;
            self.not_opened(format!("its content cannot be read: {error}"), is_unforeseen);
        }
        let bytes = metered.bytes;
        if self.totals.ended_by.get().is_none() {
            self.sizes(bytes);
        }
        let flow = match self.totals.ended_by.get() {
            Some(limit) => {
                self.ended(limit);
                ControlFlow::Break(())
            }
            None => ControlFlow::Continue(()),
        };
        if is_named {
            self.place.pop();
        }
        flow
    }

    fn content(&mut self, element: Element<'_>, depth: u64, source: &mut Metered<'_>) -> io::Result<()> {
        let mut head = Vec::new();
        source.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        let is_whole = head.len() < HEAD_BYTES;
        let bytes = if is_whole { Some(head.len() as u64) } else { element.bytes };
        let media_type = sniff(&head, bytes.unwrap_or(u64::MAX));
        let tally = self.count.media_types.entry(media_type).or_default();
        *tally = tally.saturating_add(1);
        self.count.media_type.get_or_insert(media_type);
        self.media(media_type, element.name);

        let profile = &self.guard.profile;
        let form = Form::of(media_type).filter(|form| profile.expands.contains(form));
        // Of a stream whose size is not known, it is enough that it may be large enough.
        let form = form.filter(|_| bytes.is_none_or(|bytes| bytes >= profile.expands_from_bytes));
        let mut content = head.as_slice().chain(source);
        let is_opened = match form {
            Some(form) => self.expand(form, depth, &mut content),
            None => false,
        };
        self.drain(&mut content, is_opened)
    }

    /// Opens an archive, if limits allow it. Returns whether anything of it was opened.
    fn expand(&mut self, form: Form, depth: u64, content: &mut dyn Read) -> bool {
        let depth = depth.saturating_add(1);
        if let Some(limit) = self.guard.profile.depth_max.filter(|limit| depth > *limit) {
            let found = format!("{form} around {}", count(depth, "level", "levels"), form = form.name());
            self.over(Limit::Depth, count(limit, "level", "levels"), found);
            return false;
        }
        if depth > DEPTH_MAX {
            self.not_opened(format!("more than {DEPTH_MAX} archives are around one another"), true);
            return false;
        }
        self.count.depth = self.count.depth.max(depth);
        let opener = self.opener;
        let expansion = opener.expand(form, content, &mut |element, content| {
            self.count.entries = self.count.entries.saturating_add(1);
            let entries_max = self.guard.profile.entries_max.map(|limit| (limit, Limit::Entries));
            let (limit, whose) = entries_max
                .into_iter()
                .chain([(ENTRIES_MAX, Limit::Counted)])
                .min()
                .unwrap_or((0, Limit::Counted));
            if self.count.entries > limit {
                self.totals.ended_by.set(Some(whose));
                self.ended(whose);
                return ControlFlow::Break(());
            }
            self.element(element, depth, content)
        });
        match expansion {
            Ok(Expansion::Done) => true,
            Ok(Expansion::Unknown) => {
                self.not_opened(format!("{} cannot be opened here", form.name()), true);
                false
            }
            Err(why) => {
                if self.totals.ended_by.get().is_none() {
                    self.not_opened(why.to_string(), why.kind() == io::ErrorKind::Unsupported);
                }
                true
            }
        }
    }

    /// Reads to the end, and seeks the words in what is not opened.
    fn drain(&mut self, content: &mut dyn Read, is_opened: bool) -> io::Result<()> {
        let mut seek = self.guard.words.seek();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if !is_opened {
                seek.feed(buffer.get(..read).unwrap_or_default());
            }
        }
        let guard = self.guard;
        for (word, hit) in guard.profile.words.iter().zip(seek.finish()) {
            if hit.times > 0 {
                let found = format!(
                    "{:?} {}, first at byte {}",
                    word.text,
                    count(hit.times, "time", "times"),
                    hit.first
                );
                self.over(Limit::Word, "none".to_owned(), found);
            }
        }
        Ok(())
    }

    fn media(&mut self, media_type: MediaType, name: &[u8]) {
        let guard = self.guard;
        for filter in &guard.profile.media {
            if let Some(expected) = filter.refuses(media_type, name) {
                self.over(Limit::MediaType, expected, media_type.tika.to_owned());
            }
        }
    }

    fn sizes(&mut self, bytes: u64) {
        let (least, most) = (self.guard.profile.file_bytes_min, self.guard.profile.file_bytes_max);
        let found = || count(bytes, "byte", "bytes");
        if bytes < least {
            self.over(Limit::FileBytesMin, format!("at least {}", count(least, "byte", "bytes")), found());
        }
        if let Some(most) = most.filter(|most| bytes > *most) {
            self.over(Limit::FileBytesMax, format!("at most {}", count(most, "byte", "bytes")), found());
        }
    }

    /// Notes the limit that ends the count, once.
    fn ended(&mut self, limit: Limit) {
        if self.count.over_places.contains_key(&limit) {
            return;
        }
        let (expected, found) = if self.count.entries
            > self.guard.profile.entries_max.unwrap_or(u64::MAX).min(ENTRIES_MAX)
        {
            let most = self.guard.profile.entries_max.unwrap_or(u64::MAX).min(ENTRIES_MAX);
            (count(most, "file", "files"), "more files".to_owned())
        } else {
            (count(self.totals.expanded_max.0, "expanded byte", "expanded bytes"), "more bytes".to_owned())
        };
        self.over(limit, expected, found);
    }

    fn over(&mut self, limit: Limit, expected: String, found: String) {
        let places = self.count.over_places.entry(limit).or_default();
        *places = places.saturating_add(1);
        if *places <= PLACES_MAX {
            self.count.over.push(Over { limit, place: self.place.clone(), expected, found });
        }
    }

    /// Notes an archive that was not opened. If an archive around others is cut off, all of them are: that is told once.
    fn not_opened(&mut self, why: String, is_unforeseen: bool) {
        let is_told = |last: &NotOpened| last.why == why && last.place.starts_with(&self.place);
        if self.count.not_opened.last().is_some_and(is_told) {
            return;
        }
        self.count.not_opened_places = self.count.not_opened_places.saturating_add(1);
        self.count.unforeseen_places = self.count.unforeseen_places.saturating_add(u64::from(is_unforeseen));
        if self.count.not_opened_places <= PLACES_MAX {
            self.count.not_opened.push(NotOpened { place: self.place.clone(), why, is_unforeseen });
        }
    }
}
