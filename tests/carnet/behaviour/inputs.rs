//! Small files that an operator names: keys, passphrases, trust files, lists, credentials, certificates.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use super::support::{CARNET, Desk, Run};

/// Every option that reads a small file. `FILE` stands for it.
const READERS: [&str; 10] = [
    "keygen new --passphrase-file FILE",
    "keygen new --json --passphrase-file FILE",
    "pack oci:s --to new --name b --key FILE",
    "pack oci:s --to new --name b --key k.key.pem --passphrase-file FILE",
    "pack --to new --name b --key k.key.pem --artifacts-from FILE",
    "verify out --pub FILE",
    "verify out --trust FILE",
    "pack docker://127.0.0.1:1/app:1 --to new --name b --key k.key.pem --authfile FILE",
    "pack docker://127.0.0.1:1/app:1 --to new --name b --key k.key.pem --tls 127.0.0.1:1 --ca FILE",
    "pack docker://127.0.0.1:1/app:1 --to new --name b --key k.key.pem --tls 127.0.0.1:1 --client-cert FILE \
     --client-key FILE",
];

/// A desk with the layout `s` and its bundle `out`.
fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("s");
    let image = source.image(1, &[100]);
    source.tag(&image, "app:1");
    desk.pack("oci:s").ok();
    desk
}

/// Runs a reader on a file. A program that waits is killed after some seconds, and ends with 124.
fn read(desk: &Desk, reader: &str, file: &str) -> Run {
    let run = desk.sh(&format!("timeout 20 {CARNET} {}", reader.replace("FILE", file)));
    assert_ne!(run.code, Some(124), "{reader} waits for {file}");
    assert_ne!(run.code, Some(0), "{reader} takes {file}");
    run
}

#[test]
fn what_is_not_a_file_is_refused_at_once() {
    let desk = desk();
    desk.sh("mkfifo pipe; mkdir folder; ln -s pipe link").ok();
    let _socket = UnixListener::bind(desk.path("socket")).unwrap();
    for reader in READERS {
        for (file, words) in [
            ("pipe", "found a pipe"),
            ("link", "found a pipe"),
            ("folder", "found a folder"),
            ("/dev/zero", "found a device"),
            ("/dev/tty", ""),
            ("socket", ""),
        ] {
            read(&desk, reader, file).says(&[words, file]);
        }
    }
}

#[test]
fn a_long_file_is_refused_with_its_limit() {
    let desk = desk();
    std::fs::File::create(desk.path("long")).unwrap().set_len(1 << 40).unwrap();
    for reader in READERS {
        read(&desk, reader, "long").says(&[
            "long",
            "longer than",
            " bytes",
            "hint: check that it is the right file",
        ]);
    }
}

#[test]
fn utf16_is_named() {
    let desk = desk();
    std::fs::write(desk.path("wide"), b"\xff\xfe-\0-\0-\0\n\0").unwrap();
    for reader in READERS {
        read(&desk, reader, "wide").says(&["wide", "UTF-16", "save the file as UTF-8"]);
    }
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let desk = desk();
    let key_id = |run: &Run| run.json()["key"].as_str().unwrap().to_owned();
    desk.sh("printf 'secret\\n' >plain; printf '\\357\\273\\277secret\\r\\n' >marked").ok();
    key_id(&desk.carnet("keygen locked --json --passphrase-file plain").ok());
    desk.sh("printf '\\357\\273\\277' | cat - locked.key.pem >key; chmod 600 key").ok();
    desk.sh("printf '\\357\\273\\277' | cat - locked.pub.pem >pub").ok();
    desk.sh("printf '\\357\\273\\277oci:s\\n' >list").ok();
    desk.carnet("pack --artifacts-from list --to marked-out --name b --key key --passphrase-file marked")
        .ok();
    desk.carnet("verify marked-out --pub pub").ok();
    let policy = "\u{feff}version = 1\nrelease-threshold = 1\n[[keys]]\nholder = \"k\"\npublic-key-file = \"pub\"\n\
                  roles = [\"packer\", \"releaser\"]\n";
    std::fs::write(desk.path("trust.toml"), policy).unwrap();
    desk.carnet("verify marked-out --trust trust.toml").ok();
}

#[test]
fn the_shell_may_pass_a_pipe() {
    let desk = desk();
    let bash = |line: &str| {
        Run::of(std::process::Command::new("bash").args(["-c", line]).current_dir(desk.path("")))
    };
    // The writer is slow, so a reader that does not wait finds nothing.
    bash(&format!("{CARNET} keygen locked --passphrase-file <(sleep 0.3; echo secret)")).ok();
    bash(&format!(
        "{CARNET} pack --artifacts-from <(sleep 0.3; echo oci:s) --to new --name b --key <(sleep 0.3; cat locked.key.pem) \
         --passphrase-file <(echo secret)"
    ))
    .ok();
    bash(&format!("cat locked.pub.pem | {CARNET} verify new --pub /dev/stdin")).ok();
}

#[test]
fn credentials_and_certificates_are_not_read_from_pipes() {
    let desk = desk();
    for reader in READERS.iter().filter(|reader| reader.contains("docker://")) {
        desk.sh(&format!("echo '{{}}' | timeout 20 {CARNET} {}", reader.replace("FILE", "/dev/stdin")))
            .ends(2)
            .says(&["/dev/stdin", "found a pipe", "hint: pass a regular file"]);
    }
}

#[test]
fn errors_in_a_list_name_file_and_line() {
    let desk = desk();
    let pack = "pack --to new --name b --key k.key.pem --artifacts-from list";
    for (text, words) in [
        (&b"# sources\n\noci:s:\xff\n"[..], "line 3 is not UTF-8"),
        (b"oci:s\nnonsense:s\n", "list, line 2: "),
        (b"# nothing\n", "list lists no source"),
        (&b"#\n".repeat(70_000), "list, line 65537: a list has at most 65536 lines"),
        (&vec![b'x'; (16 << 20) + 1], "longer than the limit of 16777216 bytes"),
    ] {
        std::fs::write(desk.path("list"), text).unwrap();
        let code = desk.carnet(pack).says(&["list", words]).code;
        assert!(matches!(code, Some(1 | 2)), "{words}: {code:?}");
        desk.sh(&format!("{CARNET} {}- <list", pack.trim_end_matches("list")))
            .says(&["-", words.trim_start_matches("list")]);
        assert!(!desk.path("new").exists());
    }
}

#[test]
fn no_permission_is_said() {
    let desk = desk();
    std::fs::write(desk.path("secret"), "x").unwrap();
    std::fs::set_permissions(desk.path("secret"), PermissionsExt::from_mode(0o000)).unwrap();
    for reader in READERS {
        let run = desk.ordinary(&reader.replace("FILE", "secret"));
        assert!([Some(1), Some(2)].contains(&run.code), "{reader}: {run:?}");
        run.says(&["secret", "Permission denied", "check the permissions"]);
    }
}

#[test]
fn a_missing_file_is_said() {
    let desk = desk();
    for reader in READERS {
        read(&desk, reader, "nowhere").says(&["nowhere", "No such file", "check the path"]);
    }
}

#[test]
fn the_key_file_of_a_trust_file_is_read_by_the_same_rules() {
    let desk = desk();
    desk.sh("mkfifo pipe; printf '\\377\\376-' >wide; truncate -s 1G long").ok();
    for (file, words) in [
        ("pipe", ["found a pipe", "hint: pass a regular file"]),
        ("wide", ["UTF-16", "hint: save the file as UTF-8"]),
        ("long", ["longer than the limit of 65536 bytes", "hint: check that it is the right file"]),
        ("nowhere", ["No such file", "hint: check the path, which is relative to the trust file"]),
    ] {
        let policy = format!(
            "version = 1\nrelease-threshold = 1\n[[keys]]\nholder = \"k\"\npublic-key-file = \"{file}\"\n\
             roles = [\"packer\", \"releaser\"]\n"
        );
        std::fs::write(desk.path("trust.toml"), policy).unwrap();
        read(&desk, "verify out --trust FILE", "trust.toml").says(&["trust.toml", file]).says(&words);
    }
}
