//! Archives that are files of a layer: they are opened, one in another, their files are listed and searched for secrets, and
//! what cannot be opened is named. Nothing of them is kept but numbers and findings.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::ControlFlow;

use super::bounded::Bounded;
use super::budget::Budget;
use super::finding::{Finding, Place, Rule, path_text};
use super::read_options::ReadOptions;
use super::report::AuditedArchives;
use super::searching::{is_searched, search};
use crate::content::archive::{Contents, Element, Expansion, Form, Opener as _};
use crate::content::secrets::SEARCHED_BYTES_MAX;
use crate::content::sniff::HEAD_BYTES;
use crate::diagnosis::count;
use crate::oci::Digest;

/// The memory for archives of one layer that are open at once, in bytes: zip archives, because their directory is at their end,
/// and the windows of zstd, up to 16 MiB. A Java archive, which is read instead, may have as much.
const MEMORY_BYTES: u64 = 48 << 20;

/// The ratio of an archive counts once this many bytes are expanded.
const RATIO_FROM_BYTES: u64 = 16 << 20;

/// The files of one archive, and of archives in it, that are looked at.
const FILES_MAX: u64 = 200_000;

/// The paths of archives that the report has, for each form.
const FIRST_MAX: usize = 10;

/// How much of the name of a file in an archive is kept, in bytes.
const NAME_BYTES_MAX: usize = 1024;

/// The archives of one layer.
#[derive(Default)]
pub(super) struct Nested {
    by_form: BTreeMap<Form, AuditedArchives>,
}

/// A file of a layer.
pub(super) struct Outer<'a> {
    /// The layer.
    pub layer: Digest,
    /// Its path, without a leading `./`.
    pub path: &'a [u8],
    /// Its size in bytes.
    pub bytes: u64,
    /// How much of it is in memory already, in bytes.
    pub held: u64,
}

impl Nested {
    /// Looks into a file that begins like an archive or a compressed file. Returns what the first secret in it looks like, if
    /// there is any.
    pub(super) fn look(
        &mut self,
        outer: &Outer<'_>,
        content: &mut dyn Read,
        options: &ReadOptions<'_>,
        findings: &mut Bounded,
    ) -> Option<String> {
        let inflate = options.limits.inflate;
        let by_ratio = outer.bytes.saturating_mul(inflate.ratio_max).max(RATIO_FROM_BYTES);
        let meter = Meter {
            expanded: Cell::new(0),
            limit: by_ratio.min(inflate.expanded_bytes_max),
            budget: options.budget,
            ended: Cell::new(None),
        };
        let mut look = Look {
            outer,
            options,
            contents: &Contents::with_memory(MEMORY_BYTES.saturating_sub(outer.held)),
            meter: &meter,
            findings,
            place: outer.path.to_vec(),
            form: None,
            files: 0,
            unopened: 0,
            secret: None,
        };
        look.element(content, None, 0);
        look.end();
        let Look { form, files, unopened, secret, .. } = look;
        if let Some(form) = form {
            let found = self.by_form.entry(form).or_default();
            found.archives += 1;
            found.bytes = found.bytes.saturating_add(outer.bytes);
            found.files = found.files.saturating_add(files);
            found.expanded = found.expanded.saturating_add(meter.expanded.get());
            found.unopened = found.unopened.saturating_add(unopened);
            if found.first.len() < FIRST_MAX {
                found.first.push(path_text(outer.path));
            }
        }
        secret
    }

    /// The archives by form, in the order of the names of forms.
    pub(super) fn end(self) -> Vec<AuditedArchives> {
        let named = |(form, found): (Form, AuditedArchives)| AuditedArchives {
            form: form.name().to_owned(),
            ..found
        };
        let mut archives: Vec<AuditedArchives> = self.by_form.into_iter().map(named).collect();
        archives.sort_by(|a, b| a.form.cmp(&b.form));
        archives
    }
}

/// What is expanded of one file of a layer. It ends all reading at a limit.
struct Meter<'a> {
    expanded: Cell<u64>,
    limit: u64,
    budget: &'a Budget,
    ended: Cell<Option<Ended>>,
}

/// Why a file was not read further.
#[derive(Clone, Copy)]
enum Ended {
    Bytes,
    Budget,
    Files,
}

struct Metered<'a> {
    source: &'a mut dyn Read,
    meter: &'a Meter<'a>,
}

impl Read for Metered<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let meter = self.meter;
        if meter.ended.get().is_some() {
            return Ok(0);
        }
        let read = self.source.read(out)?;
        let expanded = meter.expanded.get().saturating_add(read as u64);
        meter.expanded.set(expanded);
        if expanded > meter.limit {
            meter.ended.set(Some(Ended::Bytes));
        } else if !meter.budget.take_nested(read as u64) {
            meter.ended.set(Some(Ended::Budget));
        }
        Ok(read)
    }
}

/// Looks into one file of a layer.
struct Look<'a> {
    outer: &'a Outer<'a>,
    options: &'a ReadOptions<'a>,
    contents: &'a Contents,
    meter: &'a Meter<'a>,
    findings: &'a mut Bounded,
    /// The path of the file, and the names in the archives that are open, with `!/` between them.
    place: Vec<u8>,
    /// The form of the file itself, once it is known to be an archive.
    form: Option<Form>,
    files: u64,
    unopened: u64,
    secret: Option<String>,
}

impl Look<'_> {
    /// Looks at a file with `depth` archives around it. `around` is the compression that it was taken out of.
    fn element(&mut self, source: &mut dyn Read, around: Option<Form>, depth: usize) {
        let mut head = Vec::new();
        if let Err(error) = (&mut *source).take(HEAD_BYTES as u64).read_to_end(&mut head) {
            self.unopened(around, depth, &error.to_string());
            return;
        }
        let content = &mut head.as_slice().chain(source);
        match Form::of_head(&head) {
            None => self.text(&head, content),
            Some(form) if form.is_compression() => self.compressed(form, content, around, depth),
            Some(form) => self.archive(form, content, depth),
        }
    }

    fn compressed(&mut self, form: Form, content: &mut dyn Read, around: Option<Form>, depth: usize) {
        if around.is_some() {
            self.unopened(Some(form), depth, "it is compressed twice");
            return;
        }
        let (contents, meter) = (self.contents, self.meter);
        let expansion = contents.expand(form, content, &mut |_, content| {
            self.element(&mut Metered { source: content, meter }, Some(form), depth);
            ControlFlow::Break(())
        });
        if matches!(expansion, Ok(Expansion::Unknown)) {
            self.unopened(Some(form), depth, "this form is not read");
        }
    }

    fn archive(&mut self, form: Form, content: &mut dyn Read, depth: usize) {
        if depth == 0 {
            self.form = Some(form);
        }
        if depth >= self.options.depth_max {
            self.unopened = self.unopened.saturating_add(1);
            let most = count(self.options.depth_max as u64, "level", "levels");
            let text =
                format!("a {} archive lies deeper than {most} of archives, and was not opened", form.name());
            self.find(Rule::DepthLimit, "nested", text);
            return;
        }
        let (contents, meter) = (self.contents, self.meter);
        let expansion = contents.expand(form, content, &mut |element, content| {
            self.member(&element, &mut Metered { source: content, meter }, depth + 1);
            if meter.ended.get().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match expansion {
            Ok(Expansion::Done) => {}
            Ok(Expansion::Unknown) => self.unopened(Some(form), depth, "this form is not read"),
            // The end at a limit is told as that.
            Err(_) if meter.ended.get().is_some() => {}
            Err(why) => self.unopened(Some(form), depth, &why.to_string()),
        }
    }

    fn member(&mut self, element: &Element<'_>, content: &mut dyn Read, depth: usize) {
        self.files = self.files.saturating_add(1);
        if self.files > FILES_MAX {
            self.meter.ended.set(Some(Ended::Files));
            return;
        }
        let name = element.name.get(..NAME_BYTES_MAX).unwrap_or(element.name);
        let name = name.strip_prefix(b"./").unwrap_or(name);
        let outside = self.place.len();
        self.place.extend_from_slice(b"!/");
        self.place.extend_from_slice(name);
        if name.split(|byte| matches!(byte, b'/' | b'\\')).any(|part| part == b"..") {
            self.find(
                Rule::ParentPath,
                "nested",
                "the path leads out of the folder that the archive is unpacked to".to_owned(),
            );
        }
        self.element(content, None, depth);
        self.place.truncate(outside);
    }

    /// Searches a file that is no archive.
    fn text(&mut self, head: &[u8], content: &mut dyn Read) {
        let Some(rules) = self.options.secrets else { return };
        // The rules for names go by the name in the innermost archive.
        let at = self.place.windows(2).rposition(|mark| mark == b"!/").map_or(0, |at| at + 2);
        let path = self.place.get(at..).unwrap_or_default().to_vec();
        if head.is_empty() || !is_searched(rules, &path, head) {
            return;
        }
        let mut bytes = Vec::new();
        // What can be read of a damaged file is searched.
        let _ = content.take(SEARCHED_BYTES_MAX as u64).read_to_end(&mut bytes);
        let place = Place::layer(self.outer.layer).at(&self.place);
        let found = search(rules, &path, &place, &bytes, self.findings);
        self.secret = self.secret.take().or(found);
    }

    /// Notes something that was not opened, or not to its end.
    fn unopened(&mut self, form: Option<Form>, depth: usize, why: &str) {
        if self.meter.ended.get().is_some() {
            return;
        }
        if depth == 0 && self.form.is_none() {
            self.form = form;
        }
        self.unopened = self.unopened.saturating_add(1);
        let text = match form {
            Some(form) if form.is_compression() => {
                format!("not opened: compressed with {}: {why}", form.name())
            }
            Some(form) => format!("not opened, or not to its end: a {} archive: {why}", form.name()),
            None => format!("not read: {why}"),
        };
        self.find(Rule::UnopenedArchive, "", text);
    }

    /// Tells what the file is, and at which limit reading ended if it did.
    fn end(&mut self) {
        if let Some(ended) = self.meter.ended.get() {
            self.unopened = self.unopened.saturating_add(1);
            let text = match ended {
                Ended::Bytes => format!(
                    "its {} expand to more than {}; the rest was not read",
                    count(self.outer.bytes, "byte", "bytes"),
                    count(self.meter.limit, "byte", "bytes")
                ),
                Ended::Budget => {
                    "the archives of all layers together expand to too much; the rest was not read".to_owned()
                }
                Ended::Files => {
                    format!("it has more than {}; the rest was not read", count(FILES_MAX, "file", "files"))
                }
            };
            self.find(Rule::NestedLimit, "", text);
        }
        if let Some(form) = self.form.filter(|form| !form.is_compression()) {
            let files = count(self.files, "file", "files");
            self.find(Rule::NestedArchive, "", format!("a {} archive with {files}", form.name()));
        }
    }

    fn find(&mut self, rule: Rule, detail: &str, text: String) {
        self.findings.push(Finding::new(rule, Place::layer(self.outer.layer).at(&self.place), detail, text));
    }
}
