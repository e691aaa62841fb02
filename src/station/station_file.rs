//! Reads station files (docs/stations.md, "The station file").

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::rule_keys::rules_in;
use super::signing_key::{RawSecondKey, signing_key};
use super::values::{bytes, command, duration, list, optional, options, place, sum_function, value};
use super::{ExportPipeline, ImportPipeline, PipelineOption};
use crate::artifacts::similar_names;
use crate::diagnosis::{Code, Diagnose, Diagnosis};
use crate::gate::RuleFiles;
use crate::medium::ChunkPlace;
use crate::registry::Host;
use crate::small_file::{SmallFile, SmallFileError};
use crate::storage::Location;
use crate::trust::KeyRequest;

/// Maximum size of a station file in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where runs are recorded if the file does not say.
const STATE: &str = "/var/lib/carnet";

/// Seconds between two looks into an inbox if the file does not say.
const POLL_SECONDS: u64 = 5;

/// Seconds until what failed is tried again if the file does not say.
pub(super) const RETRY_SECONDS: u64 = 60;

/// Longest name of a pipeline, in characters, as in the followed service.
const NAME_CHARS_MAX: usize = 50;

/// A station: its pipelines, and what they share.
#[derive(Clone, Debug)]
pub struct Station {
    /// The folder for run records.
    pub state: PathBuf,
    /// The key that signs run records.
    pub key: KeyRequest,
    /// The file with credentials for registries.
    pub authfile: Option<PathBuf>,
    /// Registries without TLS.
    pub plain_http: Vec<Host>,
    /// Other hosts that registries may refer to.
    pub allow_hosts: Vec<Host>,
    /// Certificates to trust.
    pub ca: Option<PathBuf>,
    /// The folder in which chunks for object stores are assembled.
    pub spool: Option<PathBuf>,
    /// How many seconds pass until what failed is tried again. They double with each failure, up to an hour.
    pub retry_after: u64,
    /// The export pipelines, by name.
    pub exports: Vec<ExportPipeline>,
    /// The import pipelines, by name.
    pub imports: Vec<ImportPipeline>,
}

/// A station file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}{}: {problem}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct StationFileError {
    /// The path of the file.
    pub path: String,
    /// The line, if the problem is in one.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: String,
    /// The cause, if the file cannot be read.
    pub unreadable: Option<SmallFileError>,
}

impl Diagnose for StationFileError {
    fn diagnosis(&self) -> Diagnosis {
        match &self.unreadable {
            Some(error) => Code::FileUnusable.with(error.advice()),
            None => Code::StationFile.into(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawStation {
    state: Option<PathBuf>,
    key: PathBuf,
    passphrase_file: Option<PathBuf>,
    sign_command: Option<Vec<String>>,
    second_key: Option<RawSecondKey>,
    authfile: Option<PathBuf>,
    #[serde(default)]
    plain_http: Vec<String>,
    #[serde(default)]
    allow_hosts: Vec<String>,
    ca: Option<PathBuf>,
    spool: Option<PathBuf>,
    retry_after: Option<String>,
    #[serde(default)]
    export: BTreeMap<String, toml::Spanned<RawExport>>,
    #[serde(default)]
    import: BTreeMap<String, toml::Spanned<RawImport>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawExport {
    artifacts: Vec<String>,
    to: String,
    #[serde(default)]
    options: Vec<String>,
    chunk_size: Option<String>,
    profile: Option<String>,
    stream: Option<String>,
    name: Option<String>,
    key: Option<PathBuf>,
    passphrase_file: Option<PathBuf>,
    sign_command: Option<Vec<String>>,
    second_key: Option<RawSecondKey>,
    expires: Option<String>,
    schedule: Option<String>,
    #[serde(default)]
    required_fields: Vec<String>,
    trust: Option<PathBuf>,
    category: Option<String>,
    #[serde(default)]
    policy: Vec<PathBuf>,
    #[serde(default)]
    ignore: Vec<PathBuf>,
    #[serde(default)]
    advisories: Vec<PathBuf>,
    #[serde(default)]
    vex: Vec<PathBuf>,
    #[serde(default)]
    cosign_keys: Vec<PathBuf>,
    #[serde(default)]
    notation_ca: Vec<PathBuf>,
    #[serde(default)]
    secret_rules: Vec<PathBuf>,
    sse: Option<String>,
    secret_command: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawImport {
    from: String,
    to: String,
    trust: PathBuf,
    #[serde(default)]
    options: Vec<String>,
    trigger: Option<Trigger>,
    poll: Option<String>,
    max_age: Option<String>,
    max_files: Option<u64>,
    max_bytes: Option<String>,
    remind_after: Option<String>,
    #[serde(default)]
    allow_rollback: bool,
    #[serde(default)]
    rename: Vec<String>,
    #[serde(default)]
    required_fields: Vec<String>,
    file_sums: Option<Vec<String>>,
    #[serde(default)]
    policy: Vec<PathBuf>,
    #[serde(default)]
    ignore: Vec<PathBuf>,
    #[serde(default)]
    advisories: Vec<PathBuf>,
    #[serde(default)]
    vex: Vec<PathBuf>,
    #[serde(default)]
    cosign_keys: Vec<PathBuf>,
    #[serde(default)]
    notation_ca: Vec<PathBuf>,
    #[serde(default)]
    secret_rules: Vec<PathBuf>,
    secret_command: Option<Vec<String>>,
}

#[derive(Deserialize, PartialEq)]
enum Trigger {
    Enabled,
    Disabled,
}

impl Station {
    /// Reads a station file. Relative paths in it are relative to its folder. The files that it names are not read.
    ///
    /// # Errors
    /// [`StationFileError`] with the line.
    pub fn load(path: &Path) -> Result<Station, StationFileError> {
        let shown = path.display().to_string();
        let unreadable = |error: SmallFileError| StationFileError {
            path: path.display().to_string(),
            line: None,
            problem: format!("cannot be read: {error}"),
            unreadable: Some(error),
        };
        let file = SmallFile::read(path, FILE_BYTES_MAX).map_err(unreadable)?;
        let text = file.text().map_err(unreadable)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Station::parse(text, folder).map_err(|(line, problem)| StationFileError {
            path: shown,
            line,
            problem,
            unreadable: None,
        })
    }

    /// Parses the text of a station file in `folder`.
    ///
    /// # Errors
    /// The line, if the problem is in one, and the problem.
    pub fn parse(text: &str, folder: &Path) -> Result<Station, (Option<usize>, String)> {
        let line_of = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
        let raw: RawStation = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| line_of(span.start));
            (line, with_suggestion(error.message()))
        })?;
        let at = |path: PathBuf| folder.join(path);
        let mut station = Station {
            state: raw.state.map_or_else(|| STATE.into(), at),
            key: signing_key(&raw.key, raw.passphrase_file, raw.sign_command, raw.second_key, folder)
                .map_err(|problem| (None, problem))?,
            authfile: raw.authfile.map(at),
            plain_http: list(&raw.plain_http, "plain-http").map_err(|problem| (None, problem))?,
            allow_hosts: list(&raw.allow_hosts, "allow-hosts").map_err(|problem| (None, problem))?,
            ca: raw.ca.map(at),
            spool: raw.spool.map(at),
            retry_after: duration(raw.retry_after.as_deref(), "retry-after")
                .map_err(|problem| (None, problem))?
                .unwrap_or(RETRY_SECONDS),
            exports: Vec::new(),
            imports: Vec::new(),
        };
        for (name, pipeline) in raw.export {
            let line = line_of(pipeline.span().start);
            let problem = |problem| (Some(line), format!("[export.{name}]: {problem}"));
            let pipeline = station.export(&name, pipeline.into_inner(), folder).map_err(problem)?;
            station.exports.push(pipeline);
        }
        for (name, pipeline) in raw.import {
            let line = line_of(pipeline.span().start);
            let problem = |problem| (Some(line), format!("[import.{name}]: {problem}"));
            if station.exports.iter().any(|export| export.name == name) {
                return Err(problem("an export pipeline has the same name".to_owned()));
            }
            let pipeline = import(&name, pipeline.into_inner(), folder).map_err(problem)?;
            station.imports.push(pipeline);
        }
        if station.exports.is_empty() && station.imports.is_empty() {
            return Err((None, "it has no pipeline: add [export.NAME] or [import.NAME]".to_owned()));
        }
        Ok(station)
    }

    fn export(&self, name: &str, raw: RawExport, folder: &Path) -> Result<ExportPipeline, String> {
        check_name(name)?;
        if raw.artifacts.is_empty() {
            return Err("artifacts is empty".to_owned());
        }
        let at = |path: PathBuf| folder.join(path);
        // The number of the run follows.
        let letters: String =
            name.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).take(30).collect();
        let key = match raw.key {
            Some(key) => signing_key(&key, raw.passphrase_file, raw.sign_command, raw.second_key, folder)?,
            None if raw.sign_command.is_some() => {
                return Err("sign-command: it needs a `key` beside it, the file of the public key".to_owned());
            }
            None if raw.second_key.is_some() => {
                return Err("second-key: it needs a `key` beside it, of another algorithm".to_owned());
            }
            None => self.key.clone(),
        };
        let bundle_name = raw.name.unwrap_or(letters);
        if bundle_name.len() > 32 {
            return Err(
                "name: expected at most 32 characters, because the number of the run follows".to_owned()
            );
        }
        if let (Some(field), Some(_)) = (raw.required_fields.first(), &raw.schedule) {
            return Err(format!("required-fields: nobody gives {field:?} in a run that a schedule starts"));
        }
        let rules = RuleFiles {
            policies: raw.policy,
            ignores: raw.ignore,
            advisories: raw.advisories,
            vex: raw.vex,
            cosign_keys: raw.cosign_keys,
            notation_ca: raw.notation_ca,
            secret_rules: raw.secret_rules,
        };
        let to = place(&raw.to, "to", folder)?;
        let encryption = optional(raw.sse.as_deref(), "sse")?;
        if encryption.is_some() && !matches!(&to, ChunkPlace::Store(Location::S3 { .. })) {
            return Err(format!("sse: only S3 takes it, and `to` is {to}"));
        }
        Ok(ExportPipeline {
            name: name.to_owned(),
            artifacts: list(&raw.artifacts, "artifacts")?,
            to,
            options: options(&raw.options, PipelineOption::EXPORT)?,
            chunk_size: value(raw.chunk_size.as_deref().unwrap_or("2g"), "chunk-size")?,
            profile: optional(raw.profile.as_deref(), "profile")?,
            stream: optional(raw.stream.as_deref(), "stream")?,
            bundle_name: value(&bundle_name, "name")?,
            key,
            expires: duration(raw.expires.as_deref(), "expires")?,
            schedule: duration(raw.schedule.as_deref(), "schedule")?,
            required_fields: raw.required_fields,
            trust: raw.trust.map(at),
            category: optional(raw.category.as_deref(), "category")?.unwrap_or_default(),
            rules: rules_in(folder, rules)?,
            encryption,
            secret_command: command(raw.secret_command)?,
        })
    }

    /// Returns the export pipeline of this name.
    pub fn export_pipeline(&self, name: &str) -> Option<&ExportPipeline> {
        self.exports.iter().find(|pipeline| pipeline.name == name)
    }

    /// Returns the import pipeline of this name.
    pub fn import_pipeline(&self, name: &str) -> Option<&ImportPipeline> {
        self.imports.iter().find(|pipeline| pipeline.name == name)
    }
}

fn import(name: &str, raw: RawImport, folder: &Path) -> Result<ImportPipeline, String> {
    check_name(name)?;
    let trigger = raw.trigger != Some(Trigger::Disabled);
    if let Some(field) = raw.required_fields.first().filter(|_| trigger) {
        return Err(format!(
            "required-fields: nobody gives {field:?} in a run that an arrival starts; set trigger = \"Disabled\""
        ));
    }
    let file_sums = raw.file_sums.map(|words| words.iter().map(|word| sum_function(word)).collect());
    let rules = RuleFiles {
        policies: raw.policy,
        ignores: raw.ignore,
        advisories: raw.advisories,
        vex: raw.vex,
        cosign_keys: raw.cosign_keys,
        notation_ca: raw.notation_ca,
        secret_rules: raw.secret_rules,
    };
    Ok(ImportPipeline {
        name: name.to_owned(),
        from: place(&raw.from, "from", folder)?,
        to: value(&raw.to, "to")?,
        trust: folder.join(raw.trust),
        options: options(&raw.options, PipelineOption::IMPORT)?,
        trigger,
        poll: duration(raw.poll.as_deref(), "poll")?.unwrap_or(POLL_SECONDS),
        max_age: duration(raw.max_age.as_deref(), "max-age")?,
        max_files: raw.max_files,
        max_bytes: raw.max_bytes.as_deref().map(|text| bytes(text, "max-bytes")).transpose()?,
        remind_after: duration(raw.remind_after.as_deref(), "remind-after")?,
        rules: rules_in(folder, rules)?,
        allow_rollback: raw.allow_rollback,
        rename: list(&raw.rename, "rename")?,
        required_fields: raw.required_fields,
        file_sums: file_sums.transpose()?,
        secret_command: command(raw.secret_command)?,
    })
}

/// Adds the key that was probably meant to the message about an unknown one.
fn with_suggestion(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    let Some(unknown) = words.next().filter(|_| message.starts_with("unknown ")) else {
        return message.to_owned();
    };
    match similar_names(words, unknown, &|_| false).first() {
        Some(meant) => format!("{message}; did you mean `{meant}`?"),
        None => message.to_owned(),
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(is_allowed) {
        return Err(format!("a name has 1 to {NAME_CHARS_MAX} letters, digits and hyphens"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        key = "station.key.pem"
        [export.release]
        artifacts = ["docker://low.example/team/*:1.*"]
        to = "az://lowstore/transfer"
        options = ["OverwriteBlobs", "ContinueOnErrors"]
        chunk-size = "1g"
        stream = "corp-to-high"
        schedule = "1h"
        [import.mirror]
        from = "inbox"
        to = "docker://high.example/mirror"
        trust = "trust.toml"
        options = ["OverwriteTags", "DeleteSourceBlobOnSuccess", "ContinueOnErrors"]
        trigger = "Enabled"
        max-age = "60d"
    "#;

    #[test]
    fn reads_a_file() {
        let station = Station::parse(FILE, Path::new("/etc/carnet")).unwrap();
        assert_eq!(station.state, Path::new("/var/lib/carnet"));
        let export = station.export_pipeline("release").unwrap();
        assert_eq!(export.key.place.to_string(), "/etc/carnet/station.key.pem");
        assert_eq!((export.bundle_name.as_str(), export.schedule), ("release", Some(3600)));
        let import = station.import_pipeline("mirror").unwrap();
        assert_eq!(import.from, ChunkPlace::Path("/etc/carnet/inbox".into()));
        assert!(import.trigger && import.has(PipelineOption::DeleteSourceBlobOnSuccess));
        assert_eq!((import.poll, import.max_age), (5, Some(5_184_000)));
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        for (from, to, line, words) in [
            ("schedule = ", "shedule = ", 9, "did you mean `schedule`?"),
            (
                "\"OverwriteBlobs\"",
                "\"OverwriteTags\"",
                3,
                "allowed options are OverwriteBlobs, ContinueOnErrors",
            ),
            ("\"60d\"", "\"two months\"", 10, "max-age: expected a duration"),
            ("az://lowstore/transfer", "az://lowstore", 3, "the container is missing"),
            ("docker://high.example/mirror", "oci:mirror", 10, "to: "),
            ("\"Enabled\"", "\"On\"", 15, "unknown variant `On`"),
            (
                "schedule = \"1h\"",
                "schedule = \"1h\"\nrequired-fields = [\"serial\"]",
                3,
                "nobody gives \"serial\"",
            ),
            (
                "trigger = \"Enabled\"",
                "required-fields = [\"serial\"]",
                10,
                "nobody gives \"serial\" in a run that an arrival starts",
            ),
            ("max-age = \"60d\"", "file-sums = [\"sha1\"]", 10, "expected sha256 or md5, found \"sha1\""),
            (
                "max-age = \"60d\"",
                "vex = [\"x\"]\npolicy = [\"p\"]",
                10,
                "vex: it is for a policy, and advisories is",
            ),
            ("schedule = \"1h\"", "ignore = [\"x\"]", 3, "ignore: it is for a policy, and policy is not set"),
            ("[import.mirror]", "[import.release]", 10, "an export pipeline has the same name"),
            ("key = \"station.key.pem\"", "", 0, "missing field `key`"),
            ("key = \"station.key.pem\"", "key = \"ssh-agent:\"", 0, "key: expected a comment"),
            ("schedule = \"1h\"", "sign-command = [\"x\"]", 3, "sign-command: it needs a `key`"),
            ("schedule = \"1h\"", "key = \"p\"\nsign-command = []", 3, "sign-command: expected a program"),
            (
                "schedule = \"1h\"",
                "key = \"p\"\npassphrase-file = \"q\"\nsign-command = [\"x\"]",
                3,
                "passphrase-file is not used",
            ),
        ] {
            let (found, problem) = Station::parse(&FILE.replacen(from, to, 1), Path::new("/")).unwrap_err();
            assert!(problem.contains(words), "{problem}");
            if line > 0 {
                assert_eq!(found, Some(line), "{problem}");
            }
        }
        assert!(Station::parse("key = \"k\"", Path::new("/")).unwrap_err().1.contains("no pipeline"));
    }
}
