//! Keys in tokens, by PKCS#11. The tokens are those of SoftHSM.

#[cfg(feature = "pkcs11")]
mod choosing;
#[cfg(feature = "pkcs11")]
mod pins;
#[cfg(feature = "pkcs11")]
mod signing;
#[cfg(feature = "pkcs11")]
mod trouble;

use std::process::Command;

use super::support::{Desk, Run, installed};

/// Where Debian has the module of SoftHSM.
#[cfg(feature = "pkcs11")]
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// The key that most tests use. Its PIN is in a file.
#[cfg(feature = "pkcs11")]
const STATION: &str = "pkcs11:token=carnet;object=station?pin-source=file:pin";

/// A desk with a bundle `out` packed by `k`, and tokens of its own.
#[cfg(feature = "pkcs11")]
struct Tokens {
    desk: Desk,
}

#[cfg(feature = "pkcs11")]
impl Tokens {
    /// A token `carnet` with the PIN 8642 and the key `station`; `None` if SoftHSM is not installed.
    fn new() -> Option<Tokens> {
        let tokens = Tokens::without_tokens()?;
        tokens.init("carnet");
        tokens.generate("carnet", "station", "01");
        std::fs::write(tokens.desk.path("pin"), "8642\n").unwrap();
        Some(tokens)
    }

    fn without_tokens() -> Option<Tokens> {
        if !installed(&["pkcs11-tool", "softhsm2-util", "openssl", "python3", "cc"]) {
            return None;
        }
        let desk = Desk::new();
        let mut source = desk.source("src");
        let image = source.image(1, &[200_000]);
        source.tag(&image, "app:1");
        desk.pack("oci:src --chunk-size 64KiB").ok();
        let folder = desk.path("").display().to_string();
        let conf = format!(
            "directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
        );
        std::fs::write(desk.path("softhsm2.conf"), conf).unwrap();
        std::fs::create_dir(desk.path("tokens")).unwrap();
        Some(Tokens { desk })
    }

    /// A new token.
    fn init(&self, label: &str) {
        self.sh(&format!("softhsm2-util --init-token --free --label '{label}' --pin 8642 --so-pin 97531"))
            .ok();
    }

    /// A new key pair in a token.
    fn generate(&self, token: &str, label: &str, id: &str) {
        self.tool(
            token,
            &format!("--keypairgen --key-type EC:edwards25519 --label {label} --id {id} --usage-sign"),
        )
        .ok();
    }

    /// `pkcs11-tool` with a token, logged in.
    fn tool(&self, token: &str, args: &str) -> Run {
        self.sh(&format!("pkcs11-tool --module {MODULE} --token-label '{token}' --login --pin 8642 {args}"))
    }

    /// A shell line with these tokens.
    fn sh(&self, line: &str) -> Run {
        Run::of(self.with(Command::new("sh").args(["-c", line]).current_dir(self.desk.path(""))))
    }

    /// The program with these tokens.
    fn carnet(&self, args: &str) -> Run {
        Run::of(self.with(&mut self.desk.command(args)))
    }

    fn with<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("SOFTHSM2_CONF", self.desk.path("softhsm2.conf"))
            .env("CARNET_PKCS11_MODULE", MODULE)
            .env_remove("CARNET_PIN")
    }

    /// Runs the program on a terminal. After each question, its answer is typed.
    fn on_terminal(&self, args: &str, answers: &[(&str, &str)]) -> Run {
        let driver = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/carnet/behaviour/tokens/terminal.py");
        let line = format!("{} {args}", super::support::CARNET);
        let answers = answers.iter().flat_map(|(question, answer)| [*question, *answer]);
        let mut command = Command::new("python3");
        command.arg(driver).arg(line).args(answers).current_dir(self.desk.path(""));
        Run::of(self.with(&mut command))
    }

    /// The name of the new file with the public key of a key.
    fn public(&self, key: &str, file: &str) {
        self.carnet(&format!("pubkey --key {key} --to {file}")).ok();
    }
}

/// A build without modules says so before it asks for a PIN, and says what to do instead.
#[cfg(not(feature = "pkcs11"))]
#[test]
fn a_build_without_modules_says_which_build_has_them() {
    let desk = Desk::new();
    let words = ["error[pkcs11-not-built]", "built without the feature `pkcs11`", "--sign-command"];
    desk.carnet("pubkey --key pkcs11:token=carnet;object=station").ends(2).says(&words);
    desk.carnet("version -v").ok().says(&["pkcs11 not in this build"]);
}
