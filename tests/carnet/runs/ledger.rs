//! The ledger itself.

use std::fs;

use carnet::diagnosis::{Code, Diagnose as _};
use carnet::runs::{ChainLine, Fault, Ledger, PipelineType, Place, RunRecord, RunStatus, verify};
use carnet::trust::{KeyFile, Signer as _};
use proptest::prelude::*;

use super::support::{State, begin, copy, finish};

#[test]
fn records_use_the_names_of_the_followed_service() {
    let state = State::new();
    let (ledger, names) = state.with_runs();
    let text = fs::read_to_string(state.record(&names[0])).unwrap();
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record["status"], "Succeeded");
    assert_eq!(record["progress"]["percentage"], "100");
    assert_eq!(record["startTime"], "2026-11-26T12:00:00Z");
    assert_eq!(record["finishTime"], "2026-11-26T12:00:00Z");
    assert_eq!(record["source"]["type"], "Folder");
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(Ledger::newest(ledger.folder(), 2, &|_| true).unwrap()[0].name, names[4]);
    assert_eq!(state.verify().faults, []);
    // The chain verifies without carnet's key, too, but then nobody knows who signed.
    assert_eq!(verify(&state.folder, &[], None).unwrap().faults, []);
    let other = KeyFile::generate().unwrap();
    assert_eq!(verify(&state.folder, &[other.public_key().clone()], None).unwrap().faults.len(), 5);
}

#[test]
fn deleting_leaves_a_signed_line() {
    let state = State::new();
    let (ledger, names) = state.with_runs();
    ledger.delete(&names[1], "asked for by the owner").unwrap();
    let verified = state.verify();
    assert_eq!((verified.faults.len(), verified.records, verified.deleted), (0, 4, 1));
    assert!(state.lines().last().unwrap().contains("asked for by the owner"));
    let error = ledger.delete(&names[1], "again").unwrap_err();
    assert_eq!(error.code(), Code::NoSuchRun, "{error}");
    let run = begin(&ledger);
    assert!(!names.contains(&run.name()));
    let error = ledger.delete(&run.name(), "too early").unwrap_err();
    assert_eq!(error.code(), Code::RunUnfinished, "{error}");
}

#[test]
fn every_change_shows() {
    let state = State::new();
    let (ledger, names) = state.with_runs();
    drop(ledger);
    let good = state.folder.with_file_name("good");
    copy(&state.folder, &good);
    let restore = || {
        fs::remove_dir_all(&state.folder).unwrap();
        copy(&good, &state.folder);
        assert_eq!(state.verify().faults, []);
    };
    let lines = state.lines();

    let record = fs::read_to_string(state.record(&names[2])).unwrap();
    fs::write(state.record(&names[2]), record.replace("\"bytes\": 7", "\"bytes\": 8")).unwrap();
    assert_eq!(state.verify().faults, [Fault::RecordChanged { run: names[2].clone() }]);
    restore();

    fs::remove_file(state.record(&names[3])).unwrap();
    assert_eq!(state.verify().faults, [Fault::RecordMissing { run: names[3].clone() }]);
    restore();

    // The line of a run and its record are removed.
    let mut fewer = lines.clone();
    fewer.remove(1);
    state.set_lines(&fewer);
    fs::remove_file(state.record(&names[1])).unwrap();
    assert!(state.verify().faults.contains(&Fault::LineOutOfPlace { line: 2, run: names[2].clone() }));
    restore();

    let mut swapped = lines.clone();
    swapped.swap(1, 2);
    state.set_lines(&swapped);
    assert!(state.verify().faults.len() >= 2);
    restore();

    // The last runs are cut off. Only somebody who noted the head can see that.
    let head = state.verify().head;
    state.set_lines(&lines[..4]);
    fs::remove_file(state.record(&names[4])).unwrap();
    let verified = state.verify();
    assert_eq!(verified.faults, []);
    assert_ne!(verified.head, head);
    let noted = verify(&state.folder, &[], Some(&head)).unwrap();
    assert_eq!(noted.faults, [Fault::HeadMissing { head }]);
    restore();

    // A record that nobody wrote, and one that was deleted and comes back.
    fs::write(
        state.record("20261126T120000Z-0009-mirror"),
        record.replace(&names[2], "20261126T120000Z-0009-mirror"),
    )
    .unwrap();
    assert_eq!(state.verify().faults.len(), 1);
    restore();

    // Every byte of the chain counts.
    let chain = fs::read(state.chain()).unwrap();
    for at in (0..chain.len() - 1).step_by(7) {
        let mut changed = chain.clone();
        changed[at] ^= 1;
        fs::write(state.chain(), &changed).unwrap();
        assert_ne!(state.verify().faults, [], "byte {at}");
    }
}

#[test]
fn runs_of_a_process_that_ended_are_interrupted() {
    let state = State::new();
    let (ledger, _) = state.with_runs();
    let run = begin(&ledger);
    let name = run.name();
    run.update(true, |record| record.progress.percentage = "40".to_owned()).unwrap();
    assert_eq!(state.verify().running, 1);
    // Another process leaves it alone while it runs.
    drop(state.open());
    assert_eq!(state.verify().running, 1);
    let held = ledger.lock("pipeline-mirror").unwrap();
    let error = state.open().lock("pipeline-mirror").unwrap_err();
    assert_eq!(error.code(), Code::StateBusy, "{error}");
    drop(held);
    state.open().lock("pipeline-mirror").unwrap();
    drop(run);
    drop(ledger);
    let ledger = state.open();
    let record = Ledger::record(&state.folder, &name).unwrap();
    assert_eq!((record.status, record.progress.percentage.as_str()), (RunStatus::Interrupted, "40"));
    assert_eq!((state.verify().faults.len(), state.verify().running), (0, 0));
    // States only move forward.
    drop(ledger);
    drop(state.open());
    assert_eq!(state.lines().len(), 6);
}

/// A run ends in three steps: its final record is written beside its place, its line is appended, and the record gets
/// its place. A crash between them, or within the line, leaves a ledger that opens: the run ended, or it was interrupted.
#[test]
fn a_crash_at_any_byte_of_the_last_line_is_repaired() {
    let state = State::new();
    let (ledger, _) = state.with_runs();
    let run = begin(&ledger);
    let name = run.name();
    let running = fs::read(state.record(&name)).unwrap();
    finish(run, RunStatus::Succeeded);
    drop(ledger);
    let (chain, last) = (fs::read(state.chain()).unwrap(), state.lines().last().unwrap().len() + 1);
    let ended = fs::read(state.record(&name)).unwrap();
    for cut in (0..=last).step_by(13).chain([1, last]) {
        fs::write(state.chain(), &chain[..chain.len() - cut]).unwrap();
        fs::write(state.record(&name), &running).unwrap();
        fs::write(state.ending(&name), &ended).unwrap();
        // Before somebody opens it for writing, nothing is wrong with it, either.
        assert_eq!(state.verify().faults, [], "{cut} bytes cut");
        drop(state.open());
        let verified = state.verify();
        assert_eq!(
            (verified.faults, verified.records, verified.lines),
            (Vec::new(), 6, 6),
            "{cut} bytes cut"
        );
        let status = Ledger::record(&state.folder, &name).unwrap().status;
        assert_eq!(status, if cut == 0 { RunStatus::Succeeded } else { RunStatus::Interrupted });
        assert!(!state.ending(&name).exists());
    }
}

/// Opening a ledger must not sign what somebody else wrote.
#[test]
fn records_that_nobody_signed_stay_unsigned() {
    let state = State::new();
    let (ledger, names) = state.with_runs();
    drop(ledger);
    let forged = "20261126T120000Z-0009-mirror";
    let record = fs::read_to_string(state.record(&names[4])).unwrap().replace(&names[4], forged);
    fs::write(state.record(forged), &record).unwrap();
    fs::write(state.record("20261126T120000Z-0010-mirror"), "{").unwrap();
    // The end of the chain was cut off, and the record is still there.
    state.set_lines(&state.lines()[..4]);
    drop(state.open());
    assert_eq!(state.lines().len(), 4);
    let unknown = |run: &str| Fault::RecordUnknown { run: run.to_owned() };
    assert_eq!(
        state.verify().faults,
        [unknown(&names[4]), unknown(forged), unknown("20261126T120000Z-0010-mirror")]
    );
    let error = state.open().delete(forged, "to hide it").unwrap_err();
    assert_eq!(error.code(), Code::RunDamaged, "{error}");
}

#[test]
fn a_changed_record_cannot_be_deleted() {
    let state = State::new();
    let (ledger, names) = state.with_runs();
    let record = fs::read_to_string(state.record(&names[2])).unwrap();
    fs::write(state.record(&names[2]), record.replace("\"bytes\": 7", "\"bytes\": 8")).unwrap();
    let error = ledger.delete(&names[2], "to hide it").unwrap_err();
    assert_eq!(error.code(), Code::RunDamaged, "{error}");
    assert_eq!(state.verify().faults, [Fault::RecordChanged { run: names[2].clone() }]);
}

/// A deletion that a crash cut short goes on at the next start. A long reason is cut, and does not break the chain.
#[test]
fn deletions_are_finished_and_their_reasons_bounded() {
    let state = State::new();
    let (ledger, names) = state.with_runs();
    let record = fs::read(state.record(&names[1])).unwrap();
    ledger.delete(&names[1], &"é".repeat(100_000)).unwrap();
    fs::write(state.record(&names[1]), &record).unwrap();
    drop(state.open());
    assert!(!state.record(&names[1]).exists());
    let verified = state.verify();
    assert_eq!((verified.faults, verified.records, verified.deleted), (Vec::new(), 4, 1));
    assert!(state.lines().last().unwrap().len() < 2000);
}

#[test]
fn a_pipeline_cannot_write_elsewhere() {
    let state = State::new();
    let ledger = state.open();
    for name in ["../mirror", "a/b", "", ".hidden", "a b", &"a".repeat(101)] {
        let place = || Place { kind: "Folder".to_owned(), uri: "/".to_owned() };
        let error = ledger.begin(RunRecord::new(name, PipelineType::Export, place(), place())).err().unwrap();
        assert_eq!(error.code(), Code::StationFile, "{error}");
    }
}

proptest! {
    /// There is one way to write a line, so what is read is what was signed.
    #[test]
    fn lines_are_written_in_one_way(bytes in prop::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>(), with in any::<u8>()) {
        prop_assert!(ChainLine::parse(&bytes).is_err());
        let mut line = LINE.as_bytes().to_vec();
        let parsed = ChainLine::parse(&line).unwrap();
        let at = at.index(line.len());
        let before = std::mem::replace(&mut line[at], with);
        if let Ok(changed) = ChainLine::parse(&line) {
            prop_assert_eq!(serde_json::to_vec(&changed).unwrap(), line);
            prop_assert_eq!(changed == parsed, before == with);
        }
    }
}

/// A line; its signature is not right.
const LINE: &str = r#"{"seq":7,"prev":"00","time":"2026-11-26T12:00:00Z","event":"deleted","run":"r","record":"11","work":{"did":"exported","bundle":"33","name":"b","content":"44","stream":"s","sequence":5},"reason":"é\n","key":"22","algorithm":"ed25519","signature":"AAAA"}"#;

/// docs/runs.md says how to check a line with other tools.
#[test]
fn other_tools_can_check_a_line() {
    let state = State::new();
    let (ledger, names) = state.with_runs();
    ledger.delete(&names[0], "a, \"signature\":\"b\"}").unwrap();
    let folder = state.folder.parent().unwrap();
    state.key.write_pair(&folder.join("station"), None).unwrap();
    let document = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/runs.md")).unwrap();
    let script = document.split("```\n").find(|block| block.contains("openssl")).unwrap();
    for (at, line) in state.lines().iter().enumerate() {
        fs::write(folder.join("line.json"), format!("{line}\n")).unwrap();
        let out =
            std::process::Command::new("sh").args(["-ec", script]).current_dir(folder).output().unwrap();
        assert!(out.status.success(), "line {at}: {out:?}");
        let changed = line.replacen("2026", "2027", 1);
        fs::write(folder.join("line.json"), format!("{changed}\n")).unwrap();
        let out =
            std::process::Command::new("sh").args(["-ec", script]).current_dir(folder).output().unwrap();
        assert!(!out.status.success(), "line {at}");
    }
}

/// The process ends after everything was imported, while it deletes the source files.
#[test]
fn a_run_that_was_delivered_has_succeeded() {
    let state = State::new();
    let ledger = state.open();
    let run = begin(&ledger);
    let name = run.name();
    run.delivered(|record| record.bytes = 9).unwrap();
    assert_eq!((state.verify().faults.len(), state.verify().running), (0, 1));
    drop(run);
    drop(state.open());
    let record = Ledger::record(&state.folder, &name).unwrap();
    assert_eq!((record.status, record.bytes), (RunStatus::Succeeded, 9));
    assert_eq!((state.verify().faults.len(), state.lines().len()), (0, 2));

    // A record that somebody changed after that line is not what was delivered.
    let run = begin(&ledger);
    let name = run.name();
    run.delivered(|record| record.bytes = 9).unwrap();
    drop(run);
    let text = fs::read_to_string(state.record(&name)).unwrap();
    fs::write(state.record(&name), text.replace("\"bytes\": 9", "\"bytes\": 8")).unwrap();
    drop(state.open());
    assert_eq!(Ledger::record(&state.folder, &name).unwrap().status, RunStatus::Interrupted);

    // One that is gone is missed.
    let run = begin(&ledger);
    let name = run.name();
    run.delivered(|record| record.bytes = 9).unwrap();
    drop(run);
    fs::remove_file(state.record(&name)).unwrap();
    assert_eq!(state.verify().faults, [Fault::RecordMissing { run: name }]);
}
