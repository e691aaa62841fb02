//! What an image adds to the report: its configuration, its layers, and what was found when they were merged.

use std::collections::BTreeMap;

use super::budget::Budget;
use super::finding::{Finding, Place, Rule};
use super::gathered::Gathered;
use super::image::MergedImage;
use super::read_layer::ReadLayer;
use super::report::{AuditedImage, ImageConfig, ImageLayer};
use super::survey::Image;
use crate::diagnosis::count;
use crate::oci::{Descriptor, Digest};
use crate::packages::purl::{Release, purl};

impl Gathered {
    /// Adds an image.
    pub(super) fn image(
        &mut self,
        digest: Digest,
        image: &mut Image,
        merged: MergedImage,
        layers: &BTreeMap<Digest, ReadLayer>,
        budget: &Budget,
    ) {
        let has_config = image.config.is_some();
        // It may have megabytes, and goes into the report.
        let config = image.config.take().unwrap_or_default();
        let steps: Vec<_> = config.layer_steps().map(|step| step.created_by.clone()).collect();
        let diff_ids = &config.rootfs.diff_ids;
        let mut find = |rule, detail: &str, text: String| {
            self.findings.push(Finding::new(rule, Place::artifact(digest), detail, text));
        };
        if has_config {
            let count = image.layers.len();
            if diff_ids.len() != count {
                let text = format!("the configuration lists {} layers, the manifest {count}", diff_ids.len());
                find(Rule::HistoryMismatch, "layers", text);
            }
            if !config.history.is_empty() && steps.len() != count {
                let text =
                    format!("the history has {} steps that made a layer; there are {count}", steps.len());
                find(Rule::HistoryMismatch, "history", text);
            }
            let user = config.config.user.split(':').next().unwrap_or_default();
            if matches!(user, "" | "0" | "root") {
                find(Rule::RunsAsRoot, "", "the image runs as root unless it is told otherwise".to_owned());
            }
        }
        let layer = |(at, descriptor): (usize, &Descriptor)| {
            let read = layers.get(&descriptor.digest).and_then(|layer| layer.read.as_ref());
            let found = read.and_then(|read| read.diff_id);
            let holds = diff_ids.get(at).zip(found).map(|(stated, found)| *stated == found.to_string());
            (
                ImageLayer {
                    digest: descriptor.digest,
                    created_by: steps.get(at).cloned().filter(|step| !step.is_empty()),
                    diff_id_holds: holds,
                },
                found,
                diff_ids.get(at),
            )
        };
        let mut used = Vec::new();
        for (layer, found, stated) in image.layers.iter().enumerate().map(layer) {
            if let (Some(false), Some(found), Some(stated)) = (layer.diff_id_holds, found, stated) {
                let place = Place { layer: Some(layer.digest), ..Place::artifact(digest) };
                let stated: String = stated.chars().take(100).collect();
                let text = format!("the layer expands to {found}, the configuration states {stated}");
                self.findings.push(Finding::new(Rule::DiffIdMismatch, place, "", text));
            }
            used.push(layer);
        }
        let release = merged.release.as_ref();
        if let Some(release) = release {
            self.releases.insert(digest, (release.id.clone(), release.version_id.clone()));
        }
        let of = release.map(|release| Release {
            id: &release.id,
            version_id: Some(release.version_id.as_str()).filter(|version| !version.is_empty()),
        });
        let shown = merged.packages.iter().filter(|located| !located.is_hidden).count() as u64;
        let mut left_out = 0;
        for located in merged.packages {
            left_out +=
                u64::from(!self.package(purl(&located.package, of.as_ref()), located, digest, budget));
        }
        if left_out > 0 {
            let packages = count(left_out, "package", "packages");
            let text = format!(
                "all packages together take too much memory or time; {packages} of this image are not listed"
            );
            self.findings.push(Finding::new(Rule::TooLargeToRead, Place::artifact(digest), "packages", text));
        }
        self.findings.extend(merged.findings.end(&Place::artifact(digest)));
        self.images.push(AuditedImage {
            digest,
            names: image.names.iter().cloned().collect(),
            platform: config.platform(),
            system: release.map(|release| match release.pretty_name.as_str() {
                "" => format!("{} {}", release.id, release.version_id),
                name => name.to_owned(),
            }),
            config: shown_config(config),
            layers: used,
            entries: merged.entries,
            bytes: merged.bytes,
            packages: shown,
            unowned: merged.unowned,
            hidden: merged.hidden,
        });
    }
}

/// The values of environment variables whose names say that they are secret are replaced.
fn shown_config(config: crate::oci::config::ImageConfig) -> ImageConfig {
    const SECRET: [&str; 6] = ["password", "passwd", "secret", "token", "api_key", "apikey"];
    let run = config.config;
    let shown = |variable: String| match variable.split_once('=') {
        Some((name, value)) if !value.is_empty() => {
            let lower = name.to_ascii_lowercase();
            if SECRET.iter().any(|word| lower.contains(word)) {
                format!("{name}=(hidden, {} bytes)", value.len())
            } else {
                variable
            }
        }
        _ => variable,
    };
    ImageConfig {
        created: config.created,
        user: run.user,
        entrypoint: run.entrypoint,
        cmd: run.cmd,
        env: run.env.into_iter().map(shown).collect(),
        working_dir: run.working_dir,
        exposed_ports: run.exposed_ports.into_iter().collect(),
        volumes: run.volumes.into_iter().collect(),
        labels: run.labels,
    }
}
