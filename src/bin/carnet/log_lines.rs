//! The log of a station: one line on stderr for each event.

use carnet::clock::Clock as _;
use carnet::diagnosis::Diagnosis;
use carnet::station::{Level, Log};
use serde_json::json;

use super::advice::hint;
use super::plain::{plain, plain_json};
use super::screen::{say, write_line};
use super::world::{SystemClock, is_journal};

/// Writes the log as text or as JSON. Under systemd, text lines begin with their priority and have no time.
pub(crate) struct LogLines {
    json: bool,
    quiet: bool,
    /// Whether somebody started the run by hand and waits for it.
    by_hand: bool,
    journal: bool,
}

impl LogLines {
    pub(crate) fn new(json: bool, quiet: bool) -> LogLines {
        LogLines { json, quiet, by_hand: false, journal: is_journal() }
    }

    /// For a run by hand: warnings, and errors as every command shows them.
    pub(crate) fn by_hand(json: bool) -> LogLines {
        LogLines { json, quiet: true, by_hand: true, journal: false }
    }
}

impl Log for LogLines {
    fn line(&self, level: Level, pipeline: &str, run: Option<&str>, text: &str) {
        if self.quiet && level == Level::Info {
            return;
        }
        let now = SystemClock.now();
        let (word, priority) = match level {
            Level::Error => ("error", 3),
            Level::Warning => ("warning", 4),
            Level::Info => ("info", 6),
        };
        if self.json {
            let line = json!({ "time": now, "level": word, "pipeline": pipeline, "run": run, "text": text });
            write_line(&plain_json(&line.to_string()));
            return;
        }
        let run = run.map_or_else(String::new, |run| format!(" {run}"));
        let text = plain(text);
        if self.journal {
            write_line(&format!("<{priority}>{pipeline}{run}: {text}"));
        } else {
            write_line(&format!("{now} {word} {pipeline}{run}: {text}"));
        }
    }

    fn failed(&self, pipeline: &str, run: Option<&str>, what: &str, why: &str, diagnosis: &Diagnosis) {
        let (code, hint) = (diagnosis.code, hint(diagnosis));
        if self.by_hand && !self.json {
            say(&format!("error[{code}]: {}", plain(why)));
            say(&format!("  hint: {hint}"));
        } else if self.json {
            let (now, text) = (SystemClock.now(), format!("{what}: {why}"));
            let line = json!({
                "time": now, "level": "error", "pipeline": pipeline, "run": run, "text": text, "code": code, "hint": hint,
            });
            write_line(&plain_json(&line.to_string()));
        } else {
            self.line(Level::Error, pipeline, run, &format!("{what}: error[{code}]: {why}; hint: {hint}"));
        }
    }
}
