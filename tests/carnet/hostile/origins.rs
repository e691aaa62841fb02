//! Plans that lie about the bundles that theirs was made of.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet::format::head::Head;

use super::support::forge::Forged;
use super::support::run::{Expect, deliver};
use super::support::{named, packed};

/// The lines of a true origin: the bundle that most tests start with.
fn origin() -> [String; 3] {
    let chunk = &packed().chunks[0];
    let head = Head::parse(chunk, chunk.len() as u64).expect("a head");
    let signature = &head.signatures[0];
    [
        format!("origin {} hostile - -\n", head.statement.bundle),
        format!("statement {}\n", STANDARD.encode(&head.statement_bytes)),
        format!("signature {}.ed25519 {}\n", hex::encode(signature.key), STANDARD.encode(&signature.bytes)),
    ]
}

fn plan(what: &str, expect: Expect, lines: &str) {
    let mut forged = Forged::new();
    let text = String::from_utf8(forged.plan.clone()).expect("ASCII");
    let (head, blobs) = text.split_at(text.find("blob ").expect("blobs"));
    forged.plan = format!("{head}{lines}{blobs}").into_bytes();
    deliver(what, &named(&forged.seal()), expect);
}

#[test]
fn origins_in_another_form_are_refused() {
    let [origin, statement, signature] = origin();
    plan("an origin", Expect::Complete, &format!("{origin}{statement}{signature}"));
    let refused = |what: &str, lines: String| plan(what, Expect::Incomplete, &lines);
    refused("no statement", format!("{origin}{signature}"));
    refused("no signature", format!("{origin}{statement}"));
    refused("no origin", format!("{statement}{signature}"));
    refused("twice", format!("{origin}{statement}{signature}").repeat(2));
    refused("a signature twice", format!("{origin}{statement}{signature}{signature}"));
    refused("another name", format!("{}{statement}{signature}", origin.replace("hostile", "other")));
    refused("another stream", format!("{}{statement}{signature}", origin.replace(" - -", " low 1")));
    let id = origin.split(' ').nth(1).expect("an id");
    refused("another id", format!("{}{statement}{signature}", origin.replace(id, &"1".repeat(64))));
    refused("a short signature", format!("{origin}{statement}{}", signature.replace("==", "")));
    let (name, text) = signature.trim_end().rsplit_once(' ').expect("words");
    let long = STANDARD.encode([STANDARD.decode(text).expect("base64"), vec![0]].concat());
    refused("a long signature", format!("{origin}{statement}{name} {long}\n"));
    refused(
        "another alphabet",
        format!("{origin}{}{signature}", statement.replacen("statement Y", "statement -", 1)),
    );
    refused("no base64", format!("{origin}statement hello\n{signature}"));
    let data = &packed().chunks[1];
    let head = Head::parse(data, data.len() as u64).expect("a head");
    let other = STANDARD.encode(&head.statement_bytes);
    refused("the statement of a data chunk", format!("{origin}statement {other}\n{signature}"));
    let huge = STANDARD.encode(vec![b'x'; 1 << 20]);
    refused("a huge statement", format!("{origin}statement {huge}\n{signature}"));
    let many: String = (0..17).map(|number| format!("signature {number:016x}.ed25519 {text}\n")).collect();
    refused("17 signatures", format!("{origin}{statement}{many}"));
}
