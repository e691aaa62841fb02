//! Progress on stderr: a bar on a terminal, plain lines or JSON lines elsewhere.
//!
//! Several runs may be under way at once. Each has a state of its own from the start of a phase to its end, so
//! their events do not mix.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use carnet::observe::{Event, Observer, Phase, Run, RunId, Verb};
use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};
use schemars::JsonSchema;
use serde::Serialize;

use super::plain::{plain, plain_json};
use super::screen::{Screen, write_line};

/// How often a line about moved bytes is printed.
const PERIOD: Duration = Duration::from_secs(10);

/// A line of progress, as `--json` prints it to stderr.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum ProgressLine {
    /// A phase begins.
    Started {
        #[serde(flatten)]
        source: Source,
        /// The phase that begins.
        phase: Phase,
        /// Bytes that it will move.
        bytes: u64,
    },
    /// Bytes were moved. Printed every 10 seconds.
    Moved {
        #[serde(flatten)]
        source: Source,
        /// The phase that moves them.
        phase: Phase,
        /// Bytes moved since the phase began.
        bytes: u64,
        /// Bytes that the phase will move.
        of: u64,
    },
    /// A chunk file is complete and has its final name.
    Chunk {
        #[serde(flatten)]
        source: Source,
        /// The phase that the run is in; null between phases.
        phase: Option<Phase>,
        /// The number of the chunk.
        number: u32,
        /// The highest number in the bundle.
        last: u32,
        /// The path of the file.
        file: String,
        /// Whether an earlier run had finished it.
        kept: bool,
    },
    /// Something that the operator should know and that is no failure.
    Note {
        #[serde(flatten)]
        source: Source,
        /// The phase that the run is in; null between phases.
        phase: Option<Phase>,
        /// A sentence.
        text: String,
    },
    /// A phase is over, successful or not.
    Ended {
        #[serde(flatten)]
        source: Source,
        /// The phase that is over.
        phase: Phase,
        /// Bytes that it moved.
        bytes: u64,
    },
}

/// Where an event comes from.
#[derive(Clone, Copy, Serialize, JsonSchema)]
pub(crate) struct Source {
    /// The run: unique among those of one process.
    run: u64,
    /// What it does.
    verb: Verb,
}

impl From<Run> for Source {
    fn from(run: Run) -> Source {
        Source { run: run.id.0, verb: run.verb }
    }
}

/// How progress is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Nothing,
    Bar,
    Lines,
    Json,
}

/// Shows the events of all runs.
pub(crate) struct Progress {
    form: Form,
    verbose: bool,
    write_line: Box<dyn Fn(&str) + Send + Sync>,
    bars: MultiProgress,
    under_way: RwLock<BTreeMap<RunId, UnderWay>>,
}

/// The phase that a run is in.
struct UnderWay {
    phase: Phase,
    bytes: u64,
    moved: AtomicU64,
    /// When a line was last printed. The worker that prints holds it; the others do not wait for it.
    printed: Mutex<Instant>,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new(screen: &Screen) -> Progress {
        let form = match (screen.quiet, screen.json, std::io::stderr().is_terminal()) {
            (true, ..) => Form::Nothing,
            (_, true, _) => Form::Json,
            (_, _, true) => Form::Bar,
            (_, _, false) => Form::Lines,
        };
        Progress::writing(form, screen.verbose, write_line)
    }

    fn writing(form: Form, verbose: bool, write_line: impl Fn(&str) + Send + Sync + 'static) -> Progress {
        let bars = MultiProgress::new();
        Progress { form, verbose, write_line: Box::new(write_line), bars, under_way: RwLock::default() }
    }

    fn start(&self, run: Run, phase: Phase, bytes: u64) {
        let bar = (self.form == Form::Bar).then(|| {
            let style = "{prefix:>8} [{wide_bar}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
            let style = ProgressStyle::with_template(style).expect("the template is right");
            let bar = self.bars.add(ProgressBar::new(bytes).with_prefix(phase.word()));
            bar.set_style(style.progress_chars("=> "));
            bar
        });
        if self.form == Form::Json {
            self.json(&ProgressLine::Started { source: run.into(), phase, bytes });
        }
        let printed = Mutex::new(Instant::now());
        let state = UnderWay { phase, bytes, moved: AtomicU64::new(0), printed, bar };
        self.under_way.write().expect("no thread panicked").insert(run.id, state);
    }

    fn advance(&self, run: Run, bytes: u64) {
        if self.form == Form::Nothing {
            return;
        }
        let under_way = self.under_way.read().expect("no thread panicked");
        let Some(state) = under_way.get(&run.id) else { return };
        let moved = state.moved.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let Ok(mut printed) = state.printed.try_lock() else { return };
        if let Some(bar) = &state.bar {
            bar.set_position(moved);
        } else if printed.elapsed() >= PERIOD {
            *printed = Instant::now();
            let (phase, of) = (state.phase, state.bytes);
            if self.form == Form::Json {
                self.json(&ProgressLine::Moved { source: run.into(), phase, bytes: moved, of });
            } else {
                self.text(&format!("{}: {} of {}", phase.word(), HumanBytes(moved), HumanBytes(of)));
            }
        }
    }

    fn end(&self, run: Run) {
        let Some(state) = self.under_way.write().expect("no thread panicked").remove(&run.id) else { return };
        if let Some(bar) = &state.bar {
            bar.finish_and_clear();
            self.bars.remove(bar);
        }
        if self.form == Form::Json {
            let bytes = state.moved.load(Ordering::Relaxed);
            self.json(&ProgressLine::Ended { source: run.into(), phase: state.phase, bytes });
        }
    }

    /// The phase that a run is in.
    fn phase(&self, run: Run) -> Option<Phase> {
        self.under_way.read().expect("no thread panicked").get(&run.id).map(|state| state.phase)
    }

    fn json(&self, line: &ProgressLine) {
        (self.write_line)(&plain_json(&serde_json::to_string(line).expect("a line serialises")));
    }

    /// A line for people, above the bars if there are any.
    fn text(&self, line: &str) {
        let write = || (self.write_line)(&plain(line));
        if self.form == Form::Bar { self.bars.suspend(write) } else { write() }
    }
}

impl Observer for Progress {
    fn on(&self, run: Run, event: Event) {
        match (self.form, event) {
            (_, Event::Started { phase, bytes }) => self.start(run, phase, bytes),
            (_, Event::Moved { bytes }) => self.advance(run, bytes),
            (_, Event::Ended) => self.end(run),
            (Form::Json, Event::ChunkFinished { number, last, file, kept }) => {
                let phase = self.phase(run);
                self.json(&ProgressLine::Chunk { source: run.into(), phase, number, last, file, kept });
            }
            (Form::Lines | Form::Bar, Event::ChunkFinished { number, last, file, kept }) if self.verbose => {
                let how = if kept { "kept" } else { "finished" };
                self.text(&format!("chunk {number} of {last} {how}: {file}"));
            }
            (Form::Json, Event::Note { text }) => {
                self.json(&ProgressLine::Note { source: run.into(), phase: self.phase(run), text });
            }
            (Form::Lines | Form::Bar, Event::Note { text }) => self.text(&format!("note: {text}")),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn lines(form: Form, events: Vec<(Run, Event)>) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&lines);
        let progress = Progress::writing(form, true, move |line| taken.lock().unwrap().push(line.to_owned()));
        for (run, event) in events {
            progress.on(run, event);
        }
        assert!(
            progress.under_way.into_inner().unwrap().is_empty(),
            "nothing is kept of a phase that is over"
        );
        let lines = lines.lock().unwrap();
        lines.clone()
    }

    const PACK: Run = Run { id: RunId(3), verb: Verb::Pack };
    const IMPORT: Run = Run { id: RunId(4), verb: Verb::Import };

    #[test]
    fn runs_at_the_same_time_do_not_mix() {
        let chunk = Event::ChunkFinished { number: 1, last: 2, file: "a\u{1b}.tar".to_owned(), kept: false };
        let events = vec![
            (PACK, Event::Started { phase: Phase::Sums, bytes: 100 }),
            (IMPORT, Event::Started { phase: Phase::Import, bytes: 7 }),
            (PACK, Event::Moved { bytes: 60 }),
            (IMPORT, Event::Moved { bytes: 7 }),
            (PACK, chunk.clone()),
            (IMPORT, Event::Ended),
            (IMPORT, Event::Note { text: "slow".to_owned() }),
            (PACK, Event::Moved { bytes: 40 }),
            (PACK, Event::Ended),
        ];
        assert_eq!(
            lines(Form::Json, events),
            [
                r#"{"event":"started","run":3,"verb":"pack","phase":"sums","bytes":100}"#,
                r#"{"event":"started","run":4,"verb":"import","phase":"import","bytes":7}"#,
                r#"{"event":"chunk","run":3,"verb":"pack","phase":"sums","number":1,"last":2,"file":"a\u001b.tar","kept":false}"#,
                r#"{"event":"ended","run":4,"verb":"import","phase":"import","bytes":7}"#,
                r#"{"event":"note","run":4,"verb":"import","phase":null,"text":"slow"}"#,
                r#"{"event":"ended","run":3,"verb":"pack","phase":"sums","bytes":100}"#,
            ]
        );
        assert_eq!(lines(Form::Lines, vec![(PACK, chunk)]), ["chunk 1 of 2 finished: a\\u{1b}.tar"]);
    }

    #[test]
    fn quiet_prints_nothing() {
        let events = vec![
            (PACK, Event::Started { phase: Phase::Pack, bytes: 1 }),
            (PACK, Event::Note { text: "slow".to_owned() }),
            (PACK, Event::Ended),
        ];
        assert!(lines(Form::Nothing, events).is_empty());
    }
}
