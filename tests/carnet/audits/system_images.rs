//! Images whose databases of system packages are real: what the audit lists is what the tools of the system list.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::contents::{image, tar_of};
use super::system_packages::Rpm;
use crate::behaviour::support::{Desk, Run, cached};

/// The packages of a type that an audit of `oci:src` finds: name, version, architecture and licences.
fn packages(desk: &Desk, kind: &str) -> Vec<(String, Vec<String>)> {
    let report = desk.carnet("audit oci:src -o json").ok().json();
    let start = format!("pkg:{kind}/");
    let listed = report["packages"].as_array().unwrap().iter();
    let of_kind = listed.filter(|package| package["purl"].as_str().unwrap().starts_with(&start));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found: Vec<(String, Vec<String>)> = of_kind
        .map(|package| {
            let [name, version, architecture] =
                ["name", "version", "architecture"].map(|key| text(&package[key]));
            let licences = package["licences"].as_array().into_iter().flatten().map(text).collect();
            (format!("{name} {version} {architecture}"), licences)
        })
        .collect();
    found.sort();
    found
}

fn names(packages: &[(String, Vec<String>)]) -> Vec<&str> {
    packages.iter().map(|(name, _)| name.as_str()).collect()
}

/// Prints the licences of each copyright file in the machine-readable form, in a way of its own.
const LICENCES: &str = r"
import glob, json, re, sys
found = {}
for path in glob.glob(sys.argv[1] + '/usr/share/doc/*/copyright'):
    text = open(path, encoding='utf-8', errors='replace').read()
    if re.search(r'(?im)\A(?:.*\n){0,9}format:.*copyright-format', text):
        found[path.split('/')[-2]] = sorted(set(re.findall(r'(?m)^License:[ \t]*(\S.*?)[ \t]*$', text)))
print(json.dumps(found))
";

/// Counts the files of an archive that no list of dpkg has, and that are none of its scripts. Folders of /usr are linked from /.
const UNOWNED: &str = r"
import sys, tarfile
archive = tarfile.open(sys.argv[1])
def place(path):
    path = path.removeprefix('./').removeprefix('/')
    return 'usr/' + path if path.split('/')[0] in ('bin', 'sbin', 'lib', 'lib64', 'lib32', 'libx32') else path
info = 'var/lib/dpkg/info/'
owned, files = set(), []
for member in archive:
    if member.isreg() or member.islnk():
        files.append(place(member.name))
    if place(member.name).startswith(info) and member.name.endswith('.list'):
        owned.update(map(place, archive.extractfile(member).read().decode().splitlines()))
scripts = ('preinst', 'postinst', 'prerm', 'postrm', 'config')
is_script = lambda path: path.startswith(info) and path.rsplit('.', 1)[-1] in scripts
print(sum(1 for path in files if path not in owned and not is_script(path)))
";

/// The packages that dpkg lists: name, version and architecture.
fn listed(desk: &Desk, database: &str) -> Vec<String> {
    let format = "'${db:Status-Status} ${Package} ${Version} ${Architecture}\\n'";
    let listed = desk.sh(&format!("dpkg-query --admindir={database} -W -f {format}")).ok().stdout;
    let is_there = |line: &&str| !line.starts_with("config-files") && !line.starts_with("not-installed");
    let lines = listed.lines().filter(is_there).filter_map(|line| line.split_once(' '));
    let mut packages: Vec<String> = lines.map(|(_, rest)| rest.to_owned()).collect();
    packages.sort();
    packages
}

/// Compares the licences of packages with those that their copyright files in a root name.
fn compare_licences(found: &[(String, Vec<String>)], root: &Path) {
    let mut script = Command::new("python3");
    script.args(["-c", LICENCES]).arg(root);
    let licences: BTreeMap<String, Vec<String>> =
        serde_json::from_str(&Run::of(&mut script).ok().stdout).unwrap();
    let mut compared = 0;
    for (package, ours) in found {
        let name = package.split(' ').next().unwrap();
        if let Some(theirs) = licences.get(name).filter(|theirs| theirs.len() < 64) {
            assert_eq!(ours, theirs, "{name}");
            compared += 1;
        }
    }
    assert!(compared > 20, "{compared}");
}

/// The root of this system, as far as packages are concerned: as dpkg keeps them, and as images without dpkg have them.
#[test]
fn an_image_of_this_system_has_the_packages_and_licences_of_this_system() {
    let desk = Desk::new();
    let expected = listed(&desk, "/var/lib/dpkg");
    assert!(expected.len() > 50);
    let pack = "tar --owner=0 --group=0 -cf";
    desk.sh(&format!(
        "cd / && {pack} \"$OLDPWD/whole.tar\" etc/os-release usr/lib/os-release var/lib/dpkg/status var/lib/dpkg/info/*.list \
         usr/share/doc/*/copyright && cd \"$OLDPWD\" && mkdir -p less/var/lib/dpkg/status.d && \
         python3 - <<'END'
status = open('/var/lib/dpkg/status').read()
for at, stanza in enumerate(status.split('\\n\\n')):
    if 'Status: install ok installed' in stanza or ' half-' in stanza or 'Status: hold ok installed' in stanza:
        open(f'less/var/lib/dpkg/status.d/{{at}}', 'w').write(stanza.strip() + '\\n')
END
         cp -r --parents /etc/os-release /usr/lib/os-release less 2>/dev/null; {pack} less.tar -C less ."
    ))
    .ok();
    let read = |name: &str| std::fs::read(desk.path(name)).unwrap();
    let (whole, less) = (read("whole.tar"), read("less.tar"));
    image(&mut desk.source("src"), "app:1", &[whole]);
    let found = packages(&desk, "deb");
    assert_eq!(names(&found), expected);
    compare_licences(&found, Path::new("/"));
    image(&mut desk.source("src"), "app:1", &[less]);
    assert_eq!(names(&packages(&desk, "deb")), expected);
}

/// A whole Debian, which mmdebstrap made, as the layer of an image.
#[test]
fn an_image_of_a_debian_root_has_the_packages_licences_and_files_of_the_root() {
    let root = cached("debian-root-1/root.tar");
    assert!(root.exists(), "{} is missing (scripts/setup --audits)", root.display());
    let desk = Desk::new();
    let archive = root.display();
    desk.sh(&format!("mkdir root && tar -xf {archive} -C root ./var/lib/dpkg ./usr/share/doc")).ok();
    let expected = listed(&desk, "root/var/lib/dpkg");
    assert!(expected.len() > 60, "{expected:?}");
    image(&mut desk.source("src"), "app:1", &[std::fs::read(&root).unwrap()]);
    let found = packages(&desk, "deb");
    assert_eq!(names(&found), expected);
    compare_licences(&found, &desk.path("root"));
    let report = desk.carnet("audit oci:src --no-secrets -o json").ok().json();
    let mut script = Command::new("python3");
    script.args(["-c", UNOWNED]).arg(&root);
    let unowned = Run::of(&mut script).ok().stdout;
    assert_eq!(report["images"][0]["unowned"].to_string(), unowned.trim());

    // Each entry of the archive is a file of the image, and nothing else is.
    let theirs = desk.sh(&format!("tar -tf {archive} --quoting-style=literal")).ok().stdout;
    let theirs = theirs.lines().map(|line| line.trim_start_matches("./").trim_end_matches('/'));
    let theirs: BTreeSet<&str> = theirs.filter(|path| !path.is_empty()).collect();
    let lines = desk.carnet("ls oci:src app:1 --json").ok().json();
    let lines = lines["files"].as_array().unwrap();
    let ours: BTreeSet<&str> = lines.iter().map(|line| line["path"].as_str().unwrap()).collect();
    assert!(ours.len() > 3000 && ours.len() == lines.len());
    assert_eq!(ours, theirs);
}

#[test]
fn an_image_has_the_packages_of_rpm_whatever_its_database_is() {
    let rpm = Rpm::new();
    let three = ["b-tools 3:2.0^git1-1 noarch", "lib-a 2:1.0~rc1-1 noarch", "lib-a-c 2:1.0~rc1-1 noarch"];
    let four = [three[0], three[1], three[2], "lib-a-d 2:1.0~rc1-1 noarch"];
    let check = |layers: &[Vec<u8>], expected: &[&str]| {
        let desk = Desk::new();
        image(&mut desk.source("src"), "app:1", layers);
        assert_eq!(names(&packages(&desk, "rpm")), expected);
    };
    let at = |folder: &str, name: &str, file: &str| {
        tar_of(&[(format!("{folder}/{name}").as_str(), 0o644, rpm.read(file).as_slice())])
    };
    let (old, new) = ("var/lib/rpm", "usr/lib/sysimage/rpm");
    for folder in [old, new] {
        check(&[at(folder, "rpmdb.sqlite", "db/rpmdb.sqlite")], &three);
    }
    rpm.berkeley("bdb", "db_lorder=1234");
    check(&[at(old, "Packages", "bdb/Packages")], &three);
    rpm.ndb("Packages.db");
    for folder in [old, new] {
        check(&[at(folder, "Packages.db", "Packages.db")], &three);
    }
    // The log is in a layer of its own, and a whiteout takes it away.
    rpm.log();
    let base = at(old, "rpmdb.sqlite", "db/rpmdb.sqlite");
    let log = at(old, "rpmdb.sqlite-wal", "db/rpmdb.sqlite-wal");
    let gone = tar_of(&[("var/lib/rpm/.wh.rpmdb.sqlite-wal", 0o644, b"")]);
    check(&[base.clone(), log.clone()], &four);
    check(&[base, log, gone], &three);
}
