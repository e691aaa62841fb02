//! The second step: reads each layer once, for all images that share it.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use super::bounded::Bounded;
use super::captured::{Captured, built_from, capture};
use super::carried::Carried;
use super::contents_table;
use super::finding::{Finding, Place, Rule};
use super::nested::{Nested, Outer};
use super::proving::Proving;
use super::read_layer::{Program, ReadLayer};
use super::read_options::ReadOptions;
use super::searching::{is_searched, search};
use super::survey::{Layer, Survey};
use crate::content::archive::Form;
use crate::content::executable::{Executable, Outline, is_executable};
use crate::content::secrets::SEARCHED_BYTES_MAX;
use crate::content::sniff::HEAD_BYTES;
use crate::content::tar::{EntryKind, TarEntry};
use crate::content::{Interest, LayerLimits, LayerRead, LayerVisitor, Taken, Turn, read_layer_in_turn};
use crate::format::Sum;
use crate::observe::{Monitor, Phase};
use crate::oci::Digest;
use crate::packages::{Wanted, cargo, golang, wanted};
use crate::rootfs::Members;
use crate::stream::transfers::transfer_all;
use crate::stream::workers::Workers;

/// How many layers are read at once. Each uses two threads.
const AT_ONCE: NonZeroUsize = NonZeroUsize::new(2).expect("2 is not 0");

/// The largest file that is read beside a large one of another layer, in bytes.
const SMALL_BYTES_MAX: u64 = 8 << 20;

/// Whether reading ends once there is no room for more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WhenShort {
    End,
    GoOn,
}

/// Reads all layers, the longest first.
///
/// If there is no room for all that should be kept of them, they are read again, one after the other, the shortest first. So what is
/// kept does not depend on which thread was faster, and a layer with more entries than there is room for takes away none of
/// the room of shorter ones.
pub(super) fn read_all(
    survey: &Survey,
    all: &[&dyn Carried],
    options: &ReadOptions<'_>,
    workers: &Workers,
    monitor: Monitor<'_>,
) -> BTreeMap<Digest, ReadLayer> {
    let mut layers: Vec<(&Digest, &Layer)> = survey.layers.iter().collect();
    layers.sort_by_key(|(digest, layer)| (std::cmp::Reverse(layer.descriptor.size), **digest));
    let when_short = if layers.len() > 1 { WhenShort::End } else { WhenShort::GoOn };
    let read = |at_once, layers: &[(&Digest, &Layer)], when_short| {
        let done: Mutex<BTreeMap<Digest, ReadLayer>> = Mutex::default();
        let total = layers.iter().map(|(_, layer)| layer.descriptor.size).sum();
        monitor.phase(Phase::Audit, total, || {
            transfer_all(workers, at_once, layers, &|(digest, layer)| {
                if when_short == WhenShort::End && options.budget.is_short() {
                    return ControlFlow::Break(());
                }
                let read = read_one(layer, all, options, when_short, workers, monitor);
                done.lock().unwrap_or_else(PoisonError::into_inner).insert(**digest, read);
                ControlFlow::Continue(())
            });
        });
        done.into_inner().unwrap_or_else(PoisonError::into_inner)
    };
    let done = read(AT_ONCE, &layers, when_short);
    if when_short == WhenShort::GoOn || !options.budget.is_short() || workers.interrupted() {
        return done;
    }
    drop(done);
    options.budget.refill();
    layers.reverse();
    read(NonZeroUsize::MIN, &layers, WhenShort::GoOn)
}

fn read_one(
    layer: &Layer,
    all: &[&dyn Carried],
    options: &ReadOptions<'_>,
    when_short: WhenShort,
    workers: &Workers,
    monitor: Monitor<'_>,
) -> ReadLayer {
    let descriptor = &layer.descriptor;
    let place = || Place::layer(descriptor.digest);
    let mut unseen = "it is not in the bundle, or not all of its chunks are there".to_owned();
    let listed = || layer.carried.iter().filter_map(|at| all.get(*at));
    let left_out = listed().find_map(|carried| carried.left_out(&descriptor.digest));
    if let Some(base) = &left_out {
        unseen = format!("it is left out: {base} carries it, which was not given, or not all of it");
    }
    // What a delta leaves out may be in another bundle that was given.
    let others = all.iter().filter(|_| left_out.is_some());
    for carried in listed().chain(others) {
        let source = match carried.open(descriptor) {
            Ok(Some(source)) => source,
            Ok(None) => continue,
            Err(problem) => {
                unseen = format!("it cannot be opened: {problem}");
                continue;
            }
        };
        let ends_with = (when_short == WhenShort::End).then_some(options.budget.as_ref());
        let mut proving = Proving::new(source, descriptor, workers, monitor).ending_with(ends_with);
        let mut reading = Reading::new(descriptor.digest, options);
        reading.has_table = contents_table::is_announced(descriptor);
        // Entries that are not listed are searched all the same.
        let limits = LayerLimits { entries_max: u64::MAX, ..options.limits };
        let turn = reading.turn.clone();
        let mut read = read_layer_in_turn(&mut proving, &limits, &mut reading, turn);
        let mismatch = proving.finish();
        let mut read_layer = reading.finish(&read);
        if let Some(problem) = mismatch {
            read_layer.unseen = Some(problem.clone());
            let text = format!("the layer {}: {problem}", descriptor.digest);
            read_layer.findings.push(Finding::new(Rule::BlobDamaged, place(), "", text));
        }
        // It may have 32 MiB, and was compared.
        read.toc = None;
        read_layer.read = Some(read);
        return read_layer;
    }
    let text = format!("the layer {} was not read: {unseen}", descriptor.digest);
    // A delta leaves out layers on purpose, and so does who may not distribute one. They count as not seen.
    let findings = if descriptor.media_type.is_nondistributable() || left_out.is_some() {
        Vec::new()
    } else {
        vec![Finding::new(Rule::BlobAbsent, place(), "", text)]
    };
    ReadLayer { unseen: Some(unseen), findings, ..ReadLayer::default() }
}

/// Looks at the entries of one layer.
struct Reading<'a> {
    digest: Digest,
    options: &'a ReadOptions<'a>,
    members: Members,
    captured: HashMap<u32, Captured>,
    sums: Vec<(u32, Sum)>,
    programs: Vec<(u32, Program)>,
    secrets: Vec<(u32, String)>,
    nested: Nested,
    findings: Bounded,
    /// Whether the layer announces a table of contents.
    has_table: bool,
    /// Whether entries were not listed because there are too many in all layers together.
    is_cut: bool,
    turn: Turn,
    /// The beginning of a file that is read as a stream, so that not each of them takes new memory.
    head: Vec<u8>,
    /// Held while a large file is in memory.
    taken: Option<Taken>,
}

impl<'a> Reading<'a> {
    fn new(digest: Digest, options: &'a ReadOptions<'a>) -> Reading<'a> {
        Reading {
            digest,
            options,
            members: Members::new(),
            captured: HashMap::new(),
            sums: Vec::new(),
            programs: Vec::new(),
            secrets: Vec::new(),
            nested: Nested::default(),
            findings: Bounded::within(options.budget),
            has_table: false,
            is_cut: false,
            turn: options.turns.layer(),
            head: Vec::new(),
            taken: None,
        }
    }

    /// Waits for the turn of this layer, unless it has it.
    fn take_turn(&mut self) {
        let turn = &self.turn;
        self.taken.get_or_insert_with(|| turn.take());
    }

    fn find(&mut self, rule: Rule, path: &[u8], detail: &str, text: String) {
        self.findings.push(Finding::new(rule, Place::layer(self.digest).at(path), detail, text));
    }

    /// Notes that a file is not kept, because all files together take too much memory.
    fn too_much(&mut self, path: &[u8]) {
        let text = "all files about packages together take too much memory; this one was not read";
        self.find(Rule::TooLargeToRead, path, "together", text.to_owned());
    }

    /// Notes that a file is larger than what is read of its kind, in bytes.
    fn too_large(&mut self, entry: &TarEntry, limit: u64) {
        let path = entry.path.strip_prefix(b"./").unwrap_or(&entry.path);
        let text = format!("it has {} bytes; {limit} are read", entry.size);
        self.find(Rule::TooLargeToRead, path, "", text);
    }

    /// Reads the parts of an executable that is too large to be read as a whole: for which machine it is, and what it was built
    /// from. `rest` follows `head`.
    fn large_program(&mut self, entry: &TarEntry, number: u32, head: &[u8], rest: &mut dyn Read) {
        let limit = Wanted::Executable.bytes_max();
        let outline = Outline::of_head(head, entry.size).filter(|outline| outline.kept_bytes() <= limit);
        let Some(outline) = outline else { return self.too_large(entry, limit) };
        if outline.kept_bytes() > SMALL_BYTES_MAX {
            self.take_turn();
        }
        // What breaks off here breaks off the layer, and is told there.
        let Ok(parts) = outline.read(head, rest) else { return };
        let Ok(executable) = Executable::of_parts(&parts) else { return };
        self.keep_program(entry, number, &executable);
        let hides_modules = golang::hides_modules(&executable);
        if hides_modules || executable.hides_section(cargo::SECTION) {
            self.too_large(entry, limit);
        }
        if !hides_modules {
            self.keep(entry, number, built_from(&executable));
        }
    }

    /// Notes for which machine an executable is.
    fn keep_program(&mut self, entry: &TarEntry, number: u32, executable: &Executable<'_>) {
        let Some(architecture) = executable.architecture else { return };
        if self.options.budget.take_bytes(size_of::<(u32, Program)>() as u64) {
            self.programs.push((number, Program { format: executable.format, architecture }));
        } else {
            self.too_much(entry.path.strip_prefix(b"./").unwrap_or(&entry.path));
        }
    }

    /// Keeps what a file says about packages.
    fn keep(&mut self, entry: &TarEntry, number: u32, captured: Option<Captured>) {
        let Some(captured) = captured else { return };
        if self.options.budget.take_bytes(captured.weight()) {
            self.captured.insert(number, captured);
        } else {
            self.too_much(entry.path.strip_prefix(b"./").unwrap_or(&entry.path));
        }
    }

    /// Adds what the reader of the layer found.
    fn finish(mut self, read: &LayerRead) -> ReadLayer {
        if read.toc.is_some() {
            self.take_turn();
        }
        for problem in read.problems.kept() {
            let rule = Rule::named(problem.rule()).unwrap_or(Rule::OddEntry);
            let path = problem.path().unwrap_or_default().to_vec();
            let text = problem.to_string();
            if path.is_empty() {
                self.findings.push(Finding::new(rule, Place::layer(self.digest), &text, text.clone()));
            } else {
                self.find(rule, &path, &text, text.clone());
            }
        }
        contents_table::compare(self.digest, read, &self.members, &self.sums, &mut self.findings);
        if self.is_cut {
            let text = "all layers together have more entries, or longer names, than are listed; the others were only searched";
            self.findings.push(Finding::new(
                Rule::EntriesLimit,
                Place::layer(self.digest),
                "run",
                text.to_owned(),
            ));
        }
        let ends = ["truncated", "bad-header", "header-too-large"];
        let unseen = match read.diff_id {
            None => Some("it could not be read to its end".to_owned()),
            Some(_) if self.is_cut => Some("not all of its entries are listed".to_owned()),
            Some(_) if read.problems.counts().keys().any(|rule| ends.contains(rule)) => {
                Some("not all of its entries were seen".to_owned())
            }
            Some(_) => None,
        };
        self.members.complete();
        ReadLayer {
            members: Arc::new(self.members),
            read: None,
            unseen,
            captured: self.captured,
            // Those of a layer with a table were needed for the table only.
            sums: if self.options.hash_files { self.sums } else { Vec::new() },
            programs: self.programs,
            secrets: self.secrets,
            archives: self.nested.end(),
            findings: self.findings.end(&Place::layer(self.digest)),
        }
    }

    /// Looks into a file: what it is if it is an archive, and the secrets that it holds. `rest` follows `head`, unless that is
    /// all of it.
    fn inside(&mut self, entry: &TarEntry, number: u32, head: &[u8], rest: Option<&mut dyn Read>) {
        if head.is_empty() {
            return;
        }
        let path = entry.path.strip_prefix(b"./").unwrap_or(&entry.path);
        let form = Form::of_head(head).filter(|_| self.options.archives);
        if form.is_some() {
            self.take_turn();
        }
        // What is read for its packages is not named as an archive.
        let is_java = form == Some(Form::Zip) && wanted(path, entry.mode) == Some(Wanted::Jar);
        let first = match self.options.secrets {
            _ if form.is_some() && !is_java => {
                let held = if rest.is_none() { head.len() as u64 } else { 0 };
                let outer = Outer { layer: self.digest, path, bytes: entry.size, held };
                let nothing: &mut dyn Read = &mut std::io::empty();
                let mut content = head.chain(rest.unwrap_or(nothing));
                self.nested.look(&outer, &mut content, self.options, &mut self.findings)
            }
            Some(rules) if is_searched(rules, path, head) => {
                let place = Place::layer(self.digest).at(path);
                match rest {
                    None => search(rules, path, &place, head, &mut self.findings),
                    Some(rest) => {
                        let mut bytes = Vec::new();
                        let _ = head.chain(rest).take(SEARCHED_BYTES_MAX as u64).read_to_end(&mut bytes);
                        search(rules, path, &place, &bytes, &mut self.findings)
                    }
                }
            }
            _ => None,
        };
        // Only what is listed can be hidden.
        if let Some(text) = first.filter(|_| !self.is_cut) {
            if self.options.budget.take_bytes(text.len() as u64 + 32) {
                self.secrets.push((number, text));
            } else {
                self.too_much(path);
            }
        }
    }

    /// Notes what the metadata of an entry alone says.
    fn judge(&mut self, entry: &TarEntry) {
        let path = entry.path.strip_prefix(b"./").unwrap_or(&entry.path);
        let runs = entry.mode & 0o111 != 0;
        match entry.kind {
            EntryKind::CharDevice | EntryKind::BlockDevice => {
                let (major, minor) = entry.device;
                // Overlay file systems hide a file with the device 0, 0.
                self.find(Rule::Device, path, "", format!("a device file, {major}:{minor}"));
            }
            EntryKind::File => {
                if entry.mode & 0o4000 != 0 && runs {
                    self.find(Rule::Setuid, path, "", format!("runs as user {}", entry.uid));
                }
                if entry.mode & 0o2000 != 0 && runs {
                    self.find(Rule::Setgid, path, "", format!("runs as group {}", entry.gid));
                }
                if entry.mode & 0o002 != 0 {
                    self.find(Rule::WorldWritable, path, "", "everybody may write to it".to_owned());
                }
            }
            EntryKind::Folder if entry.mode & 0o1002 == 0o002 => {
                let text = "everybody may remove and replace what is in the folder".to_owned();
                self.find(Rule::WorldWritable, path, "", text);
            }
            _ => {}
        }
    }
}

impl LayerVisitor for Reading<'_> {
    fn entry(&mut self, entry: &TarEntry) -> Interest {
        self.taken = None;
        let sum = if self.wants_digests() { size_of::<(u32, Sum)>() } else { 0 };
        let budget = self.options.budget;
        // What follows may be smaller, but a list with holes helps nobody.
        self.is_cut =
            self.is_cut || !self.members.push_if(entry, |bytes| budget.take_entry(bytes.saturating_add(sum)));
        self.judge(entry);
        if entry.kind != EntryKind::File {
            return Interest::Skip;
        }
        // What a file says about packages counts by its path in the merged file system, and so only if it is listed.
        let wanted = wanted(&entry.path, entry.mode).filter(|_| !self.is_cut);
        let limit = wanted.map_or(0, Wanted::bytes_max);
        if wanted == Some(Wanted::Executable) && entry.size > limit {
            // Of a large one, only parts are read.
            return Interest::Stream;
        }
        if wanted.is_some() && limit > 0 && entry.size > limit {
            self.too_large(entry, limit);
        }
        let searched = if self.options.secrets.is_some() { SEARCHED_BYTES_MAX as u64 } else { 0 };
        let kept = limit.max(searched);
        if entry.size > kept {
            // It may be an archive, and that is told by its head.
            return if self.options.archives { Interest::Stream } else { Interest::Skip };
        }
        if entry.size > SMALL_BYTES_MAX {
            self.take_turn();
        }
        Interest::Whole(usize::try_from(kept).unwrap_or(usize::MAX))
    }

    fn goes_on(&mut self, entry: &TarEntry, head: &[u8]) -> bool {
        let path = entry.path.strip_prefix(b"./").unwrap_or(&entry.path);
        let is_searched = || self.options.secrets.is_some_and(|rules| is_searched(rules, path, head));
        head.len() < HEAD_BYTES
            || self.options.archives && Form::of_head(head).is_some()
            || wanted(path, entry.mode).is_some()
            || is_searched()
    }

    fn wants_digests(&self) -> bool {
        self.options.hash_files || self.has_table
    }

    fn digest(&mut self, entry: &TarEntry, digest: Digest) {
        // Entries that are not listed have no line for a sum.
        if let (Ok(number), Digest::Sha256(sum), false) = (u32::try_from(entry.number), digest, self.is_cut) {
            self.sums.push((number, Sum(sum)));
        }
    }

    fn body(&mut self, entry: &TarEntry, bytes: &[u8]) {
        let path = entry.path.strip_prefix(b"./").unwrap_or(&entry.path);
        let Ok(number) = u32::try_from(entry.number) else { return };
        if let Some(wanted) = wanted(path, entry.mode).filter(|_| !self.is_cut)
            && bytes.len() as u64 <= wanted.bytes_max()
        {
            if wanted == Wanted::Executable
                && is_executable(bytes)
                && let Ok(executable) = Executable::open(bytes)
            {
                self.keep_program(entry, number, &executable);
            }
            self.keep(entry, number, capture(wanted, path, bytes, self.options.depth_max));
        }
        self.inside(entry, number, bytes, None);
    }

    fn content(&mut self, entry: &TarEntry, content: &mut dyn Read) {
        let Ok(number) = u32::try_from(entry.number) else { return };
        let mut head = std::mem::take(&mut self.head);
        head.clear();
        // What breaks off here breaks off the layer, and is told there.
        let _ = (&mut *content).take(HEAD_BYTES as u64).read_to_end(&mut head);
        let wanted = wanted(&entry.path, entry.mode).filter(|_| !self.is_cut);
        if wanted == Some(Wanted::Executable) && is_executable(&head) {
            self.large_program(entry, number, &head, content);
        }
        self.inside(entry, number, &head, Some(content));
        self.head = head;
    }
}
