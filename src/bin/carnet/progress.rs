//! Progress: a bar on a terminal, plain lines or JSON lines elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use carnet::observe::{Event, Observer, Run};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::args::Screen;

/// How often a plain line is printed.
const PERIOD: Duration = Duration::from_secs(10);

/// How progress is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Nothing,
    Bar,
    Lines,
    Json,
}

/// Shows what happens on stderr.
pub(crate) struct Progress {
    form: Form,
    verbose: bool,
    moved: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bar: Option<ProgressBar>,
    verb: &'static str,
    bytes: u64,
    said: Option<Instant>,
}

impl Progress {
    pub(crate) fn new(screen: Screen) -> Progress {
        let form = match (screen.quiet, screen.json, std::io::stderr().is_terminal()) {
            (true, ..) => Form::Nothing,
            (_, true, _) => Form::Json,
            (_, _, true) => Form::Bar,
            (_, _, false) => Form::Lines,
        };
        Progress { form, verbose: screen.verbose > 0, moved: AtomicU64::new(0), state: Mutex::default() }
    }

    fn start(&self, verb: &'static str, bytes: u64) {
        self.moved.store(0, Ordering::Relaxed);
        let mut state = self.state.lock().expect("no thread panicked");
        *state = State { bar: None, verb, bytes, said: Some(Instant::now()) };
        match self.form {
            Form::Bar => {
                let style = "{prefix:>8} [{wide_bar}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
                let style = ProgressStyle::with_template(style).expect("the template is right");
                let bar = ProgressBar::new(bytes).with_prefix(verb);
                bar.set_style(style.progress_chars("=> "));
                state.bar = Some(bar);
            }
            Form::Json => {
                say(&format!(r#"{{"event":"started","verb":"{verb}","bytes":{bytes}}}"#));
            }
            Form::Lines | Form::Nothing => {}
        }
    }

    fn advance(&self, bytes: u64) {
        let moved = self.moved.fetch_add(bytes, Ordering::Relaxed) + bytes;
        match self.form {
            Form::Bar => {
                // Whoever finds it busy leaves the drawing to the next.
                if let Ok(state) = self.state.try_lock()
                    && let Some(bar) = &state.bar
                {
                    bar.set_position(moved);
                }
            }
            Form::Lines | Form::Json => {
                if let Ok(mut state) = self.state.try_lock()
                    && state.said.is_some_and(|said| said.elapsed() >= PERIOD)
                {
                    state.said = Some(Instant::now());
                    let (verb, total) = (state.verb, state.bytes);
                    if self.form == Form::Json {
                        say(&format!(r#"{{"event":"moved","verb":"{verb}","bytes":{moved},"of":{total}}}"#));
                    } else {
                        say(&format!("{verb}: {} of {}", HumanBytes(moved), HumanBytes(total)));
                    }
                }
            }
            Form::Nothing => {}
        }
    }

    fn line(&self, plain: &str, json: &str) {
        match self.form {
            Form::Nothing => {}
            Form::Json => say(json),
            Form::Lines => say(plain),
            Form::Bar => {
                let state = self.state.lock().expect("no thread panicked");
                match &state.bar {
                    Some(bar) => bar.suspend(|| say(plain)),
                    None => say(plain),
                }
            }
        }
    }
}

impl Observer for Progress {
    fn on(&self, _: Run, event: Event) {
        match event {
            Event::Started { phase, bytes } => self.start(phase.word(), bytes),
            Event::Moved { bytes } => self.advance(bytes),
            Event::ChunkFinished { number, last, file, kept } => {
                let how = if kept { "kept" } else { "finished" };
                let json = serde_json::json!({
                    "event": "chunk", "number": number, "last": last, "file": file, "kept": kept
                });
                if self.verbose || self.form == Form::Json {
                    let file = super::render::plain(&file);
                    self.line(&format!("chunk {number} of {last} {how}: {file}"), &json.to_string());
                }
            }
            Event::Note { text } => {
                let json = serde_json::json!({ "event": "note", "text": text });
                self.line(&format!("note: {}", super::render::plain(&text)), &json.to_string());
            }
            Event::Ended => {
                let mut state = self.state.lock().expect("no thread panicked");
                if let Some(bar) = state.bar.take() {
                    bar.finish_and_clear();
                }
                if self.form == Form::Json {
                    let moved = self.moved.load(Ordering::Relaxed);
                    say(&format!(r#"{{"event":"ended","verb":"{}","bytes":{moved}}}"#, state.verb));
                }
            }
            _ => {}
        }
    }
}

/// A line to stderr; that nobody reads it is no reason to fail.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
