//! Watches the inbox of an import pipeline.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::alive::LifeSigns;
use super::attempts::{Attempts, Failed};
use super::board::BundleView;
use super::file_state::{FileState, count_passed_over};
use super::inbox::{Inbox, InboxBundle, InboxFile};
use super::judging::bundles_denied_before;
use super::log::Level;
use super::mending::Mending;
use super::places_asked::ask_target;
use super::reach::{Answer, Reach};
use super::reception::{Looks, unfinished_line};
use super::serving::Serving;
use super::spare_memory;
use super::{ImportPipeline, ImportRun, NotReady, PipelineOption, StationError, import};
use crate::diagnosis::{Code, Diagnose as _, count};
use crate::environment::Environment;
use crate::format::{Sum, Timestamp};
use crate::import::Outcome;
use crate::medium::{ChunkPlace, ChunkStore};
use crate::runs::{RunRecord, RunStatus, RunsError};
use crate::stream::workers::Workers;
use crate::trust::TrustPolicy;

/// The wait in seconds before the files of a complete bundle are looked at once more.
const SETTLE_SECONDS: u64 = 2;

/// The longest wait in seconds between two looks into a place that cannot be reached.
const AWAY_SECONDS_MAX: u64 = 300;

/// An inbox that is watched.
pub(super) struct Watching<'a> {
    serving: &'a Serving<'a>,
    pipeline: &'a ImportPipeline,
    workers: Workers,
    inbox: Inbox,
    /// By what access it is used.
    access: Option<String>,
    /// The place, opened by an earlier look.
    store: Option<Box<dyn ChunkStore>>,
    policy: Option<TrustPolicy>,
    /// A sum over the files of the policy for the content, as the last look found them.
    rules: Option<String>,
    /// The bundles that an earlier process denied by these files, each with what it said; `None` before the first look.
    denied: Option<HashMap<Sum, String>>,
    registry: Reach<'a>,
    /// Whether it was told that another run of the pipeline is under way.
    is_busy: bool,
    attempts: Attempts,
    /// For each unfinished bundle what is missing, since when, and whether that was told.
    unfinished: HashMap<Sum, (Vec<u32>, Timestamp, bool)>,
    /// Which bundles were to be recovered from parity.
    mending: Mending,
    /// Files of imported bundles that cannot be deleted, with their versions.
    kept: HashSet<String>,
    /// Whether a bundle is complete, and its files must be seen unchanged once.
    settles: bool,
    /// Whether the inbox has more than it may, as it was told.
    is_over: bool,
    /// What keeps the inbox from being looked into, as it was told.
    away: Option<String>,
    looks_failed: u32,
}

impl<'a> Watching<'a> {
    pub(super) fn new(
        serving: &'a Serving<'a>,
        pipeline: &'a ImportPipeline,
    ) -> Result<Watching<'a>, StationError> {
        Ok(Watching {
            serving,
            pipeline,
            workers: serving.workers()?,
            inbox: Inbox::default(),
            access: None,
            store: None,
            policy: None,
            rules: None,
            denied: None,
            registry: Reach::new(&pipeline.name, "nothing is imported"),
            is_busy: false,
            attempts: Attempts::default(),
            unfinished: HashMap::new(),
            mending: Mending::new(serving.ledger.folder().join("recovered").join(pipeline.name.as_str())),
            kept: HashSet::new(),
            settles: false,
            is_over: false,
            away: None,
            looks_failed: 0,
        })
    }

    fn say(&self, level: Level, text: &str) {
        self.serving.log.line(level, &self.pipeline.name, None, text);
    }

    /// Looks into the inbox again and again, until told to stop.
    pub(super) fn run(mut self) {
        self.say(Level::Info, &format!("watching {} every {} s", self.pipeline.from, self.pipeline.poll));
        while !self.serving.is_stopped() {
            let now = self.serving.now();
            let looks = self.inbox.looks();
            let looked = self.look(now);
            if self.inbox.looks() != looks {
                spare_memory::give_back();
            }
            let problem = looked.as_ref().err().map(ToString::to_string);
            // Once when it begins, and once when it ends.
            match (&problem, &self.away) {
                (Some(problem), told) if told.as_ref() != Some(problem) => {
                    if let Err(error) = &looked {
                        let (name, what) = (&self.pipeline.name, "cannot look into the inbox");
                        self.serving.log.failed(name, None, what, problem, &error.diagnosis());
                    }
                }
                (None, Some(_)) => self.say(Level::Info, "the inbox can be looked into again"),
                _ => {}
            }
            let failing = self.failing();
            self.looks_failed = if problem.is_some() { self.looks_failed + 1 } else { 0 };
            self.serving.board.change(&self.pipeline.name, |view| {
                view.looked = Some(now);
                view.patience = 3 * self.pipeline.poll + AWAY_SECONDS_MAX;
                if problem.is_none() {
                    view.reached = Some(now);
                }
                view.problem = problem.clone().or_else(|| failing.clone());
            });
            self.away = problem;
            let longer = self.pipeline.poll.saturating_mul(1 << self.looks_failed.min(10));
            let mut seconds = longer.min(AWAY_SECONDS_MAX.max(self.pipeline.poll));
            if self.settles {
                seconds = seconds.min(SETTLE_SECONDS);
            }
            self.serving.wait(&self.pipeline.name, Duration::from_secs(seconds));
        }
    }

    /// What keeps complete bundles from being imported.
    fn failing(&self) -> Option<String> {
        if let Some(away) = self.registry.problem() {
            return Some(away);
        }
        match self.attempts.problems().as_slice() {
            [] => None,
            [one] => Some((*one).to_owned()),
            [first, rest @ ..] => Some(format!(
                "{first}; {} fails, too",
                count(rest.len() as u64, "other bundle", "other bundles")
            )),
        }
    }

    /// Looks into the inbox once, and imports what is ready.
    fn look(&mut self, now: Timestamp) -> Result<(), StationError> {
        let policy = TrustPolicy::load(&self.pipeline.trust)?;
        if self.policy.as_ref().is_some_and(|known| *known != policy) {
            self.say(Level::Info, "the trust file has changed");
            self.inbox.forget_untrusted();
            self.attempts.forget_all();
        }
        let rules = self.pipeline.rules.is_asked().then(|| self.pipeline.rules.stamp().to_string());
        if self.denied.is_none() {
            let ledger = self.serving.ledger.folder();
            self.denied = Some(bundles_denied_before(ledger, &self.pipeline.name, rules.as_deref())?);
        } else if self.rules != rules {
            self.say(Level::Info, "a file of the policy has changed");
            self.attempts.forget_all();
        }
        let is_same = self.policy.as_ref() == Some(&policy) && self.rules == rules;
        self.policy = Some(policy.clone());
        self.rules = rules;
        let store = if let Some(store) = self.store.take() {
            store
        } else {
            self.serving.equipment.inbox(self.pipeline)?
        };
        let is_away = self.registry.problem().is_some();
        let waits = self.settles || is_away || self.attempts.tries_again() || !is_same;
        if self.inbox.rests(store.pulse(), now) && !waits {
            self.store = Some(store);
            return Ok(());
        }
        self.settles = false;
        let mut found = store.files()?;
        found.extend(self.mending.files());
        self.access = store.access();
        // It is opened anew after an error, for there may be a new secret, and after an import, which fills its memory.
        self.store = Some(store);
        let files = self.inbox.look(&found, &policy, now, self.pipeline.limits(now), &self.workers);
        self.tell_limit(&files);
        self.set_aside(&files);
        let bundles = self.inbox.bundles(&files, now);
        self.attempts.keep(&bundles);
        self.unfinished.retain(|id, _| bundles.iter().any(|bundle| bundle.id == *id));
        self.mending.keep(&bundles);
        let mut views = Vec::new();
        self.registry.begin_look();
        for bundle in &bundles {
            if self.serving.is_stopped() {
                break;
            }
            let state = self.handle(bundle, &bundles, &files, &policy, now)?;
            views.push(BundleView {
                bundle: bundle.id,
                name: bundle.name.to_string(),
                chunks: bundle.last + 1,
                missing: bundle.missing.clone(),
                since: bundle.since,
                state,
            });
        }
        self.registry.end_look(self.serving);
        self.serving.board.change(&self.pipeline.name, |view| {
            view.bundles = views;
            view.access.clone_from(&self.access);
            view.files = files.len();
            view.passed_over = count_passed_over(files.iter().map(|file| &file.state));
        });
        Ok(())
    }

    /// Recovers lost and damaged chunks from parity, into the inbox if it is a folder. Returns whether all are there now.
    fn mend(&mut self, bundle: &InboxBundle, files: &[InboxFile], policy: &TrustPolicy) -> bool {
        let inbox = match &self.pipeline.from {
            ChunkPlace::Path(inbox) => Some(inbox.as_path()),
            ChunkPlace::Store(_) => None,
        };
        if !self.mending.is_due(bundle, Looks::Repeated) {
            return false;
        }
        let Serving { equipment, .. } = *self.serving;
        let life = LifeSigns { alive: &equipment.alive, pipeline: &self.pipeline.name };
        let clock = equipment.clock.as_ref();
        let environment = Environment { clock, monitor: life.monitor(), workers: &self.workers };
        match self.mending.mend(bundle, files, policy, inbox, &environment) {
            Ok(report) => {
                let recovered = count(report.repaired.len() as u64, "chunk", "chunks");
                let text = format!("{recovered} of the bundle {} recovered from parity", bundle.name);
                if !report.repaired.is_empty() {
                    self.say(Level::Info, &text);
                }
                self.settles |= report.missing.is_empty();
                report.missing.is_empty()
            }
            Err(error) => {
                let text = format!("the bundle {} cannot be recovered from parity: {error}", bundle.name);
                self.say(Level::Warning, &text);
                false
            }
        }
    }

    /// Tells once that the inbox has more than it may, and once that it has not any more.
    fn tell_limit(&mut self, files: &[InboxFile]) {
        let over = |file: &&InboxFile| matches!(file.state, FileState::OverLimit { .. });
        let passed = files.iter().filter(over).count();
        if (passed > 0) == self.is_over {
            return;
        }
        self.is_over = passed > 0;
        match files.iter().find(over) {
            Some(InboxFile { file, state }) => {
                let more = count(passed as u64, "file is", "files are");
                let text = format!("{more} not taken up; the first is {}, {state}", file.name());
                self.say(Level::Warning, &text);
            }
            None => self.say(Level::Info, "all files of the inbox are taken up again"),
        }
    }

    /// Moves files that nobody trusted has signed out of the way, where that is possible.
    fn set_aside(&self, files: &[InboxFile]) {
        for InboxFile { file, state } in files {
            let FileState::Untrusted { reason } = state else { continue };
            match file.set_aside(reason) {
                Ok(Some(place)) => {
                    let text = format!("{} is not trusted, moved to {place}: {reason}", file.name());
                    self.say(Level::Warning, &text);
                }
                // It stays, and is passed over.
                Ok(None) => {}
                Err(error) => self.say(Level::Warning, &format!("cannot move {}: {error}", file.name())),
            }
        }
    }

    /// Why a bundle that was tried before is not tried now, in words.
    fn waits(&mut self, bundle: &InboxBundle, now: Timestamp) -> Option<String> {
        if let Some(told) = self.denied.as_mut().and_then(|denied| denied.remove(&bundle.id)) {
            self.attempts.deny(bundle, told);
        }
        self.attempts.waits(bundle, now)
    }

    /// Imports a bundle if it is time. Returns what becomes of it, in words.
    fn handle(
        &mut self,
        bundle: &InboxBundle,
        waiting: &[InboxBundle],
        files: &[InboxFile],
        policy: &TrustPolicy,
        now: Timestamp,
    ) -> Result<String, StationError> {
        if let Some(run) = self.serving.ledger.imported(&self.pipeline.name, &bundle.id)? {
            self.attempts.forget(&bundle.id);
            self.mending.forget(&bundle.id);
            let state = format!("imported by the run {run}");
            self.delete_again(bundle);
            return Ok(state);
        }
        if !bundle.missing.is_empty() {
            if self.mend(bundle, files, policy) {
                return Ok("recovered from parity; looked at once more".to_owned());
            }
            self.remind(bundle, now);
            return Ok(format!("waits for {}", chunks(&bundle.missing)));
        }
        if !bundle.steady {
            self.settles = true;
            return Ok("complete; looked at once more, in case it is still written".to_owned());
        }
        if let Some(state) = self.waits(bundle, now) {
            return Ok(state);
        }
        let Serving { equipment, .. } = *self.serving;
        match self.registry.ask(self.serving, || ask_target(self.pipeline, equipment)) {
            Answer::Away(state) => return Ok(state),
            // What failed may have failed because of it.
            Answer::Back => self.attempts.forget_failed(),
            Answer::There => {}
        }
        self.serving.board.change(&self.pipeline.name, |view| view.run = Some(bundle.name.to_string()));
        let run = ImportRun {
            files: &bundle.files,
            bundle: bundle.id,
            waiting,
            policy,
            access: self.access.clone(),
            arrived: Some(now.to_string()),
            force: false,
            allow_rollback: false,
            fields: BTreeMap::new(),
        };
        self.store = None;
        let Serving { ledger, log, .. } = *self.serving;
        let life = LifeSigns { alive: &equipment.alive, pipeline: &self.pipeline.name };
        let clock = equipment.clock.as_ref();
        let environment = Environment { clock, monitor: life.monitor(), workers: &self.workers };
        let outcome = import(self.pipeline, &run, equipment, ledger, &environment, log);
        self.serving.board.change(&self.pipeline.name, |view| view.run = None);
        let outcome = match outcome {
            // Somebody runs the pipeline by hand. The bundle is looked at again soon.
            Err(StationError::Runs(RunsError::Busy { .. })) => {
                if !self.is_busy {
                    let text = "another run of the pipeline is under way; the next bundle waits for it";
                    self.say(Level::Info, text);
                }
                (self.is_busy, self.settles) = (true, true);
                return Ok("waits for another run of the pipeline".to_owned());
            }
            outcome => outcome?,
        };
        self.is_busy = false;
        Ok(self.conclude(bundle, outcome, now))
    }

    /// Notes what became of a bundle. Returns its state, in words.
    fn conclude(
        &mut self,
        bundle: &InboxBundle,
        outcome: Result<RunRecord, NotReady>,
        now: Timestamp,
    ) -> String {
        if let Ok(record) = &outcome {
            self.serving.board.change(&self.pipeline.name, |view| view.count(record));
        }
        let is_base_missing =
            |record: &RunRecord| record.error_code.as_deref() == Some(Code::BaseMissing.word());
        let lacks_base = outcome.as_ref().is_ok_and(is_base_missing);
        if outcome.as_ref().is_ok_and(has_brought) {
            // Something is in the registry now that was not: perhaps what another bundle lacked.
            self.settles |= self.attempts.forget_lacking();
        }
        let (problem, is_failure) = match outcome {
            Ok(record) if matches!(record.status, RunStatus::Succeeded | RunStatus::Skipped) => {
                let state = format!("imported by the run {}", record.name);
                self.attempts.forget(&bundle.id);
                let now = self.serving.now();
                self.serving.board.change(&self.pipeline.name, |view| view.succeeded = Some(now));
                return state;
            }
            // The run said so in the log.
            Ok(record) if record.judgement.as_ref().is_some_and(|judgement| !judgement.allowed) => {
                let told = record.pipeline_run_error_message.unwrap_or_default();
                return self.attempts.deny(bundle, told);
            }
            Ok(record) => (record.pipeline_run_error_message.unwrap_or_default(), true),
            Err(not_ready) => {
                if self.attempts.told(&bundle.id) != Some(&not_ready.reason) {
                    let text =
                        format!("the bundle {} is not imported yet: {}", bundle.name, not_ready.reason);
                    self.say(Level::Warning, &text);
                }
                if !not_ready.unfit.is_empty() {
                    // It waits for these chunks as for those that have not arrived.
                    for file in bundle
                        .files
                        .iter()
                        .filter(|file| not_ready.unfit.iter().any(|name| name == file.name()))
                    {
                        self.inbox.note_damage(file.as_ref(), not_ready.reason.clone(), now);
                    }
                    return not_ready.reason;
                }
                // A release may come later.
                let waits = [Code::BundleUntrusted, Code::SignatureDowngrade];
                (not_ready.reason, !waits.contains(&not_ready.diagnosis.code))
            }
        };
        let failed = Failed { problem, is_failure, lacks_base };
        let serving = self.serving;
        let next = |failures| serving.now().plus_seconds(serving.back_off(failures)).unwrap_or(now);
        self.attempts.fail(bundle, failed, next)
    }

    /// Tells that a bundle is unfinished, once after nothing of it has arrived for some time.
    fn remind(&mut self, bundle: &InboxBundle, now: Timestamp) {
        let Some(after) = self.pipeline.remind_after else { return };
        let (_, since, told) = self
            .unfinished
            .entry(bundle.id)
            .and_modify(|entry| {
                if entry.0 != bundle.missing {
                    *entry = (bundle.missing.clone(), now, false);
                }
            })
            .or_insert_with(|| (bundle.missing.clone(), now, false));
        if *told || since.plus_seconds(after).is_none_or(|time| time > now) {
            return;
        }
        *told = true;
        let (name, resend) = (&bundle.name, unfinished_line(bundle).in_logs());
        let text = format!(
            "the bundle {name} is unfinished, and nothing of it has arrived since {since}; send again: {resend}"
        );
        self.say(Level::Warning, &text);
    }

    /// Deletes files of a bundle that was imported before, if that is wanted: they were delivered again.
    fn delete_again(&mut self, bundle: &InboxBundle) {
        if !bundle.steady || !self.pipeline.has(PipelineOption::DeleteSourceBlobOnSuccess) {
            return;
        }
        let mut deleted = 0;
        for file in &bundle.files {
            let version = format!("{} {}", file.name(), file.version());
            if self.kept.contains(&version) {
                continue;
            }
            match file.remove() {
                Ok(()) => deleted += 1,
                Err(error) => {
                    self.say(Level::Warning, &format!("{} stays: {error}", file.name()));
                    self.kept.insert(version);
                }
            }
        }
        if deleted == 0 {
            return;
        }
        let files = count(deleted, "file", "files");
        let text = format!("deleted {files} of the bundle {}, which was imported before", bundle.name);
        self.say(Level::Info, &text);
    }
}

/// Whether a run brought something into the registry, even if it failed for the rest.
fn has_brought(record: &RunRecord) -> bool {
    let new = [Outcome::Created, Outcome::Replaced].map(Outcome::word);
    matches!(record.status, RunStatus::Succeeded | RunStatus::Skipped)
        || record.imported_artifacts.iter().any(|artifact| new.contains(&artifact.outcome.as_str()))
}

fn numbers(missing: &[u32]) -> String {
    missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// `chunk 3`, or `4 chunks: 1, 2, 3, 9`.
fn chunks(missing: &[u32]) -> String {
    match missing {
        [number] => format!("chunk {number}"),
        all => format!("{}: {}", count(all.len() as u64, "chunk", "chunks"), numbers(all)),
    }
}
