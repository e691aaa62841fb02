//! Tokens that go away, hang or lie: SoftHSM, whose folder is moved, or behind a module that makes trouble.

use std::fs;
use std::process::Command;

use super::super::support::{Run, signal, wait_for};
use super::{MODULE, STATION, Tokens};

/// Compiles the module that makes trouble.
fn troubled() -> Option<Tokens> {
    let tokens = Tokens::new()?;
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/carnet/behaviour/tokens/trouble.c");
    tokens.sh(&format!("cc -shared -fPIC -DREAL='\"{MODULE}\"' -o trouble.so {source} -ldl")).ok();
    Some(tokens)
}

fn with_trouble<'a>(tokens: &Tokens, trouble: &str, command: &'a mut Command) -> &'a mut Command {
    let module = tokens.desk.path("trouble.so");
    tokens.with(command).env("CARNET_PKCS11_MODULE", module).env("TROUBLE", trouble)
}

fn carnet(tokens: &Tokens, trouble: &str, args: &str) -> Run {
    Run::of(with_trouble(tokens, trouble, &mut tokens.desk.command(args)))
}

#[test]
fn a_token_that_is_pulled_out_ends_the_run_and_the_next_one_resumes() {
    let Some(tokens) = troubled() else { return };
    let desk = &tokens.desk;
    let pack = format!("pack oci:src --chunk-size 64KiB --to mine --name m --key {STATION}");
    carnet(&tokens, "gone=3", &pack).ends(1).says(&[
        "error[token-gone]",
        "token \"carnet\" does not answer any more: CKR_DEVICE_REMOVED; opening it again failed: there is no token",
        "plug the token in",
    ]);
    let finished = desk.files("mine");
    assert!(finished.keys().any(|name| name == "m_00001.tar"), "{:?}", finished.keys());
    tokens.carnet(&pack).ok();
    let all = desk.files("mine");
    for (name, bytes) in finished.iter().filter(|(name, _)| name.starts_with("m_")) {
        assert!(all[name] == *bytes, "{name} was written again");
    }
    tokens.public(STATION, "station.pub.pem");
    desk.carnet("verify mine --pub station.pub.pem").ok().says(&["COMPLETE"]);
}

#[test]
fn a_session_that_ends_is_opened_again() {
    let Some(tokens) = troubled() else { return };
    let pack = format!("pack oci:src --chunk-size 64KiB --to mine --name m --key {STATION}");
    carnet(&tokens, "back=2", &pack).ok();
    tokens.public(STATION, "station.pub.pem");
    tokens.desk.carnet("verify mine --pub station.pub.pem").ok().says(&["COMPLETE"]);
}

/// The key is loaded when the question comes. Then the token's folder goes.
#[test]
fn a_token_that_goes_away_while_somebody_reads_signs_nothing() {
    let Some(tokens) = Tokens::new() else { return };
    let desk = &tokens.desk;
    let before = desk.files("out");
    let id = desk.inspected("out")["bundle"].as_str().unwrap()[..8].to_owned();
    let question = "digits of the id: ";
    let answers = [(question, "!mv tokens gone && mkdir tokens"), ("", &*format!("y {id}"))];
    let run = tokens.on_terminal(&format!("sign out --key '{STATION}'"), &answers).ends(1);
    run.says(&["error[token-gone]", "opening it again failed: there is no token"]);
    assert!(desk.files("out") == before);
    desk.sh("rmdir tokens && mv gone tokens").ok();
    tokens.on_terminal(&format!("sign out --key '{STATION}'"), &[(question, &format!("y {id}"))]).ok();
}

#[test]
fn a_signal_ends_a_run_whose_token_hangs() {
    let Some(tokens) = troubled() else { return };
    let desk = &tokens.desk;
    let before = desk.files("out");
    let mut command = desk.command(&format!("sign out --key {STATION} --verbose"));
    let mut child = with_trouble(&tokens, "hang", &mut command).spawn().unwrap();
    // The module is loaded as soon as it is in the memory of the process, and signing begins soon after that, or later.
    let maps = format!("/proc/{}/maps", child.id());
    assert!(wait_for(&mut child, || fs::read_to_string(&maps).is_ok_and(|maps| maps.contains("trouble.so"))));
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(desk.files("out") == before);
}

#[test]
fn a_pin_that_nobody_types_is_not_the_last_try() {
    let Some(tokens) = troubled() else { return };
    let pubkey = format!("pubkey --key {STATION}");
    carnet(&tokens, "last-try", &pubkey).ends(1).says(&["error[token-last-try]", "on a terminal"]);
    carnet(&tokens, "locked", &pubkey).ends(1).says(&["error[token-locked]", "security officer"]);
}

#[test]
fn a_key_that_may_not_sign_is_not_asked() {
    let Some(tokens) = troubled() else { return };
    let run = carnet(&tokens, "may-not", &format!("pubkey --key {STATION}")).ends(1);
    run.says(&["error[token-key-unusable]", "object=station;id=%01", "not allowed to sign (CKA_SIGN)"]);
}

#[test]
fn a_spoilt_signature_is_never_written() {
    let Some(tokens) = troubled() else { return };
    let before = tokens.desk.files("out");
    let sign = format!("sign out --key {STATION}");
    carnet(&tokens, "other", &sign).ends(1).says(&["error[signer-failed]"]);
    let pack = format!("pack oci:src --to mine --name m --key {STATION}");
    carnet(&tokens, "other", &pack).ends(1).says(&["error[signer-failed]"]);
    assert!(tokens.desk.files("out") == before);
}
