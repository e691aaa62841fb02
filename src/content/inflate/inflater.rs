//! The reader of expanded bytes.

use std::io::{Error, Read};

use super::encoding::{Encoding, HEAD_BYTES, StreamKind};
use super::error::InflateError;
use super::frame::{Frames, Skipped};
use super::input::Input;
use super::limits::InflateLimits;
use super::member::Members;
use super::step::{Failure, Step};
use crate::content::turn::Turn;

enum State {
    Start,
    Plain,
    Gzip(Box<Members>),
    Zstd(Frames),
    Trailing,
    Ended,
    Failed(InflateError),
}

/// Reads a blob and gives its expanded bytes. A blob that is not compressed passes as it is.
///
/// A bad stream ends with an error that holds an [`InflateError`], which [`Inflater::failure`] returns, too. The bytes
/// before it are given out first. At the end, the source was read to its end as well.
pub struct Inflater<R> {
    input: Input<R>,
    limits: InflateLimits,
    state: State,
    seen: Encoding,
    expanded: u64,
    skipped: Vec<Skipped>,
    turn: Option<Turn>,
}

impl<R: Read> Inflater<R> {
    /// Begins to read `source`.
    pub fn new(source: R, limits: InflateLimits) -> Inflater<R> {
        let seen = Encoding::new(StreamKind::Opaque);
        Inflater {
            input: Input::new(source),
            limits,
            state: State::Start,
            seen,
            expanded: 0,
            skipped: Vec::new(),
            turn: None,
        }
    }

    /// Lets frames of zstd that need much memory wait for the turn of the layer.
    pub fn in_turn(mut self, turn: Turn) -> Inflater<R> {
        self.turn = Some(turn);
        self
    }

    /// What was seen of the stream so far. The kind is known after the first read.
    pub fn encoding(&self) -> Encoding {
        self.seen
    }

    /// The bytes of the source that were used so far.
    pub fn bytes_in(&self) -> u64 {
        self.input.used()
    }

    /// The expanded bytes that were given out so far.
    pub fn expanded(&self) -> u64 {
        self.expanded
    }

    /// The last skippable frames of a zstd stream that was read to its end: at most three, of at most 8 MiB each. Tables of
    /// contents are stored like that.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Why the stream ended early, if it did.
    pub fn failure(&self) -> Option<&InflateError> {
        match &self.state {
            State::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Recognises the stream, unless that was done before, and returns its kind.
    ///
    /// # Errors
    /// The source cannot be read.
    pub fn recognise(&mut self) -> std::io::Result<StreamKind> {
        if matches!(self.state, State::Start) {
            let kind = StreamKind::of(self.input.fill(HEAD_BYTES)?);
            self.state = match kind {
                StreamKind::Gzip => State::Gzip(Box::new(Members::new())),
                StreamKind::Zstd => State::Zstd(Frames::new(self.limits.window_bytes_max, self.turn.take())),
                StreamKind::Tar | StreamKind::Opaque => State::Plain,
            };
            self.seen = Encoding::new(kind);
        }
        Ok(self.seen.kind)
    }

    fn step(&mut self, out: &mut [u8]) -> Result<Step, Failure> {
        match &mut self.state {
            State::Gzip(members) => members.step(&mut self.input, out, &mut self.seen),
            State::Zstd(frames) => frames.step(&mut self.input, out, &mut self.seen),
            State::Plain => {
                let found = self.input.fill(1)?;
                let count = found.len().min(out.len());
                if let (Some(to), Some(from)) = (out.get_mut(..count), found.get(..count)) {
                    to.copy_from_slice(from);
                }
                self.input.consume(count);
                Ok(if count > 0 { Step::Wrote(count) } else { Step::Ended })
            }
            State::Failed(error) => Err(Failure::Stream(error.clone())),
            State::Start | State::Trailing | State::Ended => Ok(Step::Ended),
        }
    }

    /// Counts what stands behind the last member or frame.
    fn trailing(&mut self) -> std::io::Result<()> {
        loop {
            let found = self.input.fill(1)?;
            if found.is_empty() {
                return Ok(());
            }
            let count = found.len();
            self.seen.trailing_zeros &= found.iter().all(|&byte| byte == 0);
            self.seen.trailing_bytes += count as u64;
            self.input.consume(count);
        }
    }

    /// The limit that the stream has passed, if it has.
    fn excess(&self) -> Option<InflateError> {
        let (expanded, bytes_in) = (self.expanded, self.input.used());
        if expanded > self.limits.expanded_bytes_max {
            return Some(InflateError::ExpandedBytes { limit: self.limits.expanded_bytes_max });
        }
        let limit = self.limits.ratio_max;
        let too_much = expanded >= self.limits.ratio_from_bytes && expanded > bytes_in.saturating_mul(limit);
        too_much.then_some(InflateError::Ratio { bytes_in, expanded, limit })
    }
}

impl<R: Read> Read for Inflater<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        self.recognise()?;
        if matches!(self.state, State::Ended) {
            return Ok(0);
        }
        if !matches!(self.state, State::Trailing) {
            match self.step(out) {
                Ok(Step::Wrote(count)) => {
                    self.expanded += count as u64;
                    if let Some(error) = self.excess() {
                        self.state = State::Failed(error);
                    }
                    return Ok(count);
                }
                Ok(Step::Ended) => {
                    if let State::Zstd(frames) = &mut self.state {
                        self.skipped = frames.take_kept();
                    }
                    self.state = State::Trailing;
                }
                Err(Failure::Source(error)) => return Err(error),
                Err(Failure::Stream(error)) => {
                    self.state = State::Failed(error.clone());
                    return Err(Error::new(error.kind(), error));
                }
            }
        }
        self.trailing()?;
        self.state = State::Ended;
        Ok(0)
    }
}
