//! What images say of how they run.

use std::collections::{BTreeMap, BTreeSet};

use super::report::How;
use crate::verbs::audit::{AuditedImage, ImageConfig};

/// A setting that differs: how, its name, what it was and what it is.
pub(super) type SettingChange = (How, String, Option<String>, Option<String>);

/// Compares the settings of two images. When they were made does not count.
pub(super) fn compare_settings(old: &AuditedImage, new: &AuditedImage) -> Vec<SettingChange> {
    let (old, new) = (settings(old), settings(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let change = |name: &String| {
        let (before, after) = (old.get(name), new.get(name));
        let how = match (before, after) {
            _ if before == after => return None,
            (None, _) => How::New,
            (_, None) => How::Gone,
            _ => How::Changed,
        };
        Some((how, name.clone(), before.cloned(), after.cloned()))
    };
    names.into_iter().filter_map(change).collect()
}

fn settings(image: &AuditedImage) -> BTreeMap<String, String> {
    let ImageConfig { created: _, user, entrypoint, cmd, env, working_dir, exposed_ports, volumes, labels } =
        &image.config;
    let mut found = BTreeMap::new();
    let mut set = |name: &str, value: String| {
        if !value.is_empty() {
            found.insert(name.to_owned(), value);
        }
    };
    set("user", user.clone());
    set("entrypoint", words(entrypoint));
    set("cmd", words(cmd));
    set("working-dir", working_dir.clone());
    set("exposed-ports", exposed_ports.join(" "));
    set("volumes", volumes.join(" "));
    set("platform", image.platform.clone());
    set("system", image.system.clone().unwrap_or_default());
    for variable in env {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        found.insert(format!("env {name}"), value.to_owned());
    }
    found.extend(labels.iter().map(|(name, value)| (format!("label {name}"), value.clone())));
    found
}

/// A command as JSON, so that its words can be told apart.
fn words(list: &[String]) -> String {
    if list.is_empty() { String::new() } else { serde_json::to_string(list).unwrap_or_default() }
}
