//! Rendering and parsing of a plan.

use std::fmt::Write as _;

use super::delta;
use super::model::{Artifact, Carriage, Piece, Plan, PlannedBlob, PlannedOmission, PlannedReferrer};
use super::origin;
use crate::format::error::FormatError;
use crate::format::limits::{PIECES_MAX, PLAN_BYTES_MAX, REFERENCES_MAX};
use crate::format::lines::{Lines, Number, or_dash};
use crate::format::shape::HeadRoom;
use crate::format::statement::{Crossing, chunk_number};
use crate::format::tar::BLOCK;
use crate::oci::graph::Reason;

const FIRST_LINE: &str = "carnet-plan v1";
const REASONS: [Reason; 4] = [Reason::Nondistributable, Reason::Platform, Reason::Absent, Reason::Lost];

impl Plan {
    /// Renders `plan.txt`.
    pub fn render(&self) -> Vec<u8> {
        let mut out = format!("{FIRST_LINE}\n{}", self.crossing.render());
        let platforms = match self.platforms.as_slice() {
            [] => "all".to_owned(),
            some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        };
        let head = format!(
            "label {}\nchunk-bytes {}\nheads {} {}\nnondistributable {}\nreferrers {}\nplatforms {platforms}\nchunks {}\n",
            or_dash(self.crossing.label.as_ref()),
            self.chunk_bytes,
            self.heads.data,
            self.heads.control,
            self.nondistributable,
            self.referrers_carriage,
            self.last,
        );
        out.push_str(&head);
        if let Some(profile) = self.profile {
            let _ = writeln!(out, "profile {profile}");
        }
        for a in &self.artifacts {
            let (artifact_type, name) = (or_dash(a.artifact_type.as_ref()), or_dash(a.name.as_ref()));
            let _ = writeln!(out, "artifact {} {} {} {artifact_type} {name}", a.digest, a.size, a.media_type);
        }
        for r in &self.referrers {
            let (artifact_type, name) = (or_dash(r.artifact_type.as_ref()), or_dash(r.name.as_ref()));
            let (digest, size, media_type, subject) = (r.digest, r.size, &r.media_type, r.subject);
            let _ = writeln!(out, "referrer {digest} {size} {media_type} {artifact_type} {subject} {name}");
        }
        for o in &self.omitted {
            let (reason, platform) = (o.reason.word(), or_dash(o.platform.as_ref()));
            let (digest, size, media_type, parent) = (o.digest, o.size, &o.media_type, o.parent);
            let _ = writeln!(out, "omitted {digest} {size} {media_type} {reason} {parent} {platform}");
        }
        origin::render(&self.origins, &mut out);
        delta::render(&self.bases, &self.elsewhere, &mut out);
        for b in &self.blobs {
            let _ = write!(out, "blob {} {} {} {} ", b.digest, b.size, b.class, b.media_type);
            match b.pieces.as_slice() {
                [whole] => {
                    let _ = writeln!(out, "{}", whole.chunk);
                }
                slices => {
                    let words: Vec<String> =
                        slices.iter().map(|p| format!("{}:{}", p.chunk, p.bytes)).collect();
                    let _ = writeln!(out, "{}", words.join(","));
                }
            }
        }
        out.into_bytes()
    }

    /// Parses `plan.txt`.
    ///
    /// # Errors
    /// [`FormatError`] if any byte differs from what [`Plan::render`] would write, or if the plan contradicts
    /// itself or exceeds a limit.
    pub fn parse(bytes: &[u8]) -> Result<Plan, FormatError> {
        let mut lines = Lines::new("plan.txt", bytes, PLAN_BYTES_MAX)?;
        lines.exactly(FIRST_LINE)?;
        let mut crossing = Crossing::parse(&mut lines)?;
        crossing.label = lines.optional("label")?;
        let chunk_bytes = lines.parsed::<Number>("chunk-bytes")?.0;
        let heads = head_room(&mut lines, chunk_bytes)?;
        let nondistributable: Carriage = lines.parsed("nondistributable")?;
        let referrers_carriage: Carriage = lines.parsed("referrers")?;
        let platforms = match lines.value("platforms")? {
            "all" => Vec::new(),
            some => some.split(',').map(|word| lines.word(word)).collect::<Result<_, _>>()?,
        };
        let last = lines.value("chunks").map(str::to_owned)?;
        let last = chunk_number(&lines, &last)?;
        let profile = if lines.next_is("profile") { Some(lines.parsed("profile")?) } else { None };
        let mut plan = Plan {
            crossing,
            chunk_bytes,
            heads,
            nondistributable,
            referrers_carriage,
            platforms,
            last,
            profile,
            artifacts: Vec::new(),
            referrers: Vec::new(),
            omitted: Vec::new(),
            origins: Vec::new(),
            bases: Vec::new(),
            elsewhere: Vec::new(),
            blobs: Vec::new(),
        };
        let mut pieces = 0;
        while lines.next_is("artifact") {
            plan.artifacts.push(artifact(&mut lines)?);
            check_references(&lines, plan.artifacts.len())?;
        }
        while lines.next_is("referrer") {
            plan.referrers.push(referrer(&mut lines)?);
            check_references(&lines, plan.artifacts.len() + plan.referrers.len())?;
        }
        while lines.next_is("omitted") {
            plan.omitted.push(omitted(&mut lines)?);
        }
        plan.origins = origin::parse(&mut lines)?;
        (plan.bases, plan.elsewhere) = delta::parse(&mut lines)?;
        while lines.next_is("blob") {
            let blob = blob(&mut lines, PIECES_MAX - pieces)?;
            pieces += blob.pieces.len();
            plan.blobs.push(blob);
        }
        lines.end()?;
        plan.check()?;
        Ok(plan)
    }
}

/// Reads the space for heads. The control chunk has at least as much as a data chunk, and both leave at least half
/// of the limit to the sealed part.
fn head_room(lines: &mut Lines<'_>, chunk_bytes: u64) -> Result<HeadRoom, FormatError> {
    let [data, control] = lines.words("heads")?;
    let room = HeadRoom { data: lines.word::<Number>(data)?.0, control: lines.word::<Number>(control)?.0 };
    let whole_blocks = room.data.is_multiple_of(BLOCK) && room.control.is_multiple_of(BLOCK);
    let most = HeadRoom::BYTES_MAX.min(chunk_bytes / 2);
    if !whole_blocks || room.data < HeadRoom::BYTES_MIN || room.control < room.data || room.control > most {
        let expected = format!("ascending multiples of 512 from {} to {most}", HeadRoom::BYTES_MIN);
        let found = format!("{data} {control}");
        return Err(lines.refuse(expected, Some(&found)));
    }
    Ok(room)
}

fn check_references(lines: &Lines<'_>, found: usize) -> Result<(), FormatError> {
    if found <= REFERENCES_MAX {
        return Ok(());
    }
    let expected = format!("at most {REFERENCES_MAX} artifacts and referrers");
    Err(lines.refuse(expected, Some(&found.to_string())))
}

fn artifact(lines: &mut Lines<'_>) -> Result<Artifact, FormatError> {
    let [digest, size, media_type, artifact_type, name] = lines.words("artifact")?;
    Ok(Artifact {
        name: lines.optional_word(name)?,
        digest: lines.word(digest)?,
        size: lines.word::<Number>(size)?.0,
        media_type: lines.word(media_type)?,
        artifact_type: lines.optional_word(artifact_type)?,
    })
}

fn referrer(lines: &mut Lines<'_>) -> Result<PlannedReferrer, FormatError> {
    let [digest, size, media_type, artifact_type, subject, name] = lines.words("referrer")?;
    Ok(PlannedReferrer {
        subject: lines.word(subject)?,
        digest: lines.word(digest)?,
        name: lines.optional_word(name)?,
        size: lines.word::<Number>(size)?.0,
        media_type: lines.word(media_type)?,
        artifact_type: lines.optional_word(artifact_type)?,
    })
}

fn omitted(lines: &mut Lines<'_>) -> Result<PlannedOmission, FormatError> {
    let [digest, size, media_type, reason, parent, platform] = lines.words("omitted")?;
    let found = REASONS.into_iter().find(|known| known.word() == reason);
    Ok(PlannedOmission {
        digest: lines.word(digest)?,
        parent: lines.word(parent)?,
        reason: found.ok_or_else(|| {
            lines.refuse("nondistributable, platform, absent or lost".to_owned(), Some(reason))
        })?,
        size: lines.word::<Number>(size)?.0,
        media_type: lines.word(media_type)?,
        platform: lines.optional_word(platform)?,
    })
}

/// Reads a blob with at most `pieces_max` pieces.
fn blob(lines: &mut Lines<'_>, pieces_max: usize) -> Result<PlannedBlob, FormatError> {
    let [digest, size, class, media_type, places] = lines.words("blob")?;
    let size = lines.word::<Number>(size)?.0;
    if places.split(',').take(pieces_max + 1).count() > pieces_max {
        return Err(lines.refuse(format!("at most {PIECES_MAX} pieces in total"), Some(places)));
    }
    let pieces = if places.contains(':') {
        let piece = |word: &str| {
            let (chunk, bytes) = word
                .split_once(':')
                .ok_or_else(|| lines.refuse("CHUNK:BYTES, separated by commas".to_owned(), Some(word)))?;
            Ok(Piece { chunk: chunk_number(lines, chunk)?, bytes: lines.word::<Number>(bytes)?.0 })
        };
        let slices = places.split(',').map(piece).collect::<Result<Vec<_>, FormatError>>()?;
        if slices.len() < 2 {
            return Err(
                lines.refuse("only a chunk number for a blob that is not split".to_owned(), Some(places))
            );
        }
        slices
    } else {
        vec![Piece { chunk: chunk_number(lines, places)?, bytes: size }]
    };
    Ok(PlannedBlob {
        digest: lines.word(digest)?,
        size,
        class: lines.word(class)?,
        media_type: lines.word(media_type)?,
        pieces,
    })
}
