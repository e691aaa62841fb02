//! What travels: artifacts, images, layers, packages, files, licences.

use std::collections::{BTreeMap, BTreeSet};

use carnet::audit::{AuditReport, AuditedPackage};
use carnet::diagnosis::count;
use carnet::oci::Digest;

use super::{Names, Section};
use crate::render::html::files::{FileSource, Files};
use crate::render::html::grid::{Cell, Grid};
use crate::render::html::island::Space;
use crate::render::html::picture;
use crate::render::words;

pub(super) fn artifacts(report: &AuditReport, space: &mut Space) -> Section {
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
    let referrers = Grid::new("referrer-list", "Referrers", &["Kind", "Digest", "Of"], rows, space);
    let mut section = Section::new("artifacts", "Artifacts", report.artifacts.len());
    if !report.artifacts.is_empty() {
        section.picture = picture::tree(report);
    }
    section
        .grid(grid, "There are no artifacts.")
        .grid(referrers, "No signature, SBOM or other referrer travels.")
}

pub(super) fn images(report: &AuditReport, names: &Names, space: &mut Space) -> Section {
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

pub(super) fn layers(report: &AuditReport, names: &Names, space: &mut Space) -> Section {
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
    let archives = archives(report, space);
    let section = Section::new("layers", "Layers", number).grid(grid, "There are no layers.");
    let section = if history.all == 0 { section } else { section.grid(history, "") };
    if archives.all == 0 { section } else { section.grid(archives, "") }
}

/// The archives that are files of layers.
fn archives(report: &AuditReport, space: &mut Space) -> Grid {
    let mut rows = Vec::new();
    for layer in &report.layers {
        for archives in &layer.archives {
            let first = archives.first.join(", ");
            let left = archives.archives.saturating_sub(words::length(&archives.first));
            let more = if left > 0 { format!("and {} more", words::number(left)) } else { String::new() };
            rows.push(vec![
                Cell::short(&layer.digest).to(format!("l-{}", layer.digest.hex())),
                Cell::text(&archives.form),
                Cell::number(archives.archives),
                Cell::size(archives.bytes),
                Cell::number(archives.files),
                if archives.unopened > 0 {
                    Cell::word("medium", &words::number(archives.unopened))
                } else {
                    Cell::word("good", "none")
                },
                Cell::code(&first).with(&more),
            ]);
        }
    }
    let titles = ["Layer", "Form", "Archives#", "Size#", "Files in them#", "Not opened", "Paths"];
    Grid::new("archive-list", "Archives in layers", &titles, rows, space)
}

fn image_words(images: &[Digest], names: &Names) -> String {
    match images {
        [] => String::new(),
        [image] => names.get(image).cloned().unwrap_or_else(|| words::short(image)),
        images => count(words::length(images), "image", "images"),
    }
}

/// The images that have a package, and those that hide it.
fn found_in(package: &AuditedPackage, names: &Names) -> String {
    let shown = image_words(&package.images, names);
    if package.hidden_in.is_empty() {
        return shown;
    }
    let hidden = format!("hidden in {}", image_words(&package.hidden_in, names));
    if package.images.is_empty() { hidden } else { format!("{shown}, {hidden}") }
}

pub(super) fn packages(report: &AuditReport, names: &Names, space: &mut Space) -> Section {
    let rows = report.packages.iter().map(|package| {
        let what = &package.package;
        let source = what.source.as_ref();
        let source =
            source.map_or_else(String::new, |source| format!("from {} {}", source.name, source.version));
        vec![
            Cell::text(&what.name).with(&source),
            Cell::code(&what.version).with(what.architecture.as_deref().unwrap_or("")),
            Cell::text(words::kind(what.kind)),
            if what.licences.is_empty() { Cell::none() } else { Cell::text(&what.licences.join(", ")) },
            Cell::short(&package.layer).to(format!("l-{}", package.layer.hex())),
            Cell::code(&package.path).with(&found_in(package, names)),
        ]
    });
    let titles = ["Package", "Version", "Type", "Licences", "Layer", "Found in"];
    let grid = Grid::new("package-list", "Packages", &titles, rows, space);
    let mut section = Section::new("packages", "Packages", report.packages.len());
    section.picture = picture::packages(report);
    section.grid(grid, "No package was found.")
}

pub(super) fn file_tree(
    report: &AuditReport,
    files: Option<FileSource<'_>>,
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

pub(super) fn licences(report: &AuditReport, space: &mut Space) -> Section {
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
    let grid = Grid::new("licence-list", "Licences", &["Licence", "Packages#", "Such as"], rows, space);
    Section::new("licences", "Licences", number)
        .says("As the packages declare them, word for word. What is in a package may be under others.")
        .grid(grid, "No package was found.")
}
