//! The sections of the page below its first screen. An empty section says in a sentence why it is empty.

mod attached;
mod contents;
mod outside;
mod verdict;

use std::collections::BTreeMap;

use carnet::audit::AuditReport;
use carnet::oci::Digest;

use super::Change;
use super::files::{FileSource, Files};
use super::grid::Grid;
use super::island::Space;
use crate::render::words;

/// A section of the page.
#[derive(Default)]
pub(super) struct Section {
    /// Its id in the page.
    pub(super) id: &'static str,
    /// Its title.
    pub(super) title: &'static str,
    /// The number of what it lists.
    pub(super) number: String,
    /// Sentences at its head.
    pub(super) says: Vec<String>,
    /// A picture, as SVG.
    pub(super) picture: String,
    /// Its tables, below the file tree if that is there.
    pub(super) grids: Vec<Grid>,
    /// The file tree, if it is the section of files.
    pub(super) files: Option<Files>,
}

impl Section {
    fn new(id: &'static str, title: &'static str, number: usize) -> Section {
        Section { id, title, number: words::number(number as u64), ..Section::default() }
    }

    fn says(mut self, sentence: impl Into<String>) -> Section {
        self.says.push(sentence.into());
        self
    }

    /// Adds a table, or a sentence if it is empty.
    fn grid(mut self, grid: Grid, empty: &str) -> Section {
        if grid.all == 0 {
            self.says.push(empty.to_owned());
        } else {
            self.grids.push(grid);
        }
        self
    }
}

type Names = BTreeMap<Digest, String>;

/// All sections, in the order of the page.
pub(super) fn all(
    report: &AuditReport,
    files: Option<FileSource<'_>>,
    names: &Names,
    changes: Option<&(Vec<String>, &[Change])>,
    space: &mut Space,
) -> Vec<Section> {
    let mut sections = vec![verdict::findings(report, space)];
    sections.extend(verdict::policy(report, space));
    sections.extend(verdict::unseen(report, space));
    sections.extend(changes.map(|(bundles, changes)| verdict::changed(bundles, changes, space)));
    sections.extend([
        contents::artifacts(report, space),
        contents::images(report, names, space),
        contents::layers(report, names, space),
        contents::packages(report, names, space),
    ]);
    let bulk = [
        contents::licences(report, space),
        attached::signatures(report, space),
        attached::boms(report, names, space),
        attached::statements(report, space),
        outside::advisories(report, space),
    ];
    let last = [outside::guard(report, space), outside::foreign(report, space)];
    // The files come last to their room, since they are most of the page: nothing else is left out for them.
    sections.push(contents::file_tree(report, files, names, space));
    sections.extend(bulk);
    sections.extend(last);
    sections.extend(outside::omitted(report, space));
    sections
}
