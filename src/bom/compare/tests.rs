use super::*;
use crate::bom::{BomSubject, Format};
use crate::packages::{Kind, Source};

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

fn built_from(package: Package, name: &str, version: &str) -> Package {
    Package { source: Some(Source { name: name.to_owned(), version: version.to_owned() }), ..package }
}

/// An SBOM with these packages: package URLs, or name and version.
fn bom(packages: &[&str]) -> Bom {
    let packages = packages.iter().map(|text| match text.split_once(' ') {
        Some((name, version)) => {
            BomPackage { name: name.to_owned(), version: version.to_owned(), ..BomPackage::default() }
        }
        None => {
            BomPackage { name: "any".to_owned(), purl: Some((*text).to_owned()), ..BomPackage::default() }
        }
    });
    Bom {
        format: Format::Spdx,
        version: "2.3".to_owned(),
        made_by: Vec::new(),
        created: None,
        subject: None,
        packages: packages.collect(),
        others: 0,
        problems: Vec::new(),
    }
}

fn compared(bom: &Bom, packages: &[(Package, &str)]) -> Comparison {
    compare(bom, packages.iter().map(|(package, purl)| (package, *purl)))
}

fn differs(purl: &str, there: &str, here: &str) -> OtherVersion {
    OtherVersion { purl: purl.to_owned(), there: there.to_owned(), here: here.to_owned() }
}

#[test]
fn each_difference_is_named_once() {
    let here = [
        (package(Kind::Deb, "bash", "5.2-1"), "pkg:deb/debian/bash@5.2-1?arch=amd64"),
        (package(Kind::Deb, "zlib1g", "1:1.2.13"), "pkg:deb/debian/zlib1g@1%3A1.2.13"),
        (package(Kind::Python, "requests", "2.31.0"), "pkg:pypi/requests@2.31.0"),
    ];
    let found = compared(
        &bom(&[
            "pkg:deb/debian/bash@5.2-1?arch=amd64&distro=debian-12",
            "pkg:deb/debian/zlib1g@1%3A1.2.11",
            "pkg:deb/debian/zlib1g@1%3A1.2.11",
            "pkg:npm/left-pad@1.0.0",
        ]),
        &here,
    );
    assert_eq!(found.same, 1);
    assert_eq!(found.only_there, ["pkg:npm/left-pad@1.0.0"]);
    assert_eq!(found.only_here, ["pkg:pypi/requests@2.31.0"]);
    assert_eq!(found.other_version, [differs("pkg:deb/debian/zlib1g", "1:1.2.11", "1:1.2.13")]);
}

#[test]
fn an_epoch_that_one_side_leaves_out_is_no_difference() {
    let here = [(package(Kind::Deb, "vim", "2:9.0"), "pkg:deb/debian/vim@2%3A9.0")];
    assert_eq!(compared(&bom(&["pkg:deb/debian/vim@9.0"]), &here).same, 1);
    let found = compared(&bom(&["pkg:deb/debian/vim@3:9.0"]), &here);
    assert_eq!(found.other_version, [differs("pkg:deb/debian/vim", "3:9.0", "2:9.0")]);
}

#[test]
fn source_packages_stand_for_what_was_built_from_them() {
    let here = [
        (built_from(package(Kind::Deb, "libc6", "2.36"), "glibc", "2.36"), "pkg:deb/debian/libc6@2.36"),
        (built_from(package(Kind::Deb, "libc-bin", "2.36"), "glibc", "2.36"), "pkg:deb/debian/libc-bin@2.36"),
        (package(Kind::Deb, "openssl", "3.0"), "pkg:deb/debian/openssl@3.0"),
        (built_from(package(Kind::Deb, "libssl3", "3.0"), "openssl", "3.0"), "pkg:deb/debian/libssl3@3.0"),
    ];
    let found = compared(&bom(&["pkg:deb/debian/glibc@2.36", "pkg:deb/debian/openssl@3.0"]), &here);
    // The binary package openssl is listed, not its source, so libssl3 is missing.
    assert_eq!((found.only_here, found.only_there.len()), (vec!["pkg:deb/debian/libssl3@3.0".to_owned()], 0));
    let listed = ["pkg:deb/debian/glibc@2.31", "pkg:deb/debian/openssl@3.0?arch=source"];
    let found = compared(&bom(&listed), &here);
    assert!(found.only_here.is_empty() && found.only_there.is_empty(), "{found:?}");
    assert_eq!(found.other_version, [differs("pkg:deb/debian/glibc", "2.31", "2.36")]);
}

#[test]
fn what_is_not_looked_for_is_counted_and_what_has_no_url_is_compared_by_name() {
    let here = [
        (package(Kind::Java, "org.slf4j:slf4j-api", "2.0"), "pkg:maven/org.slf4j/slf4j-api@2.0"),
        (package(Kind::Npm, "@babel/core", "7.0"), "pkg:npm/%40babel/core@7.0"),
        (package(Kind::Go, "stdlib", "go1.24.1"), "pkg:golang/stdlib@1.24.1"),
        (package(Kind::Go, "example.org/x", "(devel)"), "pkg:golang/example.org/x"),
    ];
    let listed = [
        "pkg:generic/busybox@1.36",
        "pkg:generic/python@3.11",
        "org.slf4j:slf4j-api 2.0",
        "@babel/core 7.1",
        "pkg:golang/stdlib@go1.24.1",
        "pkg:golang/example.org/x@v1.2.3",
        "zlib 1.3",
    ];
    let found = compared(&bom(&listed), &here);
    assert_eq!(found.other_kinds, BTreeMap::from([("generic".to_owned(), 2)]));
    assert_eq!(found.only_there, ["zlib 1.3"]);
    assert_eq!(found.only_here, Vec::<String>::new());
    assert_eq!(found.other_version, [differs("pkg:npm/%40babel/core", "7.1", "7.0")]);
    assert_eq!(found.same, 3);
}

#[test]
fn several_versions_of_one_name_are_told_apart() {
    let here = [
        (package(Kind::Npm, "ms", "2.0.0"), "pkg:npm/ms@2.0.0"),
        (package(Kind::Npm, "ms", "2.1.2"), "pkg:npm/ms@2.1.2"),
        (package(Kind::Npm, "ms", "2.1.3"), "pkg:npm/ms@2.1.3"),
    ];
    let found = compared(&bom(&["pkg:npm/ms@2.0.0"]), &here);
    assert_eq!(found.only_here, ["pkg:npm/ms@2.1.2", "pkg:npm/ms@2.1.3"]);
    let found = compared(&bom(&["pkg:npm/ms@2.0.0", "pkg:npm/ms@1.0"]), &here);
    assert_eq!(found.other_version, [differs("pkg:npm/ms", "1.0", "2.1.2, 2.1.3")]);
}

#[test]
fn a_java_archive_with_another_group_is_the_same_if_its_version_is() {
    let here = [
        (package(Kind::Java, "a", "1"), "pkg:maven/a@1"),
        (package(Kind::Java, "org.b:b", "1"), "pkg:maven/org.b/b@1"),
    ];
    let found = compared(&bom(&["pkg:maven/org.a/a@1", "pkg:maven/b/b@2"]), &here);
    assert_eq!((found.same, found.only_there.len(), found.only_here.len()), (1, 1, 1));
}

#[test]
fn the_subject_need_not_list_itself() {
    let here = [(package(Kind::Go, "example.org/app", "v1.0.0"), "pkg:golang/example.org/app@v1.0.0")];
    let mut about = bom(&[]);
    assert_eq!(compared(&about, &here).only_here.len(), 1);
    let purl = Some("pkg:golang/example.org/app@v1.0.0".to_owned());
    about.subject = Some(BomSubject { purl, ..BomSubject::default() });
    assert_eq!(compared(&about, &here), Comparison::default());
}

#[test]
fn many_versions_of_one_name_take_no_quadratic_time() {
    let texts: Vec<String> = (0..100_000).map(|number| format!("pkg:deb/debian/a@1:{number}")).collect();
    let listed: Vec<&str> = texts.iter().map(String::as_str).collect();
    let here: Vec<(Package, &str)> = (0..100_000)
        .map(|number| (package(Kind::Deb, "a", &format!("{}", number + 50_000)), "pkg:deb/debian/a"))
        .collect();
    let found = compared(&bom(&listed), &here);
    assert_eq!(found.other_version.len(), 1);
    assert!(found.other_version[0].there.ends_with(" and 49992 more"), "{:?}", found.other_version);
}
