//! One look into a place, and what is done with the files and bundles that are there.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use carnet::arrival::{OpenRequest, open};
use carnet::artifacts::ExistingName;
use carnet::audit::Subject;
use carnet::diagnosis::{Code, Failure, count};
use carnet::format::statement::Kind;
use carnet::format::{Sum, Timestamp};
use carnet::gate::Moving;
use carnet::import::{ReceiptFiles, Sending};
use carnet::medium::{ChunkFile, ChunkPlace, ChunkStore};
use carnet::station::{
    Fate, FileState, Inbox, InboxBundle, InboxFile, InboxLimits, Level, Log as _, Looks, Mending, Reception,
    bundle_folder, move_aside, shelve, twins, unfinished_line,
};
use carnet::trust::TrustPolicy;
use carnet::verify::{BundleReport, BundleVerdict, ChunkVerdict, verify};

use super::super::import::{Ended, Papers, Work};
use super::super::unpack::unpack_bundle;
use super::Receive;
use super::denied::{Denied, denial};
use super::outcome::{NotUsed, Shelving, graver};
use super::step::Step;
use crate::bundle::Attempt;
use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::log_lines::LogLines;
use crate::memory::Recall;

/// How many receipts of one bundle are kept of one second.
const RECEIPTS_MAX: u32 = 100;

/// The name under which it is remembered that a limit was told. No file or bundle has it.
const LIMIT: &str = "";

/// A place that is watched.
pub(super) struct Receiving<'a> {
    pub(super) options: &'a Receive,
    pub(super) step: Step,
    pub(super) policy: TrustPolicy,
    pub(super) looks: Looks,
    pub(super) context: &'a Context<'a>,
    pub(super) log: LogLines,
    pub(super) inbox: Inbox,
    pub(super) reception: Reception,
    /// What is remembered of streams.
    pub(super) recall: &'a Recall,
    /// Which bundles a policy denied.
    pub(super) denied: Denied,
    /// Which bundles were to be recovered from parity.
    pub(super) mending: Mending,
    /// Bundles for which the target lacks what earlier bundles carried, with the exit code.
    pub(super) lacking: HashMap<Sum, u8>,
    /// Whether another look finds more to do at once: chunks were recovered, or something was done that another bundle lacked.
    pub(super) again: bool,
    /// What was told last about each file or bundle.
    pub(super) told: HashMap<String, String>,
    /// Whether a bundle is complete, and its files must be seen unchanged once.
    pub(super) settles: bool,
    /// The exit code, as far as is known.
    pub(super) ends: u8,
}

impl Receiving<'_> {
    fn now(&self) -> Timestamp {
        self.context.environment.clock.now()
    }

    fn say(&self, level: Level, text: &str) {
        self.log.line(level, "receive", None, text);
    }

    /// Says something about a file or bundle, unless it was the last thing said about it.
    fn say_once(&mut self, level: Level, about: &str, text: &str) {
        if self.told.get(about).map(String::as_str) != Some(text) {
            self.say(level, text);
            self.told.insert(about.to_owned(), text.to_owned());
        }
    }

    /// Returns the exit code.
    pub(super) fn end(&self) -> u8 {
        self.lacking.values().fold(self.ends, |ends, &code| graver(ends, code))
    }

    /// Looks at the files that are there now, and handles the bundles that are complete.
    pub(super) fn look(&mut self, mut files: Vec<Arc<dyn ChunkFile>>) {
        let now = self.now();
        files.extend(self.mending.files());
        (self.settles, self.again) = (false, false);
        let options = self.options;
        let limits = InboxLimits {
            oldest: options.max_age.and_then(|age| now.seconds_before(age)),
            files: options.max_files,
            bytes: options.max_bytes,
        };
        let files = self.inbox.look(&files, &self.policy, now, limits, self.context.environment.workers);
        self.tell_limit(&files);
        for InboxFile { file, state } in &files {
            match state {
                FileState::Untrusted { reason } => self.set_aside(file.as_ref(), reason),
                FileState::Damaged { arriving: false, .. } => {
                    self.say_once(Level::Warning, file.name(), &format!("{}: {state}", file.name()));
                }
                FileState::TooOld | FileState::Unreadable { .. } => {
                    self.say_once(Level::Info, file.name(), &format!("{}: {state}", file.name()));
                }
                _ => {}
            }
        }
        let bundles = self.inbox.bundles(&files, now);
        self.reception.keep(&bundles);
        self.mending.keep(&bundles);
        self.denied.keep(&bundles);
        let ids = bundles.iter().map(|bundle| bundle.id.to_string());
        let there: HashSet<String> =
            files.iter().map(|file| file.file.name().to_owned()).chain(ids).collect();
        self.told.retain(|about, _| about == LIMIT || there.contains(about));
        for bundle in &bundles {
            if self.context.environment.workers.interrupted() {
                // A process that waits is ended by a signal, as it should be; nothing was broken off here.
                if self.options.once {
                    self.ends = graver(self.ends, exit::INTERRUPTED);
                }
                break;
            }
            self.handle(bundle, &bundles, &files);
        }
    }

    /// Looks into the place, unless nothing can be new there. The trust policy is read again first, so a change of it
    /// needs no restart.
    pub(super) fn look_again(&mut self, store: &dyn ChunkStore) -> Result<(), CommandError> {
        let policy = self.options.trust.policy()?;
        let is_new = policy.as_ref().is_some_and(|policy| *policy != self.policy);
        if let Some(policy) = policy.filter(|_| is_new) {
            self.say(Level::Info, "the trust policy has changed");
            self.inbox.forget_untrusted();
            self.reception.forget_failures();
            self.policy = policy;
        }
        let rules_changed = self.denied.is_old(|| self.options.gate.stamp());
        let waits = self.settles || self.reception.tries_again() || is_new || rules_changed;
        if !self.inbox.rests(store.pulse(), self.now()) || waits {
            self.look(store.files()?);
        }
        Ok(())
    }

    /// Tells once that there are more files than are taken up.
    fn tell_limit(&mut self, files: &[InboxFile]) {
        let over = |file: &&InboxFile| matches!(file.state, FileState::OverLimit { .. });
        let passed = files.iter().filter(over).count() as u64;
        match files.iter().find(over) {
            Some(InboxFile { file, state }) => {
                let more = count(passed, "file is", "files are");
                let text = format!("{more} not taken up; the first is {}, {state}", file.name());
                self.ends = graver(self.ends, exit::DAMAGED);
                if !self.told.contains_key(LIMIT) {
                    self.say_once(Level::Warning, LIMIT, &text);
                }
            }
            None => {
                self.told.remove(LIMIT);
            }
        }
    }

    /// Moves a file that is not trusted out of the way. If its place cannot be written, it stays and is remembered.
    fn set_aside(&mut self, file: &dyn ChunkFile, reason: &str) {
        self.ends = graver(self.ends, exit::UNTRUSTED);
        let moved = match &self.options.quarantine {
            Some(folder) => move_aside(file, folder, reason).map(|path| Some(path.display().to_string())),
            None => file.set_aside(reason),
        };
        let where_to = match moved {
            Ok(Some(place)) => format!("moved to {place}"),
            Ok(None) => "it stays".to_owned(),
            Err(error) => format!("it stays: {error}"),
        };
        let text = format!("{} is not trusted, {where_to}: {reason}", file.name());
        self.say_once(Level::Warning, file.name(), &text);
    }

    fn handle(&mut self, bundle: &InboxBundle, waiting: &[InboxBundle], files: &[InboxFile]) {
        let (now, about) = (self.now(), bundle.id.to_string());
        match self.reception.fate(bundle, self.looks, now) {
            Fate::Done { time } => {
                self.mending.forget(&bundle.id);
                let text = format!("the bundle {} is there again, it was done at {time}", bundle.name);
                // What was done just now is not there again.
                if !self.told.contains_key(&about) {
                    self.say_once(Level::Info, &about, &text);
                }
                if self.options.delete_source && (bundle.steady || self.looks == Looks::Once) {
                    self.delete(&bundle.files);
                }
            }
            Fate::Waits { .. } if self.mend(bundle, files) => (self.settles, self.again) = (true, true),
            Fate::Waits { .. } => self.wait(bundle, now),
            Fate::Settling => self.settles = true,
            Fate::Later { reason, .. } => self.say_once(Level::Info, &about, &reason),
            Fate::Ready => self.use_ready(bundle, waiting),
        }
    }

    /// Uses a bundle that is complete, unless a policy denied it before.
    fn use_ready(&mut self, bundle: &InboxBundle, waiting: &[InboxBundle]) {
        let about = bundle.id.to_string();
        let stamp = self.options.gate.stamp();
        if let Some(reason) = self.denied.reason(bundle, || stamp).map(str::to_owned) {
            return self.deny(bundle, &reason);
        }
        match self.work(bundle, waiting) {
            Ok((ended, used)) if ended.code == exit::DONE => {
                let text = format!("the bundle {} is done", bundle.name);
                self.say_once(Level::Info, &about, &text);
                if let Err(error) = self.reception.succeeded(bundle, self.now()) {
                    // Without it, the files must stay: they are done again after the next start.
                    self.say(Level::Error, &error.to_string());
                    self.ends = graver(self.ends, exit::FAILED);
                } else if self.options.delete_source {
                    self.delete(&used);
                }
                self.try_lacking_again();
            }
            // The step told what failed.
            Ok((ended, _)) => {
                if ended.has_brought {
                    self.try_lacking_again();
                }
                let reason = "the step failed for some artifacts";
                if ended.lacks_base {
                    self.lacking.insert(bundle.id, ended.code);
                    self.put_off(bundle, reason, exit::DONE);
                } else {
                    self.put_off(bundle, reason, ended.code);
                }
            }
            // The next look recovers it from parity, if there is any.
            Err(NotUsed::Waits) if bundle.parity > 0 && self.looks == Looks::Once && !self.again => {
                self.again = true;
            }
            Err(NotUsed::Waits) => self.ends = graver(self.ends, exit::DAMAGED),
            Err(NotUsed::Failed(error)) if error.diagnosis.code == Code::DeniedByPolicy => {
                let reason = denial(&error);
                self.denied.note(bundle, stamp, &reason);
                self.deny(bundle, &reason);
            }
            Err(NotUsed::Failed(error)) => {
                let code = exit::code(error.diagnosis.code.failure());
                if error.diagnosis.code == Code::BaseMissing {
                    self.lacking.insert(bundle.id, code);
                    self.put_off(bundle, &error.message, exit::DONE);
                } else {
                    self.put_off(bundle, &error.message, code);
                }
            }
        }
    }

    /// Something is in the target now that was not: perhaps what another bundle lacked.
    fn try_lacking_again(&mut self) {
        for (bundle, _) in self.lacking.drain() {
            self.reception.forget_failure(&bundle);
            (self.settles, self.again) = (true, true);
        }
    }

    /// Tells once that a policy denies a bundle. It stays where it is.
    fn deny(&mut self, bundle: &InboxBundle, reason: &str) {
        self.ends = graver(self.ends, exit::code(Code::DeniedByPolicy.failure()));
        let text = format!("the bundle {} is not used: {reason}", bundle.name);
        self.say_once(Level::Error, &bundle.id.to_string(), &text);
    }

    fn put_off(&mut self, bundle: &InboxBundle, reason: &str, code: u8) {
        self.ends = graver(self.ends, code);
        if code == exit::INTERRUPTED {
            return;
        }
        let (next, is_new) = self.reception.failed(bundle, reason, self.now());
        if is_new {
            let then = match self.looks {
                Looks::Once => String::new(),
                Looks::Repeated => format!(" (tried again from {next} on)"),
            };
            self.say(Level::Error, &format!("the bundle {} is not done{then}: {reason}", bundle.name));
        }
        self.told.insert(bundle.id.to_string(), reason.to_owned());
    }

    /// Recovers lost and damaged chunks from parity, into the place if it is a folder. Returns whether all are there now.
    fn mend(&mut self, bundle: &InboxBundle, files: &[InboxFile]) -> bool {
        let place = match &self.options.place {
            ChunkPlace::Path(place) if place.is_dir() => Some(place.as_path()),
            ChunkPlace::Path(_) => return false,
            ChunkPlace::Store(_) => None,
        };
        if !self.mending.is_due(bundle, self.looks) {
            return false;
        }
        let environment = &self.context.environment;
        match self.mending.mend(bundle, files, &self.policy, place, environment) {
            Ok(report) => {
                let recovered = count(report.repaired.len() as u64, "chunk", "chunks");
                if !report.repaired.is_empty() {
                    let text = format!("{recovered} of the bundle {} recovered from parity", bundle.name);
                    self.say(Level::Info, &text);
                }
                report.missing.is_empty()
            }
            Err(error) => {
                let text = format!("the bundle {} cannot be recovered from parity: {error}", bundle.name);
                self.say(Level::Warning, &text);
                false
            }
        }
    }

    fn wait(&mut self, bundle: &InboxBundle, now: Timestamp) {
        self.ends = graver(self.ends, exit::DAMAGED);
        if self.looks == Looks::Once {
            self.say(Level::Warning, &format!("send again: {}", unfinished_line(bundle).in_logs()));
        } else if let Some(after) = self.options.remind_after
            && let Some(line) = self.reception.reminder(bundle, after, now)
        {
            let text = format!("the bundle {} is unfinished; send again: {}", bundle.name, line.in_logs());
            self.say(Level::Warning, &text);
        }
    }

    /// Hashes a bundle and runs the step. Returns how it ended, and the files that were proven whole.
    fn work(
        &mut self,
        bundle: &InboxBundle,
        waiting: &[InboxBundle],
    ) -> Result<(Ended, Vec<Arc<dyn ChunkFile>>), NotUsed> {
        let environment = &self.context.environment;
        let request = OpenRequest { files: &bundle.files, policy: Some(&self.policy) };
        let report = verify(&request, environment).map_err(CommandError::from)?;
        let mut whole = Vec::new();
        let (mut numbered, mut numbers) = (Vec::new(), BTreeSet::new());
        for report in report.bundles.iter().flat_map(|report| &report.files) {
            let Some(file) = bundle.files.iter().find(|file| file.name() == report.file) else { continue };
            if report.kind == Some(Kind::Parity) {
                if report.verdict == ChunkVerdict::Accepted {
                    whole.push(Arc::clone(file));
                }
                continue;
            }
            match (report.verdict, report.number) {
                (ChunkVerdict::Accepted, Some(number)) => {
                    whole.push(Arc::clone(file));
                    if numbers.insert(number) {
                        numbered.push((number, Arc::clone(file)));
                    }
                }
                (ChunkVerdict::Damaged, _) => {
                    let problem = report.problems.first().map_or_else(String::new, ToString::to_string);
                    self.inbox.note_damage(file.as_ref(), problem, self.context.environment.clock.now());
                }
                _ => {}
            }
        }
        let named = |name: &str| bundle.files.iter().find(|file| file.name() == name).map(Arc::clone);
        let counting = report.bundles.iter().flat_map(|report| &report.releases);
        let counting = counting.filter(|release| release.problem.is_none());
        let releases: Vec<_> = counting.filter_map(|release| named(&release.file)).collect();
        whole.extend(releases.iter().map(Arc::clone));
        let verdict = report.bundles.iter().find(|report| report.bundle == bundle.id);
        if let Some(report) = verdict
            && matches!(report.verdict, BundleVerdict::Incomplete | BundleVerdict::Recoverable)
            && report.files.iter().any(|file| file.verdict == ChunkVerdict::Damaged)
        {
            return Err(NotUsed::Waits);
        }
        let shelved = match &self.options.to {
            None => None,
            Some(to) => {
                let target = to.join(bundle_folder(bundle));
                let check = &|copies: &[Arc<dyn ChunkFile>]| self.check(copies);
                let copies = shelve(&numbered, &releases, &bundle.name, &target, check);
                Some(copies.map_err(|Shelving(error)| NotUsed::Failed(error))?)
            }
        };
        let files = shelved.as_deref().unwrap_or(&whole);
        let request = OpenRequest { files, policy: Some(&self.policy) };
        let opened = open(&request, environment).map_err(CommandError::from)?;
        let opened = opened.select(Some(&bundle.id.to_string())).map_err(CommandError::from)?;
        let _ = opened.released().map_err(CommandError::from)?.whole().map_err(CommandError::from)?;
        let twins = twins(&bundle.id, waiting, &self.policy, environment).map_err(CommandError::from)?;
        let mut passage = self.recall.judge(&opened, &twins, &self.policy, environment)?;
        if passage.is_done(self.context.screen) {
            return Ok((Ended::of(exit::DONE), whole));
        }
        let referrers = self.options.push.referrers();
        let moving = Moving { subject: Subject::Bundle(&opened), artifacts: &[], platforms: &[], referrers };
        self.options.gate.pass(&moving, self.context)?;
        let ended = match &self.step {
            Step::Verify => {
                passage.accept(environment)?;
                Ended::of(exit::DONE)
            }
            Step::Unpack(to) => {
                let existing = if self.options.push.overwrite_tags {
                    ExistingName::Replace
                } else {
                    ExistingName::Refuse
                };
                let screen = self.context.screen;
                Ended::of(unpack_bundle(&opened, &[], passage, to, existing, screen, environment)?)
            }
            Step::Import(to) => {
                let started = self.now();
                let work = Work {
                    bundle: &opened,
                    others: &[],
                    passage,
                    to,
                    artifacts: &[],
                    mount_from: &[],
                    push: &self.options.push,
                    gate: None,
                    sending: Sending::All,
                    dry_run: false,
                    allow_host: &self.options.allow_host,
                    connection: &self.options.connection,
                    started,
                    signer: None,
                    attempt: Attempt::Last,
                };
                let receipt = self.receipt(bundle, started)?;
                work.run(&mut Papers { receipt, record: None }, self.context)?
            }
        };
        Ok((ended, whole))
    }

    /// Reserves the receipt of an import. An import that is done again gets a receipt of its own.
    fn receipt(&self, bundle: &InboxBundle, at: Timestamp) -> Result<Option<ReceiptFiles>, CommandError> {
        let Some(folder) = &self.options.receipts else { return Ok(None) };
        std::fs::create_dir_all(folder).map_err(|error| CommandError::file("write", folder, &error))?;
        let name = format!("{}-{}", bundle_folder(bundle), at.to_string().replace(':', ""));
        let mut path = folder.join(format!("{name}.json"));
        // It may be done again within a second.
        for number in 2..RECEIPTS_MAX {
            if !path.exists() {
                break;
            }
            path = folder.join(format!("{name}-{number}.json"));
        }
        Ok(Some(ReceiptFiles::reserve(&path, false)?))
    }

    /// Hashes the copies of a bundle.
    fn check(&self, copies: &[Arc<dyn ChunkFile>]) -> Result<(), Shelving> {
        let request = OpenRequest { files: copies, policy: Some(&self.policy) };
        let report = verify(&request, &self.context.environment)
            .map_err(|error| Shelving(CommandError::from(error)))?;
        match report.failure() {
            None => Ok(()),
            Some(Failure::Interrupted) => {
                Err(Shelving(CommandError::from(carnet::arrival::OpenError::Interrupted)))
            }
            Some(_) => {
                let verdict = report.bundles.iter().find_map(BundleReport::code);
                let code = verdict.unwrap_or(Code::BundleIncomplete);
                Err(Shelving(CommandError::new(code, "the copies of the chunk files do not verify")))
            }
        }
    }

    /// Removes files of a bundle that is done.
    fn delete(&self, files: &[Arc<dyn ChunkFile>]) {
        for file in files {
            if let Err(error) = file.remove() {
                self.say(Level::Warning, &format!("{} stays: {error}", file.name()));
            }
        }
    }
}
