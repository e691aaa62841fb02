//! Key files: exchange with openssl, wrong passphrases, and no overwriting.

use std::{os::unix::fs::PermissionsExt as _, process::Command};

use ed25519_dalek::pkcs8::PublicKeyBytes;

use super::*;
use crate::diagnosis::{Code, Diagnose as _};

const PASSPHRASE: &[u8] = b"correct-horse";

/// Runs openssl in `dir`; `None` if it is not installed.
fn openssl(dir: &Path, arguments: &str) -> Option<(bool, Vec<u8>)> {
    let output = Command::new("openssl").current_dir(dir).args(arguments.split(' ')).output().ok()?;
    Some((output.status.success(), output.stdout))
}

fn code(result: Result<KeyFile, KeyError>) -> Code {
    result.unwrap_err().code()
}

fn pkcs8_pem(pair: &KeypairBytes) -> Zeroizing<String> {
    pair.to_pkcs8_pem(LineEnding::LF).unwrap()
}

#[test]
fn openssl_reads_our_keys_and_signatures_verify_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let key = KeyFile::generate().unwrap();
    key.write_pair(&at("plain"), None).unwrap();
    key.write_pair(&at("locked"), Some(PASSPHRASE)).unwrap();
    fs::write(at("message"), b"statement\n").unwrap();
    fs::write(at("ours.sig"), key.sign(b"statement\n").unwrap()).unwrap();

    let verify = "pkeyutl -verify -pubin -inkey plain.pub.pem -rawin -in message -sigfile ours.sig";
    let Some((verified, _)) = openssl(dir.path(), verify) else { return };
    assert!(verified);
    for (file, passin) in [("plain", ""), ("locked", " -passin pass:correct-horse")] {
        let sign = format!("pkeyutl -sign -inkey {file}.key.pem -rawin -in message -out {file}.sig");
        let (signed, _) = openssl(dir.path(), &(sign + passin)).unwrap();
        assert!(signed, "{file}");
        // Ed25519 is deterministic, so both signatures are identical.
        assert_eq!(
            fs::read(at(&format!("{file}.sig"))).unwrap(),
            key.sign(b"statement\n").unwrap(),
            "{file}"
        );
    }
    let (_, public) = openssl(dir.path(), "pkey -in plain.key.pem -pubout").unwrap();
    assert_eq!(String::from_utf8(public).unwrap(), key.public_key().to_pem());
    let (_, der) = openssl(dir.path(), "pkey -pubin -in plain.pub.pem -outform DER").unwrap();
    let id = crate::oci::digest::Digest::sha256(&der).hex();
    assert_eq!(id, key.public_key().id().to_string());
}

#[test]
fn reads_keys_from_openssl() {
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &str| {
        openssl(dir.path(), arguments).map(|(done, _)| assert!(done, "openssl {arguments}"))
    };
    if run("genpkey -algorithm ed25519 -out plain.pem").is_none() {
        return;
    }
    run("pkey -in plain.pem -pubout -out public.pem");
    run("pkcs8 -topk8 -in plain.pem -v2 aes-256-cbc -passout pass:secret -out pbkdf2.pem");
    run("pkcs8 -topk8 -in plain.pem -scrypt -passout pass:secret -out scrypt.pem");
    run("pkcs8 -topk8 -in plain.pem -v1 PBE-SHA1-3DES -passout pass:secret -out pbes1.pem");
    run("genpkey -algorithm x25519 -out x25519.pem");
    run("genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out p256.pem");
    let load = |name: &str, passphrase| KeyFile::load(&dir.path().join(name), passphrase);
    let public = PublicKey::load(&dir.path().join("public.pem")).unwrap();

    assert_eq!(load("plain.pem", None).unwrap().public_key(), &public);
    assert_eq!(load("plain.pem", Some(b"not needed")).unwrap().public_key(), &public);
    for name in ["pbkdf2.pem", "scrypt.pem"] {
        assert_eq!(load(name, Some(b"secret")).unwrap().public_key(), &public, "{name}");
        assert_eq!(code(load(name, Some(b"Secret"))), Code::KeyPassphraseWrong);
        assert_eq!(code(load(name, None)), Code::KeyEncrypted);
    }
    assert_eq!(code(load("pbes1.pem", Some(b"secret"))), Code::KeyEncryptionUnsupported);
    assert_eq!(code(load("x25519.pem", None)), Code::KeyAlgorithm);
    assert_eq!(code(load("p256.pem", None)), Code::KeyAlgorithm);
    assert_eq!(code(load("public.pem", None)), Code::KeyIsPublic);
    let error = load("public.pem", None).unwrap_err().to_string();
    assert!(error.ends_with("public.pem\" is a public key; a private key is needed"), "{error}");
}

#[test]
fn reads_pkcs8_v1_and_v2_and_writes_v1() {
    let key = KeyFile::from_seed(&[1; 32]);
    let pair = |public_key| pkcs8_pem(&KeypairBytes { secret_key: [1; 32], public_key });
    let own = PublicKeyBytes(key.public_key().as_bytes().try_into().unwrap());
    assert_eq!(*key.to_pem(None).unwrap(), *pair(None));
    assert_ne!(*pair(Some(own)), *pair(None));
    for pem in [pair(None), pair(Some(own))] {
        assert_eq!(KeyFile::from_pem(&pem, None).unwrap().public_key(), key.public_key());
    }
    let others = PublicKeyBytes(KeyFile::from_seed(&[2; 32]).public_key().as_bytes().try_into().unwrap());
    assert_eq!(code(KeyFile::from_pem(&pair(Some(others)), None)), Code::KeyHalvesDiffer);
}

#[test]
fn encrypted_keys_need_the_right_passphrase() {
    let key = KeyFile::from_seed(&[1; 32]);
    let pem = key.to_pem(Some(PASSPHRASE)).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let again = KeyFile::from_pem(&pem, Some(PASSPHRASE)).unwrap();
    assert_eq!(again.public_key(), key.public_key());
    assert_eq!(again.sign(b"x").unwrap(), key.sign(b"x").unwrap());
    assert_eq!(code(KeyFile::from_pem(&pem, Some(b"wrong"))), Code::KeyPassphraseWrong);
    let error = KeyFile::from_pem(&pem, None).unwrap_err();
    assert_eq!(error.code(), Code::KeyEncrypted);
    assert_eq!(key.to_pem(Some(b"")).unwrap_err().code(), Code::PassphraseEmpty);
}

#[test]
fn key_derivation_cost_is_limited() {
    use pkcs8::pkcs5::{pbes2::Parameters, scrypt};
    let costly = [
        Parameters::generate_pbkdf2_sha256_aes256cbc(PBKDF2_ROUNDS_MAX + 1, &[0; 16], [0; 16]),
        Parameters::generate_scrypt_aes256cbc(scrypt::Params::new(25, 8, 1).unwrap(), &[0; 16], [0; 16]),
        Parameters::generate_scrypt_aes256cbc(scrypt::Params::new(10, 8, 17).unwrap(), &[0; 16], [0; 16]),
    ];
    for parameters in costly {
        let info = pkcs8::EncryptedPrivateKeyInfo {
            encryption_algorithm: EncryptionScheme::Pbes2(parameters.unwrap()),
            encrypted_data: pkcs8::der::asn1::OctetString::new([0; 64]).unwrap(),
        };
        let der = SecretDocument::try_from(&info).unwrap();
        let pem = der.to_pem(ENCRYPTED_LABEL, LineEnding::LF).unwrap();
        assert_eq!(code(KeyFile::from_pem(&pem, Some(b"x"))), Code::KeyEncryptionUnsupported);
    }
}

#[test]
fn refuses_truncated_and_oversized_files() {
    let pem = KeyFile::from_seed(&[1; 32]).to_pem(None).unwrap();
    for cut in 0..pem.len() - 1 {
        assert!(KeyFile::from_pem(&pem[..cut], None).is_err(), "{cut}");
    }
    assert_eq!(code(KeyFile::from_pem(&pem.repeat(2), None)), Code::KeyMalformed);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.pem");
    fs::write(&path, " ".repeat(70_000)).unwrap();
    assert_eq!(code(KeyFile::load(&path, None)), Code::KeyTooLong);
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert_eq!(code(KeyFile::load(&path, None)), Code::KeyMalformed);
    assert_eq!(code(KeyFile::load(&dir.path().join("absent"), None)), Code::KeyUnreadable);
}

#[test]
fn debug_does_not_show_the_private_key() {
    let key = KeyFile::from_seed(&[0xab; 32]);
    let shown = format!("{key:?}");
    assert!(shown.contains(&key.public_key().id().to_string()));
    assert!(!shown.contains("ab, ab") && !shown.contains("171, 171") && !shown.contains("abab"));
}

#[test]
fn writes_a_pair_once_with_owner_permissions() {
    let dir = tempfile::tempdir().unwrap();
    let prefix = dir.path().join("release.2026");
    let key = KeyFile::from_seed(&[1; 32]);
    let (private, public) = key.write_pair(&prefix, None).unwrap();
    assert_eq!(private, dir.path().join("release.2026.key.pem"));
    assert_eq!(public, dir.path().join("release.2026.pub.pem"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&private), 0o600);
    assert_eq!(mode(&public) & !0o044, 0o600);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing temporary is left");
    assert!(!KeyFile::load(&private, None).unwrap().permissions_too_open());

    let other = KeyFile::from_seed(&[2; 32]);
    let error = other.write_pair(&prefix, None).unwrap_err();
    assert_eq!(error.code(), Code::KeyExists);
    assert_eq!(error.path(), Some(&*private));
    assert_eq!(KeyFile::load(&private, None).unwrap().public_key(), key.public_key());

    fs::set_permissions(&private, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(KeyFile::load(&private, None).unwrap().permissions_too_open());
}

#[test]
fn a_pair_is_written_completely_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let prefix = dir.path().join("x");
    let key = KeyFile::from_seed(&[1; 32]);
    // A dangling symbolic link counts as an existing file; the key must not be written through it.
    std::os::unix::fs::symlink(dir.path().join("elsewhere"), dir.path().join("x.pub.pem")).unwrap();
    assert_eq!(key.write_pair(&prefix, None).unwrap_err().code(), Code::KeyExists);
    let path = dir.path().join("x.pub.pem");
    assert_eq!(write_new(&path, 0o644, b"x").unwrap_err().code(), Code::KeyExists);
    let private = dir.path().join("x.key.pem");
    assert_eq!(write_both((&private, b"p"), (&path, b"x")).unwrap_err().code(), Code::KeyExists);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "the private key is gone again");
    assert_eq!(key.write_pair(Path::new("/"), None).unwrap_err().code(), Code::KeyName);
    let absent = dir.path().join("absent/x");
    assert_eq!(key.write_pair(&absent, None).unwrap_err().code(), Code::KeyUnwritable);
}
