//! What a reviewer asks of the merged file system of an image: programs for other machines, programs of no package, and
//! what is hidden, but travels.

use std::collections::BTreeMap;

use super::bounded::Bounded;
use super::finding::{Finding, Place, Rule};
use super::read_layer::{Program, ReadLayer};
use super::report::HiddenFiles;
use crate::content::executable::Format;
use crate::content::tar::EntryKind;
use crate::oci::Digest;
use crate::oci::config::ImageConfig;
use crate::rootfs::{Entry, MemberId, Rootfs};

/// The file system of an image, and where it comes from.
pub(super) struct Scene<'a> {
    /// The manifest.
    pub image: Digest,
    /// The layers, base layer first.
    pub digests: &'a [Digest],
    /// All layers.
    pub layers: &'a BTreeMap<Digest, ReadLayer>,
    /// The merged file system.
    pub rootfs: &'a Rootfs,
}

impl<'a> Scene<'a> {
    fn layer(&self, number: u16) -> Option<(Digest, &'a ReadLayer)> {
        let digest = self.digests.get(usize::from(number))?;
        Some((*digest, self.layers.get(digest)?))
    }

    fn place(&self, layer: Digest, path: &[u8]) -> Place {
        Place { layer: Some(layer), ..Place::artifact(self.image) }.at(path)
    }

    fn files(&self) -> impl Iterator<Item = Entry<'a>> {
        self.rootfs.iter().filter(|entry| entry.kind() == EntryKind::File)
    }

    /// Finds programs for another architecture than the image's. A program of another system, such as a Windows program in
    /// a Linux image, is not meant to run there.
    pub(super) fn foreign(&self, config: &ImageConfig, findings: &mut Bounded) {
        if config.architecture.is_empty() {
            return;
        }
        for entry in self.files() {
            let Some(MemberId { layer, number }) = entry.body() else { continue };
            let Some((layer, read)) = self.layer(layer) else { continue };
            let Some(program) = read.program(number) else { continue };
            let runs = runs_on(&program, &config.architecture);
            if program.format == format_of(&config.os) && !runs {
                let (machine, expected) = (program.architecture, &config.architecture);
                let text = format!("a program for {machine} in an image for {expected}");
                let place = self.place(layer, &entry.path());
                findings.push(Finding::new(Rule::ForeignArchitecture, place, machine, text));
            }
        }
    }

    /// Counts the files that no package owns, and finds those of them that may be run.
    pub(super) fn unowned(&self, owns: &dyn Fn(&[u8]) -> bool, findings: &mut Bounded) -> u64 {
        let mut unowned = 0;
        for entry in self.files() {
            let path = entry.path();
            if owns(&path) || is_script_of_dpkg(&path) {
                continue;
            }
            unowned += 1;
            if entry.mode() & 0o111 != 0
                && let Some((layer, _)) = self.layer(entry.layer())
            {
                let text = "it may be run, and no package owns it".to_owned();
                findings.push(Finding::new(Rule::UnownedExecutable, self.place(layer, &path), "", text));
            }
        }
        unowned
    }

    /// Counts the files that upper layers hide, and finds the secrets in them.
    pub(super) fn hidden(&self, findings: &mut Bounded) -> HiddenFiles {
        let mut files = HiddenFiles::default();
        for hidden in self.rootfs.hidden() {
            let Some(member) = self.rootfs.member(hidden.member) else { continue };
            if member.kind != EntryKind::File {
                continue;
            }
            files.files += 1;
            files.bytes = files.bytes.saturating_add(member.size);
            let Some((layer, read)) = self.layer(hidden.member.layer) else { continue };
            let Some(secret) = read.secret(hidden.member.number) else { continue };
            let by = self.digests.get(usize::from(hidden.by_layer));
            let by = by.map_or_else(String::new, |by| format!(" by the layer {by}"));
            let text = format!("hidden{by}, but still in this layer: {secret}");
            let path = member.path();
            let path = path.strip_prefix(b"./").unwrap_or(&path);
            findings.push(Finding::new(Rule::HiddenSecret, self.place(layer, path), "", text));
        }
        files
    }
}

/// The scripts that dpkg runs when it installs a package. They belong to the package; its list does not have them.
fn is_script_of_dpkg(path: &[u8]) -> bool {
    let Some(name) = path.strip_prefix(b"var/lib/dpkg/info/") else { return false };
    let ends = [&b".preinst"[..], b".postinst", b".prerm", b".postrm", b".config"];
    !name.contains(&b'/') && ends.iter().any(|end| name.ends_with(end))
}

/// The form of the programs of a system.
fn format_of(os: &str) -> Format {
    match os {
        "windows" => Format::Pe,
        "darwin" => Format::MachO,
        _ => Format::Elf,
    }
}

/// Whether a machine of an architecture runs a program, by GOARCH. 64-bit machines run the programs of their 32-bit
/// predecessors.
fn runs_on(program: &Program, architecture: &str) -> bool {
    let base = program.architecture.split('/').next().unwrap_or_default();
    base == architecture || matches!((base, architecture), ("386", "amd64") | ("arm", "arm64"))
}
