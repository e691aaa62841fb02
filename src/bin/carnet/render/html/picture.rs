//! The pictures of the page, as SVG: what belongs to which artifact, and where the packages come from. Each has its words
//! in a table beside it.

use std::collections::BTreeMap;

use carnet::audit::{AuditReport, AuditedArtifact, AuditedReferrer};
use carnet::diagnosis::count;
use carnet::oci::Digest;

use super::treemap::{Area, squarified};
use super::visible::escaped;
use crate::render::words;

/// The most lines of the tree.
const LINES: usize = 300;
/// The deepest level of the tree: a referrer of a referrer of … is drawn no further.
const DEPTH: usize = 8;
/// The height of a line of the tree.
const STEP: usize = 24;
/// The width of a level of the tree.
const INDENT: usize = 22;
/// The most characters of a name in a picture.
const NAME: usize = 60;
/// The most layers of the treemap. The rest is one area.
const LAYERS: usize = 40;

struct Line {
    depth: usize,
    class: &'static str,
    name: String,
    note: String,
}

struct Tree<'a> {
    lines: Vec<Line>,
    left_out: usize,
    referrers: BTreeMap<Digest, Vec<&'a AuditedReferrer>>,
}

/// Draws the artifacts, their platforms, and the referrers of all of them.
pub(super) fn tree(report: &AuditReport) -> String {
    let mut tree = Tree { lines: Vec::new(), left_out: 0, referrers: BTreeMap::new() };
    for artifact in &report.artifacts {
        tree.artifact(artifact);
    }
    tree.draw()
}

impl<'a> Tree<'a> {
    fn line(&mut self, depth: usize, class: &'static str, name: &str, note: String) {
        if self.lines.len() == LINES {
            self.left_out += 1;
            return;
        }
        let mut characters = name.chars();
        let mut short: String = characters.by_ref().take(NAME).collect();
        if characters.next().is_some() {
            short.push('…');
        }
        self.lines.push(Line { depth, class, name: short, note });
    }

    fn artifact(&mut self, artifact: &'a AuditedArtifact) {
        self.referrers.clear();
        for referrer in &artifact.referrers {
            self.referrers.entry(referrer.subject).or_default().push(referrer);
        }
        let name = artifact.name.as_ref().map_or("(no name)", |name| name.as_str());
        self.line(0, "t-artifact", name, words::short(&artifact.digest));
        for manifest in &artifact.manifests {
            let platform = manifest.platform.as_deref().unwrap_or("no platform");
            if manifest.digest == artifact.digest {
                continue;
            }
            let carried = if manifest.carried { "" } else { ", not carried" };
            let class = if manifest.carried { "t-manifest" } else { "t-absent" };
            self.line(1, class, platform, format!("{}{carried}", words::short(&manifest.digest)));
            self.below(manifest.digest, 2);
        }
        self.below(artifact.digest, 1);
    }

    fn below(&mut self, subject: Digest, depth: usize) {
        // Taken out, so that a circle of referrers ends.
        for referrer in self.referrers.remove(&subject).unwrap_or_default() {
            let class = match referrer.kind.as_str() {
                "signature" => "t-signature",
                "sbom" => "t-sbom",
                _ => "t-other",
            };
            self.line(depth.min(DEPTH), class, &referrer.kind, words::short(&referrer.digest));
            if depth < DEPTH {
                self.below(referrer.digest, depth + 1);
            }
        }
    }

    fn draw(&self) -> String {
        let height = STEP * self.lines.len() + 8;
        let title = format!(
            "Tree of {}: each with its platforms, signatures, SBOMs and other referrers. The table below lists the same.",
            count(self.lines.iter().filter(|line| line.depth == 0).count() as u64, "artifact", "artifacts")
        );
        let mut out = format!(
            "<svg class=\"tree\" viewBox=\"0 0 960 {height}\" role=\"img\" aria-label=\"{}\">",
            escaped(&title)
        );
        // The line above, on each level, from which a line goes down.
        let mut parents = [0_usize; DEPTH + 1];
        for (at, line) in self.lines.iter().enumerate() {
            let (x, y) = (line.depth * INDENT + 10, at * STEP + 16);
            if let Some(parent) = line.depth.checked_sub(1).and_then(|level| parents.get(level)) {
                let (left, top) = (x - INDENT, parent * STEP + 22);
                out += &format!("<path d=\"M{left} {top}V{y}H{}\"/>", x - 6);
            }
            if let Some(parent) = parents.get_mut(line.depth) {
                *parent = at;
            }
            let shape = if line.depth == 0 {
                format!(
                    "<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"11\" height=\"11\" rx=\"2\"/>",
                    line.class,
                    x - 6,
                    y - 6
                )
            } else {
                format!("<circle class=\"{}\" cx=\"{x}\" cy=\"{y}\" r=\"5\"/>", line.class)
            };
            out += &format!(
                "{shape}<text x=\"{}\" y=\"{}\"{}>{}<tspan class=\"note\" dx=\"10\">{}</tspan></text>",
                x + 12,
                y + 5,
                if line.depth == 0 { " class=\"name\"" } else { "" },
                escaped(&line.name),
                escaped(&line.note)
            );
        }
        out += "</svg>";
        if self.left_out > 0 {
            out += &format!(
                "<p class=\"note\">The picture leaves out {}; the table has all.</p>",
                count(self.left_out as u64, "line", "lines")
            );
        }
        out
    }
}

/// Draws the packages by layer and kind; nothing if there are none.
pub(super) fn packages(report: &AuditReport) -> String {
    let mut layers: BTreeMap<Digest, BTreeMap<&'static str, u64>> = BTreeMap::new();
    for package in &report.packages {
        let kinds = layers.entry(package.layer).or_default();
        *kinds.entry(words::kind(package.package.kind)).or_default() += 1;
    }
    let mut groups: Vec<(String, u64, BTreeMap<&'static str, u64>)> = Vec::new();
    for (layer, kinds) in layers {
        groups.push((format!("layer {}", words::short(&layer)), kinds.values().sum(), kinds));
    }
    groups.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    if groups.len() > LAYERS {
        let rest = groups.split_off(LAYERS - 1);
        let mut kinds: BTreeMap<&'static str, u64> = BTreeMap::new();
        for (kind, number) in rest.iter().flat_map(|(_, _, kinds)| kinds) {
            *kinds.entry(kind).or_default() += number;
        }
        groups.push((format!("{} other layers", rest.len()), kinds.values().sum(), kinds));
    }
    if groups.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "<svg class=\"map\" viewBox=\"0 0 960 320\" role=\"img\" aria-label=\"Packages by layer and type: the larger \
         an area, the more packages. The table below lists them.\">",
    );
    let weights: Vec<u64> = groups.iter().map(|group| group.1).collect();
    let whole = Area { x: 0, y: 0, width: 960_000, height: 320_000 };
    for ((title, number, kinds), area) in groups.iter().zip(squarified(whole, &weights)) {
        let mut kinds: Vec<(&str, u64)> = kinds.iter().map(|(kind, number)| (*kind, *number)).collect();
        kinds.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let head = if area.height > 44_000 && area.width > 110_000 { 18_000 } else { 0 };
        let inner = Area {
            x: area.x + 2_000,
            y: area.y + 2_000 + head,
            width: area.width.saturating_sub(4_000),
            height: area.height.saturating_sub(4_000 + head),
        };
        let weights: Vec<u64> = kinds.iter().map(|kind| kind.1).collect();
        for ((kind, number), area) in kinds.iter().zip(squarified(inner, &weights)) {
            let words = format!("{kind} {}", words::number(*number));
            out += &format!(
                "<rect class=\"k-{kind}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"><title>{}: {words}</title></rect>",
                unit(area.x),
                unit(area.y),
                unit(area.width.saturating_sub(1_000)),
                unit(area.height.saturating_sub(1_000)),
                escaped(title)
            );
            if area.height > 18_000 && area.width > 7_500 * words.len() as u64 + 8_000 {
                out += &text("cell", area, 14_000, &words);
            }
        }
        if head > 0 {
            let words = format!("{title} · {}", count(*number, "package", "packages"));
            let fits = (area.width / 6_800) as usize;
            let words: String = if words.len() > fits { title.chars().take(fits).collect() } else { words };
            out += &text("head", Area { x: area.x, y: area.y + 1_000, ..area }, 14_000, &words);
        }
    }
    out + "</svg>"
}

fn text(class: &str, area: Area, down: u64, words: &str) -> String {
    format!(
        "<text class=\"{class}\" x=\"{}\" y=\"{}\">{}</text>",
        unit(area.x + 5_000),
        unit(area.y + down),
        escaped(words)
    )
}

/// Thousandths as a decimal number.
fn unit(thousandths: u64) -> String {
    match thousandths % 1_000 {
        0 => (thousandths / 1_000).to_string(),
        rest => format!("{}.{rest:03}", thousandths / 1_000),
    }
}
