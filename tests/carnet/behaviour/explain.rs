//! `carnet explain` and the codes of errors.

use carnet::diagnosis::Code;

use super::support::Desk;

#[test]
fn the_code_of_an_error_is_explained() {
    let desk = Desk::new();
    let failed = desk.carnet("verify nowhere --pub k.pub.pem --json").ends(1);
    let code = failed.json()["error"]["code"].as_str().unwrap().to_owned();
    let shown = desk.carnet(&format!("explain {code}")).ok();
    shown.says(&[&code, "exit code   1", "what to do"]);
    let json = desk.carnet(&format!("explain {code} --json")).ok().json();
    assert_eq!(json.as_array().unwrap().len(), 1);
    assert_eq!((&json[0]["code"], &json[0]["exit_code"]), (&code.into(), &1.into()));
    assert!(!json[0]["next_step"].as_str().unwrap().is_empty());
}

#[test]
fn all_codes_are_listed() {
    let desk = Desk::new();
    let listed = desk.carnet("explain").ok().stdout;
    for code in Code::ALL {
        assert!(listed.lines().any(|line| line.split_whitespace().next() == Some(code.word())), "{code}");
    }
    let json = desk.carnet("explain --json").ok().json();
    assert_eq!(json.as_array().unwrap().len(), Code::ALL.len());
}

#[test]
fn a_misspelt_code_gets_a_suggestion() {
    let desk = Desk::new();
    let run = desk.carnet("explain disk-fool").ends(2);
    assert!(run.stderr.contains("did you mean disk-full?"), "{}", run.stderr);
}
