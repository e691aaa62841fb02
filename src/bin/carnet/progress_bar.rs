//! Progress bars on a terminal.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

const STYLE: &str = "{prefix:>8} [{wide_bar}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";

/// The bars of all runs.
pub(crate) struct Bars(MultiProgress);

/// The bar of one run.
pub(crate) struct Bar(ProgressBar);

impl Bars {
    /// No bar yet.
    pub(crate) fn new() -> Bars {
        Bars(MultiProgress::new())
    }

    /// Adds a bar; `None` in a program that has none, which prints lines.
    #[expect(clippy::unnecessary_wraps, reason = "a program without bars returns `None`")]
    pub(crate) fn add(&self, word: &'static str, bytes: u64) -> Option<Bar> {
        let style = ProgressStyle::with_template(STYLE).expect("the template is valid");
        let bar = self.0.add(ProgressBar::new(bytes).with_prefix(word));
        bar.set_style(style.progress_chars("=> "));
        Some(Bar(bar))
    }

    /// Removes a bar from the screen.
    pub(crate) fn remove(&self, Bar(bar): &Bar) {
        bar.finish_and_clear();
        self.0.remove(bar);
    }

    /// Writes above the bars.
    pub(crate) fn above(&self, write: impl FnOnce()) {
        self.0.suspend(write);
    }
}

impl Bar {
    /// Shows how many bytes were moved.
    pub(crate) fn set(&self, moved: u64) {
        self.0.set_position(moved);
    }
}
