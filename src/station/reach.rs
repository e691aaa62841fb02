//! Whether the places that a pipeline needs can be reached. They are asked before a run begins, so that a registry or a
//! store that is away leaves neither records nor a line for each try.

use super::log::Level;
use super::places_asked::Unreachable;
use super::serving::Serving;
use crate::format::Timestamp;

/// The longest wait in seconds between two questions to a place that is away.
const AWAY_SECONDS_MAX: u64 = 300;

/// A place that is away.
struct Away {
    /// The place, e.g. `the registry low.example`.
    place: String,
    problem: String,
    failures: u32,
    /// When it is asked again.
    next: Timestamp,
}

/// What the places of a pipeline answered.
pub(super) struct Reach<'a> {
    pipeline: &'a str,
    /// What does not happen while a place is away, e.g. `nothing is imported`.
    consequence: &'static str,
    away: Option<Away>,
    /// Whether a run wanted to begin in this look.
    is_wanted: bool,
}

/// What a run that wants to begin finds.
#[derive(PartialEq, Eq)]
pub(super) enum Answer {
    /// Everything is there.
    There,
    /// What was away is there again.
    Back,
    /// Something is away; the text says what and until when the run waits.
    Away(String),
}

impl<'a> Reach<'a> {
    pub(super) fn new(pipeline: &'a str, consequence: &'static str) -> Reach<'a> {
        Reach { pipeline, consequence, away: None, is_wanted: false }
    }

    /// Asks the places with `asked`, unless one was away a short time ago. Says once that it is away, and once that it is
    /// back.
    pub(super) fn ask(
        &mut self,
        serving: &Serving<'_>,
        asked: impl FnOnce() -> Result<(), Unreachable>,
    ) -> Answer {
        self.is_wanted = true;
        let now = serving.now();
        let waits = |away: &Away| format!("tried again at {}: {}", away.next, away.problem);
        if let Some(away) = self.away.as_ref().filter(|away| now < away.next) {
            return Answer::Away(waits(away));
        }
        match (asked(), self.away.take()) {
            (Err(Unreachable { place, problem, diagnosis }), before) => {
                if before.as_ref().is_none_or(|before| before.place != place) {
                    let what = format!("{place} is away, so {}", self.consequence);
                    serving.log.failed(self.pipeline, None, &what, &problem, &diagnosis);
                }
                let failures = before.map_or(0, |before| before.failures) + 1;
                let wait = serving.back_off(failures).min(AWAY_SECONDS_MAX);
                // Asking takes time, too.
                let next = serving.now().plus_seconds(wait).unwrap_or(now);
                let away = self.away.insert(Away { place, problem, failures, next });
                Answer::Away(waits(away))
            }
            (Ok(()), Some(before)) => {
                let text = format!("{} is back", before.place);
                serving.log.line(Level::Info, self.pipeline, None, &text);
                Answer::Back
            }
            (Ok(()), None) => Answer::There,
        }
    }

    /// A look begins.
    pub(super) fn begin_look(&mut self) {
        self.is_wanted = false;
    }

    /// A look ended. If nothing waits for a place, it does not matter that it is away.
    pub(super) fn end_look(&mut self, serving: &Serving<'_>) {
        if self.is_wanted {
            return;
        }
        if let Some(away) = self.away.take() {
            let text = format!("no bundle waits for {} any more", away.place);
            serving.log.line(Level::Info, self.pipeline, None, &text);
        }
    }

    /// What is away, and why, if something is.
    pub(super) fn problem(&self) -> Option<String> {
        self.away.as_ref().map(|away| format!("{} is away: {}", away.place, away.problem))
    }

    /// When what is away is asked again.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.away.as_ref().map(|away| away.next)
    }
}
