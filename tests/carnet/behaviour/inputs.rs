//! Keys, passphrases, trust files, lists, credentials and certificates: small files that people write with any editor.

use super::support::{CARNET, Desk, installed};

/// A bundle, a trust file, an encrypted key, a list of sources, credentials and a certificate.
fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[3000]);
    source.tag(&image, "app:1");
    desk.pack("oci:src").ok();
    let trust = "version = 1\nrelease-threshold = 1\n[[keys]]\nholder = \"k\"\npublic-key-file = \"k.pub.pem\"\n\
                 roles = [\"packer\", \"releaser\"]\n";
    for (name, text) in [
        ("trust.toml", trust),
        ("pass", "secret\n"),
        ("list", "# all\noci:src\n"),
        ("auth.json", "{\"auths\":{}}"),
    ] {
        std::fs::write(desk.path(name), text).unwrap();
    }
    desk.carnet("keygen locked --passphrase-file pass").ok();
    desk.sh(
        "openssl req -x509 -newkey ed25519 -keyout tls.key -out ca.pem -nodes -subj /CN=x -days 30 2>/dev/null",
    )
    .ok();
    desk
}

/// Each kind of small file, and a command that reads it.
const READERS: [(&str, &str); 8] = [
    ("k.key.pem", "sign out --key k.key.pem"),
    ("k.pub.pem", "verify out --pub k.pub.pem"),
    ("locked.key.pem", "sign out --key locked.key.pem --passphrase-file pass"),
    ("pass", "sign out --key locked.key.pem --passphrase-file pass"),
    ("trust.toml", "verify out --trust trust.toml"),
    ("list", "pack --artifacts-from list --to out --name b --key k.key.pem"),
    ("auth.json", "import out --pub k.pub.pem --to docker://127.0.0.1:1/x --retries 0 --authfile auth.json"),
    ("ca.pem", "import out --pub k.pub.pem --to docker://127.0.0.1:1/x --retries 0 --ca ca.pem"),
];

#[test]
fn a_pipe_is_refused_instead_of_waited_for() {
    let desk = desk();
    for (file, line) in READERS {
        desk.sh(&format!("mv {file} kept && mkfifo {file}")).ok();
        let run = desk.sh(&format!("exec timeout 10 {CARNET} {line}"));
        assert!([Some(1), Some(2)].contains(&run.code), "{file}: {run:?}");
        assert!(run.stderr.contains("it is a pipe"), "{file}: {}", run.stderr);
        assert!(run.stderr.contains(file), "{file}: {}", run.stderr);
        desk.sh(&format!("rm {file} && mv kept {file}")).ok();
    }
}

/// `<(…)` of a shell gives a pipe that is open already.
#[test]
fn a_pipe_from_the_shell_is_read() {
    if !installed(&["bash"]) {
        return;
    }
    let desk = desk();
    let bash = |line: &str| desk.sh(&format!("exec bash -c '{line}'")).ok();
    bash(&format!("{CARNET} sign out --key <(cat k.key.pem)"));
    bash(&format!("{CARNET} verify out --trust <(sed \"s|k.pub.pem|$PWD/k.pub.pem|\" trust.toml)"));
    bash(&format!("{CARNET} sign out --key locked.key.pem --passphrase-file <(echo secret)"));
    bash(&format!("echo oci:src | {CARNET} pack --artifacts-from - --to two --name b --key k.key.pem"));
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let desk = desk();
    for (file, line) in READERS {
        let before = desk.carnet(line);
        let text = std::fs::read(desk.path(file)).unwrap();
        std::fs::write(desk.path(file), [b"\xef\xbb\xbf".as_slice(), &text].concat()).unwrap();
        let run = desk.carnet(line);
        assert_eq!(run.code, before.code, "{file}: {run:?}");
        if run.code != Some(0) {
            // The registry does not exist, but the file was read.
            run.says(&["registry-unreachable"]);
        }
        std::fs::write(desk.path(file), text).unwrap();
    }
}

#[test]
fn what_cannot_be_text_is_named() {
    let desk = desk();
    for (file, line) in READERS {
        let text = std::fs::read(desk.path(file)).unwrap();
        let utf_16: Vec<u8> =
            b"\xff\xfe".iter().copied().chain(text.iter().flat_map(|byte| [*byte, 0])).collect();
        std::fs::write(desk.path(file), utf_16).unwrap();
        let run = desk.carnet(line);
        assert!([Some(1), Some(2)].contains(&run.code), "{file}: {run:?}");
        assert!(run.stderr.contains("UTF-16; save it as UTF-8"), "{file}: {}", run.stderr);
        // A file that is far too long is not read to its end.
        let endless = std::fs::File::create(desk.path(file)).unwrap();
        endless.set_len(1 << 40).unwrap();
        let run = desk.carnet(line);
        assert!([Some(1), Some(2)].contains(&run.code), "{file}: {run:?}");
        assert!(run.stderr.contains("longer than"), "{file}: {}", run.stderr);
        std::fs::write(desk.path(file), text).unwrap();
    }
}

#[test]
fn a_list_with_a_bad_line_is_refused_with_its_number() {
    let desk = desk();
    std::fs::write(desk.path("list"), "oci:src\n\n# a comment\nnonsense\n").unwrap();
    let line = "pack --artifacts-from list --to two --name b --key k.key.pem";
    desk.carnet(line).ends(2).says(&["list, line 4", "nonsense"]);
    std::fs::write(desk.path("list"), "oci:src\n".repeat(100_001)).unwrap();
    desk.carnet(line).ends(2).says(&["list", "more than 100000 sources"]);
}
