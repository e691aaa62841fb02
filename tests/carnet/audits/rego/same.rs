//! The usual rules, written in Rego: the verdicts are the same.

use crate::audits::policies::{AUDIT, Case, cases, desk};

#[test]
fn rules_in_rego_come_to_the_same_verdicts() {
    let desk = desk();
    for Case { rule, rego, params: [denies, allows], .. } in cases(&desk) {
        for (param, code) in [(denies, 5), (allows, 0)] {
            let body = rego.replace("PARAM", &param);
            let policy = format!("package carnet\n\ndeny contains \"{rule}\" if {{\n\t{body}\n}}\n");
            std::fs::write(desk.path("policy.rego"), policy).unwrap();
            let run = desk.carnet(&format!("{AUDIT} --policy policy.rego -o json"));
            assert_eq!(run.code, Some(code), "{rule} {param}: {}", run.stderr);
            let denials = &run.json()["policy"]["denials"];
            let expected = usize::from(code == 5);
            assert_eq!(denials.as_array().unwrap().len(), expected, "{rule} {param}: {denials}");
        }
    }
}
