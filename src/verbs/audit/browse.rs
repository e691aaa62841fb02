//! Looks at the files of one image: lists them, or takes one out. Layers are read as in an audit; nothing is written.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use super::AuditError;
use super::budget::Budget;
use super::carried::Carried;
use super::image::{Merging, member_line};
use super::read_layer::ReadLayer;
use super::read_options::ReadOptions;
use super::reading::read_all;
use super::report::FileLine;
use super::subjects::{Subject, Subjects};
use super::survey::{Scope, Survey, survey};
use crate::artifacts::Root;
use crate::content::tar::{EntryKind, TarEntry};
use crate::content::{Interest, LayerLimits, LayerVisitor, read_layer};
use crate::environment::Environment;
use crate::oci::{Digest, Platform, RefName};
use crate::rootfs::MemberId;

/// The largest file that is taken out, in bytes. It is held in memory.
pub const FILE_BYTES_MAX: u64 = 128 << 20;

/// Which image is looked at.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// The name or digest of the artifact.
    pub artifact: String,
    /// The platform, if it has several.
    pub platform: Option<Platform>,
}

/// Returns the files of an image below `path`, sorted by path: of its merged root file system, or of one layer as the
/// archive has them, counted from 0, the base.
///
/// # Errors
/// [`AuditError`] if the image, layer or path is not there.
pub fn list(
    subject: &Subject<'_>,
    chosen: &Chosen,
    layer: Option<usize>,
    path: &[u8],
    environment: &Environment<'_>,
) -> Result<Vec<FileLine>, AuditError> {
    let subjects = Subjects::open(subject, environment)?;
    let carried = subjects.carried()?;
    let all: Vec<&dyn Carried> = carried.iter().map(AsRef::as_ref).collect();
    let looking = Looking::at(&all, chosen, environment)?;
    let digests = looking.digests();
    if let Some(number) = layer {
        let absent = || {
            AuditError::absent(format!("the image has {} layers, and none is number {number}", digests.len()))
        };
        let read = digests.get(number).and_then(|digest| looking.layers.get(digest)).ok_or_else(absent)?;
        let below = |member_path: &[u8]| is_below(member_path, path);
        let lines = read
            .members
            .iter()
            .filter(|member| below(&member.path()))
            .map(|member| member_line(looking.image, digests.get(number).copied(), &member));
        return Ok(lines.collect());
    }
    let merging = Merging::of(&digests, &looking.layers);
    let start = merging
        .rootfs()
        .resolve(path)
        .map_err(|error| AuditError::absent(format!("{}: {error}", shown(path))))?;
    let mut lines = Vec::new();
    let mut waiting = vec![start];
    let is_folder = start.kind() == EntryKind::Folder;
    while let Some(entry) = waiting.pop() {
        if !(is_folder && entry.path() == start.path()) {
            lines.push(merging.line(looking.image, &entry));
        }
        waiting.extend(entry.children().rev());
    }
    Ok(lines)
}

/// Returns the content of a file of an image. Links are followed inside it.
///
/// # Errors
/// [`AuditError`] if the image or file is not there, is larger than [`FILE_BYTES_MAX`], or its layer is damaged.
pub fn file(
    subject: &Subject<'_>,
    chosen: &Chosen,
    path: &[u8],
    environment: &Environment<'_>,
) -> Result<Vec<u8>, AuditError> {
    let subjects = Subjects::open(subject, environment)?;
    let carried = subjects.carried()?;
    let all: Vec<&dyn Carried> = carried.iter().map(AsRef::as_ref).collect();
    let looking = Looking::at(&all, chosen, environment)?;
    let digests = looking.digests();
    let merging = Merging::of(&digests, &looking.layers);
    let absent = |why: String| AuditError::absent(format!("{}: {why}", shown(path)));
    let entry = merging.rootfs().resolve(path).map_err(|error| absent(error.to_string()))?;
    if entry.kind() != EntryKind::File {
        return Err(absent("it is no file".to_owned()));
    }
    if entry.size() > FILE_BYTES_MAX {
        return Err(absent(format!("it has {} bytes; {FILE_BYTES_MAX} are taken out at most", entry.size())));
    }
    let MemberId { layer, number } = entry.body().ok_or_else(|| absent("it has no content".to_owned()))?;
    let digest = digests.get(usize::from(layer)).copied();
    let found = digest
        .and_then(|digest| looking.survey.layers.get(&digest))
        .ok_or_else(|| absent("no layer".to_owned()))?;
    let mut taking = Taking { number: number.into(), content: None };
    for carried in found.carried.iter().filter_map(|at| all.get(*at)) {
        if let Ok(Some(mut source)) = carried.open(&found.descriptor) {
            read_layer(&mut source, &LayerLimits::default(), &mut taking);
        }
    }
    taking.content.ok_or_else(|| absent("its layer cannot be read that far".to_owned()))
}

/// Returns the manifest or index of an artifact, or a small blob, by its digest.
///
/// # Errors
/// [`AuditError`] if it is not there, or damaged.
pub fn document(
    subject: &Subject<'_>,
    artifact: &str,
    environment: &Environment<'_>,
) -> Result<Vec<u8>, AuditError> {
    let subjects = Subjects::open(subject, environment)?;
    for carried in subjects.carried()? {
        let root = carried.roots().into_iter().find(|root| is_named(root, artifact));
        let descriptor =
            root.map(|root| root.descriptor).or_else(|| carried.descriptor(&artifact.parse().ok()?));
        let Some(descriptor) = descriptor else { continue };
        if descriptor.size > FILE_BYTES_MAX {
            let why =
                format!("{artifact} has {} bytes; {FILE_BYTES_MAX} are taken out at most", descriptor.size);
            return Err(AuditError::absent(why));
        }
        match carried.document(&descriptor) {
            Ok(Some(bytes)) => return Ok(bytes),
            Ok(None) => {}
            Err(problem) => return Err(AuditError::absent(format!("{artifact}: {problem}"))),
        }
    }
    Err(AuditError::absent(format!("there is no artifact or blob {artifact}")))
}

/// Returns the configuration of an image.
///
/// # Errors
/// As [`document`].
pub fn config(
    subject: &Subject<'_>,
    chosen: &Chosen,
    environment: &Environment<'_>,
) -> Result<Vec<u8>, AuditError> {
    let subjects = Subjects::open(subject, environment)?;
    let carried = subjects.carried()?;
    let all: Vec<&dyn Carried> = carried.iter().map(AsRef::as_ref).collect();
    let survey = chosen_survey(&all, chosen);
    let image = one_image(&survey, chosen)?;
    let descriptor = survey.images.get(&image).and_then(|image| image.config_descriptor.clone());
    let bytes = descriptor
        .and_then(|descriptor| all.iter().find_map(|carried| carried.document(&descriptor).ok().flatten()));
    bytes.ok_or_else(|| AuditError::absent(format!("the configuration of {image} is not there, or damaged")))
}

fn is_named(root: &Root, artifact: &str) -> bool {
    root.name.as_ref().map(RefName::as_str) == Some(artifact)
        || root.descriptor.digest.to_string() == artifact
}

fn shown(path: &[u8]) -> String {
    OsStr::from_bytes(path).display().to_string()
}

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    let clean = |path: &[u8]| -> Vec<u8> {
        let path = path.strip_prefix(b"./").or(path.strip_prefix(b"/")).unwrap_or(path);
        path.strip_suffix(b"/").unwrap_or(path).to_vec()
    };
    let (path, folder) = (clean(path), clean(folder));
    folder.is_empty()
        || path == folder
        || path.strip_prefix(folder.as_slice()).is_some_and(|rest| rest.starts_with(b"/"))
}

fn chosen_survey(all: &[&dyn Carried], chosen: &Chosen) -> Survey {
    let platforms: Vec<Platform> = chosen.platform.iter().cloned().collect();
    let wanted = |root: &Root| is_named(root, &chosen.artifact);
    survey(all, Scope { wanted: &wanted, platforms: &platforms, ..Scope::ALL })
}

/// Returns the only image.
fn one_image(survey: &Survey, chosen: &Chosen) -> Result<Digest, AuditError> {
    let mut images = survey.images.keys();
    match (images.next(), images.next()) {
        (Some(image), None) => Ok(*image),
        (None, _) => Err(AuditError::absent(format!("there is no image {}", chosen.artifact))),
        (Some(_), Some(_)) => {
            let platforms =
                survey.images.values().filter_map(|image| Some(image.config.as_ref()?.platform()));
            let platforms: Vec<String> = platforms.collect();
            let text = format!("{} has several platforms: {}", chosen.artifact, platforms.join(", "));
            Err(AuditError::absent(text))
        }
    }
}

/// An image whose layers were read.
struct Looking {
    image: Digest,
    survey: Survey,
    layers: BTreeMap<Digest, ReadLayer>,
}

impl Looking {
    fn at(
        all: &[&dyn Carried],
        chosen: &Chosen,
        environment: &Environment<'_>,
    ) -> Result<Looking, AuditError> {
        let mut survey = chosen_survey(all, chosen);
        let image = one_image(&survey, chosen)?;
        let used = |digest: &Digest| {
            survey
                .images
                .get(&image)
                .is_some_and(|image| image.layers.iter().any(|layer| layer.digest == *digest))
        };
        let unused: Vec<Digest> = survey.layers.keys().copied().filter(|digest| !used(digest)).collect();
        for digest in unused {
            survey.layers.remove(&digest);
        }
        let limits = LayerLimits::default();
        let budget = Arc::new(Budget::new(limits.entries_max));
        let options = ReadOptions {
            limits,
            secrets: None,
            hash_files: false,
            archives: false,
            depth_max: 1,
            budget: &budget,
            turns: &Arc::default(),
        };
        let layers = read_all(&survey, all, &options, environment.workers, environment.monitor);
        if environment.workers.interrupted() {
            return Err(AuditError::interrupted());
        }
        if let Some(why) = layers.values().find_map(|layer| layer.unseen.clone()) {
            return Err(AuditError::absent(format!(
                "a layer of {} was not read in full: {why}",
                chosen.artifact
            )));
        }
        Ok(Looking { image, survey, layers })
    }

    fn digests(&self) -> Vec<Digest> {
        let layers =
            self.survey.images.get(&self.image).map(|image| image.layers.as_slice()).unwrap_or_default();
        layers.iter().map(|layer| layer.digest).collect()
    }
}

/// Takes the content of one entry.
struct Taking {
    number: u64,
    content: Option<Vec<u8>>,
}

impl LayerVisitor for Taking {
    fn entry(&mut self, entry: &TarEntry) -> Interest {
        if entry.number == self.number {
            Interest::Whole(usize::try_from(FILE_BYTES_MAX).unwrap_or(usize::MAX))
        } else {
            Interest::Skip
        }
    }

    fn body(&mut self, _: &TarEntry, bytes: &[u8]) {
        self.content = Some(bytes.to_vec());
    }
}
