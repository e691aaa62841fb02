//! Keys of FIDO tokens. The token is computed here, and `ssh-keygen -Y verify` is the other side.

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use carnet::format::head::Head;
use carnet::trust::{KeyFile, Signer as _};
use sha2::{Digest as _, Sha256, Sha512};

use super::support::{Desk, Run, installed};

const KIND: &str = "sk-ssh-ed25519@openssh.com";

/// What a token does, and what it is told.
#[derive(Clone)]
struct Token<'a> {
    key: &'a KeyFile,
    application: &'a str,
    namespace: &'a str,
    hash: &'a str,
    flags: u8,
    counter: u32,
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

impl Token<'_> {
    fn blob(&self) -> Vec<u8> {
        let key = self.key.public_key();
        [string(KIND.as_bytes()), string(key.as_bytes()), string(self.application.as_bytes())].concat()
    }

    fn line(&self) -> String {
        format!("{KIND} {} alice@token", STANDARD.encode(self.blob()))
    }

    /// The signature over a message, in the text of `ssh-keygen -Y sign`.
    fn sign(&self, message: &[u8]) -> String {
        let hashed = match self.hash {
            "sha512" => Sha512::digest(message).to_vec(),
            _ => Sha256::digest(message).to_vec(),
        };
        let meant = [string(self.namespace.as_bytes()), string(b""), string(self.hash.as_bytes())].concat();
        let framed = [b"SSHSIG", &meant[..], &string(&hashed)].concat();
        let signed = [
            &Sha256::digest(self.application)[..],
            &[self.flags],
            &self.counter.to_be_bytes(),
            &Sha256::digest(framed),
        ];
        let signature = [
            string(KIND.as_bytes()),
            string(&self.key.sign(&signed.concat()).unwrap()),
            vec![self.flags],
            self.counter.to_be_bytes().to_vec(),
        ];
        let version = 1_u32.to_be_bytes();
        armored(
            &[b"SSHSIG", &version[..], &string(&self.blob()), &meant, &string(&signature.concat())].concat(),
        )
    }
}

fn armored(blob: &[u8]) -> String {
    let base64 = STANDARD.encode(blob);
    let lines: Vec<&str> =
        base64.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"))
}

/// A bundle that `k` packed, and its statement in `s.txt`. `alice` releases with the key of a token.
fn desk(token: &Token<'_>, more: &str) -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[100_000]);
    source.tag(&image, "app:1");
    desk.pack("oci:src --chunk-size 64KiB").ok();
    desk.carnet("sign out --statement s.txt").ok();
    fs::write(desk.path("alice_sk.pub"), token.line()).unwrap();
    trust(&desk, more);
    desk
}

fn trust(desk: &Desk, more: &str) {
    let text = format!(
        "version = 1\nrelease-threshold = 1\n[[keys]]\nholder = \"k\"\npublic-key-file = \"k.pub.pem\"\nroles = [\"packer\"]\n\
         [[keys]]\nholder = \"alice\"\npublic-key-file = \"alice_sk.pub\"\nroles = [\"releaser\"]\n{more}"
    );
    fs::write(desk.path("trust.toml"), text).unwrap();
}

fn attach(desk: &Desk, signature: &str) -> Run {
    fs::write(desk.path("s.txt.sig"), signature).unwrap();
    desk.carnet("sign out --trust trust.toml --attach s.txt.sig")
}

fn token(key: &KeyFile) -> Token<'_> {
    Token { key, application: "ssh:", namespace: "carnet", hash: "sha512", flags: 1, counter: 42 }
}

#[test]
fn a_person_releases_with_a_token_and_ssh_keygen_agrees() {
    if !installed(&["ssh-keygen"]) {
        return;
    }
    let key = KeyFile::generate().unwrap();
    let token = token(&key);
    let desk = desk(&token, "");
    let statement = fs::read(desk.path("s.txt")).unwrap();
    desk.carnet("verify out --trust trust.toml").ends(3).says(&["NOT RELEASED, 0 of 1"]);
    attach(&desk, &token.sign(&statement)).ok().says(&["now with 2 signatures"]);
    attach(&desk, &token.sign(&statement)).ok().says(&["already signed"]);
    desk.carnet("verify out --trust trust.toml").ok().says(&["COMPLETE", "alice"]);
    desk.carnet("unpack out --trust trust.toml --to oci:back").ok();
    // The entry is what ssh-keygen reads.
    let line = format!("alice {}\n", token.line());
    fs::write(desk.path("signers"), line).unwrap();
    desk.sh("mkdir x && tar -C x -xf out/b_00000.tar && ssh-keygen -Y verify -f signers -I alice -n carnet \
             -s x/01_*.sked25519.sig <x/00_statement.txt")
        .ok()
        .says(&["Good \"carnet\" signature for alice"]);
    // The list of ssh-keygen becomes a trust file, and the line is a key everywhere.
    desk.carnet("trust import signers --role releaser").ok().says(&[KIND]);
    desk.carnet("trust show trust.toml").ok().says(&["sked25519"]);
    let id = hex::encode(Sha256::digest(token.blob()));
    desk.carnet("trust show trust.toml --json").ok().says(&[&id]);
}

#[test]
fn what_a_token_signed_for_something_else_does_not_count() {
    let (key, other) = (KeyFile::generate().unwrap(), KeyFile::generate().unwrap());
    let good = token(&key);
    let desk = desk(&good, "");
    let statement = fs::read(desk.path("s.txt")).unwrap();
    let before = desk.files("out");
    let signed = good.sign(&statement);
    for (what, signature) in [
        ("nobody touched it", Token { flags: 0, ..good.clone() }.sign(&statement)),
        ("a PIN without a touch", Token { flags: 4, ..good.clone() }.sign(&statement)),
        ("other flags", Token { flags: 0x81, ..good.clone() }.sign(&statement)),
        ("another application", Token { application: "ssh:other", ..good.clone() }.sign(&statement)),
        ("another token", Token { key: &other, ..good.clone() }.sign(&statement)),
        ("another message", good.sign(b"carnet-chunk v1\n")),
    ] {
        let run = attach(&desk, &signature).ends(3);
        assert!(run.stderr.contains("error[signature-of-other]"), "{what}: {run:?}");
    }
    for (what, signature) in [
        ("the namespace of files", Token { namespace: "file", ..good.clone() }.sign(&statement)),
        ("another hash", Token { hash: "sha256", ..good.clone() }.sign(&statement)),
        ("cut", signed[..signed.len() - 60].to_owned()),
        ("no signature", armored(b"SSHSIG")),
        ("nothing", armored(b"")),
    ] {
        let run = attach(&desk, &signature).ends(2);
        assert!(run.stderr.contains("error[signature-malformed]"), "{what}: {run:?}");
    }
    assert!(desk.files("out") == before);
    // Line ends of Windows come from a mail program, say.
    attach(&desk, &signed.replace('\n', "\r\n")).ok();
    desk.carnet("verify out --trust trust.toml").ok();
}

#[test]
fn a_trust_file_can_want_a_pin() {
    let key = KeyFile::generate().unwrap();
    let touched = token(&key);
    let desk = desk(&touched, "verify-required = true\n");
    let statement = fs::read(desk.path("s.txt")).unwrap();
    let run = attach(&desk, &touched.sign(&statement)).ends(3);
    run.says(&["error[release-does-not-count]", "a PIN or a fingerprint"]);
    // Added without the trust file, it does not count either.
    desk.sh("cp -r out copy").ok();
    trust(&desk, "");
    attach(&desk, &touched.sign(&statement)).ok();
    trust(&desk, "verify-required = true\n");
    desk.carnet("verify out --trust trust.toml")
        .ends(3)
        .says(&["NOT RELEASED, 0 of 1", "a PIN or a fingerprint"]);
    desk.sh("rm -r out && mv copy out").ok();
    attach(&desk, &Token { flags: 5, ..touched }.sign(&statement)).ok();
    desk.carnet("verify out --trust trust.toml").ok().says(&["COMPLETE"]);
    // Only a token can show it.
    let text = fs::read_to_string(desk.path("trust.toml")).unwrap().replace("alice_sk.pub", "k2.pub.pem");
    desk.carnet("keygen k2").ok();
    fs::write(desk.path("trust.toml"), text).unwrap();
    desk.carnet("verify out --trust trust.toml").ends(2).says(&["error[policy-setting]", "verify-required"]);
}

#[test]
fn a_key_that_must_show_a_pin_is_added_and_replaced_by_one_that_must() {
    let (key, next) = (KeyFile::generate().unwrap(), KeyFile::generate().unwrap());
    let desk = desk(&token(&key), "");
    let required = |file: &str, holder: &str| -> Vec<bool> {
        let shown = desk.carnet(&format!("trust show {file} --json")).ok().json();
        let keys = shown["keys"].as_array().unwrap().iter().filter(|key| key["holder"] == holder);
        keys.map(|key| key["verify_required"].as_bool().unwrap()).collect()
    };
    fs::write(desk.path("bob_sk.pub"), token(&next).line()).unwrap();
    let add = "trust add trust.toml --holder bob --pub bob_sk.pub --role releaser --to 1.toml";
    desk.carnet(&format!("{add} --verify-required")).ok().says(&["verify-required"]);
    assert_eq!((required("1.toml", "alice"), required("1.toml", "bob")), (vec![false], vec![true]));
    // Only a token can show it.
    desk.carnet("keygen k2").ok();
    let add =
        "trust add trust.toml --holder eve --pub k2.pub.pem --role releaser --to 2.toml --verify-required";
    desk.carnet(add).ends(2).says(&["verify-required"]);
    assert!(!desk.path("2.toml").exists());
    let shown = desk.carnet("trust show 1.toml --json").ok().json();
    let bob = shown["keys"].as_array().unwrap().iter().find(|key| key["holder"] == "bob").unwrap();
    let id = bob["key"].as_str().unwrap()[..16].to_owned();
    let other = KeyFile::generate().unwrap();
    fs::write(desk.path("new_sk.pub"), token(&other).line()).unwrap();
    desk.carnet(&format!("trust rotate 1.toml {id} --pub new_sk.pub --to 3.toml")).ok();
    assert_eq!(required("3.toml", "bob"), [true, true]);
}

#[test]
fn in_a_bundle_a_signature_has_one_form() {
    let key = KeyFile::generate().unwrap();
    let token = token(&key);
    let desk = desk(&token, "");
    let signed = token.sign(&fs::read(desk.path("s.txt")).unwrap());
    attach(&desk, &signed).ok();
    let file = desk.path("out/b_00000.tar");
    let bytes = fs::read(&file).unwrap();
    let head = Head::parse(&bytes, bytes.len() as u64).unwrap();
    let sealed = bytes[usize::try_from(head.sealed_at()).unwrap()..].to_vec();
    let entry =
        |head: &Head| head.signatures.iter().position(|one| one.algorithm.as_str() == "sked25519").unwrap();
    let one_line = |text: &str| {
        let inner: String = text.lines().filter(|line| !line.starts_with("---")).collect();
        format!("-----BEGIN SSH SIGNATURE-----\n{inner}\n-----END SSH SIGNATURE-----\n")
    };
    let flipped = signed.replacen("U1NIU0lH", "U1NIU0lI", 1);
    for (what, text) in [
        ("line ends", signed.replace('\n', "\r\n")),
        ("one line", one_line(&signed)),
        ("no last line end", signed.trim_end().to_owned()),
        ("a space", signed.replacen("-----\n", "----- \n", 1)),
        ("another magic", flipped),
        ("nothing of it", "x".to_owned()),
    ] {
        let mut changed = head.clone();
        let at = entry(&changed);
        assert_ne!(text, signed, "{what}");
        changed.signatures[at].bytes = text.into_bytes();
        fs::write(&file, [changed.render(), sealed.clone()].concat()).unwrap();
        let run = desk.carnet("verify out --trust trust.toml").ends(3);
        assert!(
            run.stderr.contains("does not verify") || run.stdout.contains("does not verify"),
            "{what}: {run:?}"
        );
    }
    // As a signature of another algorithm, it is none.
    let mut changed = head.clone();
    let at = entry(&changed);
    changed.signatures[at].bytes = vec![b'x'; 513];
    fs::write(&file, [changed.render(), sealed].concat()).unwrap();
    desk.carnet("verify out --trust trust.toml").ends(4);
}

#[test]
fn keys_of_tokens_are_read_strictly() {
    let key = KeyFile::generate().unwrap();
    let good = token(&key);
    let desk = desk(&good, "");
    let verify = |line: &str| {
        fs::write(desk.path("alice_sk.pub"), line).unwrap();
        desk.carnet("verify out --trust trust.toml").ends(2)
    };
    let of = |blob: Vec<u8>| format!("{KIND} {}", STANDARD.encode(blob));
    let long = format!("ssh:{}", "x".repeat(61));
    for line in [
        Token { application: "", ..good.clone() }.line(),
        Token { application: "web:", ..good.clone() }.line(),
        Token { application: "ssh: x", ..good.clone() }.line(),
        Token { application: &long, ..good.clone() }.line(),
        of([good.blob(), vec![0]].concat()),
        of(good.blob()[..good.blob().len() - 1].to_vec()),
        of([string(KIND.as_bytes()), string(&[7; 31]), string(b"ssh:")].concat()),
    ] {
        verify(&line).says(&["error[policy-key]"]);
    }
    // The identity, for which anybody can sign.
    let mut weak = [0; 32];
    weak[0] = 1;
    verify(&of([string(KIND.as_bytes()), string(&weak), string(b"ssh:")].concat())).says(&["is weak"]);
    verify(&good.line().replace(KIND, "ssh-ed25519")).says(&["differ"]);
}
