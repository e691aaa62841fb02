//! A running `carnet receive`, and a desk with bundles for it.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use crate::behaviour::support::{Desk, signal, wait_for};

/// A desk with the bundle `NAME` of at least four chunks in the folder `NAME`, and an empty folder `in`.
pub(super) fn desk(names: &[&str]) -> Desk {
    let desk = Desk::new();
    for (seed, name) in (1..).zip(names) {
        let mut source = desk.source(&format!("src-{name}"));
        let image = source.image(seed, &[150_000, 20_000, 600]);
        source.tag(&image, &format!("{name}:1"));
        pack(&desk, name, name, "k");
    }
    fs::create_dir(desk.path("in")).unwrap();
    desk
}

/// Packs the source of `name` with a key into a folder.
pub(super) fn pack(desk: &Desk, name: &str, folder: &str, key: &str) {
    let to = format!("--to {folder} --name {name} --key {key}.key.pem --chunk-size 64KiB");
    desk.carnet(&format!("pack oci:src-{name} {to}")).ok();
}

/// The file of a chunk, as it was packed.
pub(super) fn chunk(desk: &Desk, name: &str, number: usize) -> PathBuf {
    desk.path(format!("{name}/{name}_{number:05}.tar"))
}

/// How many chunks a bundle has.
pub(super) fn chunks(desk: &Desk, name: &str) -> usize {
    desk.files(name).len()
}

/// Lets a chunk arrive under a name.
pub(super) fn deliver(desk: &Desk, name: &str, number: usize, under: &str) {
    fs::copy(chunk(desk, name, number), desk.path("in").join(under)).unwrap();
}

/// Lets all chunks of a bundle arrive, the last first.
pub(super) fn deliver_all(desk: &Desk, name: &str) {
    for number in (0..chunks(desk, name)).rev() {
        deliver(desk, name, number, &format!("{name}-{number}"));
    }
}

/// A process that watches the folder `in`. It is killed when it is dropped.
pub(super) struct Watching<'a> {
    desk: &'a Desk,
    pub(super) child: Child,
    log: PathBuf,
    markers: usize,
}

impl<'a> Watching<'a> {
    pub(super) fn start(desk: &'a Desk, log: &str, options: &str) -> Watching<'a> {
        Watching::with(desk, log, &format!("--pub k.pub.pem {options}"))
    }

    /// Starts it with options that say who is trusted.
    pub(super) fn with(desk: &'a Desk, log: &str, options: &str) -> Watching<'a> {
        let log = desk.path(log);
        let mut command = desk.command(&format!("receive in --poll 1s {options}"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        Watching { desk, child: command.spawn().unwrap(), log, markers: 0 }
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// How often the log has these words.
    pub(super) fn count(&self, words: &str) -> usize {
        self.log().matches(words).count()
    }

    /// Waits until the log has these words.
    #[track_caller]
    pub(super) fn says(&mut self, words: &str) {
        let log = self.log.clone();
        let there = wait_for(&mut self.child, || fs::read_to_string(&log).unwrap().contains(words));
        assert!(there, "it ended without {words:?}: {}", self.log());
    }

    /// Waits until it has looked into the folder twice more: each time a file that is not trusted is moved away.
    pub(super) fn looks_twice(&mut self) {
        let strange = self.desk.path("strange/strange_00000.tar");
        for _ in 0..2 {
            self.markers += 1;
            let name = format!("marker-{}", self.markers);
            let (here, there) = (self.desk.path(format!(".{name}")), self.desk.path("in").join(&name));
            fs::copy(&strange, &here).unwrap();
            fs::rename(&here, &there).unwrap();
            assert!(wait_for(&mut self.child, || !there.exists()), "{}", self.log());
        }
    }

    /// Ends it with SIGTERM. Returns its exit code and its log.
    pub(super) fn stop(mut self) -> (Option<i32>, String) {
        signal(&self.child, "TERM");
        let code = self.child.wait().unwrap().code();
        (code, self.log())
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes a bundle that nobody trusts in the folder `strange`.
pub(super) fn strange(desk: &Desk) {
    desk.carnet("keygen other").ok();
    let mut source = desk.source("src-strange");
    let image = source.image(99, &[100]);
    source.tag(&image, "strange:1");
    pack(desk, "strange", "strange", "other");
}
