//! Object stores of other makers, each on a free port and with a temporary folder.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::behaviour::support::{cached, skipped};

/// The command of a store that keeps its data in a folder and listens on a port.
type Start = Box<dyn Fn(&Path, &str) -> Command>;

/// A running store, stopped when dropped.
pub(crate) struct Emulator {
    process: Child,
    /// Deleted with it.
    folder: TempDir,
    name: String,
    command: Start,
}

/// A program that `scripts/setup` puts into the cache.
pub(crate) fn program(path: &str) -> Option<PathBuf> {
    let program = cached(path);
    if !program.exists() {
        skipped(&format!("{path} is not installed (scripts/setup --stores)"));
        return None;
    }
    Some(program)
}

impl Emulator {
    /// s3s-fs, which checks every signature and sum. Its key is `id` with the secret `secret`; it has an empty `bucket`.
    /// `None` if it is not installed; then the test is reported as skipped.
    pub(crate) fn s3s() -> Option<Emulator> {
        let program = program("s3s-fs-0.14.1/bin/s3s-fs")?;
        Some(Emulator::start(&|| {
            let program = program.clone();
            Box::new(move |folder, port| {
                std::fs::create_dir_all(folder.join("bucket")).unwrap();
                let mut command = Command::new(&program);
                command.args(["--access-key", "id", "--secret-key", "secret", "--port", port]).arg(folder);
                command
            })
        }))
    }

    /// moto, which knows conditions and the limits of parts. It accepts any key. It has no bucket.
    /// `None` if it is not installed; then the test is reported as skipped.
    pub(crate) fn moto() -> Option<Emulator> {
        let program = program("moto-5.2.5/bin/moto_server")?;
        Some(Emulator::start(&|| {
            let program = program.clone();
            Box::new(move |_, port| {
                let mut command = Command::new(&program);
                command.args(["-H", "127.0.0.1", "-p", port]);
                command
            })
        }))
    }

    /// `http://IP:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.name)
    }

    /// The folder in which s3s-fs keeps its buckets.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Ends the store. What it holds stays.
    pub(crate) fn end(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts the store again, at the same place and with what it held.
    pub(crate) fn start_again(&mut self) {
        let port = self.name.rsplit(':').next().unwrap();
        self.process = spawn((self.command)(&self.folder.path().join("data"), port), self.folder.path());
        assert!(self.is_up(), "the store does not start again");
    }

    fn start(command: &dyn Fn() -> Start) -> Emulator {
        // The port that is free now may be taken when the store opens it.
        (0..5).find_map(|_| Emulator::try_start(command())).expect("the store does not start")
    }

    fn try_start(command: Start) -> Option<Emulator> {
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let name = format!("127.0.0.1:{port}");
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let process = spawn(command(&data, &port), folder.path());
        let mut emulator = Emulator { process, folder, name, command };
        emulator.is_up().then_some(emulator)
    }

    fn is_up(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(30) {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect(&self.name).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

/// Starts a store. Its log is a file in the folder.
fn spawn(mut command: Command, folder: &Path) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
