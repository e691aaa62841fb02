//! Which token and which key a name means, and what cannot sign.

use super::{STATION, Tokens};

#[test]
fn two_tokens_with_one_label_are_told_apart_by_their_serial() {
    let Some(tokens) = Tokens::new() else { return };
    tokens.init("carnet");
    let run = tokens.carnet(&format!("pubkey --key {STATION}")).ends(2).says(&[
        "error[token-ambiguous]",
        "2 tokens are \"token=carnet\": token=carnet;serial=",
        "add serial=",
    ]);
    let serials: Vec<&str> = run
        .stderr
        .split("token=carnet;serial=")
        .skip(1)
        .map(|rest| rest.split(';').next().unwrap())
        .collect();
    assert_eq!(serials.len(), 2, "{}", run.stderr);
    let key = |serial: &str| format!("pubkey --key pkcs11:token=carnet;serial={serial}?pin-source=pin");
    let mut codes: Vec<_> = serials.iter().map(|serial| tokens.carnet(&key(serial)).code).collect();
    // One of them has the key, the other has none.
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(1)]);
    // Slots do, too, as long as nothing is plugged in or out.
    let slots: Vec<&str> = run
        .stderr
        .split(";slot-id=")
        .skip(1)
        .map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap())
        .collect();
    let key = |slot: &str| format!("pubkey --key pkcs11:slot-id={slot};object=station?pin-source=pin");
    let mut codes: Vec<_> = slots.iter().map(|slot| tokens.carnet(&key(slot)).code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(1)]);
}

#[test]
fn what_is_not_there_is_named_beside_what_is_there() {
    let Some(tokens) = Tokens::new() else { return };
    let key = |uri: &str| tokens.carnet(&format!("pubkey --key {uri}?pin-source=pin"));
    key("pkcs11:token=Carnet")
        .ends(1)
        .says(&["error[token-missing]", "there is no token \"token=Carnet\"; there is token=carnet;serial="]);
    for wrong in ["serial=1", "manufacturer=x", "model=x", "slot-id=7"] {
        let words = ["error[token-missing]", wrong, "there is token=carnet"];
        key(&format!("pkcs11:token=carnet;{wrong}")).ends(1).says(&words);
    }
    key("pkcs11:token=carnet;object=alice").ends(1).says(&[
        "error[token-key-missing]",
        "token \"carnet\" has no private key \"object=alice\"; there is object=station;id=%01",
    ]);
    key("pkcs11:token=carnet;id=01").ends(1).says(&["error[token-key-missing]", "id=%01"]);
    key("pkcs11:token=carnet;manufacturer=SoftHSM%20project;model=SoftHSM%20v2;id=%01;type=private").ok();
    // A token with one key needs no name for it.
    key("pkcs11:token=carnet").ok();
    key("pkcs11:").ok();
    tokens.init("empty");
    key("pkcs11:token=empty").ends(1).says(&["error[token-key-missing]", "it has none at all"]);
    tokens.generate("carnet", "station", "02");
    key("pkcs11:token=carnet;object=station").ends(2).says(&[
        "error[token-key-ambiguous]",
        "object=station;id=%01",
        "object=station;id=%02",
        "add id=",
    ]);
    key("pkcs11:token=carnet;object=station;id=%02").ok();
    tokens.sh("rm -r tokens && mkdir tokens").ok();
    key("pkcs11:token=carnet").ends(1).says(&["error[token-missing]", "there is none at all"]);
}

#[test]
fn keys_that_cannot_sign_here_are_refused_with_the_reason() {
    let Some(tokens) = Tokens::new() else { return };
    let desk = &tokens.desk;
    let pair = |label: &str, kind: &str| {
        tokens.tool("carnet", &format!("--keypairgen --key-type {kind} --label {label} --id aa")).ok();
    };
    pair("rsa", "rsa:2048 --usage-sign");
    pair("p256", "EC:secp256r1 --usage-sign");
    pair("p521", "EC:secp521r1 --usage-sign");
    pair("asks", "EC:edwards25519 --usage-sign --always-auth");
    let key = |label: &str| {
        let run = tokens.carnet(&format!("pubkey --key pkcs11:token=carnet;object={label}?pin-source=pin"));
        run.ends(1)
    };
    key("rsa").says(&["error[key-algorithm]", "object=rsa", "token \"carnet\""]);
    for curve in ["p256", "p521"] {
        key(curve).says(&["error[key-algorithm]", "another curve than P-384"]);
    }
    key("asks").says(&["error[token-key-unusable]", "CKA_ALWAYS_AUTHENTICATE"]);
    // Without its public half; and with that of another key, which is noticed at the first signature.
    tokens.tool("carnet", "--delete-object --type pubkey --id 01").ok();
    key("station").says(&["error[token-key-unusable]", "no public half"]);
    tokens.generate("carnet", "other", "02");
    tokens.tool("carnet", "--set-id 01 --type pubkey --id 02").ok();
    let before = desk.files("out");
    key("station").says(&["error[signer-failed]"]);
    tokens.carnet(&format!("sign out --key {STATION}")).ends(1).says(&["error[signer-failed]"]);
    assert!(desk.files("out") == before);
}

#[test]
fn a_token_and_a_command_are_not_taken_together() {
    let Some(tokens) = Tokens::new() else { return };
    let run = tokens.carnet(&format!("sign out --key {STATION} --sign-command ./sign.sh"));
    run.ends(2).says(&["error[sign-command-key]", "pkcs11:token=carnet"]);
}
