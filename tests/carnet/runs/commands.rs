//! The commands on run records, as an operator runs them.

use std::fs;
use std::path::Path;
use std::process::Command;

use carnet::runs::{
    ArtifactOutcome, RunCheck, RunDenial, RunFile, RunJudgement, RunRuleFile, RunSigner, RunStatus,
};
use serde_json::Value;

use super::support::{State, begin, finish};
use crate::behaviour::support::{CARNET, Run};

fn carnet(state: &State, arguments: &str) -> Run {
    let folder = state.folder.parent().unwrap();
    Run::of(
        Command::new(CARNET)
            .args(arguments.split_whitespace())
            .env("CARNET_STATE", &state.folder)
            .current_dir(folder),
    )
}

/// Five runs that succeeded, one that failed, and the key pair `k` beside the folder.
fn state() -> (State, Vec<String>) {
    let state = State::new();
    let (ledger, mut names) = state.with_runs();
    let failed = begin(&ledger).finish(RunStatus::Failed, |record| {
        record.pipeline_run_error_message = Some("=cmd|' /C calc'!A0 \u{1b}[31m".to_owned());
        record.fields.insert("media-serial".to_owned(), "4711".to_owned());
        record.files = vec![RunFile {
            name: format!("{}.tar", "release".repeat(20)),
            chunk: Some(3),
            bytes: 12,
            statement_sha256: Some("f".repeat(64)),
            sha256: Some("a".repeat(64)),
            md5: Some("b".repeat(32)),
        }];
        record.imported_artifacts = vec![ArtifactOutcome {
            name: "-team/app:1.0".to_owned(),
            subject: None,
            digest: Some(format!("sha256:{}", "c".repeat(64))),
            outcome: "failed".to_owned(),
            error: Some("no space".to_owned()),
        }];
        record.signers =
            vec![RunSigner { role: "released".to_owned(), holder: "anna".to_owned(), key: "d".repeat(64) }];
        record.checks = vec![RunCheck { check: "release".to_owned(), result: "1 of 1 required".to_owned() }];
        record.policy_sha256 = Some("e".repeat(64));
        record.judgement = Some(RunJudgement {
            allowed: false,
            files: vec![RunRuleFile { name: "policy.toml".to_owned(), sha256: "9".repeat(64) }],
            stamp: String::new(),
            reasons: 2,
            denials: vec![RunDenial {
                rule: "no-root".to_owned(),
                place: "team/app:1.0".to_owned(),
                text: "it runs as root".to_owned(),
            }],
        });
    });
    names.push(failed.unwrap().name);
    state.key.write_pair(&state.folder.with_file_name("k"), None).unwrap();
    (state, names)
}

#[track_caller]
fn fits(run: &Run, schema: &str) {
    fits_document(&run.json(), schema);
}

/// Checks a document against its published schema.
#[track_caller]
pub(super) fn fits_document(document: &Value, schema: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/schemas/{schema}.json"));
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{document}");
}

#[test]
fn lists_show_the_columns_of_the_followed_service() {
    let (state, names) = state();
    let list = carnet(&state, "runs list --top 3").ok();
    let lines: Vec<&str> = list.stdout.lines().collect();
    assert_eq!(
        lines[0].split_whitespace().collect::<Vec<_>>(),
        ["NAME", "PIPELINE", "START_TIME", "STATUS", "ERROR_MESSAGE"]
    );
    assert_eq!(lines.len(), 4);
    assert!(lines[1].contains(&names[5]) && lines[2].contains(&names[4]), "{lines:?}");
    assert!(!list.stdout.contains('\u{1b}'));
    fits(&carnet(&state, "runs list --json").ok(), "runs");
    let failed = carnet(&state, "runs list --status failed --pipeline mirror --json").ok().json();
    assert_eq!(failed.as_array().unwrap().len(), 1);
    assert_eq!(carnet(&state, "runs list --pipeline other --json").ok().json(), serde_json::json!([]));
    carnet(&state, "runs list --status odd").ends(2);
    fits(&carnet(&state, &format!("runs show {} --json", names[5])).ok(), "run");
    carnet(&state, "runs show nothing").ends(1).says(&["no-such-run"]);
    // A record that cannot be read does not hide the others, and old ones are not even read.
    fs::write(state.record(&names[4]), "{").unwrap();
    let list = carnet(&state, "runs list").ok().says(&[&names[3], "warning", &names[4]]);
    assert_eq!(list.stdout.lines().count(), 6);
    fs::write(state.record(&names[0]), "{").unwrap();
    assert!(!carnet(&state, "runs list --top 4").ok().stderr.contains(&names[0]));
}

#[test]
fn deleting_and_cleaning_need_the_key() {
    let (state, names) = state();
    carnet(&state, &format!("runs delete {}", names[0])).ends(2);
    carnet(&state, "runs clean").ends(2);
    carnet(&state, "runs clean --dry-run").ok().says(&["would delete", &names[5]]);
    assert!(state.record(&names[5]).exists());
    carnet(&state, &format!("runs delete {} --key k.key.pem --reason test", names[0])).ok();
    carnet(&state, &format!("runs delete {} --key k.key.pem", names[0])).ends(1).says(&["no-such-run"]);
    carnet(&state, "runs clean --key k.key.pem").ok().says(&["deleted", &names[5]]);
    assert!(!state.record(&names[5]).exists());
    let verified = carnet(&state, "runs verify --pub k.pub.pem --json").ok();
    fits(&verified, "runs-verify");
    assert_eq!(verified.json()["deleted"], 2);
    assert_eq!(verified.json()["records"], 4);
}

#[test]
fn verifying_names_what_was_changed() {
    let (state, names) = state();
    carnet(&state, "runs verify").ok().says(&["NOT checked"]);
    let head = carnet(&state, "runs verify --pub k.pub.pem --json").ok().json()["head"].clone();
    let head = head.as_str().unwrap();
    let trust = "version = 1\nrelease-threshold = 1\n[[keys]]\nholder = \"station\"\n\
        public-key-file = \"k.pub.pem\"\nroles = [\"packer\", \"releaser\"]\n";
    fs::write(state.folder.with_file_name("trust.toml"), trust).unwrap();
    carnet(&state, &format!("runs verify --trust trust.toml --expect {head}")).ok();
    carnet(&state, "keygen other").ok();
    carnet(&state, "runs verify --pub other.pub.pem").ends(3).says(&["run-unsigned", &names[0]]);

    let record = fs::read_to_string(state.record(&names[2])).unwrap();
    fs::write(state.record(&names[2]), record.replace("\"bytes\": 7", "\"bytes\": 8")).unwrap();
    carnet(&state, "runs verify --pub k.pub.pem").ends(4).says(&["run-damaged", &names[2], "was changed"]);
    fs::remove_file(state.record(&names[2])).unwrap();
    carnet(&state, "runs verify --pub k.pub.pem").ends(4).says(&[&names[2], "was removed"]);
    fs::write(state.record(&names[2]), record).unwrap();
    let lines = state.lines();
    state.set_lines(&lines[..5]);
    fs::remove_file(state.record(&names[5])).unwrap();
    carnet(&state, "runs verify --pub k.pub.pem").ok();
    carnet(&state, &format!("runs verify --expect {head}")).ends(4).says(&["cut off"]);
}

#[test]
fn tables_have_no_formulas() {
    let (state, names) = state();
    let table = carnet(&state, "runs export --format csv").ok().stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 7);
    assert!(lines[0].starts_with("name,pipeline,pipelineType,status,"), "{table}");
    assert!(lines[1].starts_with(&names[0]) && lines[6].starts_with(&names[5]), "{table}");
    assert!(lines[6].contains(",'=cmd|") && lines[6].contains("media-serial=4711"), "{table}");
    assert!(!table.contains('\u{1b}'));
    let records = carnet(&state, "runs export --format json").ok();
    fits(&records, "runs");
    assert_eq!(records.json()[0]["name"], names[0].as_str());
}

#[test]
fn transfer_records_fit_on_paper() {
    let (state, names) = state();
    let show = format!("runs show {} --transfer-record", names[5]);
    let text = carnet(&state, &format!("{show} --pub k.pub.pem")).ok().stdout;
    for word in [
        "signature   valid",
        &"a".repeat(64),
        &"b".repeat(32),
        &"c".repeat(64),
        &"d".repeat(64),
        &"e".repeat(64),
        &"f".repeat(64),
        &"9".repeat(64),
        "REASONS TO DENY (2; the first 1)",
        "no-root: team/app:1.0: it runs as root",
        "anna",
        "1 of 1 required",
        "media-serial: 4711",
        "Approved by",
        "no space",
    ] {
        assert!(text.contains(word), "no {word} in\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    carnet(&state, &show).ok().says(&["not checked"]);
    carnet(&state, "keygen other").ok();
    carnet(&state, &format!("{show} --pub other.pub.pem")).ends(3).says(&["run-unsigned", "WRONG"]);
    let table = carnet(&state, &format!("{show} --format csv")).ok().stdout;
    assert!(table.contains("\nartifact,'-team/app:1.0,failed: no space,,sha256:ccc"), "{table}");
    assert!(table.contains("\ndenied,no-root,team/app:1.0: it runs as root,"), "{table}");
    assert!(table.contains("\nperson,Transferred by: name,,"), "{table}");
    let json = carnet(&state, &format!("{show} --format json")).ok();
    fits(&json, "transfer-record");
    assert_eq!(json.json()["people"][0]["role"], "Transferred by");
    assert_eq!(json.json()["chain"]["signature"], "not-checked");

    // Nobody signs for a record that was changed, or for a run that has not ended.
    let record = fs::read_to_string(state.record(&names[5])).unwrap();
    fs::write(state.record(&names[5]), record.replace("4711", "4712")).unwrap();
    carnet(&state, &show).ends(4).says(&["run-damaged"]);
    let ledger = state.open();
    let run = begin(&ledger);
    carnet(&state, &format!("runs show {} --transfer-record", run.name())).ends(1).says(&["run-unfinished"]);
    finish(run, RunStatus::Succeeded);
}

/// The list of the newest runs reads no more records than it shows, however many there are.
#[test]
fn a_long_history_does_not_slow_the_list() {
    let (state, names) = state();
    for number in 0..20_000 {
        fs::write(state.record(&format!("20200101T000000Z-{number:05}-mirror")), "not read").unwrap();
    }
    let list = carnet(&state, "runs list --top 6").ok();
    assert_eq!(list.stdout.lines().count(), 7);
    assert!(list.stdout.contains(&names[0]) && list.stderr.is_empty(), "{}", list.stderr);
}
