//! Headers for tests.

use sha1::{Digest as _, Sha1};

use crate::oci::Digest;

/// A header to make.
#[derive(Clone)]
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) epoch: Option<u32>,
    /// A second name, added as if at installation.
    pub(super) added_name: Option<&'static str>,
    /// Whether its sum is the SHA-1 of rpm before 4.14.
    pub(super) is_old: bool,
    /// Bytes of a description, to make it long.
    pub(super) padding: usize,
}

impl Sample {
    pub(super) fn named(name: &'static str) -> Sample {
        Sample { name, epoch: None, added_name: None, is_old: false, padding: 0 }
    }

    /// The header as a database stores it: what the package was built with, then what was added.
    pub(super) fn blob(&self) -> Vec<u8> {
        let text = |text: &str| [text.as_bytes(), b"\0"].concat();
        let numbers = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        let mut tags: Vec<(u32, u32, u32, Vec<u8>)> = vec![
            (1000, 6, 1, text(self.name)),
            (1001, 6, 1, text("5.2")),
            (1002, 6, 1, text("3.el9")),
            (1005, 9, 1, text(&"x".repeat(self.padding))),
            (1014, 6, 1, text("GPL-3.0-or-later")),
            (1022, 6, 1, text("x86_64")),
            (1044, 6, 1, text("bash-5.2-3.el9.src.rpm")),
            (1116, 4, 2, numbers(&[1, 0])),
            (1117, 8, 2, b"bash\0skel\0".to_vec()),
            (1118, 8, 2, b"/etc/\0/usr/bin/\0".to_vec()),
        ];
        tags.extend(self.epoch.map(|epoch| (1003, 4, 1, numbers(&[epoch]))));
        let mut entries = Vec::new();
        let mut values = Vec::new();
        let entry = |tag: u32, kind: u32, offset: usize, count: u32| -> Vec<u8> {
            numbers(&[tag, kind, u32::try_from(offset).unwrap(), count])
        };
        for (tag, kind, count, value) in tags {
            if kind == 4 {
                values.resize(values.len().next_multiple_of(4), 0);
            }
            entries.extend(entry(tag, kind, values.len(), count));
            values.extend(value);
        }
        let mut all = entry(63, 7, values.len(), 16);
        all.extend(entries);
        let bytes = u32::try_from(all.len()).unwrap();
        values.extend::<Vec<u8>>(numbers(&[63, 7, bytes.wrapping_neg(), 16]));

        let lengths = |all: &[u8], values: &[u8]| -> Vec<u8> {
            numbers(&[u32::try_from(all.len() / 16).unwrap(), u32::try_from(values.len()).unwrap()])
        };
        let magic = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];
        let summed = [&magic[..], &lengths(&all, &values), &all, &values].concat();
        let (tag, sum) = if self.is_old {
            (269, hex::encode(Sha1::digest(&summed)))
        } else {
            (273, Digest::sha256(&summed).hex())
        };
        all.extend(entry(tag, 6, values.len(), 1));
        values.extend(text(&sum));
        if let Some(name) = self.added_name {
            all.extend(entry(1000, 6, values.len(), 1));
            values.extend(text(name));
        }
        [lengths(&all, &values), all, values].concat()
    }
}
