//! A pipeline whose thread panics. No input is known to do that, so a clock does.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use carnet::clock::Clock;
use carnet::diagnosis::{Code, Diagnose as _, Diagnosis};
use carnet::format::Timestamp;
use carnet::registry::Reach;
use carnet::runs::Ledger;
use carnet::station::{Board, Equipment, Level, Log, PipelineView, Serving, Station, StationError, serve};
use carnet::trust::{KeyFile, Signer};
use carnet::{registry, storage};

/// A clock that panics in the thread of one pipeline once it is broken.
#[derive(Default)]
struct Fragile {
    broken: AtomicBool,
}

impl Clock for Fragile {
    fn now(&self) -> Timestamp {
        let is_there = std::thread::current().name() == Some("pipeline-mirror");
        assert!(!(is_there && self.broken.load(Ordering::SeqCst)), "the clock is broken");
        Timestamp::from_seconds(1_800_000_000).unwrap()
    }
}

#[derive(Default)]
struct Lines(Mutex<Vec<(Level, String)>>);

impl Log for Lines {
    fn line(&self, level: Level, pipeline: &str, _: Option<&str>, text: &str) {
        self.0.lock().unwrap().push((level, format!("{pipeline}: {text}")));
    }

    fn failed(&self, pipeline: &str, run: Option<&str>, what: &str, why: &str, _: &Diagnosis) {
        self.line(Level::Error, pipeline, run, &format!("{what}: {why}"));
    }
}

fn station(folder: &Path, key: &KeyFile) -> Station {
    key.write_pair(&folder.join("k"), None).unwrap();
    let trust = "version = 1\nrelease-threshold = 1\n[[keys]]\nholder = \"k\"\npublic-key-file = \"k.pub.pem\"\n\
                 roles = [\"packer\", \"releaser\"]\n";
    fs::write(folder.join("trust.toml"), trust).unwrap();
    let mut text = "key = \"k.key.pem\"\nstate = \"state\"\n".to_owned();
    for name in ["mirror", "other"] {
        fs::create_dir(folder.join(name)).unwrap();
        text += &format!(
            "[import.{name}]\nfrom = \"{name}\"\nto = \"docker://127.0.0.1:1/{name}\"\ntrust = \"trust.toml\"\npoll = \"1s\"\n"
        );
    }
    Station::parse(&text, folder).unwrap()
}

fn equipment(folder: &Path, clock: Arc<dyn Clock>) -> Equipment {
    let http = carnet::http::Settings::default();
    Equipment {
        registry: registry::Settings {
            credential_files: Vec::new(),
            plain_http: Vec::new(),
            tls: Vec::new(),
            reach: Reach::Anywhere,
            http: http.clone(),
        },
        storage: storage::Settings {
            variables: storage::Variables::default(),
            secret_command: None,
            clock: Arc::clone(&clock),
            encryption: None,
            http,
        },
        allow_hosts: Vec::new(),
        spool: folder.to_owned(),
        connections: 1.try_into().unwrap(),
        host: None,
        alive: Arc::default(),
        clock,
    }
}

fn wait(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < until, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_service_says_so_shows_it_and_ends_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let key = Arc::new(KeyFile::generate().unwrap());
    let station = station(folder.path(), &key);
    let clock = Arc::new(Fragile::default());
    let equipment = equipment(folder.path(), Arc::<Fragile>::clone(&clock));
    let signer: Arc<dyn Signer> = key;
    let ledger = Ledger::open(&station.state, signer, Arc::<Fragile>::clone(&clock)).unwrap();
    let (log, board, signers) = (Lines::default(), Board::default(), HashMap::new());
    let stop = Arc::new(AtomicBool::new(false));
    let serving = Serving {
        station: &station,
        equipment: &equipment,
        ledger: &ledger,
        signers: &signers,
        jobs: Some(1.try_into().unwrap()),
        stop: Arc::clone(&stop),
        log: &log,
        board: &board,
    };
    let looked = |view: &PipelineView| view.looked.is_some() && view.problem.is_none();
    let all_look = || {
        let views = board.all();
        views.len() == 2 && views.values().all(looked)
    };
    std::thread::scope(|scope| {
        let served = scope.spawn(|| serve(&serving, &[]));
        wait("both pipelines look", all_look);
        clock.broken.store(true, Ordering::SeqCst);
        let error = served.join().expect("the service does not panic with it").unwrap_err();
        assert!(matches!(&error, StationError::Panicked { pipeline } if pipeline == "mirror"), "{error}");
        assert_eq!(error.code(), Code::ProgramError);
    });
    assert!(stop.load(Ordering::SeqCst), "the other pipeline ends, too");
    let problem = board.all()["mirror"].problem.clone().unwrap();
    assert!(problem.contains("an error of the program"), "{problem}");
    assert_eq!(board.all()["other"].problem, None);
    let errors = |lines: &[(Level, String)]| lines.iter().filter(|(level, _)| *level == Level::Error).count();
    assert_eq!(errors(&log.0.lock().unwrap()), 1, "{:?}", log.0);

    // Started again, it works.
    clock.broken.store(false, Ordering::SeqCst);
    stop.store(false, Ordering::SeqCst);
    std::thread::scope(|scope| {
        let served = scope.spawn(|| serve(&serving, &[]));
        wait("both pipelines look again", all_look);
        stop.store(true, Ordering::SeqCst);
        served.join().unwrap().unwrap();
    });
}
