//! PINs: where they come from, and what happens to wrong ones.

use std::fs;

use super::super::support::Run;
use super::{STATION, Tokens};

/// The key without a file for its PIN.
const BARE: &str = "pkcs11:token=carnet;object=station";

#[test]
fn a_pin_comes_from_a_file_a_variable_or_the_terminal() {
    let Some(tokens) = Tokens::new() else { return };
    let desk = &tokens.desk;
    let expected = tokens.carnet(&format!("pubkey --key {STATION}")).ok().stdout;
    let same = |run: Run| assert!(run.ok().stdout.contains(&expected));
    same(tokens.carnet(&format!("pubkey --key {BARE} --passphrase-file pin")));
    same(tokens.sh(&format!("CARNET_PIN=8642 {} pubkey --key '{BARE}'", super::super::support::CARNET)));
    // The file that the key names comes first.
    fs::write(desk.path("wrong"), "1111\n").unwrap();
    same(tokens.carnet(&format!("pubkey --key {STATION} --passphrase-file wrong")));
    let run =
        tokens.on_terminal(&format!("pubkey --key '{BARE}'"), &[("PIN of token \"carnet\": ", "8642")]).ok();
    assert!(run.stdout.replace('\r', "").contains(&expected), "{}", run.stdout);
    assert!(!run.stdout.contains("8642"), "{}", run.stdout);
}

#[test]
fn without_a_pin_nothing_is_tried() {
    let Some(tokens) = Tokens::new() else { return };
    tokens.carnet(&format!("sign out --key {BARE}")).ends(2).says(&[
        "error[token-pin-missing]",
        "\"carnet\"",
        "pin-source=file:PATH",
    ]);
    fs::write(tokens.desk.path("pin"), "\n").unwrap();
    tokens.carnet(&format!("sign out --key {STATION}")).ends(2).says(&["error[passphrase-empty]"]);
    let nowhere = "pkcs11:token=carnet?pin-source=nowhere";
    tokens.carnet(&format!("sign out --key {nowhere}")).ends(1).says(&["error[file-unusable]", "nowhere"]);
    let run = tokens.on_terminal(&format!("pubkey --key '{BARE}'"), &[("PIN of token \"carnet\": ", "")]);
    run.ends(2).says(&["error[token-pin-missing]"]);
}

#[test]
fn a_wrong_pin_is_tried_once_and_changes_nothing() {
    let Some(tokens) = Tokens::new() else { return };
    let desk = &tokens.desk;
    let before = desk.files("out");
    fs::write(desk.path("pin"), "1111\n").unwrap();
    let words = ["error[token-pin-wrong]", "the PIN of token \"carnet\" is wrong", "more than one is left"];
    tokens.carnet(&format!("sign out --key {STATION}")).ends(1).says(&words);
    tokens.carnet(&format!("pack oci:src --to mine --name m --key {STATION}")).ends(1).says(&words);
    assert!(desk.files("out") == before && !desk.path("mine").exists());
    // A PIN that is shorter or longer than any is wrong, too.
    for pin in ["1", &"1".repeat(300)] {
        fs::write(desk.path("pin"), pin).unwrap();
        let run = tokens.carnet(&format!("sign out --key {STATION}")).ends(1);
        run.says(&["error[token-pin-wrong]"]);
    }
    fs::write(desk.path("pin"), "8642").unwrap();
    tokens.carnet(&format!("sign out --key {STATION}")).ok();
}

#[test]
fn a_pin_on_the_command_line_is_refused_and_not_repeated() {
    let Some(tokens) = Tokens::new() else { return };
    let run = tokens.carnet(&format!("sign out --key {BARE}?pin-value=8642")).ends(2);
    assert!(!run.stderr.contains("8642"), "{}", run.stderr);
    run.says(&["pin-value would show the PIN", "pin-source=file:PATH", "CARNET_PIN"]);
    let text = format!("state = \"s\"\nkey = \"{BARE}?pin-value=8642\"\n");
    fs::write(tokens.desk.path("station.toml"), text).unwrap();
    tokens.carnet("station check --station station.toml").ends(2).says(&["pin-value would show the PIN"]);
}

#[test]
fn a_signal_ends_the_question_and_the_terminal_shows_again_what_is_typed() {
    let Some(tokens) = Tokens::new() else { return };
    let line = format!(
        "sh -c 'echo $$ >pid; exec {} pubkey --key \"{BARE}\"'; code=$?; stty -a; exit $code",
        super::super::support::CARNET
    );
    let driver = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/carnet/behaviour/tokens/terminal.py");
    let mut command = std::process::Command::new("python3");
    command.args([driver, &line, "PIN of token", "!kill -TERM $(cat pid)"]).current_dir(tokens.desk.path(""));
    let run = Run::of(tokens.with(&mut command)).ends(130).says(&["error[interrupted]", " echo "]);
    assert!(!run.stdout.contains("-echo "), "{}", run.stdout);
}
