//! Reads layers again, for files that have another name in the merged file system than in their layer.
//!
//! While a layer is read, the name of a file decides whether its content is kept. A link of another layer may give it a name
//! that matters: `var/lib/dpkg/status` may be a link to `opt/s`. Then the layer of `opt/s` is read once more.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::budget::Budget;
use super::captured::{Captured, capture};
use super::carried::Carried;
use super::finding::{Finding, Place, Rule};
use super::image::Merging;
use super::proving::Proving;
use super::read_layer::ReadLayer;
use super::read_options::ReadOptions;
use super::survey::{Layer, Survey};
use crate::content::tar::{EntryKind, TarEntry};
use crate::content::{Interest, LayerVisitor, read_layer};
use crate::observe::{Monitor, Phase};
use crate::oci::Digest;
use crate::packages::{Wanted, wanted};
use crate::rootfs::{Member, MemberId};
use crate::stream::workers::Workers;

/// The most files that are read so, in all images together.
const FILES_MAX: usize = 10_000;

/// The most links of one image that are followed for it.
const LINKS_MAX: usize = 100_000;

/// What wants a file, and the path that it has in the image.
type Wish = (Wanted, Vec<u8>);

/// The files to read, by layer and number.
type Wishes = BTreeMap<Digest, BTreeMap<u32, Wish>>;

/// Reads what the links of images lead to, and adds it to the layers. Returns a finding for each image whose links were not all
/// followed.
pub(super) fn look_again(
    survey: &Survey,
    all: &[&dyn Carried],
    layers: &mut BTreeMap<Digest, ReadLayer>,
    options: &ReadOptions<'_>,
    workers: &Workers,
    monitor: Monitor<'_>,
) -> Vec<Finding> {
    let mut unfollowed = Vec::new();
    let wishes = wishes(survey, layers, options.budget, &mut unfollowed);
    if wishes.is_empty() {
        return unfollowed;
    }
    let total = wishes.keys().filter_map(|digest| survey.layers.get(digest));
    let total = total.map(|layer| layer.descriptor.size).sum();
    monitor.phase(Phase::Audit, total, || {
        for (digest, wishes) in wishes {
            let Some(layer) = survey.layers.get(&digest) else { continue };
            let (captured, findings) = read(layer, &wishes, all, options, workers, monitor);
            if let Some(read) = layers.get_mut(&digest) {
                read.captured.extend(captured);
                read.findings.extend(findings);
            }
        }
    });
    unfollowed
}

fn wishes(
    survey: &Survey,
    layers: &BTreeMap<Digest, ReadLayer>,
    budget: &Budget,
    unfollowed: &mut Vec<Finding>,
) -> Wishes {
    let mut wishes = Wishes::new();
    let mut left = FILES_MAX;
    for (image_digest, image) in &survey.images {
        let digests: Vec<Digest> = image.layers.iter().map(|layer| layer.digest).collect();
        let members = digests.iter().filter_map(|digest| layers.get(digest)).map(|read| &read.members);
        let mut links = members.flat_map(|members| members.iter()).filter(is_telling).map(|link| link.path());
        let followed: BTreeSet<Vec<u8>> = links.by_ref().take(LINKS_MAX).collect();
        if followed.is_empty() {
            continue;
        }
        let mut is_cut = links.next().is_some();
        if budget.take_merged(Merging::entries(&digests, layers)) {
            let merging = Merging::of(&digests, layers);
            for (digest, number, wish) in followed.iter().filter_map(|path| wish(&merging, &digests, path)) {
                if wishes.get(&digest).is_some_and(|wishes| wishes.contains_key(&number)) {
                    continue;
                }
                if left == 0 {
                    is_cut = true;
                    break;
                }
                left -= 1;
                wishes.entry(digest).or_default().insert(number, wish);
            }
        } else {
            is_cut = true;
        }
        if is_cut {
            let text = "not all links to files about packages were followed: there are too many";
            let place = Place::artifact(*image_digest);
            unfollowed.push(Finding::new(Rule::MergeSteps, place, "links", text.to_owned()));
        }
    }
    wishes
}

/// The file that a link of an image leads to, if its own name was not enough to keep what it says.
fn wish(merging: &Merging<'_>, digests: &[Digest], path: &[u8]) -> Option<(Digest, u32, Wish)> {
    let wish = by_name(path)?;
    let entry = merging.rootfs().resolve(path).ok()?;
    let MemberId { layer, number } = entry.body().filter(|_| entry.kind() == EntryKind::File)?;
    let body = merging.rootfs().member(MemberId { layer, number })?;
    if by_name(&body.path()) == Some(wish) {
        return None;
    }
    Some((*digests.get(usize::from(layer))?, number, (wish, path.to_vec())))
}

/// Whether a link gives a file a name that matters, and that the file itself may not have.
fn is_telling(member: &Member<'_>) -> bool {
    matches!(member.kind, EntryKind::HardLink | EntryKind::Symlink)
        && by_name(&member.path()).is_some_and(|wish| by_name(member.link) != Some(wish))
}

/// What wants a file of this name, whatever its permission bits. Executables are known by those, so links change nothing.
fn by_name(path: &[u8]) -> Option<Wanted> {
    wanted(path, 0).filter(|wanted| !matches!(wanted, Wanted::Executable | Wanted::NodeLock))
}

fn read(
    layer: &Layer,
    wishes: &BTreeMap<u32, Wish>,
    all: &[&dyn Carried],
    options: &ReadOptions<'_>,
    workers: &Workers,
    monitor: Monitor<'_>,
) -> (HashMap<u32, Captured>, Vec<Finding>) {
    let descriptor = &layer.descriptor;
    for carried in layer.carried.iter().filter_map(|at| all.get(*at)) {
        let Ok(Some(source)) = carried.open(descriptor) else { continue };
        let mut proving = Proving::new(source, descriptor, workers, monitor);
        let mut looking = Looking {
            layer: descriptor.digest,
            wishes,
            options,
            captured: HashMap::new(),
            findings: Vec::new(),
        };
        read_layer(&mut proving, &options.limits, &mut looking);
        if let Some(problem) = proving.finish() {
            let text = format!("the layer {} was read a second time: {problem}", descriptor.digest);
            let finding = Finding::new(Rule::BlobDamaged, Place::layer(descriptor.digest), "again", text);
            return (HashMap::new(), vec![finding]);
        }
        return (looking.captured, looking.findings);
    }
    (HashMap::new(), Vec::new())
}

/// Takes the files that are wished for.
struct Looking<'a> {
    layer: Digest,
    wishes: &'a BTreeMap<u32, Wish>,
    options: &'a ReadOptions<'a>,
    captured: HashMap<u32, Captured>,
    findings: Vec<Finding>,
}

impl<'a> Looking<'a> {
    fn wish(&self, entry: &TarEntry) -> Option<(u32, &'a Wish)> {
        let number = u32::try_from(entry.number).ok()?;
        Some((number, self.wishes.get(&number)?))
    }

    fn too_large(&mut self, path: &[u8], text: String) {
        let place = Place::layer(self.layer).at(path);
        self.findings.push(Finding::new(Rule::TooLargeToRead, place, "again", text));
    }
}

impl LayerVisitor for Looking<'_> {
    fn entry(&mut self, entry: &TarEntry) -> Interest {
        let Some((_, (wanted, _))) = self.wish(entry) else { return Interest::Skip };
        let limit = wanted.bytes_max();
        if entry.size > limit {
            self.too_large(&entry.path, format!("it has {} bytes; {limit} are read", entry.size));
        }
        Interest::Whole(usize::try_from(limit).unwrap_or(usize::MAX))
    }

    fn body(&mut self, entry: &TarEntry, bytes: &[u8]) {
        let Some((number, (wanted, path))) = self.wish(entry) else { return };
        let Some(captured) = capture(*wanted, path, bytes, self.options.depth_max) else { return };
        if self.options.budget.take_bytes(captured.weight()) {
            self.captured.insert(number, captured);
        } else {
            let text = "all files about packages together take too much memory; this one was not read";
            self.too_large(&entry.path, text.to_owned());
        }
    }
}
