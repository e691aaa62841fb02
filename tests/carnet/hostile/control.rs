//! A control chunk of which any byte was changed is used by no command.

use std::ffi::OsStr;
use std::fs;

use carnet::format::entry::EntryName;

use super::support::forge::Forged;
use super::support::run::{Expect, carnet, deliver};
use super::support::{folder, named, packed};

/// The bundle with one byte of this entry of the control chunk changed; sums and signature stay.
fn changed(entry: usize) -> Vec<(String, Vec<u8>)> {
    let mut control = Forged::new().chunks[0].clone();
    control.blocks[entry][512] ^= 1;
    let mut chunks = packed().chunks.clone();
    chunks[0] = control.seal();
    named(&chunks)
}

#[test]
fn every_entry_of_the_control_chunk_is_hashed_before_it_is_used() {
    let entries = Forged::new().chunks[0].entries.clone();
    assert!(entries.iter().any(|(name, _)| *name == EntryName::Recover));
    assert!(entries.iter().any(|(name, _)| matches!(name, EntryName::Blob(_))));
    for (at, (name, _)) in entries.iter().enumerate() {
        let files = changed(at);
        deliver(&format!("a changed {name}"), &files, Expect::Incomplete);

        let station = folder();
        let arrived = station.path().join("in");
        fs::create_dir(&arrived).expect("a folder");
        for (file, bytes) in &files {
            fs::write(arrived.join(file), bytes).expect("written");
        }
        let (flag, key) = (OsStr::new("--pub"), packed().public.as_os_str());
        let run = |verb: &str, more: &[&OsStr]| {
            let args = [verb.as_ref(), arrived.as_os_str(), "--json".as_ref()];
            carnet(args.into_iter().chain(more.iter().copied()))
        };
        assert_eq!(run("inspect", &[flag, key]).code, 4, "inspect with a changed {name}");
        assert_eq!(run("missing", &[flag, key]).code, 4, "missing with a changed {name}");
        // Nothing listens there: the bundle is refused before the registry is contacted.
        let registry = "docker://127.0.0.1:9/x";
        let imported = run("import", &[flag, key, "--to".as_ref(), registry.as_ref()]);
        assert_eq!(imported.code, 4, "import with a changed {name}: {imported}");
        let releaser = station.path().join("releaser");
        assert_eq!(carnet(["keygen".as_ref(), releaser.as_os_str()]).code, 0);
        let signed = run("sign", &["--key".as_ref(), releaser.with_extension("key.pem").as_os_str()]);
        assert_eq!(signed.code, 4, "sign with a changed {name}: {signed}");
        assert!(fs::read(arrived.join(&files[0].0)).expect("the control chunk") == files[0].1, "{name}");
    }
}
