//! Advisories and VEX documents: any bytes are read or refused, and what is read can be asked.
#![no_main]

use carnet::advisories::vex::Vex;
use carnet::advisories::{Database, Wanted};
use carnet::packages::{Kind, Package};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let package = |kind, name: &str, version: &str| Package {
        kind,
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: None,
        source: None,
        licences: Vec::new(),
    };
    let packages = [
        package(Kind::Deb, "zlib", "1:1.2.13.dfsg-1"),
        package(Kind::Apk, "zlib", "1.2.12-r1"),
        package(Kind::Npm, "lodash", "4.17.20"),
    ];
    if let Ok(database) = Database::read("bytes", bytes, &Wanted::of(&packages)) {
        for package in &packages {
            for release in [None, Some(("debian", "12")), Some(("alpine", "3.16.2"))] {
                let found = database.affecting(package, release);
                assert!(found.is_empty() || database.covers(package, release));
            }
        }
    }
    if let Ok(vex) = Vex::read(bytes) {
        let _ =
            Vex::about(&[vex], &["CVE-2023-1"], "pkg:deb/debian/zlib1g@1.2.13?arch=amd64", &["sha256:0123"]);
    }
});
