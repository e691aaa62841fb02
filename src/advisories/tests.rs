//! Databases as files, and what they say of packages.

use std::fs;
use std::path::PathBuf;

use crate::content::zip::writer::{Written, member, zip};
use crate::packages::{Kind, Package, Source};

use super::bounded_reader::{Allowance, BoundedReader};
use super::gathering::Gathering;
use super::osv::read_list;
use super::{AdvisoryError, Affected, Database, Level, Wanted};

fn package(kind: Kind, name: &str, version: &str) -> Package {
    Package {
        kind,
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: None,
        source: None,
        licences: Vec::new(),
    }
}

fn built_from(mut package: Package, name: &str, version: &str) -> Package {
    package.source = Some(Source { name: name.to_owned(), version: version.to_owned() });
    package
}

/// A folder with files.
fn folder<C: AsRef<[u8]>>(files: &[(&str, C)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn database<C: AsRef<[u8]>>(files: &[(&str, C)], packages: &[Package]) -> Database {
    let folder = folder(files);
    Database::open(&[folder.path().to_owned()], &Wanted::of(packages)).unwrap()
}

fn ids(found: &[Affected]) -> Vec<&str> {
    found.iter().map(|flaw| flaw.id.as_str()).collect()
}

const BOOKWORM: Option<(&str, &str)> = Some(("debian", "12"));

/// A record with a range in Debian 12 and in Debian 11.
const ZLIB: &str = r#"{"schema_version":"1.6.0","id":"DEBIAN-CVE-2023-45853","modified":"2024-05-01T10:00:00Z",
 "upstream":["CVE-2023-45853"],"details":"MiniZip has an overflow.\nMore.","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
 "affected":[
  {"package":{"ecosystem":"Debian:11","name":"zlib"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1:1.2.11.dfsg-2+deb11u3"}]}]},
  {"package":{"ecosystem":"Debian:12","name":"zlib"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1:1.2.13.dfsg-1+deb12u1"}]}]}]}"#;

#[test]
fn a_source_below_its_fix_is_affected() {
    for (version, expected) in [
        ("1:1.2.13.dfsg-1", &["CVE-2023-45853"][..]),
        ("1:1.2.13.dfsg-1+deb12u1", &[]),
        ("1:1.2.13.dfsg-1+deb12u2", &[]),
    ] {
        let zlib = built_from(package(Kind::Deb, "zlib1g", version), "zlib", version);
        let database = database(&[("zlib.json", ZLIB)], std::slice::from_ref(&zlib));
        assert_eq!(ids(&database.affecting(&zlib, BOOKWORM)), expected, "{version}");
    }
}

#[test]
fn a_flaw_says_what_is_known_of_it() {
    let zlib = built_from(package(Kind::Deb, "zlib1g", "1:1.2.13.dfsg-1+b1"), "zlib", "1:1.2.13.dfsg-1");
    let folder = folder(&[("zlib.json", ZLIB)]);
    let path = folder.path().join("zlib.json");
    let database = Database::open(std::slice::from_ref(&path), &Wanted::of([&zlib])).unwrap();
    let found = database.affecting(&zlib, BOOKWORM);
    assert_eq!(
        found,
        [Affected {
            id: "CVE-2023-45853".to_owned(),
            aliases: vec!["DEBIAN-CVE-2023-45853".to_owned()],
            upstream: Vec::new(),
            undetermined: None,
            fixed: Some("1:1.2.13.dfsg-1+deb12u1".to_owned()),
            level: Level::Critical,
            vector: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".to_owned()),
            summary: "MiniZip has an overflow.".to_owned(),
            modified: Some("2024-05-01T10:00:00Z".to_owned()),
        }]
    );
    let [basis] = database.bases() else { panic!() };
    assert_eq!(basis.name, path.to_str().unwrap());
    assert_eq!(basis.sha256, crate::oci::Digest::sha256(ZLIB.as_bytes()));
    assert_eq!((basis.newest.as_deref(), basis.records), (Some("2024-05-01T10:00:00Z"), 1));
    assert_eq!(basis.ecosystems, ["Debian:11", "Debian:12"]);
    assert!(database.problems().is_empty());
}

#[test]
fn another_system_or_package_is_not_covered() {
    let zlib = package(Kind::Deb, "zlib", "1:1.2.11");
    let flask = package(Kind::Python, "flask", "1.0");
    let database = database(&[("zlib.json", ZLIB)], &[zlib.clone(), flask.clone()]);
    assert!(database.covers(&zlib, BOOKWORM));
    assert!(database.covers(&zlib, Some(("debian", "11.9"))));
    for release in [Some(("ubuntu", "12")), Some(("debian", "13")), None] {
        assert!(!database.covers(&zlib, release), "{release:?}");
        assert!(database.affecting(&zlib, release).is_empty(), "{release:?}");
    }
    assert!(!database.covers(&flask, BOOKWORM));
}

#[test]
fn zip_files_of_ecosystems_are_read_and_counted() {
    let flask = package(Kind::Python, "Flask", "2.2.4");
    let record = |id: &str, aliases: &str, name: &str, rest: &str| {
        format!(
            r#"{{"id":"{id}","modified":"2024-01-0{}T00:00:00Z","aliases":[{aliases}],"affected":[{{"package":{{"ecosystem":"PyPI","name":"{name}"}},{rest}}}]}}"#,
            id.len() % 9 + 1
        )
    };
    let range = r#""ranges":[{"type":"GIT","repo":"x","events":[{"introduced":"0"}]},{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.2.5"}]}]"#;
    let ghsa_1 = r#""database_specific":{"severity":"HIGH"},"versions":["2.2.4"]"#;
    let ghsa_2 = r#""versions":["2.2.3","2.2.4.0"],"ecosystem_specific":[1]"#;
    let withdrawn = r#""withdrawn":"2024-01-01T00:00:00Z","aliases""#;
    let records = [
        ("PYSEC-1.json", record("PYSEC-1", r#""CVE-2023-1","GHSA-1""#, "flask", range)),
        ("GHSA-1.json", record("GHSA-1", r#""CVE-2023-1""#, "flask", ghsa_1)),
        ("GHSA-2.json", record("GHSA-2", "", "flask", ghsa_2)),
        ("GHSA-3.json", record("GHSA-3", "", "flask", r#""versions":["2.2.3"]"#)),
        ("GHSA-4.json", record("GHSA-4", "", "django", range)),
        ("GHSA-5.json", record("GHSA-5", "", "flask", range).replace(r#""aliases""#, withdrawn)),
        ("GHSA-6.json", "{\"damaged\":1}".to_owned()),
        ("GHSA-7.json", "{\"id\":".to_owned()),
        ("README.md", "nothing".to_owned()),
    ];
    let written = |(name, content): &(&str, String)| Written {
        deflate: !content.contains("damaged"),
        ..member(name, content.as_bytes())
    };
    let mut zip = zip(&records.iter().map(written).collect::<Vec<_>>());
    let damaged = zip.windows(7).position(|bytes| bytes == b"damaged").unwrap();
    zip[damaged] = b'D';
    let files = [("PyPI/all.zip", zip), ("notes.txt", b"x".to_vec())];
    let database = database(&files, std::slice::from_ref(&flask));
    let found = database.affecting(&flask, None);
    assert_eq!(ids(&found), ["CVE-2023-1", "GHSA-2"]);
    assert_eq!(found[0].aliases, ["GHSA-1", "PYSEC-1"]);
    assert_eq!((found[0].level, found[0].fixed.as_deref()), (Level::High, Some("2.2.5")));
    assert_eq!(database.bases()[0].records, 6);
    let problems = database.problems();
    assert_eq!(problems.len(), 2);
    assert!(problems[0].contains("all.zip: GHSA-6.json: its CRC-32 is"), "{}", problems[0]);
    assert!(problems[1].contains("GHSA-7.json: EOF while parsing"), "{}", problems[1]);
}

#[test]
fn lists_and_lines_of_records_are_read() {
    let lodash = package(Kind::Npm, "lodash", "4.17.20");
    let record = |id: &str| {
        format!(
            r#"{{"id":"{id}","affected":[{{"package":{{"ecosystem":"npm","name":"lodash"}},"ranges":[{{"type":"SEMVER","events":[{{"introduced":"4.0.0"}},{{"last_affected":"4.17.20"}}]}}]}}]}}"#
        )
    };
    let lines = format!("{}\n{}\n", record("A-1"), record("A-2"));
    let list = format!("[{}, {}]", record("B-1"), record("B-2"));
    let database = database(&[("a.jsonl", &lines), ("b.json", &list)], std::slice::from_ref(&lodash));
    assert_eq!(ids(&database.affecting(&lodash, None)), ["A-1", "A-2", "B-1", "B-2"]);
    assert_eq!(database.bases()[0].records, 4);
}

const TRACKER: &str = r#"{"0ad": {"CVE-2012-1": {"releases": {"bookworm": {"status": "open", "urgency": "low"}}}},
 "zlib": {
  "CVE-2023-1": {"description": "One.", "debianbug": 1, "scope": "local", "releases": {
    "bookworm": {"status": "resolved", "repositories": {"bookworm": "1"}, "fixed_version": "1:1.2.13.dfsg-1+deb12u1", "urgency": "not yet assigned"},
    "sid": {"status": "resolved", "fixed_version": "1:1.3", "urgency": "not yet assigned"}}},
  "CVE-2023-2": {"releases": {"bookworm": {"status": "resolved", "fixed_version": "0", "urgency": "unimportant"}}},
  "CVE-2023-3": {"releases": {"bookworm": {"status": "open", "urgency": "unimportant", "nodsa": "Minor", "nodsa_reason": ""}}},
  "CVE-2023-4": {"releases": {"bookworm": {"status": "undetermined", "urgency": "not yet assigned"}}},
  "CVE-2023-5": {"releases": {"bullseye": {"status": "open", "urgency": "high"}}}}}"#;

#[test]
fn the_tracker_has_three_states() {
    let zlib = |version| built_from(package(Kind::Deb, "zlib1g", "9"), "zlib", version);
    let old = zlib("1:1.2.13.dfsg-1");
    let database = database(&[("tracker.json", TRACKER)], std::slice::from_ref(&old));
    let found = database.affecting(&old, BOOKWORM);
    assert_eq!(ids(&found), ["CVE-2023-1", "CVE-2023-3", "CVE-2023-4"]);
    assert_eq!(found[0].fixed.as_deref(), Some("1:1.2.13.dfsg-1+deb12u1"));
    assert_eq!((found[0].summary.as_str(), found[0].level), ("One.", Level::Unknown));
    assert_eq!((found[1].fixed.as_ref(), found[1].level), (None, Level::Low));
    assert_eq!(
        found[2].undetermined.as_deref(),
        Some("the database has not determined whether it is affected")
    );
    assert_eq!(
        ids(&database.affecting(&zlib("1:1.2.13.dfsg-1+deb12u1"), BOOKWORM)),
        ["CVE-2023-3", "CVE-2023-4"]
    );
    assert_eq!(ids(&database.affecting(&old, Some(("debian", "11")))), ["CVE-2023-5"]);
    assert_eq!(database.bases()[0].records, 6);
    assert_eq!(database.bases()[0].newest, None);
    assert!(!database.covers(&old, Some(("debian", "13"))));
}

const SECDB: &str = r#"{"apkurl": "x", "archs": ["x86_64"], "reponame": "main", "urlprefix": "https://dl-cdn.alpinelinux.org/alpine",
 "packages": [{"pkg": {"name": "busybox", "secfixes": {}}}, {"pkg": {"name": "none", "secfixes": null}},
  {"pkg": {"name": "zlib", "secfixes": {"1.2.12-r2": ["CVE-2022-37434"], "0": ["CVE-2016-1"], "1.2.13-r0": ["CVE-2022-9 XSA-1"]}}}],
 "distroversion": "v3.16"}"#;

#[test]
fn a_secdb_names_the_versions_that_fix() {
    let zlib = package(Kind::Apk, "zlib", "1.2.12-r1");
    let database = database(&[("main.json", SECDB)], std::slice::from_ref(&zlib));
    let alpine = Some(("alpine", "3.16.2"));
    let found = database.affecting(&zlib, alpine);
    assert_eq!(ids(&found), ["CVE-2022-37434", "CVE-2022-9"]);
    assert_eq!(found[1].aliases, ["XSA-1"]);
    assert_eq!(found[0].fixed.as_deref(), Some("1.2.12-r2"));
    assert!(database.affecting(&package(Kind::Apk, "zlib", "1.2.13-r0"), alpine).is_empty());
    assert!(database.covers(&zlib, alpine));
    assert!(!database.covers(&zlib, Some(("alpine", "3.17.0"))));
    assert_eq!(database.bases()[0].records, 3);
}

#[test]
fn a_binary_package_is_known_by_its_source() {
    let crypto = built_from(package(Kind::Apk, "libcrypto3", "3.0.1-r0"), "openssl", "3.0.1-r0");
    let record = |ecosystem: &str, name: &str, fixed: &str| {
        format!(
            r#"{{"id":"X-1","affected":[{{"package":{{"ecosystem":"{ecosystem}","name":"{name}"}},"ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]}}]}}]}}"#
        )
    };
    let wolfi =
        database(&[("a.json", &record("Wolfi", "openssl", "3.0.2-r0"))], std::slice::from_ref(&crypto));
    assert_eq!(wolfi.affecting(&crypto, Some(("wolfi", "20230201"))).len(), 1);
    // The name of a source RPM has no epoch, and its own name counts as well.
    let libs = built_from(package(Kind::Rpm, "openssl-libs", "1:3.0.7-18.el9"), "openssl", "3.0.7-18.el9");
    let rocky = Some(("rocky", "9.3"));
    for (name, fixed, expected) in [
        ("openssl", "1:3.0.7-18.el9", 0),
        ("openssl", "1:3.0.7-19.el9", 1),
        ("openssl-libs", "1:3.0.7-19.el9", 1),
        ("openssl-libs", "0:4", 0),
    ] {
        let database =
            database(&[("a.json", &record("Rocky Linux:9", name, fixed))], std::slice::from_ref(&libs));
        assert_eq!(database.affecting(&libs, rocky).len(), expected, "{name} {fixed}");
    }
}

#[test]
fn a_version_that_cannot_be_compared_is_undetermined() {
    let module = package(Kind::Go, "example.org/m", "(devel)");
    let record = r#"{"id":"GO-1","affected":[{"package":{"ecosystem":"Go","name":"example.org/m"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.2.0"}]}]}]}"#;
    let database = database(&[("a.json", record)], std::slice::from_ref(&module));
    let found = database.affecting(&module, None);
    assert_eq!(ids(&found), ["GO-1"]);
    assert!(found[0].undetermined.as_deref().unwrap().starts_with("\"(devel)\" is not a version of Go"));
}

#[test]
fn files_that_are_no_database_are_refused_by_name() {
    let refused = |files: &[(&str, &str)], name: &str| {
        let folder = folder(files);
        let path: PathBuf = folder.path().join(name);
        let error = Database::open(&[path], &Wanted::default()).unwrap_err();
        error.to_string().replace(folder.path().to_str().unwrap(), "D")
    };
    assert!(refused(&[("a.json", "{\"x\": 1}")], "a.json").ends_with("found an object with the key \"x\""));
    assert!(refused(&[("a.txt", "x")], "").contains("has no file that ends in .json or .zip"));
    let cut = &TRACKER[..TRACKER.len() / 2];
    assert!(refused(&[("t.json", cut)], "t.json").starts_with("D/t.json: EOF while parsing"));
    assert!(refused(&[("s.json", &SECDB[..200])], "s.json").starts_with("D/s.json: EOF while parsing"));
    assert!(
        refused(&[("z.zip", "PK\x03\x04\nx")], "z.zip")
            .ends_with("no central directory of a zip file was found")
    );
    let missing = Database::open(&[PathBuf::from("/does/not/exist")], &Wanted::default());
    assert!(matches!(missing, Err(AdvisoryError::Io { .. })));
}

#[test]
fn the_sum_of_a_folder_is_that_of_its_list() {
    let wanted = Wanted::default();
    let folder =
        folder(&[("b/main.json", SECDB), ("a.json", TRACKER), ("c.txt", "x"), (".git/x.json", "{}")]);
    let database = Database::open(&[folder.path().to_owned()], &wanted).unwrap();
    let sum = |text: &str| crate::oci::Digest::sha256(text.as_bytes()).hex();
    let list = format!("{}  a.json\n{}  b/main.json\n", sum(TRACKER), sum(SECDB));
    assert_eq!(database.bases()[0].sha256.hex(), sum(&list));
    assert_eq!(database.bases()[0].records, 9);
}

#[test]
fn a_record_has_a_limit_and_a_database_has_none() {
    let zlib = package(Kind::Deb, "zlib", "1:1.2.13.dfsg-1");
    let wanted = Wanted::of([&zlib]);
    let read = |text: &str| {
        let mut gathering = Gathering::new(&wanted);
        gathering.allowance = Allowance::new(200_000);
        let stream = BoundedReader::new(text.as_bytes(), gathering.allowance.clone());
        let read = read_list(std::io::BufReader::new(stream), &mut gathering);
        (read, gathering.records)
    };
    let record = |letters| ZLIB.replace("MiniZip", &"x".repeat(letters));
    assert_eq!(read(&format!("[{}]", vec![record(100_000); 16].join(","))), (Ok(()), 16));
    let (read, records) = read(&format!("[{}, {}]", record(1), record(300_000)));
    assert!(read.unwrap_err().contains("a record is longer than the limit of 200000 bytes"));
    assert_eq!(records, 1);
}

#[test]
fn a_database_can_come_from_a_stream() {
    let zlib = package(Kind::Deb, "zlib", "1:1.2.13.dfsg-1");
    let database = Database::read("blob", TRACKER.as_bytes(), &Wanted::of([&zlib])).unwrap();
    assert_eq!(database.affecting(&zlib, BOOKWORM).len(), 3);
    assert_eq!(database.bases()[0].name, "blob");
    let error = Database::read("blob", &b"PK\x03\x04"[..], &Wanted::default()).unwrap_err();
    assert!(error.to_string().ends_with("found a zip file"), "{error}");
}

#[test]
fn a_name_with_very_many_versions_is_matched_in_part() {
    let packages: Vec<Package> = (0..1500).map(|n| package(Kind::Npm, "a", &format!("1.0.{n}"))).collect();
    let record = r#"{"id":"X-1","affected":[{"package":{"ecosystem":"npm","name":"a"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]}"#;
    let database = database(&[("a.json", record)], &packages);
    let affected = packages.iter().filter(|package| !database.affecting(package, None).is_empty()).count();
    assert_eq!(affected, 1000);
    assert_eq!(
        database.problems(),
        ["\"a\" has more than 1000 versions; advisories were matched with the first 1000"]
    );
}
