//! What was sent, and what arrived.

use std::fs;
use std::process::Command;

use carnet::runs::{ArtifactOutcome, Ledger, PipelineType, Place, RunFile, RunRecord, RunStatus};
use serde_json::{Value, json};

use super::support::State;
use crate::behaviour::support::{CARNET, Run};

/// A run about a bundle with one artifact and one file.
struct About<'a> {
    bundle: &'a str,
    sequence: u64,
    status: RunStatus,
    name: &'a str,
    digest: &'a str,
    sum: &'a str,
    /// The chunk and the sum of its statement.
    statement: Option<(u32, &'a str)>,
}

fn exported(bundle: &str, sequence: u64) -> About<'_> {
    let (name, digest, sum) = ("low.example/app:1", "sha256:d1", "s1");
    About { bundle, sequence, status: RunStatus::Succeeded, name, digest, sum, statement: None }
}

fn imported(bundle: &str, sequence: u64) -> About<'_> {
    About { name: "mirror/app:1", ..exported(bundle, sequence) }
}

fn record(ledger: &Ledger, pipeline_type: PipelineType, about: &About<'_>) -> String {
    let place = || Place { kind: "Folder".to_owned(), uri: "/transfer".to_owned() };
    let run = ledger.begin(RunRecord::new("mirror", pipeline_type, place(), place())).unwrap();
    let ended = run.finish(about.status, |record| {
        record.catalog_digest = Some(about.bundle.to_owned());
        record.stream = Some("north".to_owned());
        record.sequence = Some(about.sequence);
        let failed = about.status == RunStatus::Failed;
        let outcome = ArtifactOutcome {
            name: about.name.to_owned(),
            subject: None,
            digest: Some(about.digest.to_owned()),
            outcome: if failed { "failed" } else { "created" }.to_owned(),
            error: failed.then(|| "denied".to_owned()),
        };
        match pipeline_type {
            PipelineType::Export => record.exported_artifacts.push(outcome),
            PipelineType::Import => record.imported_artifacts.push(outcome),
        }
        let (name, sha256) = ("out/a_00000.tar".to_owned(), Some(about.sum.to_owned()));
        let (chunk, statement_sha256) = about.statement.map(|(chunk, sum)| (chunk, sum.to_owned())).unzip();
        record.files.push(RunFile { name, chunk, bytes: 1, statement_sha256, sha256, md5: None });
    });
    ended.unwrap().name
}

fn reconcile(exports: &[About<'_>], imports: &[About<'_>]) -> (Run, Run) {
    let (low, high) = (State::new(), State::new());
    let (low_ledger, high_ledger) = (low.open(), high.open());
    for about in exports {
        record(&low_ledger, PipelineType::Export, about);
    }
    for about in imports {
        record(&high_ledger, PipelineType::Import, about);
    }
    let run = |arguments: &[&str]| Run::of(Command::new(CARNET).args(["runs"]).args(arguments));
    let export = |state: &State, name: &str| {
        let folder = state.folder.to_str().unwrap();
        let path = state.folder.with_file_name(name);
        fs::write(&path, run(&["export", "--format", "json", "--state", folder]).ok().stdout).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let json = run(&["reconcile", &export(&low, "low.json"), &export(&high, "high.json"), "--json"]);
    // State folders are read as well, and say the same.
    let text = run(&["reconcile", low.folder.to_str().unwrap(), high.folder.to_str().unwrap()]);
    assert_eq!(json.code, text.code);
    (json, text)
}

/// The kinds of differences, in order.
fn kinds(run: &Run) -> Vec<String> {
    let text = |value: &Value| value["difference"].as_str().unwrap().to_owned();
    run.json()["differences"].as_array().unwrap().iter().map(text).collect()
}

#[test]
fn both_sides_agree() {
    let skipped = About { status: RunStatus::Skipped, ..imported("b1", 1) };
    let failed = About { status: RunStatus::Failed, ..imported("b2", 2) };
    let (json, text) = reconcile(
        &[exported("b1", 1), exported("b2", 2)],
        &[imported("b1", 1), skipped, failed, imported("b2", 2)],
    );
    json.ok().json();
    assert!(text.ok().stdout.contains("2 bundles, 2 as they were sent"));
}

#[test]
fn each_difference_shows() {
    let differs = |exports: &[About<'_>], imports: &[About<'_>]| {
        let (json, text) = reconcile(exports, imports);
        let text = text.ends(1);
        let kinds = kinds(&json.ends(1));
        assert_eq!(text.stdout.matches("DIFFERS").count(), kinds.len(), "{}", text.stdout);
        kinds
    };
    assert_eq!(differs(&[exported("b1", 1)], &[]), ["not-arrived"]);
    let failed = About { status: RunStatus::Failed, ..imported("b1", 1) };
    assert_eq!(differs(&[exported("b1", 1)], &[failed]), ["not-arrived"]);
    assert_eq!(differs(&[], &[imported("b1", 1)]), ["not-sent"]);
    assert_eq!(differs(&[exported("b1", 1)], &[imported("b1", 1), imported("b1", 1)]), ["replayed"]);
    let other = About { digest: "sha256:d2", ..imported("b1", 1) };
    assert_eq!(differs(&[exported("b1", 1)], &[other]), ["artifact-not-arrived", "artifact-other-digest"]);
    let other = About { sum: "s2", ..imported("b1", 1) };
    assert_eq!(differs(&[exported("b1", 1)], &[other]), ["file-other-digest"]);
    let other = About { sum: "s2", ..imported("b1", 1) };
    let twice = [exported("b1", 1), About { sum: "s2", ..exported("b1", 1) }];
    reconcile(&twice, &[other]).0.ok();
    assert_eq!(
        differs(&[exported("b1", 1)], &[imported("b9", 1)]),
        ["not-arrived", "not-sent", "other-digest"]
    );
}

#[test]
fn statements_are_compared_and_a_later_release_is_no_difference() {
    let sent = |chunk| About { statement: Some((chunk, "t1")), ..exported("b1", 1) };
    let arrived =
        |chunk, statement, sum| About { statement: Some((chunk, statement)), sum, ..imported("b1", 1) };
    let differs = |low: About<'_>, high: About<'_>| kinds(&reconcile(&[low], &[high]).0);
    assert!(differs(sent(0), arrived(0, "t1", "s1")).is_empty());
    assert!(differs(sent(0), arrived(0, "t1", "s2")).is_empty(), "a release was added");
    assert_eq!(differs(sent(0), arrived(0, "t2", "s1")), ["chunk-other-statement"]);
    assert_eq!(differs(sent(3), arrived(3, "t2", "s2")), ["chunk-other-statement"]);
    // Only the control chunk may get more signatures.
    assert_eq!(differs(sent(3), arrived(3, "t1", "s2")), ["file-other-digest"]);
    // Records of earlier versions know files by their names.
    assert_eq!(differs(exported("b1", 1), arrived(3, "t1", "s2")), ["file-other-digest"]);
    assert_eq!(differs(sent(3), About { sum: "s2", ..imported("b1", 1) }), ["file-other-digest"]);
}

#[test]
fn referrers_are_no_difference() {
    let name = "mirror/app@sha256:d7";
    let (json, _) = reconcile(
        &[exported("b1", 1)],
        &[
            imported("b1", 1),
            About { name, digest: "sha256:d7", status: RunStatus::Interrupted, ..imported("b1", 1) },
        ],
    );
    assert_eq!(json.ok().json()["differences"], json!([]));
}

#[test]
fn what_is_no_list_of_records_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("low.json");
    fs::write(&path, "{}").unwrap();
    let run = Run::of(Command::new(CARNET).args(["runs", "reconcile"]).args([&path, &path]));
    run.ends(4).says(&["run-damaged", "low.json"]);
}
