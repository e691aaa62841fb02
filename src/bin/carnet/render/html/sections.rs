//! The sections of the page below its first screen. An empty section says in a sentence why it is empty.

use std::collections::{BTreeMap, BTreeSet};

use carnet::audit::{AuditReport, AuditedBom, SignatureStatus};
use carnet::diagnosis::count;
use carnet::oci::Digest;

use super::files::{FileRow, Files};
use super::first::{finding_row, place};
use super::grid::{Cell, Grid};
use super::island::Space;
use super::{Change, picture};
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
    files: Option<&mut dyn Iterator<Item = FileRow>>,
    names: &Names,
    changes: Option<&(Vec<String>, &[Change])>,
    space: &mut Space,
) -> Vec<Section> {
    let mut sections = vec![findings(report, space)];
    sections.extend(policy(report, space));
    sections.extend(unseen(report, space));
    sections.extend(changes.map(|(bundles, changes)| changed(bundles, changes, space)));
    sections.extend([
        artifacts(report, space),
        images(report, names, space),
        layers(report, names, space),
        packages(report, names, space),
    ]);
    let bulk = [
        licences(report, space),
        signatures(report, space),
        boms(report, names, space),
        statements(report, space),
        advisories(report, space),
    ];
    let last = [guard(report, space), foreign(report, space)];
    // The files come last to their room, since they are most of the page: nothing else is left out for them.
    sections.push(file_tree(report, files, names, space));
    sections.extend(bulk);
    sections.extend(last);
    sections.extend(omitted(report, space));
    sections
}

fn findings(report: &AuditReport, space: &mut Space) -> Section {
    let ignored: BTreeMap<_, _> = report
        .policy
        .iter()
        .flat_map(|policy| &policy.ignored)
        .map(|ignored| (ignored.finding, ignored))
        .collect();
    let rows = report.findings.iter().map(|finding| {
        let mut row = finding_row(finding);
        if let (Some(ignored), Some(text)) = (ignored.get(&finding.id), row.get_mut(2)) {
            let sub = format!("ignored until {}: {}", ignored.until, ignored.reason);
            *text = text.clone().with(&sub);
        }
        row
    });
    let rows: Vec<_> = rows.collect();
    let grid = Grid::new("finding-list", "Findings", &["Severity", "Rule", "Finding", "Where"], rows, space);
    let mut rules: BTreeMap<_, u64> = BTreeMap::new();
    for finding in &report.findings {
        *rules.entry(finding.rule).or_default() += 1;
    }
    let rows = rules.iter().map(|(rule, number)| {
        vec![Cell::code(rule.code()), Cell::number(*number), Cell::text(rule.meaning())]
    });
    let meanings = Grid::new(
        "rule-list",
        "Rules that found something",
        &["Rule", "Findings#", "What it says"],
        rows.collect(),
        space,
    );
    let section =
        Section::new("findings", "Findings", report.findings.len()).grid(grid, "Nothing was found.");
    if rules.is_empty() { section } else { section.grid(meanings, "") }
}

fn policy(report: &AuditReport, space: &mut Space) -> Option<Section> {
    let judgement = report.policy.as_ref()?;
    let rows = judgement
        .denials
        .iter()
        .map(|denial| vec![Cell::code(&denial.rule), Cell::text(&denial.text), Cell::code(&denial.place)]);
    let denials = Grid::new(
        "denial-list",
        "Reasons for the denial",
        &["Rule of the policy", "Why", "Where"],
        rows.collect(),
        space,
    );
    let rows = judgement.ignored.iter().map(|ignored| {
        let finding = report.findings.iter().find(|finding| finding.id == ignored.finding);
        let what = finding.map_or_else(
            || Cell::code(&ignored.finding.to_string()),
            |finding| Cell::text(&finding.text).with(finding.rule.code()),
        );
        vec![what, Cell::text(&ignored.reason), Cell::text(&ignored.until.to_string())]
    });
    let ignored =
        Grid::new("ignored-list", "Ignored findings", &["Finding", "Reason", "Until"], rows.collect(), space);
    let mut section = Section::new("policy", "Policy", judgement.denials.len())
        .grid(denials, "The policy has no objection.");
    if ignored.all > 0 {
        section = section.grid(ignored, "");
    }
    Some(section)
}

fn unseen(report: &AuditReport, space: &mut Space) -> Option<Section> {
    let coverage = &report.coverage;
    let mut rows = Vec::new();
    for (what, list) in [("not read", &coverage.opaque), ("not there, or read in part", &coverage.unread)] {
        for blob in list {
            let link = format!("l-{}", blob.digest.hex());
            rows.push(vec![Cell::text(what), Cell::text(&blob.why), Cell::short(&blob.digest).to(link)]);
        }
    }
    for hit in &coverage.limits_hit {
        rows.push(vec![Cell::text("limit"), Cell::text(&hit.limit), Cell::code(&hit.place)]);
    }
    if rows.is_empty() {
        return None;
    }
    let number = rows.len();
    let grid = Grid::new("unseen-list", "What was not seen", &["What", "Why", "Where"], rows, space);
    Some(Section::new("unseen", "What was not seen", number).grid(grid, ""))
}

fn changed(bundles: &[String], changes: &[Change], space: &mut Space) -> Section {
    let side = |side: &Option<String>| side.as_deref().map_or_else(Cell::none, Cell::code);
    let rows = changes.iter().map(|change| {
        vec![Cell::text(&change.how), Cell::code(&change.what), side(&change.before), side(&change.after)]
    });
    let grid = Grid::new("change-list", "Changes", &["How", "What", "Before", "Now"], rows.collect(), space);
    Section::new("changes", "Against the last bundle", changes.len())
        .says(format!("Compared with {}.", bundles.join(", ")))
        .grid(grid, "Nothing has changed.")
}

fn artifacts(report: &AuditReport, space: &mut Space) -> Section {
    let mut rows = Vec::new();
    for artifact in &report.artifacts {
        let name = artifact.name.as_ref().map_or_else(Cell::none, |name| Cell::code(name.as_str()));
        let kind = artifact.artifact_type.as_ref().unwrap_or(&artifact.media_type);
        let platforms: Vec<String> = artifact
            .manifests
            .iter()
            .filter_map(|manifest| {
                let platform = manifest.platform.as_deref()?;
                Some(if manifest.carried { platform.to_owned() } else { format!("{platform} (not carried)") })
            })
            .collect();
        rows.push(vec![
            name.at(format!("a-{}", artifact.digest.hex())),
            Cell::digest(&artifact.digest),
            Cell::text(kind.as_str()),
            if platforms.is_empty() { Cell::none() } else { Cell::text(&platforms.join(", ")) },
            Cell::number(words::length(&artifact.referrers)),
        ]);
    }
    let grid = Grid::new(
        "artifact-list",
        "Artifacts",
        &["Name", "Digest", "Type", "Platforms", "Referrers#"],
        rows,
        space,
    );
    let mut seen = BTreeSet::new();
    let rows = report
        .artifacts
        .iter()
        .flat_map(|artifact| &artifact.referrers)
        .filter(|referrer| seen.insert(*referrer));
    let rows = rows.map(|referrer| {
        let kind = referrer.artifact_type.as_ref().map_or("", |kind| kind.as_str());
        vec![
            Cell::text(&referrer.kind).with(if kind == referrer.kind { "" } else { kind }),
            Cell::digest(&referrer.digest),
            Cell::short(&referrer.subject),
        ]
    });
    let referrers = Grid::new("referrer-list", "Referrers", &["Kind", "Digest", "Of"], rows.collect(), space);
    let mut section = Section::new("artifacts", "Artifacts", report.artifacts.len());
    if !report.artifacts.is_empty() {
        section.picture = picture::tree(report);
    }
    section
        .grid(grid, "There are no artifacts.")
        .grid(referrers, "No signature, SBOM or other referrer travels.")
}

fn images(report: &AuditReport, names: &Names, space: &mut Space) -> Section {
    let mut rows = Vec::new();
    let mut settings = Vec::new();
    for image in &report.images {
        let name = names.get(&image.digest).map_or("", String::as_str);
        let (config, code) = (&image.config, Cell::code);
        let user = if config.user.is_empty() { "root (not stated)" } else { &config.user };
        let command =
            config.entrypoint.iter().chain(&config.cmd).map(String::as_str).collect::<Vec<_>>().join(" ");
        rows.push(vec![
            code(name).at(format!("i-{}", image.digest.hex())).with(image.system.as_deref().unwrap_or("")),
            Cell::text(user),
            if command.is_empty() { Cell::none() } else { code(&command) },
            Cell::number(words::length(&image.layers)),
            Cell::number(image.entries),
            Cell::size(image.bytes),
            Cell::number(image.packages),
            image.unowned.map_or_else(Cell::none, Cell::number),
        ]);
        let mut add =
            |what: &str, value: &str| settings.push(vec![Cell::text(name), Cell::text(what), code(value)]);
        if let Some(created) = &config.created {
            add("created", created);
        }
        if !config.working_dir.is_empty() {
            add("working folder", &config.working_dir);
        }
        for (what, values) in
            [("environment", &config.env), ("port", &config.exposed_ports), ("volume", &config.volumes)]
        {
            for value in values {
                add(what, value);
            }
        }
        for (label, value) in &config.labels {
            add("label", &format!("{label}={value}"));
        }
    }
    let titles = ["Image", "User", "Command", "Layers#", "Entries#", "Size#", "Packages#", "Unowned files#"];
    let number = rows.len();
    let grid = Grid::new("image-list", "Images", &titles, rows, space);
    let settings = Grid::new("setting-list", "Configuration", &["Image", "What", "Value"], settings, space);
    let section = Section::new("images", "Images", number).grid(grid, "There are no images.");
    if settings.all == 0 { section } else { section.grid(settings, "") }
}

fn layers(report: &AuditReport, names: &Names, space: &mut Space) -> Section {
    let mut rows = Vec::new();
    for layer in &report.layers {
        let entries: Vec<String> =
            layer.entries.iter().map(|(kind, number)| format!("{kind} {}", words::number(*number))).collect();
        let all = layer.entries.values().fold(0_u64, |sum, number| sum.saturating_add(*number));
        let state = match (layer.carried, layer.read) {
            (false, _) => Cell::word("medium", "not carried"),
            (true, false) => Cell::word("medium", "not read to its end"),
            (true, true) => Cell::word("good", "read"),
        };
        let parts = count(layer.parts, "part", "parts");
        rows.push(vec![
            Cell::digest(&layer.digest).at(format!("l-{}", layer.digest.hex())),
            Cell::text(&layer.encoding).with(&if layer.parts > 1 { parts } else { String::new() }),
            Cell::size(layer.bytes),
            Cell::size(layer.expanded),
            Cell::number(all).with(&entries.join(", ")),
            state,
            Cell::number(words::length(&layer.images)),
        ]);
    }
    let titles = ["Digest", "Form", "Size#", "Expanded#", "Entries#", "State", "Images#"];
    let number = rows.len();
    let grid = Grid::new("layer-list", "Layers", &titles, rows, space);
    let mut history = Vec::new();
    for image in &report.images {
        let name = names.get(&image.digest).map_or("", String::as_str);
        for (at, layer) in image.layers.iter().enumerate() {
            let holds = match layer.diff_id_holds {
                Some(true) => Cell::word("good", "as stated"),
                Some(false) => Cell::word("high", "DIFFERS"),
                None => Cell::word("medium", "not read"),
            };
            history.push(vec![
                Cell::text(name),
                Cell::number(at as u64 + 1),
                Cell::short(&layer.digest).to(format!("l-{}", layer.digest.hex())),
                layer.created_by.as_deref().map_or_else(Cell::none, Cell::code),
                holds,
            ]);
        }
    }
    let history = Grid::new(
        "history-list",
        "Layers by image",
        &["Image", "Place#", "Layer", "Made by", "Content"],
        history,
        space,
    );
    let section = Section::new("layers", "Layers", number).grid(grid, "There are no layers.");
    if history.all == 0 { section } else { section.grid(history, "") }
}

fn image_words(images: &[Digest], names: &Names) -> String {
    match images {
        [] => String::new(),
        [image] => names.get(image).cloned().unwrap_or_else(|| words::short(image)),
        images => count(words::length(images), "image", "images"),
    }
}

fn packages(report: &AuditReport, names: &Names, space: &mut Space) -> Section {
    let mut rows = Vec::new();
    for package in &report.packages {
        let what = &package.package;
        let source = what.source.as_ref();
        let source =
            source.map_or_else(String::new, |source| format!("from {} {}", source.name, source.version));
        rows.push(vec![
            Cell::text(&what.name).with(&source),
            Cell::code(&what.version).with(what.architecture.as_deref().unwrap_or("")),
            Cell::text(words::kind(what.kind)),
            if what.licences.is_empty() { Cell::none() } else { Cell::text(&what.licences.join(", ")) },
            Cell::short(&package.layer).to(format!("l-{}", package.layer.hex())),
            Cell::code(&package.path).with(&image_words(&package.images, names)),
        ]);
    }
    let titles = ["Package", "Version", "Type", "Licences", "Layer", "Found in"];
    let number = rows.len();
    let grid = Grid::new("package-list", "Packages", &titles, rows, space);
    let mut section = Section::new("packages", "Packages", number);
    section.picture = picture::packages(report);
    section.grid(grid, "No package was found.")
}

fn file_tree(
    report: &AuditReport,
    files: Option<&mut dyn Iterator<Item = FileRow>>,
    names: &Names,
    space: &mut Space,
) -> Section {
    let Some(files) = files else {
        let mut section =
            Section::new("files", "Files", 0).says("The page was made without the list of files.");
        section.number = words::number(report.totals.entries);
        return section;
    };
    let mut files = Files::read(files, names, space);
    let mut section = Section::new("files", "Files", 0);
    section.number = words::number(files.all);
    if files.held < files.all {
        let left = words::number(files.all.saturating_sub(files.held));
        section.says.push(format!(
            "{left} of {} are left out, because the page would be too large.",
            count(files.all, "entry", "entries")
        ));
    }
    section.grids.extend(files.grid.take());
    if files.all > 0 {
        section.files = Some(files);
    } else {
        section.says.push("There are no files.".to_owned());
    }
    section
}

fn licences(report: &AuditReport, space: &mut Space) -> Section {
    let mut licences: BTreeMap<&str, (u64, BTreeSet<&str>)> = BTreeMap::new();
    for package in &report.packages {
        let package = &package.package;
        let declared: Vec<&str> = if package.licences.is_empty() {
            vec![""]
        } else {
            package.licences.iter().map(String::as_str).collect()
        };
        for licence in declared {
            let (number, packages) = licences.entry(licence).or_default();
            *number += 1;
            if packages.len() < 12 {
                packages.insert(&package.name);
            }
        }
    }
    let mut rows: Vec<_> = licences.into_iter().collect();
    rows.sort_by(|a, b| b.1.0.cmp(&a.1.0).then(a.0.cmp(b.0)));
    let number = rows.iter().filter(|(licence, _)| !licence.is_empty()).count();
    let rows = rows.into_iter().map(|(licence, (number, packages))| {
        let mut packages: Vec<&str> = packages.into_iter().collect();
        if number > packages.len() as u64 {
            packages.push("…");
        }
        let name =
            if licence.is_empty() { Cell::word("medium", "none declared") } else { Cell::text(licence) };
        vec![name, Cell::number(number), Cell::text(&packages.join(", "))]
    });
    let grid =
        Grid::new("licence-list", "Licences", &["Licence", "Packages#", "Such as"], rows.collect(), space);
    Section::new("licences", "Licences", number)
        .says("As the packages declare them, word for word. What is in a package may be under others.")
        .grid(grid, "No package was found.")
}

fn signatures(report: &AuditReport, space: &mut Space) -> Section {
    let rows = report.signatures.iter().map(|signature| {
        let class = match signature.status {
            SignatureStatus::Valid => "good",
            SignatureStatus::Invalid => "high",
            SignatureStatus::Unverifiable => "medium",
        };
        vec![
            Cell::word(class, words::status(signature.status)),
            Cell::text(&signature.kind),
            Cell::short(&signature.of).to(format!("a-{}", signature.of.hex())),
            Cell::option(signature.by.as_deref()),
            Cell::option(signature.why.as_deref()),
            Cell::short(&signature.digest),
        ]
    });
    let titles = ["Result", "System", "Of", "By", "Why", "Signature"];
    let grid = Grid::new("signature-list", "Signatures", &titles, rows.collect(), space);
    Section::new("signatures", "Signatures", report.signatures.len())
        .says("Signatures in the cargo. Those of the bundle are at the top of the page.")
        .grid(grid, "No signature of an artifact travels.")
}

fn boms(report: &AuditReport, names: &Names, space: &mut Space) -> Section {
    let mut differences = Vec::new();
    let mut rows = Vec::new();
    for bom in &report.boms {
        let of = names.get(&bom.of).cloned().unwrap_or_else(|| words::short(&bom.of));
        let differs = bom.only_there.len() + bom.only_here.len() + bom.version_differs.len();
        let result = match (bom.compared, differs) {
            (false, _) => Cell::word("medium", "not compared"),
            (true, 0) => Cell::word("good", "agrees"),
            (true, _) => Cell::word("high", "DIFFERS").with(&count(differs as u64, "package", "packages")),
        };
        rows.push(vec![
            result,
            Cell::text(&of),
            Cell::text(&bom.format).with(bom.created.as_deref().unwrap_or("")),
            Cell::text(&bom.made_by.join(", ")),
            Cell::number(bom.packages),
            Cell::short(&bom.digest),
        ]);
        differences.extend(difference_rows(bom, &of));
    }
    let titles = ["Result", "Image", "Format", "Made by", "Packages#", "SBOM"];
    let grid = Grid::new("bom-list", "SBOMs", &titles, rows, space);
    let titles = ["Difference", "Package", "In the SBOM", "In the image", "SBOM"];
    let differences = Grid::new("bom-difference-list", "SBOMs against contents", &titles, differences, space);
    let section =
        Section::new("boms", "SBOMs against contents", report.boms.len()).grid(grid, "No SBOM travels.");
    if differences.all == 0 { section } else { section.grid(differences, "") }
}

fn difference_rows(bom: &AuditedBom, of: &str) -> Vec<Vec<Cell>> {
    let sbom = || Cell::short(&bom.digest).with(of);
    let mut rows = Vec::new();
    for purl in &bom.only_here {
        let words = Cell::word("medium", "not in the SBOM");
        rows.push(vec![words, Cell::code(purl), Cell::none(), Cell::text("yes"), sbom()]);
    }
    for purl in &bom.only_there {
        let words = Cell::word("low", "not in the image");
        rows.push(vec![words, Cell::code(purl), Cell::text("yes"), Cell::none(), sbom()]);
    }
    for differs in &bom.version_differs {
        rows.push(vec![
            Cell::word("medium", "other version"),
            Cell::code(&differs.purl),
            Cell::code(&differs.there),
            Cell::code(&differs.here),
            sbom(),
        ]);
    }
    rows
}

fn statements(report: &AuditReport, space: &mut Space) -> Section {
    let rows = report.statements.iter().map(|statement| {
        let holds = if statement.subject_holds {
            Cell::word("good", "what it is attached to")
        } else {
            Cell::word("high", "SOMETHING ELSE")
        };
        vec![
            Cell::code(&statement.predicate),
            holds,
            Cell::short(&statement.of).to(format!("a-{}", statement.of.hex())),
            statement.builder.as_deref().map_or_else(Cell::none, Cell::code),
            Cell::short(&statement.digest),
        ]
    });
    let titles = ["Predicate", "Is about", "Attached to", "Builder", "Attestation"];
    let grid = Grid::new("statement-list", "Attestations", &titles, rows.collect(), space);
    Section::new("statements", "Attestations", report.statements.len()).grid(grid, "No attestation travels.")
}

fn advisories(report: &AuditReport, space: &mut Space) -> Section {
    let rows = report.advisories.iter().map(|advisory| {
        vec![
            Cell::severity(advisory.severity),
            Cell::code(&advisory.id).with(&advisory.aliases.join(", ")),
            Cell::code(&advisory.package),
            advisory.fixed.as_deref().map_or_else(Cell::none, Cell::code),
            Cell::text(&advisory.summary),
            Cell::option(advisory.vex.as_deref()),
        ]
    });
    let titles = ["Severity", "Id", "Package", "Fixed in", "Summary", "VEX"];
    let grid = Grid::new("advisory-list", "Advisories", &titles, rows.collect(), space);
    let mut section = Section::new("advisories", "Advisories", report.advisories.len());
    section.says.push(words::advisory_basis(report).to_owned());
    let kinds: Vec<&str> =
        report.coverage.kinds_without_advisories.iter().map(|kind| words::kind(*kind)).collect();
    if !kinds.is_empty() {
        section.says.push(format!("No database covers packages of these types: {}.", kinds.join(", ")));
    }
    if !report.coverage.has_advisories {
        "–".clone_into(&mut section.number);
        return section;
    }
    section.grid(grid, "The databases name no flaw of these packages.")
}

fn guard(report: &AuditReport, space: &mut Space) -> Section {
    let Some(guard) = &report.guard else {
        let mut section = Section::new("guard", "Guard", 0).says("No profile of a guard was given.");
        "–".clone_into(&mut section.number);
        return section;
    };
    let rows = guard.files.iter().map(|file| {
        let state = match file.problems.as_slice() {
            [] => Cell::word("good", "within limits"),
            problems => Cell::word("high", "OVER A LIMIT").with(&problems.join(" ")),
        };
        vec![
            Cell::code(&file.name).with(&file.media_type),
            state,
            Cell::size(file.bytes),
            Cell::size(file.expanded),
            Cell {
                text: format!("{}.{:03}", words::number(file.ratio_milli / 1_000), file.ratio_milli % 1_000),
                number: Some(file.ratio_milli),
                class: "num",
                ..Cell::default()
            },
            Cell::number(file.depth),
            Cell::number(file.entries),
        ]
    });
    let titles = ["File", "Result", "Size#", "Extracted#", "Ratio#", "Depth#", "Entries#"];
    let grid = Grid::new("guard-list", "Chunk files", &titles, rows.collect(), space);
    Section::new("guard", "Guard", guard.files.len())
        .says(format!("What a guard with the profile {} will count.", guard.profile))
        .grid(grid, "There is no chunk file.")
}

fn foreign(report: &AuditReport, space: &mut Space) -> Section {
    let rows = report.nondistributable.iter().map(|layer| {
        let carried = if layer.carried { Cell::word("medium", "carried") } else { Cell::text("not carried") };
        vec![Cell::digest(&layer.digest), carried, Cell::size(layer.bytes), Cell::code(&layer.urls.join(" "))]
    });
    let titles = ["Layer", "State", "Size#", "Where it can be had"];
    let grid = Grid::new("foreign-list", "Non-distributable layers", &titles, rows.collect(), space);
    Section::new("foreign", "Non-distributable layers", report.nondistributable.len())
        .grid(grid, "No layer has a publisher who does not let it be distributed.")
}

fn omitted(report: &AuditReport, space: &mut Space) -> Option<Section> {
    if report.omitted.is_empty() {
        return None;
    }
    let rows = report.omitted.iter().map(|omitted| {
        vec![
            Cell::digest(&omitted.digest).with(omitted.platform.as_deref().unwrap_or("")),
            Cell::text(omitted.reason.word()),
            Cell::text(omitted.media_type.as_str()),
            Cell::size(omitted.size),
            place(Some(&omitted.parent), None, None),
        ]
    });
    let titles = ["Digest", "Reason", "Type", "Size#", "Referenced by"];
    let grid = Grid::new("omitted-list", "Not carried", &titles, rows.collect(), space);
    Some(Section::new("omitted", "Not carried", report.omitted.len()).grid(grid, ""))
}
