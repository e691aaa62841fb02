//! Keys of OpenSSH: in files of `ssh-keygen`, in an agent, and as lines in trust files.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::support::{Desk, Run, installed, signal, wait_for};

const TOOLS: &[&str] = &["ssh-agent", "ssh-add", "ssh-keygen", "openssl"];

/// A bundle packed by `k`, and the key pair `alice` of `ssh-keygen` with the comment `alice@desk`.
fn desk() -> Desk {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[200_000]);
    source.tag(&image, "app:1");
    desk.pack("oci:src --chunk-size 64KiB").ok();
    keygen(&desk, "alice", "-t ed25519 -N ''");
    desk
}

/// Writes a changed copy of a private key file. `change` gets the bytes in its PEM block.
fn change(desk: &Desk, from: &str, to: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let text = std::fs::read_to_string(desk.path(from)).unwrap();
    let lines: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let mut bytes = STANDARD.decode(lines).unwrap();
    change(&mut bytes);
    let label = "OPENSSH PRIVATE KEY";
    let text = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(bytes));
    std::fs::write(desk.path(to), text).unwrap();
}

fn keygen(desk: &Desk, name: &str, options: &str) {
    desk.sh(&format!("ssh-keygen -q {options} -C {name}@desk -f {name}")).ok();
}

/// A running agent. It ends when it is dropped.
struct Agent {
    process: Child,
    socket: PathBuf,
}

impl Agent {
    /// An agent that refuses whatever needs a confirmation.
    fn start(desk: &Desk) -> Agent {
        let socket = desk.path("agent");
        let mut process = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .env("SSH_ASKPASS", "/bin/false")
            .env("DISPLAY", "none")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        assert!(wait_for(&mut process, || socket.exists()));
        Agent { process, socket }
    }

    fn run(&self, command: &mut Command) -> Run {
        Run::of(command.env("SSH_AUTH_SOCK", &self.socket))
    }

    fn carnet(&self, desk: &Desk, args: &str) -> Run {
        self.run(&mut desk.command(args))
    }

    fn sh(&self, desk: &Desk, line: &str) -> Run {
        self.run(Command::new("sh").args(["-c", line]).current_dir(desk.path("")))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_key_in_an_agent_packs_and_releases_and_openssl_agrees() {
    if !installed(TOOLS) {
        return;
    }
    let desk = desk();
    let agent = Agent::start(&desk);
    agent.sh(&desk, "ssh-add alice && mv alice away").ok();
    let pack = "pack oci:src --chunk-size 64KiB --to mine --name m --key ssh-agent:alice@desk";
    agent.carnet(&desk, pack).ok();
    desk.carnet("verify mine --pub alice.pub").ok().says(&["COMPLETE"]);
    // An agent's signature over the statement itself is plain Ed25519.
    desk.sh("ssh-keygen -e -m PKCS8 -f alice.pub >alice.pub.pem || true; \
             (printf '\\060\\052\\060\\005\\006\\003\\053\\145\\160\\003\\041\\000'; \
              cut -d' ' -f2 alice.pub | base64 -d | tail -c 32) >alice.der && \
             mkdir x && tar xf mine/m_00001.tar -C x && \
             openssl pkeyutl -verify -pubin -keyform DER -inkey alice.der -rawin -in x/00_statement.txt -sigfile x/01_*.sig")
        .ok()
        .says(&["Signature Verified Successfully"]);
    agent.carnet(&desk, "sign out --key ssh-agent:alice@desk").ok().says(&["now with 2 signatures"]);
    let line = std::fs::read_to_string(desk.path("alice.pub")).unwrap();
    for key in [format!("public-key = \"{}\"", line.trim()), "public-key-file = \"alice.pub\"".to_owned()] {
        let text = format!(
            "version = 1\nrelease-threshold = 1\n[[keys]]\nholder = \"station\"\npublic-key-file = \"k.pub.pem\"\n\
             roles = [\"packer\"]\n[[keys]]\nholder = \"alice\"\n{key}\nroles = [\"releaser\"]\n"
        );
        std::fs::write(desk.path("trust.toml"), text).unwrap();
        desk.carnet("verify out --trust trust.toml").ok().says(&["COMPLETE", "alice"]);
    }
}

#[test]
fn files_of_ssh_keygen_sign_like_the_agent() {
    if !installed(TOOLS) {
        return;
    }
    let desk = desk();
    desk.sh("cp alice locked && ssh-keygen -q -p -N 'correct horse' -f locked").ok();
    std::fs::write(desk.path("pass"), "correct horse\n").unwrap();
    std::fs::write(desk.path("wrong"), "battery staple\n").unwrap();
    desk.sh("cp -r out by-file && cp -r out by-locked").ok();
    let before = desk.files("by-locked");
    desk.carnet("sign by-locked --key locked").ends(2).says(&["error[key-encrypted]"]);
    let wrong = desk.carnet("sign by-locked --key locked --passphrase-file wrong");
    wrong.ends(1).says(&["error[key-passphrase-wrong]"]);
    assert!(desk.files("by-locked") == before);
    desk.carnet("sign by-file --key alice").ok();
    desk.carnet("sign by-locked --key locked --passphrase-file pass").ok();
    let agent = Agent::start(&desk);
    agent.sh(&desk, "ssh-add alice").ok();
    agent.carnet(&desk, "sign out --key ssh-agent:alice@desk").ok();
    let (first, second, third) = (desk.files("out"), desk.files("by-file"), desk.files("by-locked"));
    assert!(first == second && first == third && first != before);
}

#[test]
fn other_keys_of_ssh_keygen_are_refused_by_name() {
    if !installed(TOOLS) {
        return;
    }
    let desk = desk();
    keygen(&desk, "rsa", "-t rsa -b 2048 -N ''");
    keygen(&desk, "ecdsa", "-t ecdsa -N ''");
    keygen(&desk, "gcm", "-t ed25519 -N pass -Z aes256-gcm@openssh.com");
    keygen(&desk, "locked", "-t ed25519 -N pass");
    change(&desk, "locked", "slow", |bytes| bytes[63..67].copy_from_slice(&1100_u32.to_be_bytes()));
    change(&desk, "alice", "longer", |bytes| bytes.push(0));
    change(&desk, "alice", "two", |bytes| bytes[38] = 2);
    std::fs::write(desk.path("pass"), "pass\n").unwrap();
    change(&desk, "alice", "short", |bytes| bytes.truncate(bytes.len() - 1));
    // The public key stands in three places; the last is that of the private part.
    change(&desk, "alice", "halves", |bytes| bytes[62] ^= 1);
    change(&desk, "alice", "check", |bytes| bytes[98] ^= 1);
    for (key, code, words) in [
        ("rsa", "key-algorithm", "ssh-rsa"),
        ("ecdsa", "key-algorithm", "ecdsa-sha2-nistp256"),
        ("gcm --passphrase-file pass", "key-encryption-unsupported", "aes256-gcm@openssh.com"),
        ("slow --passphrase-file pass", "key-encryption-unsupported", "1100 rounds"),
        ("short", "key-malformed", "openssh-key-v1"),
        ("longer", "key-malformed", "more bytes"),
        ("two", "key-malformed", "with one key"),
        ("check", "key-malformed", "check numbers"),
        ("halves", "key-halves-differ", "halves"),
    ] {
        desk.carnet(&format!("sign out --key {key}")).ends(1).says(&[&format!("error[{code}]"), words]);
    }
    desk.carnet("sign out --key alice.pub").ends(2).says(&["error[key-is-public]"]);
    desk.carnet("verify out --pub alice").ends(2).says(&["error[key-is-private]"]);
    for name in ["rsa", "ecdsa"] {
        desk.carnet(&format!("verify out --pub {name}.pub")).ends(1).says(&["error[key-algorithm]"]);
    }
}

#[test]
fn wrong_lines_in_a_trust_file_are_refused() {
    let desk = Desk::new();
    let mut source = desk.source("src");
    let image = source.image(1, &[100]);
    source.tag(&image, "app:1");
    desk.pack("oci:src").ok();
    // The identity: (0, 1), for which anybody can forge signatures.
    let identity: Vec<u8> = std::iter::once(1).chain([0; 31]).collect();
    let blob = STANDARD.encode([string(b"ssh-ed25519"), string(&identity)].concat());
    let weak = format!("ssh-ed25519 {blob}");
    let differs = format!("ssh-rsa {blob}");
    for (line, words) in [
        (weak.as_str(), "is weak"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==", "32 bytes"),
        (differs.as_str(), "differ"),
        ("ssh-ed25519 AAAA", "ends too early"),
        ("ssh-ed25519", "ends too early"),
        ("ssh-ed25519 not-base64", "base64"),
        ("sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t", "ends too early"),
        ("from=\\\"*\\\" ssh-ed25519 AAAA", "-----BEGIN"),
    ] {
        let text = format!(
            "version = 1\nrelease-threshold = 1\n[[keys]]\nholder = \"a\"\npublic-key = \"{line}\"\n\
             roles = [\"packer\", \"releaser\"]\n"
        );
        std::fs::write(desk.path("trust.toml"), text).unwrap();
        desk.carnet("verify out --trust trust.toml").ends(2).says(&["error[policy-key]", "line 3", words]);
    }
}

#[test]
fn an_agent_without_the_key_is_named_with_what_it_has() {
    if !installed(TOOLS) {
        return;
    }
    let desk = desk();
    let sign = "sign out --key ssh-agent:alice@desk";
    Run::of(desk.command(sign).env_remove("SSH_AUTH_SOCK"))
        .ends(1)
        .says(&["error[agent-unreachable]", "SSH_AUTH_SOCK"]);
    Run::of(desk.command(sign).env("SSH_AUTH_SOCK", "/nowhere")).ends(1).says(&["error[agent-unreachable]"]);
    let agent = Agent::start(&desk);
    agent.carnet(&desk, sign).ends(1).says(&["error[agent-key-missing]", "it has none"]);
    keygen(&desk, "rsa", "-t rsa -b 2048 -N ''");
    agent.sh(&desk, "ssh-add rsa").ok();
    agent.carnet(&desk, sign).ends(1).says(&["error[agent-key-missing]", "rsa@desk"]);
    agent
        .carnet(&desk, "sign out --key ssh-agent:rsa@desk")
        .ends(1)
        .says(&["error[key-algorithm]", "ssh-rsa"]);
    // Another key with the same comment.
    desk.sh("ssh-keygen -q -t ed25519 -N '' -C alice@desk -f twin").ok();
    agent.sh(&desk, "ssh-add alice twin").ok();
    let several = agent.carnet(&desk, sign).ends(2);
    let print = desk.sh("ssh-keygen -l -f alice.pub | cut -d' ' -f2").ok().stdout;
    several.says(&["error[agent-key-ambiguous]", print.trim()]);
    agent.carnet(&desk, &format!("sign out --key ssh-agent:{}", print.trim())).ok();
    desk.carnet("sign out --key alice").ok().says(&["already signed"]);
}

/// `ssh-add` adds the certificate of a key under the same comment.
#[test]
fn a_certificate_beside_a_key_does_not_hide_it() {
    if !installed(TOOLS) {
        return;
    }
    let desk = desk();
    keygen(&desk, "ca", "-t ed25519 -N ''");
    desk.sh("ssh-keygen -q -s ca -I alice -n alice alice.pub").ok();
    let agent = Agent::start(&desk);
    agent.sh(&desk, "ssh-add alice && ssh-add -l | grep -c CERT").ok().says(&["1"]);
    agent.carnet(&desk, "sign out --key ssh-agent:alice@desk").ok();
    agent.sh(&desk, "ssh-add -d alice.pub; ssh-add -l").ok();
}

#[test]
fn an_agent_that_is_not_allowed_to_sign_refuses() {
    if !installed(TOOLS) {
        return;
    }
    let desk = desk();
    let before = desk.files("out");
    let agent = Agent::start(&desk);
    agent.sh(&desk, "ssh-add -c alice").ok();
    agent.carnet(&desk, "sign out --key ssh-agent:alice@desk").ends(1).says(&["error[agent-refused]"]);
    // A locked agent has no keys.
    std::fs::write(desk.path("ask"), "#!/bin/sh\necho word\n").unwrap();
    desk.sh("chmod +x ask").ok();
    agent.sh(&desk, "SSH_ASKPASS=./ask SSH_ASKPASS_REQUIRE=force ssh-add -x").ok();
    agent.carnet(&desk, "sign out --key ssh-agent:alice@desk").ends(1).says(&["error[agent-key-missing]"]);
    assert!(desk.files("out") == before);
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes(), bytes].concat()
}

/// A peer that speaks like an agent with the key in `alice.pub` and answers a request to sign with `answer`; `None`
/// stands for no answer.
fn speak(desk: &Desk, answer: Option<Vec<u8>>) -> PathBuf {
    let socket = desk.path("peer");
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).unwrap();
    let blob = desk.sh("cut -d' ' -f2 alice.pub | base64 -d | base64 -w 0 >blob").ok();
    drop(blob);
    let blob = desk.sh("base64 -d blob | od -An -v -tx1 | tr -d ' \\n'").ok().stdout;
    let blob: Vec<u8> =
        (0..blob.len() / 2).map(|at| u8::from_str_radix(&blob[2 * at..2 * at + 2], 16).unwrap()).collect();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 4];
            stream.read_exact(&mut length).unwrap();
            let mut question = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut question).unwrap();
            let list = [&[12, 0, 0, 0, 1][..], &string(&blob), &string(b"alice@desk")].concat();
            match (question[0], &answer) {
                (11, _) => stream.write_all(&string(&list)).unwrap(),
                (_, Some(answer)) => stream.write_all(answer).unwrap(),
                (_, None) => drop(stream.read(&mut length)),
            }
        }
    });
    socket
}

#[test]
fn answers_that_are_not_those_of_an_agent_are_refused() {
    if !installed(TOOLS) {
        return;
    }
    let desk = desk();
    let before = desk.files("out");
    let sign = |socket: &PathBuf| {
        Run::of(desk.command("sign out --key ssh-agent:alice@desk").env("SSH_AUTH_SOCK", socket))
    };
    let signature = |kind: &[u8], bytes: &[u8]| [string(kind), string(bytes)].concat();
    let response = |signature: &[u8]| string(&[&[14][..], &string(signature)].concat());
    let good_form = signature(b"ssh-ed25519", &[1; 64]);
    for (answer, code) in [
        (response(&good_form), "signer-failed"),
        (response(&signature(b"ssh-ed25519", &[1; 63])), "agent-answer"),
        (response(&signature(b"ssh-rsa", &[1; 64])), "agent-answer"),
        (response(&[&good_form[..], b"x"].concat()), "agent-answer"),
        (string(&[&[14][..], &string(&good_form), b"x"].concat()), "agent-answer"),
        (string(&[&[12][..], &string(&good_form)].concat()), "agent-answer"),
        (string(b""), "agent-answer"),
        (vec![0xff; 200], "agent-answer"),
        (response(&good_form)[..50].to_vec(), "agent-answer"),
        (Vec::new(), "agent-answer"),
        (string(&[5]), "agent-refused"),
    ] {
        let run = sign(&speak(&desk, Some(answer.clone())));
        assert!(run.stderr.contains(&format!("error[{code}]")), "{answer:?}: {run:?}");
        assert_eq!(run.code, Some(1));
    }
    assert!(desk.files("out") == before);
}

#[test]
fn a_signal_ends_waiting_for_an_agent() {
    if !installed(TOOLS) {
        return;
    }
    let desk = desk();
    let socket = speak(&desk, None);
    let mut command = desk.command("sign out --key ssh-agent:alice@desk");
    let mut child = command.env("SSH_AUTH_SOCK", &socket).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert!(child.try_wait().unwrap().is_none(), "it waits for the agent");
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
