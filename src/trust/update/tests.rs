//! Changes of trust files: who must have signed, and what follows what.

use super::*;
use crate::diagnosis::{Code, Diagnose as _};
use crate::trust::KeyFile;

const NOW: &str = "2026-11-20T00:00:00Z";

fn key(seed: u8) -> KeyFile {
    KeyFile::from_seed(&[seed; 32])
}

/// A trust file with these roots, each a holder with the key of this number.
fn file(serial: u64, threshold: usize, roots: &[u8], more: &str) -> String {
    let mut text = format!(
        "version = 1\nserial = {serial}\nroot-threshold = {threshold}\nrelease-threshold = 1\n{more}\n\
         [[keys]]\nholder = \"station\"\nroles = [\"packer\", \"releaser\"]\npublic-key = \"{}\"\n",
        key(200).public_key().to_word()
    );
    for root in roots {
        let public = key(*root).public_key().to_word();
        text +=
            &format!("[[keys]]\nholder = \"root {root}\"\nroles = [\"root\"]\npublic-key = \"{public}\"\n");
    }
    text
}

fn policy(text: &str) -> TrustPolicy {
    TrustPolicy::from_text(text).unwrap()
}

fn update(old: &str, new: &str, by: &[u8]) -> TrustUpdate {
    let mut update = TrustUpdate::new(&policy(old), new, NOW.parse().unwrap()).unwrap();
    for seed in by {
        update.sign(&key(*seed) as &dyn Signer).unwrap();
    }
    update
}

fn is_enough(old: &str, update: &TrustUpdate) -> bool {
    update.standing(&policy(old), NOW.parse().unwrap()).unwrap().is_enough()
}

#[test]
fn enough_roots_of_both_files_must_sign() {
    let (old, new) = (file(1, 2, &[1, 2, 3], ""), file(2, 2, &[2, 3, 4], ""));
    for (by, expected) in [
        (&[][..], false),
        (&[2][..], false),
        (&[2, 3][..], true),
        (&[1, 2][..], false),
        (&[3, 4][..], false),
        (&[1, 2, 4][..], true),
        (&[1, 2, 3, 4][..], true),
        (&[200, 2, 77][..], false),
    ] {
        assert_eq!(is_enough(&old, &update(&old, &new, by)), expected, "{by:?}");
    }
    // All roots change at once: both groups sign.
    let other = file(2, 2, &[7, 8], "");
    assert!(is_enough(&old, &update(&old, &other, &[1, 2, 7, 8])));
    assert!(!is_enough(&old, &update(&old, &other, &[1, 2, 7])));
    assert!(!is_enough(&old, &update(&old, &other, &[1, 7, 8])));
}

#[test]
fn an_update_follows_one_trust_file() {
    let (one, two, three) = (file(1, 1, &[1], ""), file(2, 1, &[1], ""), file(3, 1, &[1], ""));
    let second = update(&one, &two, &[1]);
    let third = update(&two, &three, &[1]);
    let refused = |update: &TrustUpdate, old: &str| {
        update.standing(&policy(old), NOW.parse().unwrap()).unwrap_err().code()
    };
    // Older, the same, and one too far.
    for (update, old) in [(&second, &two), (&second, &three), (&third, &three), (&third, &one)] {
        assert_eq!(refused(update, old), Code::TrustUpdateOther);
    }
    // The same number, but another file.
    assert_eq!(refused(&second, &file(1, 1, &[1], "# changed by hand")), Code::TrustUpdateOther);
    for (old, new) in [(&one, &one), (&one, &three), (&two, &one)] {
        let error = TrustUpdate::new(&policy(old), new, NOW.parse().unwrap()).unwrap_err();
        assert_eq!(error.code(), Code::TrustUpdateOther);
    }
    let rootless = "version = 1\nrelease-threshold = 1\n".to_owned()
        + &one[one.find("[[keys]]").unwrap()..].replace("\"root\"", "\"packer\"");
    for (old, new) in [(&rootless, &two), (&one, &rootless)] {
        let error = TrustUpdate::new(&policy(old), new, NOW.parse().unwrap()).unwrap_err();
        assert_eq!(error.code(), Code::TrustNoRoots, "{error}");
    }
}

#[test]
fn roots_must_be_valid_and_unrevoked() {
    let old = file(1, 1, &[1], "");
    let signed = |more: &str| {
        let old = old.replace("roles = [\"root\"]\n", &format!("roles = [\"root\"]\n{more}\n"));
        let old = old
            + &{
                let public = key(9).public_key().to_word();
                format!("[[keys]]\nholder = \"other\"\nroles = [\"root\"]\npublic-key = \"{public}\"\n")
            };
        let new = old.replace("serial = 1", "serial = 2");
        is_enough(&old, &update(&old, &new, &[1]))
    };
    assert!(signed(""));
    assert!(!signed("revoked = true"));
    assert!(!signed("valid-until = 2026-11-19T00:00:00Z"));
    assert!(!signed("valid-from = 2026-11-21T00:00:00Z"));
    // An expired trust file can still be replaced.
    let old = file(1, 1, &[1], "expires = 2026-01-01T00:00:00Z");
    assert!(is_enough(&old, &update(&old, &file(2, 1, &[1], ""), &[1])));
}

#[test]
fn the_text_has_one_spelling() {
    let (old, new) = (file(1, 2, &[1, 2], ""), file(2, 2, &[1, 2], "# ünïcode\n# file-begins"));
    let update = update(&old, &new, &[1, 2]);
    let bytes = update.render();
    assert_eq!(TrustUpdate::parse(&bytes).unwrap().render(), bytes);
    assert!(is_enough(&old, &TrustUpdate::parse(&bytes).unwrap()));
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let Ok(read) = TrustUpdate::parse(&changed) else { continue };
        let standing = read.standing(&policy(&old), NOW.parse().unwrap());
        assert!(standing.is_err() || !standing.unwrap().is_enough(), "byte {at}");
    }
    for cut in 0..bytes.len() {
        assert!(TrustUpdate::parse(&bytes[..cut]).is_err(), "{cut}");
    }
    let text = String::from_utf8(bytes).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.swap(5, 6);
    assert!(TrustUpdate::parse((lines.join("\n") + "\n").as_bytes()).is_err(), "signatures in another order");
    assert!(TrustUpdate::parse(format!("{text}# more\n").as_bytes()).is_err());
}
