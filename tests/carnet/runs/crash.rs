//! A process that writes records is killed at random moments.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use carnet::clock::Fixed;
use carnet::runs::{Ledger, RunStatus};
use carnet::trust::{KeyFile, Signer};

use super::support::{State, begin, finish};

/// Names the state folder to the process that is killed.
const FOLDER: &str = "CARNET_TEST_VICTIM";

/// Names a file to the process that is killed, which it writes amid a run, and then waits.
const AMID: &str = "CARNET_TEST_VICTIM_AMID";

/// Not a test of its own: begins, finishes and deletes runs until it is killed.
#[test]
#[ignore = "another test runs it"]
fn victim() {
    #[expect(clippy::disallowed_methods, reason = "the other test passes them")]
    let (folder, amid) = (std::env::var_os(FOLDER).map(PathBuf::from), std::env::var_os(AMID));
    let Some(folder) = folder else { return };
    let key = KeyFile::load(&folder.with_file_name("k.key.pem"), None).unwrap();
    let signer: Arc<dyn Signer> = Arc::new(key);
    let clock = Arc::new(Fixed("2026-11-26T12:00:00Z".parse().unwrap()));
    let ledger = Ledger::open(&folder, signer, clock).unwrap();
    loop {
        let run = begin(&ledger);
        run.update(true, |record| record.progress.percentage = "50".to_owned()).unwrap();
        if let Some(file) = amid {
            std::fs::write(file, "").unwrap();
            std::thread::sleep(Duration::from_secs(600));
            return;
        }
        let name = finish(run, RunStatus::Succeeded);
        if name.as_bytes()[20].is_multiple_of(3) {
            ledger.delete(&name, "a test").unwrap();
        }
    }
}

#[test]
fn a_killed_process_leaves_a_ledger_that_opens() {
    let state = State::new();
    state.key.write_pair(&state.folder.with_file_name("k"), None).unwrap();
    let amid = state.folder.with_file_name("amid");
    let mut ended = 0;
    for round in 0..30_u64 {
        // Most kills at a random moment come between two runs, so some are made to come amid one.
        let is_amid = round % 5 == 4;
        let before = std::fs::metadata(state.chain()).map_or(0, |found| found.len());
        let mut command = Command::new(std::env::current_exe().unwrap());
        if is_amid {
            command.env(AMID, &amid);
        }
        let mut victim = command
            .args(["--ignored", "--exact", "runs::crash::victim"])
            .env(FOLDER, &state.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It has begun to write. Then it gets another few moments, which differ from round to round.
        let deadline = Instant::now() + Duration::from_secs(60);
        let has_grown = || std::fs::metadata(state.chain()).map_or(0, |found| found.len()) > before;
        while if is_amid { !amid.exists() } else { !has_grown() } {
            assert!(Instant::now() < deadline && victim.try_wait().unwrap().is_none(), "it writes nothing");
        }
        let moment = Instant::now() + Duration::from_micros(round * round * 97 % 9000);
        while Instant::now() < moment {
            std::hint::spin_loop();
        }
        victim.kill().unwrap();
        victim.wait().unwrap();
        let left = state.verify();
        assert!(left.running <= 1, "{left:?}");
        if is_amid {
            assert_eq!(left.running, 1, "{left:?}");
            std::fs::remove_file(&amid).unwrap();
        }
        drop(state.open());
        let verified = state.verify();
        assert_eq!(verified.faults, [], "round {round}; before it was opened: {left:?}");
        assert_eq!(verified.running, 0);
        assert!(verified.lines > ended);
        ended = verified.lines;
        let hidden = std::fs::read_dir(state.folder.join("runs")).unwrap();
        let hidden = hidden.filter(|entry| {
            entry.as_ref().unwrap().file_name().to_str().is_some_and(|name| name.ends_with(".ending"))
        });
        assert_eq!(hidden.count(), 0);
    }
}
