//! Keys that only another program can use: of a key service, of a smart card, or of a hardware module.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::key::PublicKey;
use super::signature_output::read_signature;
use super::signer::{Signer, SignerError};
use crate::program::Program;

/// Time limit for one signature. The program may wait for somebody to touch a token or to enter a PIN.
const TIME_MAX: Duration = Duration::from_secs(60);

/// Maximum size of what the program prints, in bytes. An ML-DSA-87 signature in base64 has 6172 digits and the end of the line.
const OUTPUT_BYTES_MAX: u64 = 8192;

/// A program with its arguments that signs what it reads from stdin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignCommand(Vec<String>);

impl SignCommand {
    /// The command with this program and these arguments.
    ///
    /// # Errors
    /// If it names no program.
    pub fn new(argv: Vec<String>) -> Result<SignCommand, String> {
        match argv.first() {
            Some(program) if !program.is_empty() => Ok(SignCommand(argv)),
            _ => Err("expected a program and its arguments, found no program".to_owned()),
        }
    }

    /// The name or path of the program.
    fn program(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
}

impl FromStr for SignCommand {
    type Err = String;

    /// Reads a list in JSON, `["PROGRAM", "ARGUMENT"]`, or the name of a program without arguments.
    fn from_str(text: &str) -> Result<SignCommand, String> {
        if !text.starts_with('[') {
            return SignCommand::new(vec![text.to_owned()]);
        }
        let argv = serde_json::from_str(text)
            .map_err(|error| format!("expected [\"PROGRAM\", \"ARGUMENT\"]: {error}"))?;
        SignCommand::new(argv)
    }
}

impl fmt::Display for SignCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

/// A public key, and the command that signs with its private key.
///
/// Each signature starts the program once. Several may run at a time.
#[derive(Debug)]
pub struct CommandSigner {
    command: SignCommand,
    public: PublicKey,
    stop: Arc<AtomicBool>,
}

impl CommandSigner {
    /// A signer that runs `command` until `stop` is set. The program is not run yet.
    pub fn new(command: SignCommand, public: PublicKey, stop: Arc<AtomicBool>) -> CommandSigner {
        CommandSigner { command, public, stop }
    }
}

impl Signer for CommandSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn waits(&self) -> bool {
        true
    }

    /// The program gets `message` on stdin, and prints the signature.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let program = self.command.program().to_owned();
        let algorithm = self.public.algorithm();
        let run = Program {
            argv: &self.command.0,
            input: message,
            output_bytes_max: OUTPUT_BYTES_MAX,
            time: TIME_MAX,
        };
        match run.run(&|| self.stop.load(Ordering::Relaxed)) {
            Ok(output) => match read_signature(&output) {
                Ok((found, signature)) if found == algorithm => Ok(signature),
                Ok(_) => Err(SignerError::Output { program, algorithm, found: output.len() }),
                Err(found) => Err(SignerError::Output { program, algorithm, found }),
            },
            Err(problem) => Err(SignerError::Command { program, problem }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_program_or_a_list() {
        let words = |text: &str| text.parse::<SignCommand>().map(|command| command.0);
        assert_eq!(words("/opt/hsm sign"), Ok(vec!["/opt/hsm sign".to_owned()]));
        assert_eq!(words(r#"["hsm", "-k", "a b"]"#), Ok(["hsm", "-k", "a b"].map(str::to_owned).to_vec()));
        for wrong in ["", "[]", "[\"\"]", "[hsm]", "[\"hsm\"", "[\"hsm\", 1]"] {
            assert!(words(wrong).is_err(), "{wrong}");
        }
    }
}
