//! The label of a volume: a small text file that is not signed. It says which chunks or parity files are in which volume, so that
//! a reader can name a volume that is missing. Nothing else follows from it.

use crate::format::error::FormatError;
use crate::format::lines::{Lines, Number, or_dash};
use crate::format::{BundleName, Label, Sum, Timestamp};

use super::limits::{VOLUME_LABEL_BYTES_MAX, VOLUMES_MAX};

/// What volumes hold, besides the control chunk and a label in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeKind {
    /// The chunks of the bundle.
    Chunks,
    /// Its parity files, which are numbered apart.
    Parity,
}

impl VolumeKind {
    /// The first line of a label.
    const fn first_line(self) -> &'static str {
        match self {
            VolumeKind::Chunks => "carnet-volume v1",
            VolumeKind::Parity => "carnet-parity-volume v1",
        }
    }

    /// Returns the kind that the first line of a text says.
    fn of(bytes: &[u8]) -> Option<VolumeKind> {
        let says = |kind: &VolumeKind| {
            let rest = bytes.strip_prefix(kind.first_line().as_bytes());
            rest.is_some_and(|rest| rest.first() == Some(&b'\n'))
        };
        [VolumeKind::Chunks, VolumeKind::Parity].into_iter().find(says)
    }
}

/// The label of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeLabel {
    /// What the volume holds.
    pub kind: VolumeKind,
    /// The id of the bundle.
    pub bundle: Sum,
    /// The name of the bundle.
    pub name: BundleName,
    /// The marking of the bundle.
    pub label: Option<Label>,
    /// When the bundle was packed, or its parity was made.
    pub packed: Timestamp,
    /// The number of this volume, from 1.
    pub volume: usize,
    /// The numbers of the last files of all volumes, in order. There is at least one.
    pub lasts: Vec<u32>,
}

impl VolumeLabel {
    /// Returns the numbers of the first and the last file of each volume, in order.
    pub fn parts(&self) -> impl Iterator<Item = (u32, u32)> {
        let firsts = std::iter::once(0).chain(self.lasts.iter().map(|last| last + 1));
        firsts.zip(self.lasts.iter().copied())
    }

    /// Returns the highest number of a file.
    pub fn last(&self) -> u32 {
        self.lasts.last().copied().unwrap_or(0)
    }

    /// Returns the text.
    pub fn render(&self) -> Vec<u8> {
        let mut out = format!("{}\nbundle {}\nname {}\n", self.kind.first_line(), self.bundle, self.name);
        out += &format!("label {}\npacked {}\n", or_dash(self.label.as_ref()), self.packed);
        out += &format!("volume {} of {}\n", self.volume, self.lasts.len());
        for (at, (first, last)) in (1..).zip(self.parts()) {
            out += &format!("part {at} {first} {last}\n");
        }
        out.into_bytes()
    }

    /// Returns whether bytes begin as a label does.
    pub fn begins(bytes: &[u8]) -> bool {
        VolumeKind::of(bytes).is_some()
    }

    /// Parses a label.
    ///
    /// # Errors
    /// [`FormatError`] if any byte differs from what [`VolumeLabel::render`] would write.
    pub fn parse(bytes: &[u8]) -> Result<VolumeLabel, FormatError> {
        let mut lines = Lines::new("label of a volume", bytes, VOLUME_LABEL_BYTES_MAX)?;
        let kind = VolumeKind::of(bytes).unwrap_or(VolumeKind::Chunks);
        lines.exactly(kind.first_line())?;
        let (bundle, name) = (lines.parsed("bundle")?, lines.parsed("name")?);
        let (label, packed) = (lines.optional("label")?, lines.parsed("packed")?);
        let [volume, of, count] = lines.words("volume")?;
        let in_range = |word: &str| {
            let Number(number) = lines.word(word)?;
            usize::try_from(number)
                .ok()
                .filter(|number| (1..=VOLUMES_MAX).contains(number))
                .ok_or_else(|| lines.refuse(format!("a number from 1 to {VOLUMES_MAX}"), Some(word)))
        };
        let (volume, count) = (in_range(volume)?, in_range(count)?);
        if of != "of" || volume > count {
            return Err(lines.refuse("N of COUNT, N not above COUNT".to_owned(), Some(of)));
        }
        let lasts = Vec::with_capacity(count);
        let mut read = VolumeLabel { kind, bundle, name, label, packed, volume, lasts };
        for at in 1..=count {
            let [number, first, last] = lines.words("part")?;
            let next = read.lasts.last().map_or(0, |last| u64::from(*last) + 1);
            let [Number(found), Number(first), Number(last)] =
                [lines.word(number)?, lines.word(first)?, lines.word(last)?];
            let is_next = usize::try_from(found) == Ok(at) && first == next && last >= first;
            let last = u32::try_from(last)
                .ok()
                .filter(|last| is_next && *last <= crate::format::limits::CHUNK_NUMBER_MAX);
            let Some(last) = last else {
                return Err(lines.refuse(format!("part {at} from number {next} on"), Some(number)));
            };
            read.lasts.push(last);
        }
        lines.end()?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label() -> VolumeLabel {
        VolumeLabel {
            kind: VolumeKind::Chunks,
            bundle: Sum([0xc3; 32]),
            name: "release42".parse().unwrap(),
            label: Some("UNCLASSIFIED".parse().unwrap()),
            packed: "2026-11-20T21:59:35Z".parse().unwrap(),
            volume: 2,
            lasts: vec![12, 24, 30],
        }
    }

    #[test]
    fn a_label_is_read_as_it_was_written() {
        let bytes = label().render();
        assert!(VolumeLabel::begins(&bytes));
        assert_eq!(VolumeLabel::parse(&bytes).unwrap(), label());
        assert_eq!(label().parts().collect::<Vec<_>>(), [(0, 12), (13, 24), (25, 30)]);
        let mut none = label();
        none.label = None;
        none.lasts = vec![0];
        none.volume = 1;
        assert_eq!(VolumeLabel::parse(&none.render()).unwrap(), none);
        none.kind = VolumeKind::Parity;
        assert!(none.render().starts_with(b"carnet-parity-volume v1\n"));
        assert_eq!(VolumeLabel::parse(&none.render()).unwrap(), none);
        // The longest fits.
        let mut long = label();
        long.lasts = (0..999).map(|at| 90_000 + at).collect();
        assert!(long.render().len() as u64 <= VOLUME_LABEL_BYTES_MAX);
        assert_eq!(VolumeLabel::parse(&long.render()).unwrap(), long);
    }

    #[test]
    fn labels_that_lie_about_parts_are_refused() {
        let text = String::from_utf8(label().render()).unwrap();
        for (from, to) in [
            ("part 2 13 24", "part 2 12 24"),
            ("part 2 13 24", "part 2 14 24"),
            ("part 2 13 24", "part 3 13 24"),
            ("part 2 13 24", "part 2 13 12"),
            ("part 3 25 30", "part 3 25 100000"),
            ("part 3 25 30\n", ""),
            ("part 3 25 30\n", "part 3 25 30\npart 4 31 32\n"),
            ("volume 2 of 3", "volume 4 of 3"),
            ("volume 2 of 3", "volume 0 of 3"),
            ("volume 2 of 3", "volume 2 of 1000"),
            ("volume 2 of 3", "volume 2 to 3"),
            ("volume 2 of 3", "volume 02 of 3"),
            ("carnet-volume v1", "carnet-volume v2"),
            ("carnet-volume v1", "carnet-parity-volume v2"),
            ("carnet-volume v1", "carnet-parity-volume  v1"),
            ("\n", "\r\n"),
        ] {
            let wrong = text.replacen(from, to, 1);
            assert_ne!(wrong, text);
            assert!(VolumeLabel::parse(wrong.as_bytes()).is_err(), "{from} → {to}");
        }
    }
}
