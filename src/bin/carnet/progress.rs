//! Progress on stderr: a bar on a terminal, plain lines or JSON lines elsewhere.
//!
//! Several runs may be active at once. Each has its own state from the start of a phase to its end, so their
//! events are kept apart.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use carnet::observe::{Event, Observer, Phase, Run, RunId, Verb};
use serde::Serialize;

use super::byte_count::HumanBytes;
use super::plain::{plain, plain_json};
use super::progress_bar::{Bar, Bars};
use super::screen::{Screen, write_line};

/// How often a line with the bytes moved is printed.
const PERIOD: Duration = Duration::from_secs(10);

/// A line of progress, which `--json` prints to stderr.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum ProgressLine {
    /// A phase begins.
    Started {
        #[serde(flatten)]
        source: Source,
        /// The phase that begins.
        phase: Phase,
        /// The number of bytes that the phase will move.
        bytes: u64,
    },
    /// Bytes were moved. Printed every 10 seconds.
    Moved {
        #[serde(flatten)]
        source: Source,
        /// The phase that moves the bytes.
        phase: Phase,
        /// The number of bytes moved since the phase began.
        bytes: u64,
        /// The number of bytes that the phase will move.
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
        /// The highest chunk number in the bundle.
        last: u32,
        /// The path of the chunk file.
        file: String,
        /// Whether an earlier run finished the chunk.
        kept: bool,
    },
    /// Information for the operator that is not a failure.
    Note {
        #[serde(flatten)]
        source: Source,
        /// The phase that the run is in; null between phases.
        phase: Option<Phase>,
        /// The note, in a sentence.
        text: String,
    },
    /// A phase ends, successful or not.
    Ended {
        #[serde(flatten)]
        source: Source,
        /// The phase that ends.
        phase: Phase,
        /// The number of bytes that the phase moved.
        bytes: u64,
    },
}

/// The run that an event belongs to.
#[derive(Clone, Copy, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub(crate) struct Source {
    /// The number of the run, unique within the process.
    run: u64,
    /// The verb of the run: the command.
    verb: Verb,
}

impl From<Run> for Source {
    fn from(run: Run) -> Source {
        Source { run: run.id.0, verb: run.verb }
    }
}

/// How progress is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Nothing,
    Bar,
    Lines,
    Json,
}

/// Shows the events of all runs.
pub(crate) struct Progress {
    mode: Mode,
    verbose: bool,
    write_line: Box<dyn Fn(&str) + Send + Sync>,
    bars: Bars,
    active: RwLock<BTreeMap<RunId, ActivePhase>>,
}

/// The current phase of a run.
struct ActivePhase {
    phase: Phase,
    bytes: u64,
    moved: AtomicU64,
    /// When a line was last printed. The worker that prints holds the lock; the others skip printing.
    printed: Mutex<Instant>,
    bar: Option<Bar>,
}

impl Progress {
    pub(crate) fn new(screen: &Screen) -> Progress {
        let mode = match (screen.quiet, screen.json, std::io::stderr().is_terminal()) {
            (true, ..) => Mode::Nothing,
            (_, true, _) => Mode::Json,
            (_, _, true) => Mode::Bar,
            (_, _, false) => Mode::Lines,
        };
        Progress::writing(mode, screen.verbose, write_line)
    }

    fn writing(mode: Mode, verbose: bool, write_line: impl Fn(&str) + Send + Sync + 'static) -> Progress {
        let bars = Bars::new();
        Progress { mode, verbose, write_line: Box::new(write_line), bars, active: RwLock::default() }
    }

    fn start(&self, run: Run, phase: Phase, bytes: u64) {
        let bar = if self.mode == Mode::Bar { self.bars.add(phase.word(), bytes) } else { None };
        if self.mode == Mode::Json {
            self.json(&ProgressLine::Started { source: run.into(), phase, bytes });
        }
        let printed = Mutex::new(Instant::now());
        let state = ActivePhase { phase, bytes, moved: AtomicU64::new(0), printed, bar };
        self.active.write().expect("no thread panicked").insert(run.id, state);
    }

    fn advance(&self, run: Run, bytes: u64) {
        if self.mode == Mode::Nothing {
            return;
        }
        let active = self.active.read().expect("no thread panicked");
        let Some(state) = active.get(&run.id) else { return };
        let moved = state.moved.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let Ok(mut printed) = state.printed.try_lock() else { return };
        if let Some(bar) = &state.bar {
            bar.set(moved);
        } else if printed.elapsed() >= PERIOD {
            *printed = Instant::now();
            let (phase, of) = (state.phase, state.bytes);
            if self.mode == Mode::Json {
                self.json(&ProgressLine::Moved { source: run.into(), phase, bytes: moved, of });
            } else {
                self.text(&format!("{}: {} of {}", phase.word(), HumanBytes(moved), HumanBytes(of)));
            }
        }
    }

    fn end(&self, run: Run) {
        let Some(state) = self.active.write().expect("no thread panicked").remove(&run.id) else { return };
        if let Some(bar) = &state.bar {
            self.bars.remove(bar);
        }
        if self.mode == Mode::Json {
            let bytes = state.moved.load(Ordering::Relaxed);
            self.json(&ProgressLine::Ended { source: run.into(), phase: state.phase, bytes });
        }
    }

    /// The current phase of a run.
    fn phase(&self, run: Run) -> Option<Phase> {
        self.active.read().expect("no thread panicked").get(&run.id).map(|state| state.phase)
    }

    fn json(&self, line: &ProgressLine) {
        (self.write_line)(&plain_json(&serde_json::to_string(line).expect("a line serialises")));
    }

    /// Prints a line of text, above the progress bars if there are any.
    fn text(&self, line: &str) {
        let write = || (self.write_line)(&plain(line));
        if self.mode == Mode::Bar { self.bars.above(write) } else { write() }
    }
}

impl Observer for Progress {
    fn on(&self, run: Run, event: Event) {
        match (self.mode, event) {
            (_, Event::Started { phase, bytes }) => self.start(run, phase, bytes),
            (_, Event::Moved { bytes }) => self.advance(run, bytes),
            (_, Event::Ended) => self.end(run),
            (Mode::Json, Event::ChunkFinished { number, last, file, kept }) => {
                let phase = self.phase(run);
                self.json(&ProgressLine::Chunk { source: run.into(), phase, number, last, file, kept });
            }
            (Mode::Lines | Mode::Bar, Event::ChunkFinished { number, last, file, kept }) if self.verbose => {
                let how = if kept { "kept" } else { "finished" };
                self.text(&format!("chunk {number} of {last} {how}: {file}"));
            }
            (Mode::Json, Event::Note { text }) => {
                self.json(&ProgressLine::Note { source: run.into(), phase: self.phase(run), text });
            }
            (Mode::Lines | Mode::Bar, Event::Note { text }) => self.text(&format!("note: {text}")),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn lines(mode: Mode, events: Vec<(Run, Event)>) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&lines);
        let progress = Progress::writing(mode, true, move |line| taken.lock().unwrap().push(line.to_owned()));
        for (run, event) in events {
            progress.on(run, event);
        }
        assert!(progress.active.into_inner().unwrap().is_empty(), "a phase that ended must leave no state");
        let lines = lines.lock().unwrap();
        lines.clone()
    }

    const PACK: Run = Run { id: RunId(3), verb: Verb::Pack };
    const IMPORT: Run = Run { id: RunId(4), verb: Verb::Import };

    #[test]
    fn events_of_concurrent_runs_are_kept_apart() {
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
            lines(Mode::Json, events),
            [
                r#"{"event":"started","run":3,"verb":"pack","phase":"sums","bytes":100}"#,
                r#"{"event":"started","run":4,"verb":"import","phase":"import","bytes":7}"#,
                r#"{"event":"chunk","run":3,"verb":"pack","phase":"sums","number":1,"last":2,"file":"a\u001b.tar","kept":false}"#,
                r#"{"event":"ended","run":4,"verb":"import","phase":"import","bytes":7}"#,
                r#"{"event":"note","run":4,"verb":"import","phase":null,"text":"slow"}"#,
                r#"{"event":"ended","run":3,"verb":"pack","phase":"sums","bytes":100}"#,
            ]
        );
        assert_eq!(lines(Mode::Lines, vec![(PACK, chunk)]), ["chunk 1 of 2 finished: a\\u{1b}.tar"]);
    }

    #[test]
    fn quiet_prints_nothing() {
        let events = vec![
            (PACK, Event::Started { phase: Phase::Pack, bytes: 1 }),
            (PACK, Event::Note { text: "slow".to_owned() }),
            (PACK, Event::Ended),
        ];
        assert!(lines(Mode::Nothing, events).is_empty());
    }
}
