//! The databases of system packages, compared with what their own tools list.
//!
//! Needs the Debian packages dpkg, rpm, db5.3-util and python3. `CARNET_AUDIT_DATA` is a folder with databases of real
//! images; without it, they are passed over.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use carnet::packages::{Found, Package, apk, dpkg, rpm};

use crate::behaviour::support::Desk;

/// Runs a program, and returns what it prints.
fn run(program: &str, arguments: &[&str], input: &str) -> String {
    use std::io::Write as _;
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("this test needs {program}: {error} (scripts/setup installs it)"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let out = child.wait_with_output().unwrap();
    // A program that does not read its input has its reasons.
    let _ = writer.join().unwrap();
    assert!(out.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}

fn problems(found: &Found) -> &[String] {
    &found.problems
}

/// Says why a test was passed over.
#[allow(clippy::print_stderr)] // Shown with the test's output.
fn note(why: &str) {
    eprintln!("passed over: {why}");
}

/// A file of `CARNET_AUDIT_DATA`.
fn data(name: &str) -> Option<PathBuf> {
    #[allow(clippy::disallowed_methods)] // A setting of the test run.
    let folder = std::env::var_os("CARNET_AUDIT_DATA");
    let path = folder.map(|folder| Path::new(&folder).join(name));
    let path = path.filter(|path| path.is_file());
    if path.is_none() {
        note(&format!("CARNET_AUDIT_DATA has no {name}"));
    }
    path
}

#[test]
fn dpkg_lists_the_packages_of_this_system() {
    let format = "${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n";
    let listed = run("dpkg-query", &["-W", "-f", format], "");
    let is_there = |line: &&str| !line.starts_with("config-files") && !line.starts_with("not-installed");
    let listed = sorted(
        listed
            .lines()
            .filter(is_there)
            .filter_map(|line| line.split_once('\t'))
            .map(|(_, rest)| rest.to_owned()),
    );
    let found = dpkg::status(&std::fs::read("/var/lib/dpkg/status").unwrap());
    let line = |package: &Package| {
        let source = package.source.as_ref();
        let source =
            source.map_or((&package.name, &package.version), |source| (&source.name, &source.version));
        let architecture = package.architecture.as_deref().unwrap_or_default();
        format!("{}\t{}\t{architecture}\t{}\t{}", package.name, package.version, source.0, source.1)
    };
    assert!(listed.len() > 50);
    assert_eq!(problems(&found), [] as [&str; 0]);
    assert_eq!(sorted(found.packages.iter().map(line)), listed);

    let list = std::fs::read("/var/lib/dpkg/info/dpkg.list").unwrap();
    let listed = run("dpkg-query", &["-L", "dpkg"], "");
    let listed = listed.lines().filter_map(|line| line.strip_prefix('/')).filter(|line| *line != ".");
    let owned = dpkg::owned(&list).into_iter().map(|path| String::from_utf8(path).unwrap());
    assert_eq!(owned.collect::<Vec<_>>(), listed.map(str::to_owned).collect::<Vec<_>>());
}

/// Runs the apk of a real image on its own database. That needs root.
#[test]
fn apk_lists_the_packages_of_an_image() {
    let Some(archive) = data("alpine-310.docker-save.tar.gz") else { return };
    if !rustix::process::geteuid().is_root() {
        note("chroot needs root");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir(&root).unwrap();
    let (of, to) = (folder.path().to_str().unwrap(), root.to_str().unwrap());
    run("tar", &["-xzf", archive.to_str().unwrap(), "-C", of], "");
    let manifest = std::fs::read(folder.path().join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    for layer in manifest[0]["Layers"].as_array().unwrap() {
        let layer = folder.path().join(layer.as_str().unwrap());
        run("tar", &["-xf", layer.to_str().unwrap(), "-C", to], "");
    }
    let listed = run("chroot", &[to, "/sbin/apk", "info", "-v"], "");
    let found = apk::installed(&std::fs::read(root.join("lib/apk/db/installed")).unwrap());
    assert_eq!(problems(&found), [] as [&str; 0]);
    let ours = found.packages.iter().map(|package| format!("{}-{}", package.name, package.version));
    assert_eq!(sorted(ours), sorted(listed.lines().map(str::to_owned)));
    assert_eq!(found.packages.len(), 14);
    let desk = Desk::new();
    let source = format!("docker-archive:{}", archive.display());
    let report = desk.carnet(&format!("audit {source} --tmp . -o json")).ok().json();
    let text = |package: &serde_json::Value, name: &str| package[name].as_str().unwrap().to_owned();
    let apk = report["packages"].as_array().unwrap().iter().filter(|package| package["kind"] == "apk");
    let ours = apk.map(|package| format!("{}-{}", text(package, "name"), text(package, "version")));
    assert_eq!(sorted(ours), sorted(listed.lines().map(str::to_owned)), "an audit of the image");
    for path in ["/bin/busybox", "/lib/ld-musl-x86_64.so.1"] {
        run("chroot", &[to, "/sbin/apk", "info", "--who-owns", path], "");
        assert!(found.owned.iter().any(|owned| *owned == path.as_bytes()[1..]), "{path}");
    }
}

const SPEC: &str = "\
Name: lib-a
Version: 1.0~rc1
Release: 1
Epoch: 2
Summary: s
License: MIT AND (GPL-2.0-or-later WITH x)
BuildArch: noarch
%description
d
%package -n b-tools
Epoch: 3
Version: 2.0^git1
Summary: s
License: BSD
%description -n b-tools
d
%package c
Summary: s
%description c
d
%package d
Summary: s
%description d
d
%install
mkdir -p %{buildroot}/opt/a/b %{buildroot}/etc
echo x > '%{buildroot}/opt/a/b/a file'
for at in $(seq 300); do echo > %{buildroot}/opt/a/a-name-that-takes-a-few-bytes-$at; done
echo y > %{buildroot}/etc/y
%files
/opt/a
%files -n b-tools
/etc/y
%files c
%files d
%ghost /var/lib/d
";

/// Adds a row to a database, and leaves it in its log.
const INSERT: &str = "
import os, sqlite3, sys
other = sqlite3.connect(sys.argv[2])
blob, = other.execute('select blob from Packages').fetchone()
base = sqlite3.connect(sys.argv[1])
base.execute('pragma journal_mode = wal')
base.execute('pragma wal_autocheckpoint = 0')
base.execute('insert into Packages (blob) values (?)', (blob,))
base.commit()
os._exit(0)  # An orderly end would empty the log.
";

/// Prints a database for `db5.3_load`.
// Keys are the numbers of packages. That of 0 is the number of the next one.
const DUMP: &str = "
import sqlite3, sys
print('VERSION=3', 'format=bytevalue', 'type=hash', 'db_pagesize=4096', 'HEADER=END', sep='\\n')
print(' 00000000', ' 04000000', sep='\\n')
for number, blob in sqlite3.connect(sys.argv[1]).execute('select hnum, blob from Packages'):
    print(' ' + number.to_bytes(4, 'little').hex(), ' ' + blob.hex(), sep='\\n')
print('DATA=END')
";

/// Writes a database in the form of SUSE. Debian's rpm cannot.
const NDB: &str = "
import sqlite3, struct, sys, zlib
rows = sqlite3.connect(sys.argv[1]).execute('select hnum, blob from Packages').fetchall()
slots, bodies = b'', b''
for number, blob in rows:
    blocks = -(-(16 + len(blob) + 12) // 16)
    slots += struct.pack('<4sIII', b'Slot', number, 256 + len(bodies) // 16, blocks)
    body = (struct.pack('<4sIII', b'BlbS', number, 1, len(blob)) + blob).ljust(blocks * 16 - 12, b'\\0')
    bodies += body + struct.pack('<II4s', zlib.adler32(body), len(blob), b'BlbE')
slots += struct.pack('<4sIII', b'Slot', 0, 0, 0) * (254 - len(rows))
head = struct.pack('<4sIIIIIII', b'RpmP', 0, 1, 1, len(rows) + 1, 0, 0, 0)
open(sys.argv[2], 'wb').write(head + slots + bodies)
";

/// A folder with packages, and a database of rpm with three of them.
pub(super) struct Rpm {
    folder: tempfile::TempDir,
}

impl Rpm {
    pub(super) fn new() -> Rpm {
        let rpm = Rpm { folder: tempfile::tempdir().unwrap() };
        let spec = rpm.path("a.spec");
        std::fs::write(&spec, SPEC).unwrap();
        let top = format!("_topdir {}", rpm.path(""));
        run("rpmbuild", &["-bb", "--quiet", "--define", &top, &spec], "");
        rpm.install("db", &["lib-a-1.0~rc1-1", "b-tools-2.0^git1-1", "lib-a-c-1.0~rc1-1"]);
        rpm
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn install(&self, database: &str, packages: &[&str]) {
        let database = self.path(database);
        let files: Vec<String> =
            packages.iter().map(|name| self.path(&format!("RPMS/noarch/{name}.noarch.rpm"))).collect();
        let mut arguments = vec!["--dbpath", &database, "--justdb", "--nodeps", "-i"];
        arguments.extend(files.iter().map(String::as_str));
        run("rpm", &arguments, "");
    }

    pub(super) fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.path(file)).unwrap()
    }

    /// Adds a fourth package to the database. Only its log has that one.
    pub(super) fn log(&self) {
        self.install("other", &["lib-a-d-1.0~rc1-1"]);
        run("python3", &["-c", INSERT, &self.path("db/rpmdb.sqlite"), &self.path("other/rpmdb.sqlite")], "");
    }

    /// Writes the database as one of Berkeley DB, with this order of bytes.
    pub(super) fn berkeley(&self, folder: &str, order: &str) {
        let dump = run("python3", &["-c", DUMP, &self.path("db/rpmdb.sqlite")], "");
        std::fs::create_dir(self.path(folder)).unwrap();
        let file = self.path(&format!("{folder}/Packages"));
        run("db5.3_load", &["-c", order, &file], &dump);
    }

    /// Writes the database as SUSE has it.
    pub(super) fn ndb(&self, file: &str) {
        run("python3", &["-c", NDB, &self.path("db/rpmdb.sqlite"), &self.path(file)], "");
    }

    /// Compares what we found with what rpm lists.
    fn check(&self, found: &Found, database: &str, backend: &str, count: usize) {
        let (database, backend) = (self.path(database), format!("_db_backend {backend}"));
        let ask = |format: &str| {
            run("rpm", &["--dbpath", &database, "--define", &backend, "-qa", "--qf", format], "")
        };
        let listed = ask("%{NAME}\t%{EVR}\t%{ARCH}\t%{LICENSE}\t%{SOURCERPM}\n");
        let line = |package: &Package| {
            let revision =
                package.version.split_once(':').map_or(&*package.version, |(_, revision)| revision);
            let source = package.source.as_ref().map_or_else(
                || format!("{}-{revision}", package.name),
                |source| format!("{}-{}", source.name, source.version.rsplit(':').next().unwrap()),
            );
            let architecture = package.architecture.as_deref().unwrap_or_default();
            let licence = package.licences.join("\t");
            format!("{}\t{}\t{architecture}\t{licence}\t{source}.src.rpm", package.name, package.version)
        };
        assert_eq!(problems(found), [] as [&str; 0]);
        assert_eq!(sorted(found.packages.iter().map(line)), sorted(listed.lines().map(str::to_owned)));
        assert_eq!(found.packages.len(), count);
        let paths = ask("[%{FILENAMES}\n]");
        let ours = found.owned.iter().map(|path| format!("/{}", String::from_utf8_lossy(path)));
        assert_eq!(sorted(ours), sorted(paths.lines().map(str::to_owned)));
        assert!(found.owned.len() > 300);
    }
}

#[test]
fn rpm_lists_a_database_of_sqlite_and_its_log() {
    let rpm = Rpm::new();
    rpm.check(&rpm::sqlite(&rpm.read("db/rpmdb.sqlite"), None), "db", "sqlite", 3);

    rpm.log();
    let (base, log) = (rpm.read("db/rpmdb.sqlite"), rpm.read("db/rpmdb.sqlite-wal"));
    assert_eq!(rpm::sqlite(&base, None).packages.len(), 3);
    rpm.check(&rpm::sqlite(&base, Some(&log)), "db", "sqlite", 4);

    // rpm passes over a header of which one byte was changed. We tell, and list it.
    // Rows that were moved left their bytes behind.
    let mut changed = base.clone();
    let places = base.windows(9).enumerate().filter(|(_, part)| part == b"2.0^git1\0");
    places.for_each(|(at, _)| changed[at] = b'3');
    std::fs::create_dir(rpm.path("changed")).unwrap();
    std::fs::write(rpm.path("changed/rpmdb.sqlite"), &changed).unwrap();
    let found = rpm::sqlite(&changed, None);
    assert_eq!(found.packages.len(), 3);
    assert_eq!(found.problems.len(), 1, "{:?}", found.problems);
    assert!(found.problems[0].contains("of b-tools has the SHA-256"), "{:?}", found.problems);
    let listed = Command::new("rpm").args(["--dbpath", &rpm.path("changed"), "-qa"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&listed.stdout).lines().count(), 2);
}

#[test]
fn rpm_lists_a_database_of_berkeley_db() {
    let rpm = Rpm::new();
    for (folder, order) in [("little", "db_lorder=1234"), ("big", "db_lorder=4321")] {
        rpm.berkeley(folder, order);
        let found = rpm::bdb(&rpm.read(&format!("{folder}/Packages")));
        if folder == "little" {
            rpm.check(&found, folder, "bdb_ro", 3);
        } else {
            // rpm does not read databases of the other order, Berkeley DB does.
            assert_eq!((found.packages.len(), found.problems.len()), (3, 0), "{:?}", found.problems);
        }
    }
}

#[test]
fn real_databases_of_rpm_are_read() {
    let read = |name: &str| data(name).map(|path| std::fs::read(path).unwrap());
    if let Some(bytes) = read("suse-ndb-Packages.db") {
        let found = rpm::ndb(&bytes);
        assert_eq!((found.packages.len(), problems(&found).len()), (35, 0), "{:?}", found.problems);
    }
    if let Some(bytes) = read("mariner-rpmdb.sqlite") {
        let found = rpm::sqlite(&bytes, None);
        assert_eq!((found.packages.len(), problems(&found).len()), (129, 0), "{:?}", found.problems);
    }
}
