//! Changes in the text of a trust file.

use super::*;
use crate::trust::{KeyFile, Signer as _};

fn public(seed: u8) -> PublicKey {
    KeyFile::from_seed(&[seed; 32]).public_key().clone()
}

fn text() -> String {
    format!(
        "# Who may do what.\nversion = 1\nserial = 7 # raised by each change\nroot-threshold = 1\nrelease-threshold = 1\n\n\
         # The station.\n[[keys]] # one\nholder = \"station\"\npublic-key = \"{}\"\nroles = [\"packer\", \"releaser\"]\nrevoked = false\n\n\
         # Alice.\n[[keys]]\nholder = \"alice\"\npublic-key = \"\"\"\n{}\"\"\"\nroles = [\"root\", \"releaser\"]\nstreams = [\"north\"]\n",
        public(1).to_word(),
        public(2).to_pem()
    )
}

fn draft() -> TrustDraft {
    TrustDraft::new(Path::new("trust.toml"), &text()).unwrap()
}

fn new_key(seed: u8) -> NewKey {
    NewKey {
        holder: "bob \"the builder\"".to_owned(),
        key: public(seed),
        roles: vec![Role::Packer, Role::Releaser],
        streams: vec!["north".to_owned(), "-".to_owned()],
        valid_from: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        valid_until: Some("2027-01-01T00:00:00Z".parse().unwrap()),
        jump_max: Some(5),
        verify_required: false,
    }
}

#[test]
fn a_key_is_added_at_the_end_and_the_number_is_raised() {
    let mut draft = draft();
    draft.add(&new_key(3)).unwrap();
    let changed = draft.finish().unwrap();
    let policy = TrustPolicy::from_text(&changed).unwrap();
    assert_eq!((policy.serial(), policy.keys().len()), (Some(8), 3));
    let bob = &policy.keys()[2];
    assert_eq!((bob.holder(), bob.key()), ("bob \"the builder\"", &public(3)));
    assert_eq!(bob.roles(), [Role::Packer, Role::Releaser]);
    assert_eq!((bob.streams().unwrap().len(), bob.jump_max()), (2, 5));
    assert!(bob.valid_from().is_some() && bob.valid_until().is_some());
    let kept = text().replace("serial = 7 # raised by each change", "serial = 8");
    assert!(changed.starts_with(&kept), "{changed}");
    // The same key again.
    assert!(matches!(self::draft().add(&new_key(1)), Err(DraftError::Policy(_))));
}

#[test]
fn a_key_is_revoked_or_ended_in_its_table() {
    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    for (seed, how) in [
        (2, Revocation::Undated),
        (2, Revocation::At(time("2026-11-01T00:00:00Z"))),
        (2, Revocation::CreatedFrom(time("2026-11-01T00:00:00Z"))),
        (1, Revocation::CreatedFrom(time("2026-11-01T00:00:00Z"))),
    ] {
        let mut draft = draft();
        draft.add(&NewKey { roles: vec![Role::Packer, Role::Releaser, Role::Root], ..new_key(3) }).unwrap();
        let before = draft.policy().keys().to_vec();
        draft.revoke(&public(seed), how).unwrap();
        let after = draft.policy().keys();
        let at = usize::from(seed) - 1;
        assert_eq!(after[at].revoked(), Some(how));
        for (at, (before, after)) in before.iter().zip(after).enumerate() {
            assert_eq!(before.key(), after.key());
            assert!(at == usize::from(seed) - 1 || before.revoked() == after.revoked());
        }
        let changed = draft.finish().unwrap();
        assert_eq!(changed.matches("revoked = ").count(), if seed == 1 { 1 } else { 2 }, "{changed}");
        assert!(
            changed.contains("# The station.\n[[keys]] # one\n")
                && changed.contains("\n\n# Alice.\n[[keys]]\n")
        );
    }
    let mut draft = draft();
    let until = time("2027-06-01T00:00:00Z");
    draft.end(&public(2), until).unwrap();
    assert_eq!(draft.policy().keys()[1].valid_until(), Some(until));
    // The last root.
    assert!(matches!(self::draft().revoke(&public(2), Revocation::Undated), Err(DraftError::Policy(_))));
    // A number, in a key for several streams.
    let error = self::draft().revoke(&public(1), Revocation::SequenceFrom(3)).unwrap_err();
    assert!(matches!(error, DraftError::Policy(_)), "{error}");
}

#[test]
fn what_is_written_in_another_way_is_left_to_people() {
    let inline = format!(
        "version = 1\nrelease-threshold = 1\nkeys = [{{ holder = \"a\", roles = [\"packer\", \"releaser\"], public-key = \"{}\" }}]\n",
        public(1).to_word()
    );
    let mut draft = TrustDraft::new(Path::new("t"), &inline).unwrap();
    let time = "2027-06-01T00:00:00Z".parse().unwrap();
    assert!(matches!(draft.end(&public(1), time), Err(DraftError::ByHand { .. })));
}

#[test]
fn a_key_is_named_by_the_beginning_of_its_id() {
    let draft = draft();
    let id = public(1).id().to_string();
    assert_eq!(draft.find(&id).unwrap().key(), &public(1));
    assert_eq!(draft.find(&id[..16]).unwrap().key(), &public(1));
    for (wanted, found) in [("", 2), ("zz", 0), (public(9).id().to_string().as_str(), 0)] {
        let error = draft.find(wanted).unwrap_err();
        assert!(matches!(error, DraftError::WhichKey { found: n, .. } if n == found), "{error}");
    }
}
