//! Only regular files are read, and a file that was replaced after it was found is refused.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use carnet::medium::{ArrivedFile, ChunkFile as _};

use super::support::forge::Forged;
use super::support::run::{Expect, KIB_MAX, Ran, carnet, carnet_within, deliver, judge, nothing_visible};
use super::support::{folder, named, packed};

fn station() -> tempfile::TempDir {
    let station = folder();
    fs::create_dir(station.path().join("in")).expect("a folder");
    for (name, bytes) in named(&packed().chunks) {
        fs::write(station.path().join("in").join(name), bytes).expect("written");
    }
    station
}

fn public() -> [&'static OsStr; 2] {
    ["--pub".as_ref(), packed().public.as_os_str()]
}

/// Passes `path` to each verb that reads chunks. `unpack` writes to `new` in the station.
fn name_to_all(station: &Path, path: &Path) -> Vec<Ran> {
    let to = format!("oci:{}", station.join("new").display());
    let run = |verb: &str, more: &[&OsStr]| {
        let args = [verb.as_ref(), path.as_os_str(), "--json".as_ref()];
        carnet_within(KIB_MAX, args.into_iter().chain(more.iter().copied()))
    };
    let [flag, file] = public();
    vec![
        run("verify", &[flag, file]),
        run("inspect", &[flag, file]),
        run("missing", &[flag, file]),
        run("unpack", &[flag, file, "--to".as_ref(), to.as_ref()]),
        run("sums", &[]),
        run("sign", &["--key".as_ref(), packed().private.as_os_str()]),
    ]
}

#[test]
fn files_that_are_not_regular_are_not_opened() {
    let station = station();
    let at = |name: &str| station.path().join("in").join(name);
    let chunk = at("hostile_00001.tar");
    let (pipe, link, loose, socket) = (at("pipe"), at("link"), at("loose"), at("socket"));
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    symlink(&chunk, &link).expect("a link");
    symlink("/nowhere", &loose).expect("a link");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    for path in [&pipe, &link, &loose, &socket, Path::new("/dev/zero"), Path::new("/dev/null")] {
        for ran in name_to_all(station.path(), path) {
            assert_eq!(ran.code, 1, "{}: {ran}", path.display());
            let code = ran.error_code();
            assert!(
                ["file-not-regular", "file-unusable"].contains(&code.as_str()),
                "{}: {ran}",
                path.display()
            );
        }
    }
    nothing_visible("special files", station.path(), &station.path().join("new"));
    // In a folder they are skipped, and the other files are read.
    judge("in a folder", station.path(), &public(), Expect::Complete);
}

#[test]
fn folders_and_links_among_the_chunks_are_ignored() {
    let station = station();
    let inside = station.path().join("in");
    symlink(&inside, inside.join("round")).expect("a link");
    symlink("/", inside.join("root")).expect("a link");
    fs::create_dir(inside.join("hostile_00004.tar")).expect("a folder");
    judge("links and folders", station.path(), &public(), Expect::Complete);
}

#[test]
fn folders_nested_too_deeply_are_passed_over() {
    let station = station();
    let mut deep = station.path().join("in");
    for _ in 0..200 {
        deep.push("d");
        fs::create_dir(&deep).expect("a folder");
    }
    judge("200 folders", station.path(), &public(), Expect::Complete);
}

#[test]
fn a_file_of_a_terabyte_is_not_read() {
    for start in [&b""[..], &packed().chunks[1], &packed().chunks[0][..600]] {
        let station = station();
        let path = station.path().join("in/hostile_00001.tar");
        fs::write(&path, start).expect("written");
        let file = fs::File::options().write(true).open(&path).expect("a file");
        if file.set_len(1 << 40).is_err() {
            continue;
        }
        judge("a sparse file of a terabyte", station.path(), &public(), Expect::Incomplete);
    }
}

#[test]
fn a_file_replaced_after_it_was_found_is_refused() {
    let station = station();
    let path = station.path().join("in/hostile_00001.tar");
    let found = ArrivedFile::new(&path).expect("a file");
    assert!(found.open().is_ok());
    let other = station.path().join("other");
    fs::copy(&path, &other).expect("a copy");
    fs::rename(&other, &path).expect("renamed");
    assert!(found.open().is_err(), "another file of the same bytes");

    let found = ArrivedFile::new(&path).expect("a file");
    fs::remove_file(&path).expect("removed");
    symlink(station.path().join("in/hostile_00002.tar"), &path).expect("a link");
    assert!(found.open().is_err(), "a link");
    fs::remove_file(&path).expect("removed");
    assert!(found.open().is_err(), "nothing");
    assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
    assert!(found.open().is_err(), "a pipe");

    let path = station.path().join("in/hostile_00002.tar");
    let found = ArrivedFile::new(&path).expect("a file");
    let file = fs::File::options().append(true).open(&path).expect("a file");
    file.set_len(100).expect("shortened");
    assert!(found.open().is_err(), "shorter");
}

#[test]
fn control_characters_in_file_names_are_escaped() {
    let names: [&[u8]; 6] = [
        b"\x1b[2J\x1b]0;owned\x07.tar",
        b"a\nbundle hostile: COMPLETE, verified and released\n.tar",
        b"back\x08\x08\x08\x7f.tar",
        b"not-utf8-\xff\xfe\x9b2J.tar",
        "turned\u{202e}rat.txt".as_bytes(),
        "c1\u{9b}2J.tar".as_bytes(),
    ];
    let names = names.map(|name| OsString::from_vec(name.to_vec()));
    for (damage, code) in [(false, 0), (true, 4)] {
        let station = folder();
        let arrived = station.path().join("in");
        fs::create_dir(&arrived).expect("a folder");
        for ((_, bytes), name) in named(&packed().chunks).iter().zip(&names) {
            let mut bytes = bytes.clone();
            if damage {
                let at = bytes.len() - 1025;
                bytes[at] ^= 1;
            }
            fs::write(arrived.join(name), bytes).expect("written");
        }
        fs::write(arrived.join(&names[4]), b"no chunk").expect("written");
        fs::write(arrived.join(&names[5]), vec![0; 4096]).expect("written");
        let to = format!("oci:{}", station.path().join("new").display());
        let [flag, file] = public();
        for quiet in ["-v", "-q", "--json"] {
            let run = |verb: &str, more: &[&OsStr]| {
                let args = [verb.as_ref(), arrived.as_os_str(), quiet.as_ref()];
                carnet(args.into_iter().chain(more.iter().copied()))
            };
            assert_eq!(run("verify", &[flag, file]).code, code);
            run("inspect", &[flag, file]);
            run("missing", &[flag, file]);
            run("unpack", &[flag, file, "--to".as_ref(), to.as_ref()]);
            let _ = fs::remove_dir_all(station.path().join("new"));
        }
        for name in &names {
            let path = arrived.join(OsStr::from_bytes(name.as_bytes()));
            for quiet in ["-v", "--json"] {
                carnet(["verify".as_ref(), path.as_os_str(), quiet.as_ref(), flag, file]);
                carnet([
                    "sign".as_ref(),
                    path.as_os_str(),
                    quiet.as_ref(),
                    "--key".as_ref(),
                    path.as_os_str(),
                ]);
                carnet([
                    "verify".as_ref(),
                    arrived.as_os_str(),
                    quiet.as_ref(),
                    "--pub".as_ref(),
                    path.as_os_str(),
                ]);
                carnet([
                    "verify".as_ref(),
                    arrived.as_os_str(),
                    quiet.as_ref(),
                    "--trust".as_ref(),
                    path.as_os_str(),
                ]);
            }
        }
    }
}

#[test]
fn an_untrusted_chunk_does_not_rename_the_bundle() {
    // A chunk signed by an untrusted key claims to be of this bundle, under another name.
    let mut parts = Forged::new().chunks[1].clone();
    parts.statement.crossing.name = "owned".parse().expect("a name");
    parts.statement.crossing.label = Some("TOP SECRET".parse().expect("a label"));
    let text = parts.fitting().render();
    let stranger = carnet::trust::KeyFile::generate().expect("a key");
    let signature = super::support::forge::signature(&stranger, &text);
    let mut files = named(&packed().chunks);
    files.push((
        "00.tar".to_owned(),
        [super::support::forge::head(&text, &[signature]), parts.body()].concat(),
    ));
    let (verified, _) = deliver("a stranger's chunk beside the right ones", &files, Expect::Complete);
    assert_eq!(verified.json()["bundles"][0]["name"], "hostile", "{verified}");
}

/// Unpacks the bundle with an additional chunk that an untrusted key signed.
fn unpacked_beside(stranger: &dyn Fn(&mut super::support::forge::Parts), more: &[&str]) -> Ran {
    let station = station();
    let mut parts = Forged::new().chunks[0].clone();
    stranger(&mut parts);
    let text = parts.fitting().render();
    let key = carnet::trust::KeyFile::generate().expect("a key");
    let signature = super::support::forge::signature(&key, &text);
    let bytes = [super::support::forge::head(&text, &[signature]), parts.body()].concat();
    fs::write(station.path().join("in/00.tar"), bytes).expect("written");
    let to = format!("oci:{}", station.path().join("new").display());
    let [flag, file] = public();
    let arrived = station.path().join("in");
    let args = ["unpack".as_ref(), arrived.as_os_str(), flag, file, "--to".as_ref(), to.as_ref()];
    carnet(args.into_iter().chain(more.iter().map(OsStr::new)))
}

#[test]
fn an_untrusted_bundle_does_not_stop_a_trusted_one() {
    let ran = unpacked_beside(&|parts| parts.statement.bundle = carnet::format::Sum([7; 32]), &[]);
    assert_eq!(ran.code, 0, "{ran}");
}

#[test]
fn an_untrusted_chunk_does_not_hide_a_bundle_selected_by_name() {
    let rename = |parts: &mut super::support::forge::Parts| {
        parts.statement.crossing.name = "owned".parse().expect("a name");
    };
    let ran = unpacked_beside(&rename, &["--bundle", "hostile"]);
    assert_eq!(ran.code, 0, "{ran}");
}
