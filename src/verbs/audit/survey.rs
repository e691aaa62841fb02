//! The first step: walks the graphs of all artifacts, and lists the images, layers and referrers to read.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};

use super::bounded::Bounded;
use super::carried::Carried;
use super::descriptors::{attestation_of, is_archive, is_layer, kind, lean};
use super::finding::{Finding, Place, Rule};
use super::report::{AuditedArtifact, AuditedManifest, AuditedReferrer};
use super::searching::search;
use crate::artifacts::Root;
use crate::content::secrets::SecretRules;
use crate::diagnosis::count;
use crate::format::plan::Carriage;
use crate::oci::config::ImageConfig;
use crate::oci::document::DOCUMENT_BYTES_MAX;
use crate::oci::media_type::Role;
use crate::oci::{Descriptor, Digest, Document, MediaType, Platform, RefName, annotations};

/// What a finding takes beside its sentence, in bytes.
const FINDING_BYTES: usize = 350;

/// What an entry of a map takes beside its texts, in bytes.
const ENTRY_BYTES: usize = 80;

/// The configuration of an artifact that has none (image-spec, "Guidance for an Empty Descriptor").
const EMPTY_CONFIG: &[u8] = b"{}";

/// How many references between documents are followed. Real bundles stay far below; the limit bounds the time that a
/// hostile bundle can take.
const STEPS_MAX: usize = 2_000_000;

/// What is kept of the texts of configurations and annotations, in bytes: they go into the report. Those of a usual image
/// have some kilobytes.
const TEXT_BYTES_MAX: usize = 32 << 20;

/// An image: a manifest with a configuration and layers of a root file system.
pub(super) struct Image {
    /// The names of the artifacts that it belongs to.
    pub names: BTreeSet<RefName>,
    /// Its configuration, if it can be read.
    pub config: Option<ImageConfig>,
    /// The descriptor of its configuration.
    pub config_descriptor: Option<Descriptor>,
    /// Its layers, base layer first.
    pub layers: Vec<Descriptor>,
}

/// A layer, or another archive that an artifact consists of.
pub(super) struct Layer {
    /// The numbers of the bundles or sources that list it.
    pub carried: BTreeSet<usize>,
    /// Its descriptor, as the first manifest has it.
    pub descriptor: Descriptor,
    /// The images that use it; none for archives of other artifacts.
    pub images: BTreeSet<Digest>,
}

/// Something that is attached to a manifest: a signature, an SBOM, an attestation.
pub(super) struct Attached {
    /// The number of the bundle or source that has it.
    pub carried: usize,
    /// The manifest that it is about.
    pub subject: Digest,
    /// The manifest that holds it.
    pub manifest: Digest,
    /// Its artifact type, if it states one.
    pub artifact_type: Option<MediaType>,
    /// Its blobs.
    pub blobs: Vec<Descriptor>,
}

/// What there is to read.
#[derive(Default)]
pub(super) struct Survey {
    /// The artifacts, in the order of their bundles and names.
    pub artifacts: Vec<AuditedArtifact>,
    /// The images by the digest of their manifest.
    pub images: BTreeMap<Digest, Image>,
    /// The layers and other archives by digest.
    pub layers: BTreeMap<Digest, Layer>,
    /// What is attached to manifests, in the order in which it was found.
    pub attached: Vec<Attached>,
    /// Blobs of artifacts that are no archives, and attached to nothing; and configurations of what is no image that are not in JSON.
    pub opaque: BTreeMap<Digest, MediaType>,
    /// What was found on the way.
    pub findings: Vec<Finding>,
    /// Whether the walk ended early.
    pub is_cut: bool,
    steps: usize,
    /// The bytes of texts that were kept.
    text_bytes: usize,
    /// How many findings were not kept.
    not_listed: u64,
}

impl Survey {
    /// Takes room for texts. Returns whether there is any.
    fn take_text(&mut self, bytes: usize) -> bool {
        let taken = self.text_bytes.saturating_add(bytes);
        if taken <= TEXT_BYTES_MAX {
            self.text_bytes = taken;
        }
        taken <= TEXT_BYTES_MAX
    }

    /// Adds a finding, or counts it if there is no room.
    fn find(&mut self, finding: Finding) {
        if self.take_text(FINDING_BYTES + finding.text.len()) {
            self.findings.push(finding);
        } else {
            self.not_listed += 1;
        }
    }
}

/// What of the artifacts is surveyed.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    /// The artifacts.
    pub wanted: &'a dyn Fn(&Root) -> bool,
    /// The platforms of indexes; empty for all.
    pub platforms: &'a [Platform],
    /// Whether referrers are surveyed, too.
    pub referrers: Carriage,
    /// The rules for secrets; `None` to look for none.
    pub secrets: Option<&'a SecretRules>,
}

impl Scope<'_> {
    /// Everything.
    pub(super) const ALL: Scope<'static> =
        Scope { wanted: &|_| true, platforms: &[], referrers: Carriage::Carry, secrets: None };
}

/// Surveys the artifacts of these bundles or sources.
pub(super) fn survey(all: &[&dyn Carried], scope: Scope<'_>) -> Survey {
    let mut survey = Survey::default();
    for (at, carried) in all.iter().enumerate() {
        for root in carried.roots().into_iter().filter(|root| (scope.wanted)(root)) {
            let artifact = Walking { survey: &mut survey, at, carried: *carried, scope }.artifact(&root);
            survey.artifacts.push(artifact);
        }
    }
    if survey.not_listed > 0 {
        survey.is_cut = true;
        let found = count(survey.not_listed, "more finding", "more findings");
        let text = format!("there are {found} about documents, which take too much memory");
        let place = Place::default();
        survey.findings.push(Finding::new(Rule::DocumentUnreadable, place, "more", text));
    }
    survey.findings.sort_by(|a, b| a.order().cmp(&b.order()));
    survey.findings.dedup();
    survey
}

/// Whether these bytes are an object in JSON.
fn is_object(bytes: &[u8]) -> bool {
    struct Object;

    impl<'de> Visitor<'de> for Object {
        type Value = ();

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
            // Its values take many times as much memory as their text, and none of them is kept.
            while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(())
        }
    }

    let mut json = serde_json::Deserializer::from_slice(bytes);
    json.deserialize_map(Object).and_then(|()| json.end()).is_ok()
}

struct Walking<'a> {
    survey: &'a mut Survey,
    at: usize,
    carried: &'a dyn Carried,
    scope: Scope<'a>,
}

/// A document that was read.
struct Read {
    document: Document,
    annotations: BTreeMap<String, String>,
}

impl Walking<'_> {
    fn artifact(&mut self, root: &Root) -> AuditedArtifact {
        let descriptor = &root.descriptor;
        let mut artifact = AuditedArtifact {
            name: root.name.clone(),
            digest: descriptor.digest,
            media_type: descriptor.media_type.clone(),
            artifact_type: descriptor.artifact_type.clone(),
            annotations: BTreeMap::new(),
            manifests: Vec::new(),
            referrers: Vec::new(),
        };
        let mut seen = HashSet::new();
        let mut waiting = vec![(descriptor.clone(), None)];
        let mut subjects = Vec::new();
        let mut referred = HashSet::new();
        while let Some((descriptor, platform)) = waiting.pop() {
            if !seen.insert(descriptor.digest) || self.is_over() {
                continue;
            }
            subjects.push(descriptor.digest);
            let read = self.read(&descriptor);
            if descriptor.digest == root.descriptor.digest
                && let Some(read) = &read
            {
                artifact.annotations = self.annotations(descriptor.digest, &read.annotations);
                artifact.artifact_type = read.document.artifact_type().cloned();
            }
            if let Some(subject) = read.as_ref().and_then(|read| read.document.subject()) {
                // A referrer that was chosen takes its subject with it, if that is there.
                referred.insert(subject.digest);
                waiting.push((subject.clone(), None));
            }
            match read {
                Some(Read { document: Document::Index { manifests, .. }, .. }) => {
                    for child in manifests.into_iter().rev() {
                        if let Some(subject) = attestation_of(&child) {
                            self.attach(&child, subject);
                            continue;
                        }
                        if self.is_wanted(child.platform.as_ref()) {
                            let stated = child.platform.as_ref().map(ToString::to_string);
                            waiting.push((child, stated));
                        }
                    }
                }
                Some(read) => {
                    let blobs = self.manifest(&descriptor, read, root.name.as_ref());
                    artifact.manifests.push(AuditedManifest {
                        digest: descriptor.digest,
                        platform,
                        carried: true,
                        blobs,
                    });
                }
                None if referred.contains(&descriptor.digest) => {}
                None => artifact.manifests.push(AuditedManifest {
                    digest: descriptor.digest,
                    platform,
                    carried: false,
                    blobs: Vec::new(),
                }),
            }
        }
        if self.scope.referrers == Carriage::Carry {
            artifact.referrers = self.referrers(subjects);
        }
        artifact
    }

    /// Annotations for the report, if there is room for them.
    fn annotations(&mut self, of: Digest, all: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let bytes = all.iter().map(|(key, value)| key.len() + value.len() + ENTRY_BYTES).sum();
        if self.survey.take_text(bytes) {
            return all.clone();
        }
        let text = "its annotations are not listed: those of all artifacts together take too much memory";
        let place = Place::artifact(of);
        self.survey.find(Finding::new(Rule::TooLargeToRead, place, "annotations", text.to_owned()));
        BTreeMap::new()
    }

    fn is_over(&mut self) -> bool {
        self.survey.steps += 1;
        self.survey.is_cut |= self.survey.steps > STEPS_MAX;
        self.survey.is_cut
    }

    /// Whether a child of an index is looked at: the same choice as that of `pack`.
    fn is_wanted(&self, platform: Option<&Platform>) -> bool {
        let Some(platform) = platform else { return true };
        let platforms = self.scope.platforms;
        platforms.is_empty() || platforms.iter().any(|wanted| platform.fits(wanted))
    }

    /// Reads a manifest or index. What cannot be read becomes a finding.
    fn read(&mut self, descriptor: &Descriptor) -> Option<Read> {
        if descriptor.media_type.role() == Role::Blob {
            return None;
        }
        let problem = if descriptor.size > DOCUMENT_BYTES_MAX {
            format!("it has {} bytes, more than {DOCUMENT_BYTES_MAX}", descriptor.size)
        } else {
            match self.carried.document(descriptor) {
                Ok(Some(bytes)) => match Document::parse(descriptor, &bytes) {
                    Ok(document) => return Some(Read { document, annotations: annotations::of(&bytes) }),
                    Err(error) => error.to_string(),
                },
                // An index may name images that do not travel. The plan lists them.
                Ok(None) => return None,
                Err(problem) => problem,
            }
        };
        let place = Place::artifact(descriptor.digest);
        let text = format!("the document {} cannot be read: {problem}", descriptor.digest);
        self.survey.find(Finding::new(Rule::DocumentUnreadable, place, "", text));
        None
    }

    /// Notes what a manifest consists of. Returns its blobs.
    fn manifest(&mut self, descriptor: &Descriptor, read: Read, name: Option<&RefName>) -> Vec<Digest> {
        let digest = descriptor.digest;
        let (config, layers) = match read.document {
            Document::Manifest { config, layers, .. } => (Some(config), layers),
            Document::ArtifactManifest { blobs, .. } => (None, blobs),
            Document::Index { .. } => return Vec::new(),
        };
        let layers: Vec<Descriptor> = layers.into_iter().map(lean).collect();
        let blobs = layers.iter().map(|layer| layer.digest).collect();
        let is_image = config.as_ref().is_some_and(|config| config.media_type.is_image_config())
            && (layers.is_empty() || layers.iter().any(is_layer));
        if let Some(config) = config.as_ref().filter(|_| !is_image) {
            self.config_of_no_image(config);
        }
        for layer in &layers {
            if is_archive(&layer.media_type) {
                let entry = self.survey.layers.entry(layer.digest).or_insert_with(|| Layer {
                    carried: BTreeSet::new(),
                    descriptor: layer.clone(),
                    images: BTreeSet::new(),
                });
                entry.carried.insert(self.at);
                if is_image {
                    entry.images.insert(digest);
                }
            } else {
                // No runtime takes it for a layer, so nothing says what it is.
                self.survey.opaque.insert(layer.digest, layer.media_type.clone());
            }
        }
        if is_image {
            let known = self.survey.images.contains_key(&digest);
            let config_descriptor = config.clone().map(lean);
            let config = config.filter(|_| !known).and_then(|config| self.config(&config, digest));
            let image = self.survey.images.entry(digest).or_insert_with(|| Image {
                names: BTreeSet::new(),
                config,
                config_descriptor,
                layers,
            });
            image.names.extend(name.cloned());
        }
        blobs
    }

    fn config(&mut self, descriptor: &Descriptor, image: Digest) -> Option<ImageConfig> {
        let problem = if descriptor.size > DOCUMENT_BYTES_MAX {
            format!("it has {} bytes, more than {DOCUMENT_BYTES_MAX}", descriptor.size)
        } else {
            match self.carried.document(descriptor) {
                Ok(Some(bytes)) => match ImageConfig::parse(&bytes) {
                    Ok(config) if self.survey.take_text(config.weight()) => return Some(config),
                    Ok(_) => {
                        let text = "the configuration is not looked at: those of all images together take too much memory";
                        let place = Place::artifact(image);
                        self.survey.find(Finding::new(
                            Rule::TooLargeToRead,
                            place,
                            "config",
                            text.to_owned(),
                        ));
                        return None;
                    }
                    Err(error) => error.to_string(),
                },
                Ok(None) => "it is not there".to_owned(),
                Err(problem) => problem,
            }
        };
        let text = format!("the configuration {} cannot be read: {problem}", descriptor.digest);
        self.survey.find(Finding::new(Rule::DocumentUnreadable, Place::artifact(image), "config", text));
        None
    }

    /// Searches the configuration of what is no image for secrets if it is an object in JSON, as those of charts and signatures are,
    /// and names it as opaque otherwise: nothing says what is in it.
    fn config_of_no_image(&mut self, descriptor: &Descriptor) {
        if descriptor.size <= EMPTY_CONFIG.len() as u64 {
            return;
        }
        let is_small = descriptor.size <= DOCUMENT_BYTES_MAX;
        let bytes = is_small.then(|| self.carried.document(descriptor).ok().flatten()).flatten();
        let Some(bytes) = bytes.filter(|bytes| is_object(bytes)) else {
            self.survey.opaque.insert(descriptor.digest, descriptor.media_type.clone());
            return;
        };
        if let Some(rules) = self.scope.secrets {
            let place = Place::layer(descriptor.digest);
            let mut found = Bounded::default();
            search(rules, b"", &place, &bytes, &mut found);
            found.end(&place).into_iter().for_each(|finding| self.survey.find(finding));
        }
    }

    /// Returns the referrers of these manifests, and the referrers of these, sorted. Notes what each holds.
    fn referrers(&mut self, mut waiting: Vec<Digest>) -> Vec<AuditedReferrer> {
        let mut found = BTreeSet::new();
        let mut seen: HashSet<Digest> = waiting.iter().copied().collect();
        while let Some(subject) = waiting.pop() {
            let referrers = match self.carried.referrers(&subject) {
                Ok(referrers) => referrers,
                Err(problem) => {
                    let text = format!("the referrers of {subject} cannot be looked up: {problem}");
                    let place = Place::artifact(subject);
                    self.survey.find(Finding::new(Rule::DocumentUnreadable, place, "referrers", text));
                    continue;
                }
            };
            for referrer in referrers {
                if self.is_over() {
                    break;
                }
                let descriptor = &referrer.descriptor;
                found.insert(AuditedReferrer {
                    subject,
                    digest: descriptor.digest,
                    kind: kind(descriptor.artifact_type.as_ref(), referrer.name.as_ref()),
                    artifact_type: descriptor.artifact_type.clone(),
                });
                if seen.insert(descriptor.digest) {
                    waiting.push(descriptor.digest);
                    self.attach(descriptor, subject);
                }
            }
        }
        found.into_iter().collect()
    }

    /// Notes what is attached to `subject`. An index may hold it, too.
    fn attach(&mut self, descriptor: &Descriptor, subject: Digest) {
        let mut waiting = vec![descriptor.clone()];
        while let Some(descriptor) = waiting.pop()
            && !self.is_over()
        {
            let Some(read) = self.read(&descriptor) else { continue };
            let artifact_type = read.document.artifact_type().or(descriptor.artifact_type.as_ref()).cloned();
            let blobs = match read.document {
                Document::Index { manifests, .. } => {
                    waiting.extend(manifests.into_iter().rev());
                    continue;
                }
                Document::Manifest { config, layers, .. } => {
                    self.config_of_no_image(&config);
                    layers
                }
                Document::ArtifactManifest { blobs, .. } => blobs,
            };
            let blobs = blobs.into_iter().map(lean).collect();
            self.survey.attached.push(Attached {
                carried: self.at,
                subject,
                manifest: descriptor.digest,
                artifact_type,
                blobs,
            });
        }
    }
}
