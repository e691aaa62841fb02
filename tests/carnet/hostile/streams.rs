//! A key for one stream does not count in another, whatever it signs.

use std::ffi::OsStr;
use std::fs;

use carnet::format::StreamName;
use carnet::trust::{KeyFile, Signer as _};

use super::support::forge::{Forged, Parts, head, signature};
use super::support::run::{Expect, judge};
use super::support::{folder, named, packed};

/// A trust file: our key for the stream of the bundle, their key for `low` only.
fn trust(theirs: &KeyFile, our_roles: &str) -> String {
    let other = match &Forged::new().chunks[0].statement.crossing.stream {
        Some(stream) => stream.to_string(),
        None => "-".to_owned(),
    };
    format!(
        "version = 1\nrelease-threshold = 1\n\
         [[keys]]\nholder = \"us\"\npublic-key = \"{}\"\nroles = {our_roles}\nstreams = [\"{other}\"]\n\
         [[keys]]\nholder = \"they\"\npublic-key = \"{}\"\nroles = [\"packer\", \"releaser\"]\nstreams = [\"low\"]\n",
        packed().key.public_key().to_word(),
        theirs.public_key().to_word(),
    )
}

/// A chunk that claims to be of the stream `low`, signed by their key.
fn of_stream_low(parts: &Parts, theirs: &KeyFile) -> Vec<u8> {
    let mut statement = parts.fitting();
    let low: StreamName = "low".parse().expect("a name");
    assert_ne!(statement.crossing.stream.as_ref(), Some(&low));
    statement.crossing.stream = Some(low);
    let text = statement.render();
    [head(&text, &[signature(theirs, &text)]), parts.body()].concat()
}

fn delivered(what: &str, trust: &str, files: &[(String, Vec<u8>)], expect: Expect) {
    let station = folder();
    let arrived = station.path().join("in");
    fs::create_dir(&arrived).expect("a folder");
    for (name, bytes) in files {
        fs::write(arrived.join(name), bytes).expect("written");
    }
    let policy = folder();
    let file = policy.path().join("trust.toml");
    fs::write(&file, trust).expect("written");
    judge(what, station.path(), &[OsStr::new("--trust"), file.as_os_str()], expect);
}

#[test]
fn a_key_for_another_stream_cannot_release() {
    let theirs = KeyFile::generate().expect("a key");
    let trust = trust(&theirs, "[\"packer\"]");
    let forged = of_stream_low(&Forged::new().chunks[0], &theirs);
    for name in ["0_first", "z_last"] {
        let mut files = named(&packed().chunks);
        files.push((name.to_owned(), forged.clone()));
        delivered("a control chunk under another stream", &trust, &files, Expect::Unreleased);
    }
}

#[test]
fn a_key_for_another_stream_cannot_cause_a_fork() {
    let theirs = KeyFile::generate().expect("a key");
    let trust = trust(&theirs, "[\"packer\", \"releaser\"]");
    let mut other = Forged::new();
    for (_, payload) in &mut other.chunks[1].entries {
        payload.reverse();
    }
    // The name of a whole blob determines its bytes, so only the sums of slices can differ.
    let number = 1;
    other.chunks[number].rebuild();
    for name in ["0_first", "z_last"] {
        let mut files = named(&packed().chunks);
        files.push((name.to_owned(), of_stream_low(&other.chunks[number], &theirs)));
        files.push((format!("{name}_control"), of_stream_low(&other.chunks[0], &theirs)));
        delivered("chunks under another stream", &trust, &files, Expect::Complete);
    }
}
