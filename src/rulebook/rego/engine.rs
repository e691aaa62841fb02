//! The engine: parsing a policy, and asking it within bounded time.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use regorus::utils::limits::{ExecutionTimerConfig, TimeSource, set_time_source};
use regorus::{Engine, LimitError, Value};

use super::{INPUT_BYTES_MAX, MEMORY_BYTES_MAX, RegoError, RegoVerdict, SECONDS_MAX, Said};

/// What the package of a policy must be, as the engine writes it.
const PACKAGE: &str = "data.carnet";

/// The rules that are asked: what they are called, and where they are.
const DENY: (&str, &str) = ("deny", "data.carnet.deny");
const WARN: (&str, &str) = ("warn", "data.carnet.warn");

/// Steps of the engine between two looks at the clock.
const STEPS_BETWEEN_LOOKS: NonZeroU32 = NonZeroU32::new(1_000).unwrap();

/// The processor time of this thread. A busy machine must not make a policy fail, so the time on the wall does not count.
///
/// The engine can bound time, and memory only with an allocator of its own. So the end of the memory is the end of the time.
struct ProcessorTime;

thread_local! {
    /// The memory of the process that a policy may make it take, in bytes, while one is asked on this thread.
    static MEMORY_END: Cell<Option<u64>> = const { Cell::new(None) };
    /// Whether it took more.
    static IS_TOO_LARGE: Cell<bool> = const { Cell::new(false) };
}

/// The memory of this process in bytes; 0 if the system does not say.
fn memory_bytes() -> u64 {
    // The second number is that of the resident pages (proc(5)).
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0);
    pages.saturating_mul(rustix::param::page_size() as u64)
}

impl TimeSource for ProcessorTime {
    fn now(&self) -> Option<Duration> {
        if MEMORY_END.get().is_some_and(|end| memory_bytes() > end) {
            IS_TOO_LARGE.set(true);
            return Some(Duration::MAX);
        }
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(now).ok()
    }
}

/// A policy.
#[derive(Clone)]
pub struct RegoPolicy {
    name: String,
    engine: Engine,
    denies: bool,
    warns: bool,
}

impl fmt::Debug for RegoPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegoPolicy").field("name", &self.name).finish_non_exhaustive()
    }
}

impl RegoPolicy {
    /// Parses a policy. `name` is that of its file.
    ///
    /// # Errors
    /// [`RegoError::Unusable`] if it is not Rego, if its package is not `carnet`, or if it has neither rule.
    pub fn parse(name: &str, text: &str) -> Result<RegoPolicy, RegoError> {
        // Only the first call counts. The source is always the same one, so that does not matter.
        let _ = set_time_source(&ProcessorTime);
        let mut engine = Engine::new();
        // Without this, a built-in function that fails makes its rule undefined, and nothing would be denied.
        engine.set_strict_builtin_errors(true);
        let limit = Duration::from_secs(SECONDS_MAX);
        engine
            .set_execution_timer_config(ExecutionTimerConfig { limit, check_interval: STEPS_BETWEEN_LOOKS });
        let package = engine.add_policy(name.to_owned(), text.to_owned()).map_err(unusable)?;
        if package != PACKAGE {
            let found = package.strip_prefix("data.").unwrap_or(&package);
            return Err(RegoError::Unusable(format!("the package is {found}, it must be carnet")));
        }
        let has = |rule: &str| engine.has_declared_rule_rooted_at(name, rule).map_err(unusable);
        let (denies, warns) = (has(DENY.0)?, has(WARN.0)?);
        if !denies && !warns {
            let problem = "it has neither a rule `deny` nor a rule `warn`, so it would say nothing";
            return Err(RegoError::Unusable(problem.to_owned()));
        }
        Ok(RegoPolicy { name: name.to_owned(), engine, denies, warns })
    }

    /// Asks the policy. `input` is a report of an audit in JSON.
    ///
    /// # Errors
    /// A [`RegoError`] if a rule cannot be evaluated, takes too long, or gives something else than sentences.
    pub fn ask(&self, input: &str) -> Result<RegoVerdict, RegoError> {
        if input.len() > INPUT_BYTES_MAX {
            return Err(RegoError::InputTooLong { found: input.len() });
        }
        let mut engine = self.engine.clone();
        let input = Value::from_json_str(input);
        engine.set_input(input.map_err(unusable)?);
        let denies = if self.denies { self.said(&mut engine, DENY)? } else { BTreeSet::new() };
        let warns = if self.warns { self.said(&mut engine, WARN)? } else { BTreeSet::new() };
        Ok(RegoVerdict { denies, warns })
    }

    fn said(
        &self,
        engine: &mut Engine,
        (rule, path): (&'static str, &str),
    ) -> Result<BTreeSet<Said>, RegoError> {
        IS_TOO_LARGE.set(false);
        MEMORY_END.set(Some(memory_bytes().saturating_add(MEMORY_BYTES_MAX)));
        let value = engine.eval_rule(path.to_owned());
        MEMORY_END.set(None);
        let value = value.map_err(|error| match error.downcast_ref() {
            Some(LimitError::TimeLimitExceeded { .. }) if IS_TOO_LARGE.get() => RegoError::TooLarge { rule },
            Some(LimitError::TimeLimitExceeded { .. }) => RegoError::TooLong { rule },
            _ => RegoError::Failed { rule, problem: in_one_line(&error.to_string()) },
        })?;
        let wrong = |found: &Value| {
            let problem = format!("it must give a set of strings, or of objects with `msg`; found {found}");
            RegoError::Failed { rule, problem: shortened(problem) }
        };
        let elements = match &value {
            Value::Set(elements) => elements,
            Value::Undefined => {
                let problem =
                    format!("it is undefined; `{rule} contains …` makes it a set, which may be empty");
                return Err(RegoError::Failed { rule, problem });
            }
            other => return Err(wrong(other)),
        };
        let one = |element: &Value| match element {
            Value::String(text) => Ok(self.sentence(rule, text)),
            Value::Object(fields) => {
                let mut said = self.sentence(rule, "");
                for (key, value) in fields.iter() {
                    let (Value::String(key), Value::String(value)) = (key, value) else {
                        return Err(wrong(element));
                    };
                    let place = match &**key {
                        "msg" => &mut said.text,
                        "rule" => &mut said.rule,
                        "place" => &mut said.place,
                        _ => return Err(wrong(element)),
                    };
                    value.as_ref().clone_into(place);
                }
                if said.text.is_empty() { Err(wrong(element)) } else { Ok(said) }
            }
            other => Err(wrong(other)),
        };
        elements.iter().map(one).collect()
    }

    fn sentence(&self, rule: &str, text: &str) -> Said {
        Said { rule: rule.to_owned(), place: self.name.clone(), text: text.to_owned() }
    }
}

fn unusable(error: impl fmt::Display) -> RegoError {
    RegoError::Unusable(in_one_line(&error.to_string()))
}

/// An error of the engine, which shows the source in several lines: only the place and the message.
fn in_one_line(text: &str) -> String {
    let text = text.trim();
    let place = text.strip_prefix("--> ").and_then(|rest| rest.lines().next()).and_then(|place| {
        let mut parts = place.rsplit(':');
        let (column, line) = (parts.next()?, parts.next()?);
        Some(format!("line {line}, column {column}: "))
    });
    let message = text.rsplit_once("\nerror: ").map_or(text, |(_, message)| message);
    let words: Vec<&str> = message.split_whitespace().collect();
    shortened(place.unwrap_or_default() + &words.join(" "))
}

/// A policy may give a value of any length.
fn shortened(text: String) -> String {
    match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
